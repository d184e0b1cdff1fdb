# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Texts from jobs in the log: none of their lines looks like a record of its own, and none of
their characters does anything to a terminal.
"""

import re
import textwrap

#: Characters of a text of several lines, at most.
LONGEST = 64 * 1024
#: Controls, and what turns the direction of writing; lines may end, and have tabs.
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def one_line(text):
    """
    >>> one_line("no\\n  answer\\x1b[2J")
    'no answer\\\\x1b[2J'
    """
    return _visible(" ".join(str(text).split()))


def quoted(text):
    """Several lines, each indented; the middle of a very long text is left out.

    >>> quoted("Traceback\\rERROR\\nValueError")
    '    Traceback\\\\rERROR\\n    ValueError'
    """
    text = str(text)
    if len(text) > LONGEST:
        left_out = f"\n… {len(text) - LONGEST:,} characters are left out …\n"
        text = text[: LONGEST // 2] + left_out + text[-LONGEST // 2 :]
    return textwrap.indent(_visible(text), "    ", lambda line: True)


def _visible(text):
    return _CONTROLS.sub(lambda match: ascii(match[0])[1:-1], text)
