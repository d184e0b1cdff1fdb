"""What goes wrong outside of our control, told in one line."""

import contextlib
import re
import sys
from pathlib import Path

INFORMATION = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \d+ (INFO|DEBUG) ")


class StackError(Exception):
    """Something of the stack is missing or failed.

    :param what: names the thing
    :param way_out: what to do about it
    """

    def __init__(self, what, way_out):
        super().__init__(f"{what}: {way_out}")


def last_line(path, default="it said nothing"):
    """Return the last line that says something in the file ``path``."""
    lines = Path(path).read_text(errors="replace").split("\n") if Path(path).exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), default)


def last_complaint(path):
    """Return the last line of an Odoo log that is not just information: what went wrong, most often."""
    lines = Path(path).read_text(errors="replace").split("\n") if Path(path).exists() else []
    worth = [line.strip() for line in lines if line.strip() and not INFORMATION.match(line)]
    return worth[-1] if worth else last_line(path)


@contextlib.contextmanager
def report_errors(program):
    """Turn a ``StackError`` into one line on standard error and exit status 1."""
    try:
        yield
    except StackError as error:
        sys.exit(f"{program}: {error}")
