# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""A job that runs longer than it may.

The job runner takes it from its worker: its row is pending then, the try counts, and the error
:data:`TIMED_OUT` marks it. The worker that gets it next does not run it, but decides what
becomes of it, for a retry pattern and what follows a failure are known there only.
"""

from math import ceil, inf

from ..exception import JobTimedOut
from .retry import decide

#: ``exc_name`` of the job.
TIMED_OUT = f"{JobTimedOut.__module__}.{JobTimedOut.__name__}"
#: What is in the row: SQL, of the column ``timeout``.
MESSAGE_SQL = "'The job ran longer than its time limit of ' || timeout || ' seconds.'"
INFORMATION = (
    "The try was ended from outside, as with Stop: nothing of it was committed, but what the"
    " method has committed itself. Give the job more time, or split it."
)

#: The longest time limit, since the column is an integer of 32 bits: 68 years.
LONGEST = 2**31 - 1


def check_timeout(value):
    """:return: int seconds, rounded up; 0 for no limit :raises ValueError: it is no such thing

    >>> check_timeout(1.5), check_timeout(0)
    (2, 0)
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 <= value < inf or value > LONGEST:
        raise ValueError(
            f"The timeout of a job is a number of seconds from 0 (no limit) to {LONGEST},"
            f" not {value!r}."
        )
    return ceil(value)


def is_timed_out(exc_name):
    """Whether a job that is to be run is only to be told what becomes of it."""
    return exc_name == TIMED_OUT


def is_tried_again(verdict, retry, max_retries):
    """Whether a job is tried again after a try that took too long.

    :param verdict: bool or None, of the retry policy on :class:`JobTimedOut`
    :param int retry: number of tries, with this one
    :param int max_retries: how many are allowed; 0: no limit
    """
    return verdict is not False and decide(retry, max_retries).retry
