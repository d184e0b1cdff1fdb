# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Dotted paths, by which rows and settings name classes and functions.

Nothing is imported because of a path: what it names is loaded already, or it is not found.
"""

import builtins
import sys
from importlib.util import find_spec
from types import ModuleType


def path_of(thing):
    """:return: str, dotted path of a class or a function"""
    return f"{thing.__module__}.{thing.__qualname__}"


def addon_of(path):
    """:return: str, name of the addon of a module, or of what is in it, or None"""
    parts = path.split(".")
    return parts[2] if parts[:2] == ["odoo", "addons"] and len(parts) > 2 else None


def is_installed(path, env):
    """Whether what a path names belongs to an addon of this database, or to no addon."""
    addon = addon_of(path)
    return addon is None or addon in env.registry._init_modules


def loaded(path):
    """:return: what a path names, in a module that is loaded already or in a class of it, or None

    No attribute is asked for, which could run code.
    """
    thing, names = _nearest_module(path)
    for name in names:
        if not isinstance(thing, (ModuleType, type)):
            return None
        thing = vars(thing).get(name)
    return thing


def may_be_loaded(path):
    """Whether the module that a path names is there, but not loaded yet."""
    module, names = _nearest_module(path)
    if len(names) == 1:
        return False
    name = names[0] if module is builtins else f"{module.__name__}.{names[0]}"
    try:
        # what it is in is loaded, so that nothing is
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _nearest_module(path):
    """:return: the innermost loaded module that a path begins with, that of what is built in by
    default; and a list of the names behind it
    """
    names = path.split(".")
    for count in range(len(names) - 1, 0, -1):
        module = sys.modules.get(".".join(names[:count]))
        if module is not None:
            return module, names[count:]
    return builtins, names
