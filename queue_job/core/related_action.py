# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The related action that a job function configures: what opens from its jobs."""

from ast import literal_eval

KEYS = ("enable", "func_name", "kwargs")
EXAMPLE = '{"enable": True, "func_name": "related_action_partner", "kwargs": {"form": 1}}'


def parse_related_action(text):
    """The related action that an administrator wrote.

    :param text: str, a Python dict; empty: no settings
    :return: dict with some of the keys ``enable``, ``func_name``, ``kwargs``
    :raise ValueError: saying what is wrong and what is expected
    """
    if not (text or "").strip():
        return {}
    try:
        action = literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise _wrong(text, "it is not a Python literal") from None
    return check_related_action(action)


def check_related_action(action):
    """:return: ``action`` :raise ValueError: as :func:`parse_related_action`"""
    if not isinstance(action, dict):
        raise _wrong(action, "it is not a dict")
    unknown = [key for key in action if key not in KEYS]
    if unknown:
        raise _wrong(action, f"unknown key {unknown[0]!r}")
    if action.get("enable", True) not in (True, False, None):
        raise _wrong(action, "enable is neither True nor False")
    if not isinstance(action.get("func_name") or "", str):
        raise _wrong(action, "func_name is no name")
    if not isinstance(action.get("kwargs") or {}, dict):
        raise _wrong(action, "the kwargs are not a dict")
    return action


def _wrong(value, why):
    return ValueError(f"Wrong related action: {value!r}: {why}. Write for instance {EXAMPLE}")
