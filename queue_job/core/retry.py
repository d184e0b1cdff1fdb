# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Whether and when a job is tried again: one decision for every reason to retry."""

from ast import literal_eval
from dataclasses import dataclass
from math import inf

#: Seconds until the next try when nothing else says it.
RETRY_INTERVAL = 600

#: Seconds until the next try after a conflict with another transaction.
CONFLICT_INTERVAL = 5


#: How often a job is returned because its infrastructure failed, before it is the job that is
#: taken for the reason: one that makes PostgreSQL crash, for instance.
MAX_INTERRUPTIONS = 8
LONGEST_INTERRUPTION_DELAY = 10
#: Seconds, a century: what is later may be beyond all dates.
LONGEST_DELAY = 100 * 366 * 24 * 3600


def interruption_delay(count):
    """Seconds until a job runs again that was interrupted so often.

    >>> [interruption_delay(count) for count in range(1, MAX_INTERRUPTIONS)]
    [0, 1, 2, 4, 8, 10, 10]

    :return: None when it is to fail
    """
    if count >= MAX_INTERRUPTIONS:
        return None
    return min(2 ** (count - 2), LONGEST_INTERRUPTION_DELAY) if count > 1 else 0


@dataclass(frozen=True)
class RetryDecision:
    """What becomes of a try that did not succeed.

    :param bool retry: try again; False: the tries are used up
    :param bool counts: the try counts against the maximum
    """

    retry: bool
    counts: bool


@dataclass(frozen=True)
class Backoff:
    """Waits that grow with each try.

    :param base: seconds after the first try
    :param factor: number, 1 or more: each wait is so many times the one before
    :param cap: seconds, never more than that
    :param jitter: from 0 to 1, which part of the wait is random; 1: anything up to it
    """

    base: float
    factor: float = 2
    cap: float = 3600
    jitter: float = 0

    def problems(self):
        """:return: list of str, what is wrong with it"""
        problems = []
        if not 0 < self.base < inf:
            problems.append(f"The first wait is more than 0 seconds, not {self.base}.")
        if not 1 <= self.factor < inf:
            problems.append(f"The factor is 1 or more, not {self.factor}.")
        if not self.base <= self.cap < inf:
            problems.append(
                f"The longest wait, {self.cap} seconds, is not less than the first one, {self.base}."
            )
        if not 0 <= self.jitter <= 1:
            problems.append(f"The random part is from 0 to 1, not {self.jitter}.")
        return problems

    def seconds(self, retry, rand):
        """Seconds to wait after the try number ``retry``.

        >>> [Backoff(10, 3, cap=200).seconds(retry, max) for retry in (0, 1, 2, 3, 4, 9999)]
        [10, 10, 30, 90, 200, 200]
        >>> Backoff(10, jitter=0.25).seconds(3, min), Backoff(10, jitter=0.25).seconds(3, max)
        (30, 40)

        :param rand: callable(low, high) with two int, a number between them
        """
        try:
            longest = min(self.cap, self.base * self.factor ** max(0, retry - 1))
        except OverflowError:
            longest = self.cap
        if not self.jitter:
            return longest
        return rand(round(longest * (1 - self.jitter)), round(longest))


@dataclass(frozen=True)
class RetryPolicy:
    """What a job function says about retries, beside its pattern.

    :param backoff: :class:`Backoff`, instead of a pattern, or None
    :param retried: frozenset of names of exception classes that are tried again
    :param never_retried: frozenset of names of those that never are
    """

    backoff: Backoff | None = None
    retried: frozenset = frozenset()
    never_retried: frozenset = frozenset()

    def verdict(self, error):
        """Whether a job that ended with an error is tried again.

        The class of the error that is nearest in its hierarchy, and named, decides.

        :return: bool; None: no class is named
        """
        for name in class_names(error):
            if name in self.never_retried:
                return False
            if name in self.retried:
                return True
        return None


def class_names(error):
    """Names of the class of an error and of those above it, the nearest first.

    >>> class_names(KeyError())
    ['KeyError', 'LookupError', 'Exception', 'BaseException', 'object']

    :return: list of str, ``module.Class``; built-in classes without module
    """
    return [class_name(cls) for cls in type(error).__mro__]


def class_name(cls):
    """:return: str, ``module.Class``; of a built-in class without module"""
    if cls.__module__ == "builtins":
        return cls.__qualname__
    return f"{cls.__module__}.{cls.__qualname__}"


def parse_exceptions(text):
    """The exception classes that an administrator wrote, with white space or commas between.

    >>> sorted(parse_exceptions("KeyError, odoo.exceptions.UserError"))
    ['KeyError', 'odoo.exceptions.UserError']

    :return: frozenset of str
    :raise ValueError: saying what is no name of a class
    """
    names = (text or "").replace(",", " ").split()
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise ValueError(
                f"{name!r} is no name of an exception class. Write for instance"
                " KeyError or requests.exceptions.ConnectionError."
            )
    return frozenset(name.removeprefix("builtins.") for name in names)


def is_delay(seconds):
    """Whether something can be waited for: a number of seconds, none for the usual time.

    >>> is_delay(None), is_delay(0.5), is_delay(float("inf")), is_delay("soon")
    (True, True, False, False)
    """
    if not seconds:
        return True
    return isinstance(seconds, (int, float)) and abs(seconds) <= LONGEST_DELAY


def decide(retry, max_retries, ignore_retry=False):
    """Decide after a try that may be repeated.

    :param int retry: number of tries, with this one
    :param max_retries: int, how many are allowed; 0 or None: no limit
    :param bool ignore_retry: this try does not count, so it is not the last one either
    :return: :class:`RetryDecision`
    """
    used_up = bool(max_retries) and retry >= max_retries
    return RetryDecision(retry=ignore_retry or not used_up, counts=not ignore_retry)


def retry_seconds(pattern, retry, rand, default=RETRY_INTERVAL, backoff=None):
    """Seconds to wait after the try number ``retry``.

    >>> pattern = {1: 10, 5: 60, "10": (100, 200)}
    >>> [retry_seconds(pattern, retry, rand=max) for retry in (0, 1, 4, 5, 12)]
    [600, 10, 10, 60, 200]

    :param pattern: dict ``{from this try on: seconds or a pair of bounds}``, or None;
        keys are int, or their digits as JSON has them
    :param rand: callable(low, high) with two int, a number between them
    :param default: for tries before the first key
    :param backoff: :class:`Backoff`, goes before the pattern
    """
    if backoff is not None:
        return backoff.seconds(retry, rand)
    steps = {int(start): value for start, value in (pattern or {}).items()}
    start = max((start for start in steps if start <= retry), default=None)
    value = default if start is None else steps[start]
    if isinstance(value, (list, tuple)):
        return rand(*sorted(int(bound) for bound in value))
    return value


def parse_retry_pattern(text):
    """The retry pattern that an administrator wrote.

    :param text: str, a Python dict such as ``{1: 10, 5: (60, 120)}``; empty: no pattern
    :return: dict ``{int: seconds or (seconds, seconds)}``
    :raise ValueError: saying what is wrong and what is expected
    """
    if not (text or "").strip():
        return {}
    try:
        pattern = literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise _wrong(text, "it is not a Python literal") from None
    return check_retry_pattern(pattern)


def check_retry_pattern(pattern):
    """``pattern`` with int keys and tuple pairs, whether it came from Python or JSON.

    :raise ValueError: as :func:`parse_retry_pattern`
    """
    if not isinstance(pattern, dict):
        raise _wrong(pattern, "it is not a dict")
    return {_check_start(key): _check_seconds(pattern[key]) for key in pattern}


def _check_start(key):
    if isinstance(key, str) and key.isdecimal():
        return int(key)
    if isinstance(key, int) and not isinstance(key, bool):
        return key
    raise _wrong(key, "the number of a try is a whole number")


def _check_seconds(value):
    if _is_seconds(value):
        return value
    if isinstance(value, (list, tuple)) and len(value) == 2 and all(map(_is_seconds, value)):
        return tuple(value)
    raise _wrong(value, "seconds are a number, or a pair of numbers to choose between")


def _is_seconds(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < inf


def _wrong(value, why):
    return ValueError(
        f"Wrong retry pattern: {value!r}: {why}. "
        "Write for instance {1: 10, 5: (60, 120)}: from the first try on 10 seconds, "
        "from the fifth on between 60 and 120."
    )
