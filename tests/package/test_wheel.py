"""The wheel holds the addon, all of it, and a real Odoo finds and installs it from there."""

import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from stack.odoo import OdooConfig, run_odoo
from stack.places import REPOSITORY

INSIDE = "odoo/addons/queue_job/"


class InstalledConfig(OdooConfig):
    """An Odoo whose addons path does not lead to the repository."""

    def _own_addons(self):
        return []


@pytest.fixture(scope="session")
def files():
    return addon_files()


@pytest.fixture(scope="session")
def wheel(files, tmp_path_factory):
    """The wheel, built from a copy: a build leaves its traces in the source folder."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in [*files, "setup.py", "pyproject.toml", "requirements.txt", "README.rst"]:
        copy = source / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((REPOSITORY / name).read_bytes())
    pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", target, source)
    (built,) = target.glob("*.whl")
    return built


def addon_files():
    """Return the addon's files, relative to the repository: what git knows or would add, all where there is no git."""
    command = [
        "git",
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "-z",
        "--",
        "queue_job",
    ]
    if shutil.which("git") and (REPOSITORY / ".git").exists():
        output = subprocess.run(
            command, cwd=REPOSITORY, check=True, capture_output=True, text=True
        ).stdout
        names = [name for name in output.split("\0") if name]
    else:
        paths = (REPOSITORY / "queue_job").rglob("*")
        names = [
            str(path.relative_to(REPOSITORY)) for path in paths if "__pycache__" not in path.parts
        ]
    return {name for name in names if (REPOSITORY / name).is_file()}


def pip(*arguments, python=sys.executable):
    subprocess.run(
        [python, "-m", "pip", "-q", "--disable-pip-version-check", *map(str, arguments)], check=True
    )


def test_name_and_version(wheel):
    name, version = wheel.name.split("-")[:2]
    assert name == "odoo_addon_queue_job"
    assert version.startswith("19.0.")


def test_files_are_those_of_the_addon(wheel, files):
    names = zipfile.ZipFile(wheel).namelist()
    inside = {name for name in names if ".dist-info/" not in name}
    assert inside == {INSIDE + name.removeprefix("queue_job/") for name in files}


def test_a_real_odoo_installs_it(wheel, databases, tmp_path):
    builder = venv.EnvBuilder(with_pip=False)
    builder.create(tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    site = next((tmp_path / "venv" / "lib").glob("python3*/site-packages"))
    # what tools/setup prepared, seen from the new environment; the wheel itself is installed into the new one
    (site / "prepared.pth").write_text(
        "\n".join(path for path in sys.path if "site-packages" in path) + "\n"
    )
    (site / "odoo19.pth").write_text(odoo_parent() + "\n")
    pip("--python", python, "install", "--no-deps", "--no-index", wheel)
    script = tmp_path / "odoo"
    script.write_text(f"#!{python}\nimport odoo.cli\n\nodoo.cli.main()\n")
    script.chmod(0o755)
    name = f"qj_pytest_{tmp_path.name}"
    with databases.temporary(name, databases.base_template()):
        config = InstalledConfig(databases.places, name, channels="root:1")
        arguments = ["-i", "queue_job", "--no-http", "--stop-after-init"]
        status, log = run_odoo(config, arguments, tmp_path, program=script)
        assert status == 0, log.read_text()
        assert databases.missing_modules(name, ["queue_job"]) == []


def odoo_parent():
    import odoo.release

    return str(Path(odoo.release.__file__).parents[1])
