# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The table in ``docs/security.rst``, and what the addon really has of what must be in it."""

import re
from collections import namedtuple
from pathlib import Path

from odoo.http import _generate_routing_rules

DOCUMENT = Path(__file__).resolve().parents[4] / "docs" / "security.rst"
COLUMNS = ("anonymous", "portal", "internal", "user", "other company", "manager")
EVERY_MODEL = "base"
CRUD = ("read", "create", "write", "unlink")

#: ``model`` is None for a route, ``name`` a method or a path, ``note`` the rest of the text;
#: ``cells`` a dict: column -> text
Row = namedtuple("Row", "model name note cells")


def read_rows():
    """:return: list of :class:`Row`"""
    lines = DOCUMENT.read_text().splitlines()
    borders = [number for number, line in enumerate(lines) if re.fullmatch("=+(  +=+)+", line)]
    first, second, last = borders[:3]
    spans = [match.span() for match in re.finditer("=+", lines[first])]
    assert _cut(lines[first + 1], spans)[1:] == list(COLUMNS)
    return [_row(*_cut(line, spans)) for line in lines[second + 1 : last]]


def _cut(line, spans):
    # the last column may be shorter
    return [line[start:end].strip() for start, end in spans]


def _row(what, *cells):
    assert all(cells), what
    cells = dict(zip(COLUMNS, cells, strict=True))
    match = re.fullmatch(r"(?:``([\w.]+)``|every model): ``(\w+)``(.*)", what)
    if match:
        return Row(match[1] or EVERY_MODEL, match[2], match[3].strip(), cells)
    match = re.match(r"``(\S+)``", what)
    return Row(None, match[1] if match else "", what, cells)


# -- what there is


def routes():
    """:return: set of the paths of the addon"""
    return {url for url, _endpoint in _generate_routing_rules(["queue_job"], nodb_only=False)}


def own_models(env):
    """:return: set of the names of the models that the addon defines"""
    models = env["ir.model"].search([("model", "=like", "queue.%")])
    return {
        model.model
        for model in models
        if any(
            _is_ours(cls) and not _is_of_every_model(cls) for cls in _definitions(env, model.model)
        )
    }


def own_methods(env):
    """:return: set of (model, name): what has no underscore and that the addon defines itself, and
    what gives its models their rows
    """
    found = {(model, name) for model in own_models(env) for name in CRUD}
    for model in env.registry:
        for cls in filter(_is_ours, _definitions(env, model)):
            owner = EVERY_MODEL if _is_of_every_model(cls) else model
            found |= {
                (owner, name)
                for name in vars(cls)
                if not name.startswith("_") and callable(getattr(cls, name))
            }
    return found


def _definitions(env, model):
    return type(env[model]).mro()


def _is_ours(cls):
    return cls.__module__.startswith("odoo.addons.queue_job.")


def _is_of_every_model(cls):
    return EVERY_MODEL in (getattr(cls, "_inherit", None) or ())
