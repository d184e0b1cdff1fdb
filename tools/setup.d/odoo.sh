# Sourced by tools/setup: Odoo 19, the one that QUEUE_JOB_ODOO names or Debian's package (PyPI has none).

ODOO_VERSION=19.0.0+dfsg-1
ODOO_SHA256=9d2f598b0555db17e291d48ed24df184c70823c053c4c5ed53c467ca7f629bbf
# What is taken of the package's 600 addons. http_routing is imported by web's tests.
ODOO_ADDONS="base base_setup base_sparse_field bus html_editor http_routing iap mail rpc web web_tour"
# base/data/ir_module_module.xml refers to categories that these manifests create.
ODOO_MANIFESTS="hr_timesheet mass_mailing product project"

# ODOO_PARENT: the directory that holds the package "odoo"
odoo_place() {
    if [ -n "${QUEUE_JOB_ODOO:-}" ]; then
        [ -e "$QUEUE_JOB_ODOO/odoo/release.py" ] || fail "QUEUE_JOB_ODOO=$QUEUE_JOB_ODOO holds no odoo/release.py" \
            "name the directory that contains the package 'odoo' of an Odoo 19"
        grep -q 'version_info = (19,' "$QUEUE_JOB_ODOO/odoo/release.py" ||
            fail "QUEUE_JOB_ODOO=$QUEUE_JOB_ODOO is not an Odoo 19" "name one of that series, or unset the variable"
        ODOO_PARENT=$(cd "$QUEUE_JOB_ODOO" && pwd)
    else
        ODOO_TREE=$CACHE/odoo-$ODOO_VERSION-$(echo "$ODOO_ADDONS $ODOO_MANIFESTS" | sha256sum | cut -c1-6)
        ODOO_PARENT=$ODOO_TREE/usr/lib/python3/dist-packages
    fi
}

odoo_tree() {
    [ -z "${QUEUE_JOB_ODOO:-}" ] || return 0
    odoo_place
    [ ! -e "$ODOO_TREE" ] || return 0
    check_space
    say "fetching Odoo 19 ($ODOO_VERSION)"
    local work
    work=$(new_work_dir)
    run fetch_debs "$work" >"$CACHE/odoo.log" 2>&1 ||
        fail "Odoo could not be fetched ($(apt_error "$CACHE/odoo.log"))" \
            "check the network, or set QUEUE_JOB_ODOO to an Odoo 19 that is already there"
    echo "$ODOO_SHA256  $(ls "$work"/odoo-19_*.deb)" | sha256sum --check --status ||
        say "warning: $(basename "$work"/odoo-19_*.deb) is not the pinned $ODOO_VERSION"
    run unpack_odoo "$work" >>"$CACHE/odoo.log" 2>&1 ||
        fail "Odoo's package could not be unpacked ($(tail -n 1 "$CACHE/odoo.log"))" "see $CACHE/odoo.log"
    mv "$work/tree" "$ODOO_TREE"
    rm -rf "$work"
}

# A private apt: its own source (Debian's unstable suite on this machine's own mirror), its own lists and cache, and
# the system's keyring. Nothing of the system's apt state is written.
private_apt() { # private_apt DIR COMMAND...
    local dir=$1
    shift
    apt-get -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$dir/sources" \
        -o Dir::Etc::preferencesparts=/dev/null -o Dir::State::lists="$dir/lists" \
        -o Dir::Cache="$dir/cache" -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

debian_mirror() {
    local codename
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    apt-get update --print-uris 2>/dev/null | sed -n "s#^'\(.*\)/dists/$codename/InRelease' .*#\1#p" | head -n 1
}

fetch_debs() { # fetch_debs DIR: odoo-19 and libjs-jquery as files in DIR
    local dir=$1 mirror
    mirror=$(debian_mirror)
    [ -n "$mirror" ] || { echo "E: this machine's apt configuration names no Debian mirror"; return 1; }
    mkdir -p "$dir/sources" "$dir/lists/partial" "$dir/cache/archives/partial"
    printf 'Types: deb\nURIs: %s\nSuites: sid\nComponents: main\nSigned-By: %s\n' "$mirror" \
        /usr/share/keyrings/debian-archive-keyring.gpg >"$dir/sources/sid.sources"
    # A mirror frozen in time serves an index past its Valid-Until; its signature is still checked,
    # and the package itself is pinned by its hash.
    private_apt "$dir" -o Acquire::Check-Valid-Until=false -o Acquire::Check-Date=false \
        -o APT::Update::Error-Mode=any update || return
    cd "$dir" || return
    private_apt "$dir" download "odoo-19=$ODOO_VERSION" libjs-jquery || private_apt "$dir" download odoo-19 libjs-jquery
}

unpack_odoo() { # unpack_odoo DIR: DIR/tree from the packages in DIR; no translations
    local dir=$1 root=./usr/lib/python3/dist-packages/odoo addon stub wanted=()
    for addon in $ODOO_ADDONS; do wanted+=("$root/addons/$addon"); done
    for addon in $ODOO_MANIFESTS; do wanted+=("$root/addons/$addon/__manifest__.py"); done
    mkdir "$dir/tree"
    # all of odoo/ but its addons ("[!a]*" and "api"), then the chosen addons
    dpkg-deb --fsys-tarfile "$dir"/odoo-19_*.deb | tar -x -C "$dir/tree" --wildcards --exclude='*/i18n/*.po' \
        ./usr/share/doc/odoo-19/copyright "$root/[!a]*" "$root/api" "${wanted[@]}" || return
    # web links to Debian's jQuery; without it the login page is an error
    dpkg-deb --fsys-tarfile "$dir"/libjs-jquery_*.deb | tar -x -C "$dir/tree" ./usr/share/javascript/jquery/jquery.js ||
        return
    # Debian removed it, mail's manifest names it: a console error in every browser test. Only video calls use it.
    stub=$dir/tree/$root/addons/mail/static/lib/selfie_segmentation
    mkdir -p "$stub" && echo '/* not in the Debian package */' >"$stub/selfie_segmentation.js"
}
