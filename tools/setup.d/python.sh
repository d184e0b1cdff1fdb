# Sourced by tools/setup: the Python environment, one for each set of pins, Python and Odoo.

check_python() {
    PYTHON=${PYTHON:-python3}
    "$PYTHON" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null ||
        fail "$PYTHON is not a Python from 3.11 to 3.13 ($("$PYTHON" -V 2>&1 | head -n 1))" \
            "set PYTHON to one that is"
}

python_env() {
    odoo_place
    local key
    key=$({ "$PYTHON" -VV; echo "$ODOO_PARENT"; cat "$tools"/requirements-*.txt "$tools/setup.d/python.sh"; } |
        sha256sum | cut -c1-10)
    VENV=$CACHE/venv-$key
    [ -e "$VENV/ready" ] || make_python_env
    ln -sfn "$VENV" "$CACHE/venv"
}

make_python_env() {
    check_space
    say "making the Python environment"
    rm -rf "$VENV"
    run fill_python_env >"$CACHE/pip.log" 2>&1 ||
        fail "the Python packages could not be installed ($(grep -v '^ ' "$CACHE/pip.log" | tail -n 1))" \
            "check the network and pip's configuration; everything it said is in $CACHE/pip.log"
    touch "$VENV/ready"
}

fill_python_env() {
    "$PYTHON" -m venv "$VENV" &&
        "$VENV/bin/pip" install -q --disable-pip-version-check --no-deps --only-binary :all: \
            -r "$tools/requirements-odoo.txt" -r "$tools/requirements-test.txt" &&
        "$VENV/bin/python" - "$ODOO_PARENT" <<'PY' && odoo_script
import pathlib, sys, sysconfig
pathlib.Path(sysconfig.get_path("purelib"), "odoo19.pth").write_text(sys.argv[1] + "\n")
PY
}

# A script, not "python -m odoo": the prefork server starts its websocket worker by running sys.argv[0], which as
# odoo/__main__.py fails and is started again without end.
odoo_script() {
    printf '#!%s\nimport odoo.cli\n\nif __name__ == "__main__":\n    odoo.cli.main()\n' "$VENV/bin/python" \
        >"$VENV/bin/odoo"
    chmod +x "$VENV/bin/odoo"
}
