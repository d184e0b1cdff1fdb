# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Imports go one way: this is the table that says which."""

import ast
import sys
from pathlib import Path

import pytest

ADDON = Path(__file__).resolve().parents[2] / "queue_job"
PACKAGE = "odoo.addons.queue_job"

#: Top-level part of the addon -> the other parts that it may import.
ALLOWED = {
    "exception": set(),
    "core": {"exception"},
    "utils": {"core", "exception"},
    "dotted_path": set(),
    "argument_type": {"dotted_path"},
    "declaration": {"core", "dotted_path", "exception"},
    "fields": {"argument_type", "core", "exception", "utils"},
    "extension_points": set(),
    "job_values": set(),
    "insert_buffer": {"utils"},
    "outage": set(),
    "job_insert": {
        *("core", "extension_points", "fields", "identity_guard", "insert_buffer", "job_values"),
    },
    "dependency": {"core"},
    "identity_guard": {"core"},
    "dependency_fields": {"dependency"},
    "failure_handler": set(),
    "job_storage": {
        "failure_handler",
        "identity_guard",
        *("core", "dependency", "dependency_fields", "exception", "extension_points", "fields"),
        *("job_insert", "job_values", "utils"),
    },
    "job_claim": {"core", "exception", "job_storage", "job_values", "session", "slot_cursor"},
    "job_call": {"argument_type", "core", "declaration", "exception"},
    "job_row": {"exception", "job_claim", "job_storage"},
    "job_moves": {"core"},
    "job_links": {"core", "dependency"},
    "job_try": {"core", "exception", "job_claim", "job_values", "utils"},
    "job": {
        *("argument_type", "core", "declaration", "exception"),
        *("job_call", "job_links", "job_moves", "job_row", "job_try"),
    },
    "job_stop": {"core"},
    "job_batch": {"core", "dependency", "job", "job_storage"},
    "delayable_graph": {"core", "identity_guard", "job_row", "job_storage", "utils"},
    "delay": {"core", "delayable_graph", "exception", "job", "job_call"},
    "acquisition": {
        *("core", "exception", "job", "job_claim", "job_storage", "job_values", "settlement"),
        *("slot_cursor", "utils"),
    },
    "execution": {"job_storage", "outage", "outcome", "slot_cursor", "utils"},
    "settlement": {"core", "job_values", "outage", "utils"},
    "outcome": {"core", "exception", "job_values"},
    "next_claim": {"core", "job_storage", "session", "slot_cursor"},
    "parking": {"core"},
    "registry_signals": set(),
    "session": set(),
    "slot_cursor": {"core", "session", "utils"},
    "surroundings": set(),
    "sql": {"core", "job_values"},
    "storage": {"core", "declaration", "exception", "job", "job_storage"},
    "models": {
        *("core", "declaration", "delay", "dependency", "dependency_fields", "dotted_path"),
        "exception",
        *("fields", "job", "job_batch", "job_stop", "job_storage", "outcome", "settlement", "sql"),
        "utils",
    },
    "wizards": {"core", "exception", "job", "models"},
    "controllers": {
        *("acquisition", "core", "delay", "exception", "execution", "job", "job_storage"),
        *("next_claim", "outcome", "parking", "registry_signals", "settlement"),
        *("slot_cursor", "surroundings", "utils"),
    },
    "jobrunner": {"core", "exception"},
    "cli": {"core", "exception", "jobrunner"},
    "migrations": {"core", "exception", "sql"},
}

#: These put the others together: the package itself, its installation, its tests.
FREE = {"__init__", "__manifest__", "hooks", "tests"}


def source_files(addon=ADDON):
    return sorted(path for path in addon.rglob("*.py") if "static" not in path.parts)


def part_of(path, addon=ADDON):
    """The top-level part that a file belongs to."""
    first = path.relative_to(addon).parts[0]
    return first.removesuffix(".py")


def imported_modules(source, module):
    """Absolute names of all that ``source`` imports, wherever it does.

    ``from a import b`` is told as ``a.b``: b may be a module.

    :param module: dotted name of the package that relative imports start from
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = absolute(node, module)
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def absolute(node, package):
    if not node.level:
        return node.module
    base = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


def package_of(path, addon=ADDON):
    return ".".join([PACKAGE, *path.relative_to(addon).parts[:-1]])


def wrong_imports(path, addon=ADDON):
    """What ``path`` imports although its part may not."""
    part = part_of(path, addon)
    if part in FREE:
        return []
    modules = imported_modules(path.read_text(), package_of(path, addon))
    return [module for module in modules if not may_import(part, module)]


def may_import(part, module):
    if not module.startswith(f"{PACKAGE}."):
        return part != "core" or module.split(".")[0] in sys.stdlib_module_names
    target = module.removeprefix(f"{PACKAGE}.").split(".")[0]
    return target == part or target in ALLOWED[part]


@pytest.mark.parametrize("path", source_files(), ids=lambda path: str(path.relative_to(ADDON)))
def test_imports_go_one_way(path):
    assert part_of(path) in ALLOWED.keys() | FREE, "say in ALLOWED what this part may import"
    assert wrong_imports(path) == []


def test_who_touches_the_server_of_odoo():
    touching = {
        str(path.relative_to(ADDON))
        for path in source_files()
        for module in imported_modules(path.read_text(), package_of(path))
        if f"{module}.".startswith("odoo.service.server.") and part_of(path) not in FREE
    }
    # the first one changes it, the other one only looks whether somebody waits for it
    assert touching <= {"jobrunner/server.py", "parking.py"}


def test_the_table_has_no_circle():
    left = dict(ALLOWED)
    while left:
        free = {part for part, targets in left.items() if not targets & left.keys()}
        assert free, f"a circle among {sorted(left)}"
        left = {part: targets for part, targets in left.items() if part not in free}


@pytest.mark.parametrize(
    ("file", "source", "wrong"),
    [
        ("core/a.py", "import odoo", "odoo"),
        ("core/a.py", "import psycopg2", "psycopg2"),
        ("core/a.py", "from odoo import fields", "odoo.fields"),
        ("core/a.py", "from ..job import Job", f"{PACKAGE}.job.Job"),
        ("core/a.py", "from .. import job", f"{PACKAGE}.job"),
        ("core/deep/a.py", "from ...job import Job", f"{PACKAGE}.job.Job"),
        ("core/a.py", "def f():\n    import odoo.tools", "odoo.tools"),
        ("job.py", "from .models import base", f"{PACKAGE}.models.base"),
        ("job.py", "from . import delay", f"{PACKAGE}.delay"),
        ("jobrunner/a.py", "from ..job import Job", f"{PACKAGE}.job.Job"),
        ("jobrunner/a.py", f"import {PACKAGE}.models.base", f"{PACKAGE}.models.base"),
        ("jobrunner/a.py", f"from {PACKAGE} import controllers", f"{PACKAGE}.controllers"),
        ("models/a.py", "from ..jobrunner import runner", f"{PACKAGE}.jobrunner.runner"),
        ("models/a.py", "from ..controllers.main import X", f"{PACKAGE}.controllers.main.X"),
    ],
)
def test_wrong_import_is_found(tmp_path, file, source, wrong):
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    assert wrong_imports(path, tmp_path) == [wrong]


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("core/a.py", "import heapq\nfrom . import b\nfrom ..exception import JobError"),
        ("job.py", "import odoo\nfrom .core.states import DONE\nfrom .core import retry"),
        ("models/a.py", "from ..delay import group\nfrom ..job import Job"),
        ("jobrunner/a.py", "import psycopg2\nfrom .channels import Channel\nfrom ..core import x"),
        ("tests/a.py", "from ..jobrunner import runner\nfrom .. import models"),
        ("__init__.py", "from . import models, jobrunner"),
    ],
)
def test_right_import_is_no_error(tmp_path, file, source):
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    assert wrong_imports(path, tmp_path) == []
