# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Types of arguments that JSON does not know, and how to add more.

They are marked in the JSON, ``{"_type": "queue_job.…", "value": …}``, and come back as what
they were. What the published addon stores (recordsets, dates, XML elements) is the business
of ``fields``. Nothing is imported, and no class is called, because a row names it: only what
was registered by code that is loaded anyway.
"""

import base64
import enum
from dataclasses import dataclass
from datetime import time, timedelta
from decimal import Decimal

from .dotted_path import addon_of, is_installed, loaded, path_of

#: Key that marks an object of ours in the JSON text.
TYPE_KEY = "_type"

OWN = "queue_job."
DICT = f"{OWN}dict"
ENUM = f"{OWN}enum"
OBJECT = f"{OWN}object"

#: What the JSON of the published addon marks.
PUBLISHED_TYPES = frozenset(
    ("odoo_recordset", "datetime_isoformat", "date_isoformat", "etree_element")
)

_PLAIN = frozenset((str, int, float, bool, type(None)))


@dataclass(frozen=True)
class ArgumentType:
    """
    :param encode: callable: the object -> what JSON or a registered type can keep
    :param decode: callable: that -> an equal object of the same class
    """

    name: str
    encode: object
    decode: object
    #: What ``encode`` makes: nothing else, as a row may hold, is given to ``decode``.
    kind: type = object


def _sorted(values):
    return sorted(values, key=repr)


def _encode_bytes(value):
    return base64.b64encode(value).decode()


#: class -> its type
_types = {
    tuple: ArgumentType(f"{OWN}tuple", list, tuple, list),
    set: ArgumentType(f"{OWN}set", _sorted, set, list),
    frozenset: ArgumentType(f"{OWN}frozenset", _sorted, frozenset, list),
    bytes: ArgumentType(f"{OWN}bytes", _encode_bytes, base64.b64decode, str),
    Decimal: ArgumentType(f"{OWN}decimal", str, Decimal, str),
    time: ArgumentType(f"{OWN}time", time.isoformat, time.fromisoformat, str),
    timedelta: ArgumentType(
        f"{OWN}timedelta",
        lambda value: [value.days, value.seconds, value.microseconds],
        lambda parts: timedelta(*parts),
        list,
    ),
}
_built_in = {known.name: known for known in _types.values()}

#: dotted path of a registered class -> its type
_registered = {}


class Undecodable(dict):
    """The JSON of an argument of which nothing can be made here and now.

    Its job loads, so that it can be looked at and cancelled, and fails when it is run.
    """

    def __init__(self, plain, reason):
        super().__init__(plain)
        self.reason = reason


def register_argument_type(cls, encode, decode):
    """Let objects of a class be arguments of jobs.

    :param type cls: the class itself, not its subclasses
    :param encode: callable that gets the object and returns what JSON, or another type of
        argument, can keep
    :param decode: callable that gets that, and returns an equal object
    :raises TypeError: ``cls`` is no class
    """
    if not isinstance(cls, type):
        raise TypeError(f"Only classes are types of arguments, not {cls!r}.")
    known = ArgumentType(path_of(cls), encode, decode)
    _types[cls] = _registered[known.name] = known


def whitelist_unpickle_global(cls):
    """Let objects of a class be arguments of jobs, kept by their plain state.

    As in the old ``connector``, but that nothing is ever pickled: the state, which is
    ``obj.__getstate__()`` or the attributes, is kept as JSON.

    :return: ``cls``, so that it can decorate the class
    :raises TypeError: ``cls`` is no class
    """
    register_argument_type(cls, _state, lambda state: _rebuild(cls, state))
    return cls


def _state(obj):
    get_state = getattr(obj, "__getstate__", None)
    return get_state() if get_state else vars(obj)


def _rebuild(cls, state):
    obj = cls.__new__(cls)
    if hasattr(obj, "__setstate__"):
        obj.__setstate__(state)
        return obj
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    for name, value in {**(attributes or {}), **(slots or {})}.items():
        if name.startswith("__"):
            raise ValueError(f"{name} is no attribute of an argument")
        # past a __setattr__ that refuses, as that of a frozen dataclass
        object.__setattr__(obj, name, value)
    return obj


# -- to JSON


def mark(value):
    """Prepare a value for JSON.

    :return: ``value`` with what JSON would lose marked; other objects are left as they are
    """
    cls = type(value)
    if cls in _PLAIN:
        return value
    if cls in _types:
        known = _types[cls]
        plain = mark(known.encode(value))
        if known.name in _registered:
            return {TYPE_KEY: OBJECT, "class": known.name, "value": plain}
        return {TYPE_KEY: known.name, "value": plain}
    if isinstance(value, enum.Enum):
        return _mark_enum(value)
    if isinstance(value, dict):
        return _mark_dict(value)
    if isinstance(value, (list, tuple)):
        return [mark(item) for item in value]
    return value


def mark_call(value):
    """As :func:`mark`, of all the arguments of a call: their tuple is a list in JSON."""
    return mark(list(value)) if type(value) is tuple else mark(value)


def _mark_dict(value):
    if isinstance(value, Undecodable):
        return dict(value)
    if _is_known(value.get(TYPE_KEY)):
        # It came as data, maybe from outside; it must not become something else.
        return {TYPE_KEY: DICT, "value": [[key, mark(item)] for key, item in value.items()]}
    return {key: mark(item) for key, item in value.items()}


def _is_known(name):
    return isinstance(name, str) and (name in PUBLISHED_TYPES or name.startswith(OWN))


def _mark_enum(member):
    cls = type(member)
    if addon_of(cls.__module__) and "<locals>" not in cls.__qualname__:
        # several flags together have no name of their own
        value = member.value if isinstance(member, enum.Flag) else member.name
        return {TYPE_KEY: ENUM, "class": path_of(cls), "value": value}
    # Where it is a number or a text at once, JSON knows what to do.
    return member


# -- from JSON


def decode(plain, env):
    """What :func:`mark` has marked, in which the inner values are decoded already.

    :param dict plain: with a type of ours
    :return: the object, or an :class:`Undecodable`
    """
    name = plain[TYPE_KEY]
    try:
        value = plain["value"]
        if name in _built_in:
            known = _built_in[name]
            _check_kind(value, known.kind)
            return known.decode(value)
        if name == DICT:
            _check_kind(value, list)
            for item in value:
                _check_kind(item, list)
            return dict(value)
        if name == ENUM:
            return _enum_member(_enum_class(plain["class"], env), value)
        if name == OBJECT:
            known = _registered_type(plain["class"], env)
            return first_undecodable(value) or known.decode(value)
        raise LookupError(f"there is no type {name}")
    except Exception as error:
        return Undecodable(plain, f"{type(error).__name__}: {error}")


def _check_kind(value, kind):
    if not isinstance(value, kind):
        raise TypeError(f"{kind.__name__} expected, not {value!r}")


def _registered_type(path, env):
    if path not in _registered or not is_installed(path, env):
        raise LookupError(f"{path} is not registered, by an installed addon, as an argument type")
    return _registered[path]


def _enum_class(path, env):
    if not addon_of(path) or not is_installed(path, env):
        raise LookupError(f"{path} is not in an installed addon")
    cls = loaded(path)
    if not (isinstance(cls, type) and issubclass(cls, enum.Enum)):
        raise LookupError(f"there is no enumeration {path}")
    return cls


def _enum_member(cls, value):
    if issubclass(cls, enum.Flag) and isinstance(value, int):
        return cls(value)
    _check_kind(value, str)
    return cls[value]


def first_undecodable(value):
    """:return: an :class:`Undecodable` somewhere in ``value``, or None"""
    if isinstance(value, Undecodable):
        return value
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return None
    return next((found for found in map(first_undecodable, value) if found is not None), None)
