# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The core reads no clock, no random source, no environment; all that is an argument."""

import ast
import doctest
import importlib
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parents[2] / "queue_job" / "core"

#: Modules that bring the outside in.
MODULES = {
    "asyncio",
    "io",
    "multiprocessing",
    "os",
    "pathlib",
    "random",
    "secrets",
    "select",
    "selectors",
    "shutil",
    "socket",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "uuid",
}
#: Attributes that read a clock or the environment, of whatever they are.
ATTRIBUTES = {"environ", "getenv", "now", "today", "utcnow"}
BUILTINS = {"__import__", "breakpoint", "eval", "exec", "input", "open", "print"}


def impurities(source):
    """What in ``source`` depends on more than arguments: list of ``line: name``."""
    found = []
    for node in ast.walk(ast.parse(source)):
        found += [f"{node.lineno}: {name}" for name in outside_names(node)]
    return found


def outside_names(node):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names if is_outside(alias.name)]
    if isinstance(node, ast.ImportFrom):
        return [node.module] if not node.level and is_outside(node.module) else []
    if isinstance(node, ast.Call):
        return called_outside(node.func)
    return []


def called_outside(function):
    if isinstance(function, ast.Name) and function.id in BUILTINS:
        return [function.id]
    if isinstance(function, ast.Attribute) and function.attr in ATTRIBUTES:
        return [function.attr]
    return []


def is_outside(module):
    return module.split(".")[0] in MODULES


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: path.name)
def test_core_is_pure(path):
    assert impurities(path.read_text()) == []


@pytest.mark.parametrize("path", sorted(CORE.glob("[!_]*.py")), ids=lambda path: path.name)
def test_examples_in_docstrings_are_true(path):
    module = importlib.import_module(f"odoo.addons.queue_job.core.{path.stem}")
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import time", "time"),
        ("import os.path", "os.path"),
        ("from random import randint", "random"),
        ("from os import environ", "os"),
        ("def f():\n    from uuid import uuid4", "uuid"),
        ("from datetime import datetime\ndatetime.now()", "now"),
        ("import datetime\ndatetime.datetime.utcnow()", "utcnow"),
        ("import datetime\ndatetime.date.today()", "today"),
        ("open('x')", "open"),
        ("print('x')", "print"),
    ],
)
def test_impurity_is_found(source, name):
    assert [found.split(": ")[1] for found in impurities(source)] == [name]


def test_arguments_and_pure_modules_are_no_impurity():
    source = "import heapq\nfrom datetime import timedelta\ndef f(now, open=None): return now"
    assert impurities(source) == []
