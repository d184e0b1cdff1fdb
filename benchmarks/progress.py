"""What is said while it is being measured."""

import contextlib
import sys


def say(text):
    with contextlib.suppress(OSError):  # the terminal may be gone
        print(text, file=sys.stderr, flush=True)
