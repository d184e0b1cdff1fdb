# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What other addons have changed about the model ``queue.job``.

Rows are written past the ORM where the ORM would do nothing more, which is most of the
cost of a short job. Where an addon has overridden something that the ORM calls, it is
called as ever.
"""

from functools import cache
from weakref import WeakKeyDictionary

#: Packages whose part in the model is known to change nothing about a plain write.
KNOWN_PACKAGES = (
    "odoo.orm",
    "odoo.models",
    *(
        f"odoo.addons.{addon}"
        for addon in ("base", "base_sparse_field", "bus", "mail", "queue_job", "web")
    ),
)

#: Methods of the model that stand between ``write`` and the UPDATE.
WRITE_METHODS = ("write", "_write", "_write_multi", "modified")

#: class of the model -> (what the verdict was made from, verdict)
_verdicts = WeakKeyDictionary()


def writes_plainly(model, names):
    """Whether an UPDATE of some columns does all that the ORM's ``write`` would do.

    :param model: any recordset of ``queue.job``
    :param names: tuple of the names of the fields
    """
    cls = type(model)
    # A registry that is set up again has new triggers; a patch of a class replaces a method.
    basis = (model.pool._field_triggers, *(getattr(cls, name) for name in WRITE_METHODS))
    known = _verdicts.get(cls)
    if known is None or not _are_same(known[0], basis):
        verdict = not (
            _is_overridden(cls, WRITE_METHODS)
            or _is_constrained(model, names)
            or _has_stored_dependents(model, names)
        )
        known = _verdicts[cls] = (basis, verdict)
    return known[1]


def _are_same(objects, others):
    return all(one is other for one, other in zip(objects, others, strict=True))


def _is_overridden(cls, names):
    definitions = (vars(base).get(name) for base in cls.__mro__ for name in names)
    return not all(_is_known(method) for method in definitions if method is not None)


def _is_known(method):
    module = getattr(method, "__module__", None)
    return isinstance(module, str) and _is_known_module(module)


@cache
def _is_known_module(module):
    return any(module == name or module.startswith(f"{name}.") for name in KNOWN_PACKAGES)


def _is_constrained(model, names):
    return any(
        not set(method._constrains).isdisjoint(names) for method in model._constraint_methods
    )


def _has_stored_dependents(model, names):
    """Whether some stored field is computed from one of these."""
    return any(
        dependent.store
        for name in names
        for dependent in model.pool.get_dependent_fields(model._fields[name])
    )
