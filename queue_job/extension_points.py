# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What other addons have changed about the model ``queue.job``.

Rows are written past the ORM where the ORM would do nothing more, which is most of the
cost of a short job. Where an addon has overridden something that the ORM calls, it is
called as ever.
"""

from functools import cache
from operator import attrgetter, is_
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

#: Methods of the model that stand between ``create`` and the INSERT.
CREATE_METHODS = (
    *("create", "_create", "_prepare_create_values", "_add_missing_default_values"),
    *("_add_precomputed_values", "default_get", "_validate_fields", "modified"),
)

#: Types of fields whose values need nothing but to be converted for the column.
PLAIN_TYPES = frozenset(
    ("boolean", "char", "date", "datetime", "float", "integer", "many2one", "selection", "text")
)

#: class of the model -> {question: (what the verdict was made from, verdict)}
_verdicts = WeakKeyDictionary()


def writes_plainly(model, names):
    """Whether an UPDATE of some columns does all that the ORM's ``write`` would do.

    :param model: any recordset of ``queue.job``
    :param names: tuple of the names of the fields
    """
    return _judge(
        "write",
        model,
        WRITE_METHODS,
        lambda: not (_is_constrained(model, names) or _has_stored_dependents(model, names)),
    )


def creates_plainly(model, names):
    """Whether an INSERT of some columns does all that the ORM's ``create`` would do.

    :param model: any recordset of ``queue.job``; defaults that its context, or a user, has
        set for other fields count as well
    :param names: frozenset of the names of the fields that are inserted
    """
    return _judge(
        "create", model, CREATE_METHODS, lambda: _is_created_plainly(model, names)
    ) and names.issuperset(_defaults(model))


def is_plain(model, name):
    """Whether a value of a field needs nothing but to be converted for its column."""
    field = model._fields.get(name)
    return bool(
        field
        and field.type in PLAIN_TYPES
        and field.store
        and not (field.compute or field.inverse or field.company_dependent)
        and not getattr(field, "translate", False)
        and not model.pool.field_inverses[field]
    )


def _judge(question, model, methods, ask):
    """:return: bool, what ``ask`` says, asked again when the class of the model has changed"""
    cls = type(model)
    # A registry that is set up again has new triggers; a patch of a class replaces a method.
    basis = (model.pool._field_triggers, *attrgetter(*methods)(cls))
    verdicts = _verdicts.setdefault(cls, {})
    known = verdicts.get(question)
    if known is None or not _are_same(known[0], basis):
        known = verdicts[question] = (basis, not _is_overridden(cls, methods) and ask())
    return known[1]


def _is_created_plainly(model, names):
    fields = model._fields
    return not (
        model._inherits
        or model._log_access
        or model._parent_store
        or model._check_company_auto
        or model._constraint_methods
        or any(name not in names and _has_initial_value(field) for name, field in fields.items())
        or not all(is_plain(model, name) or _is_ours(fields[name]) for name in names)
        or _has_stored_dependents(model, [name for name in fields if fields[name].store])
    )


def _has_initial_value(field):
    return field.default or field.type == "properties" or (field.compute and field.store)


def _is_ours(field):
    return field.type in ("job_serialized", "serialized") and field.store and not field.compute


def _defaults(model):
    """:return: list of the names of the fields for which somebody has set a default"""
    env = model.env
    names = [name[8:] for name in env.context if name.startswith("default_")]
    names += env["ir.default"]._get_model_defaults(model._name)
    return [name for name in names if name in model._fields]


def _are_same(objects, others):
    return all(map(is_, objects, others))


def _is_overridden(cls, names):
    definitions = (vars(base).get(name) for base in cls.__mro__ for name in names)
    return not all(_is_known(method) for method in definitions if method is not None)


def _is_known(method):
    """Whether a method, and all that its decorators have wrapped, is of a known package."""
    while method is not None:
        names = {getattr(method, "__module__", None)}
        # a decorator may have given it the name of another module
        names.add(getattr(method, "__globals__", {}).get("__name__", *names))
        if not all(isinstance(name, str) and _is_known_module(name) for name in names):
            return False
        method = getattr(method, "__wrapped__", None)
    return True


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
