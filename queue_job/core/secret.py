# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What people see of an argument: of one whose name says that it is a secret, nothing; nor of
what a dict in it has under such a name, as the values of ``create()`` and ``write()``.

The argument itself is stored as it is, for the method needs it: see ``docs/security.rst``.
"""

import re

MASK = "'***'"

#: How deep secrets are looked for.
DEPTH = 10
_WORDS = "password|passwd|passphrase|pwd|secret|token|api_?key|private_key|credentials?"
_SECRET = re.compile(rf"(^|_)({_WORDS})(_|$|\d)", re.IGNORECASE)
_ANYWHERE = re.compile(_WORDS, re.IGNORECASE)


def is_secret(name):
    """Whether the name of an argument says that its value is a secret.

    >>> [is_secret(name) for name in ("password", "api_key", "user_token", "tokenize", "key")]
    [True, True, True, False, False]
    """
    return bool(_SECRET.search(name))


def shown(value, name=None):
    """The ``repr()`` of an argument, or what is shown instead.

    >>> shown("x", "password"), shown({"name": "x", "api_key": "y"})
    ("'***'", "{'name': 'x', 'api_key': '***'}")
    """
    if name is not None and is_secret(name):
        return MASK
    text = repr(value)
    # Most have none, and are not gone through.
    return repr(_masked(value, DEPTH)) if _ANYWHERE.search(text) else text


class _Masked:
    def __repr__(self):
        return MASK


def _masked(value, depth):
    kind = type(value)
    if depth and kind is dict:
        return {
            key: _Masked() if isinstance(key, str) and is_secret(key) else _masked(item, depth - 1)
            for key, item in value.items()
        }
    if depth and kind in (list, tuple):
        return kind(_masked(item, depth - 1) for item in value)
    return value
