"""Waiting for something that tells nobody when it happens."""

import time

from .errors import StackError

INTERVAL = 0.05


def wait_until(condition, timeout, what, interval=INTERVAL):
    """Return the first true value of ``condition()``; a ``StackError`` after ``timeout`` seconds.

    :param interval: seconds between two calls
    """
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise StackError(
                f"{what} did not happen within {timeout} s", "see the log for the reason"
            )
        time.sleep(interval)
