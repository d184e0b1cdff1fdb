# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What is kept of the value that a job returns, beside its text."""

import json

#: How many bytes of JSON are kept.
LIMIT = 64 * 1024


def result_json(value, limit=LIMIT):
    """The JSON of a value.

    >>> result_json({"a": (1, None)})
    '{"a": [1, null]}'
    >>> result_json("text"), result_json(None), result_json({1})
    (None, None, None)
    >>> result_json(list(range(10)), limit=8)
    '[0, 1, 2 … (cut: 30 bytes)'

    :param int limit: bytes of UTF-8 that are kept; where more are cut off, a mark says so
    :return: str; None: there is no value, or it is a text anyway, or JSON does not know it
    """
    if value is None or isinstance(value, str):
        return None
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except Exception:
        # whatever the value does when it is looked at is no reason to fail
        return None
    encoded = text.encode(errors="replace")
    if len(encoded) <= limit:
        return encoded.decode()
    return f"{encoded[:limit].decode(errors='ignore')} … (cut: {len(encoded)} bytes)"
