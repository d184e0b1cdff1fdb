# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What people see of an argument: of one whose name says that it is a secret, nothing.

The argument itself is stored as it is, for the method needs it: see ``docs/security.rst``.
"""

import re

MASK = "'***'"
_SECRET = re.compile(
    r"(^|_)(password|passwd|passphrase|pwd|secret|token|api_?key|private_key|credentials?)(_|$|\d)",
    re.IGNORECASE,
)


def is_secret(name):
    """Whether the name of an argument says that its value is a secret.

    >>> [is_secret(name) for name in ("password", "api_key", "user_token", "tokenize", "key")]
    [True, True, True, False, False]
    """
    return bool(_SECRET.search(name))


def shown(name, value):
    """:return: str, the ``repr()`` of an argument, or what is shown instead"""
    return MASK if is_secret(name) else repr(value)
