# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import random

import pytest

from odoo.addons.queue_job.core.retry import (
    LONGEST_INTERRUPTION_DELAY,
    MAX_INTERRUPTIONS,
    RETRY_INTERVAL,
    Backoff,
    RetryDecision,
    RetryPolicy,
    check_retry_pattern,
    decide,
    interruption_delay,
    parse_exceptions,
    parse_retry_pattern,
    retry_seconds,
)

AGAIN = RetryDecision(retry=True, counts=True)
USED_UP = RetryDecision(retry=False, counts=True)
FOR_FREE = RetryDecision(retry=True, counts=False)


@pytest.mark.parametrize(
    ("retry", "max_retries", "decision"),
    [
        (1, 5, AGAIN),
        (4, 5, AGAIN),
        (5, 5, USED_UP),
        (6, 5, USED_UP),
        (1, 1, USED_UP),
        (1, 0, AGAIN),
        (1_000_000, 0, AGAIN),
        (1_000_000, None, AGAIN),
    ],
)
def test_tries_are_used_up_at_the_maximum(retry, max_retries, decision):
    assert decide(retry, max_retries) == decision


@pytest.mark.parametrize("max_retries", [0, 1, 5])
def test_ignored_try_is_never_the_last(max_retries):
    assert decide(5, max_retries, ignore_retry=True) == FOR_FREE


@pytest.mark.parametrize("pattern", [None, {}])
def test_seconds_without_pattern(pattern):
    assert retry_seconds(pattern, 3, rand=max) == RETRY_INTERVAL == 600
    assert retry_seconds(pattern, 3, rand=max, default=5) == 5


@pytest.mark.parametrize("keys", [int, str])
@pytest.mark.parametrize(
    ("retry", "seconds"),
    [(0, 600), (1, 600), (2, 10), (4, 10), (5, 20), (9, 20), (10, 30), (99, 30)],
)
def test_seconds_of_the_highest_key_reached(keys, retry, seconds):
    pattern = {keys(10): 30, keys(2): 10, keys(5): 20}
    assert retry_seconds(pattern, retry, rand=max) == seconds


@pytest.mark.parametrize("pair", [(10, 20), [10, 20], (20, 10)])
def test_pair_is_a_random_value_between_its_bounds(pair):
    asked = []
    seconds = retry_seconds({1: pair}, 1, rand=lambda low, high: asked.append((low, high)) or 13)
    assert (seconds, asked) == (13, [(10, 20)])


def test_randint_is_a_source():
    seconds = {retry_seconds({1: (2.5, 4)}, 1, random.Random(1).randint) for _ in range(9)}
    assert seconds <= {2, 3, 4}
    assert retry_seconds({1: (7, 7)}, 1, random.randint) == 7


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        (None, {}),
        ("", {}),
        (" \n", {}),
        ("{}", {}),
        ("{1: 10, 5: 60}", {1: 10, 5: 60}),
        (" {1: (10, 20)}\n", {1: (10, 20)}),
        ("{1: [10, 20]}", {1: (10, 20)}),
        ("{'1': 10}", {1: 10}),
        ("{1: 0.5}", {1: 0.5}),
    ],
)
def test_parse(text, pattern):
    assert parse_retry_pattern(text) == pattern


@pytest.mark.parametrize(
    "text",
    [
        "{1: 10",
        "1: 10",
        "{1: x}",
        "[10]",
        "10",
        "{'a': 10}",
        "{1.5: 10}",
        "{True: 10}",
        "{None: 10}",
        "{1: '10'}",
        "{1: None}",
        "{1: True}",
        "{1: -1}",
        "{1: 1e999}",
        "{1: (10,)}",
        "{1: (10, 20, 30)}",
        "{1: (10, 'x')}",
        "{1: {2: 3}}",
        "{1: {2, 3}}",
        "{[]: 10}",
        "()" * 10_000,
        "__import__('os')",
    ],
)
def test_parse_refuses(text):
    with pytest.raises(ValueError, match=r"Wrong retry pattern.*Write for instance"):
        parse_retry_pattern(text)


def test_check_takes_what_json_gives():
    assert check_retry_pattern({"1": [10, 20], "5": 60}) == {1: (10, 20), 5: 60}


# -- waits that grow


def test_backoff_goes_before_a_pattern():
    assert retry_seconds({1: 5}, 1, max, backoff=Backoff(7)) == 7


@pytest.mark.parametrize("retry", range(12))
def test_waits_grow_up_to_the_cap(retry):
    backoff = Backoff(3, factor=2.5, cap=500)
    now, later = backoff.seconds(retry, max), backoff.seconds(retry + 1, max)
    assert 3 <= now <= later <= 500
    if retry > 0 and later < 500:
        assert later == pytest.approx(now * 2.5)


def test_any_number_of_tries():
    assert Backoff(1, factor=10, cap=60).seconds(10**6, max) == 60


@pytest.mark.parametrize(("jitter", "low"), [(0.5, 20), (1, 0), (0.1, 36)])
def test_jitter_is_the_random_part(jitter, low):
    asked = []
    seconds = Backoff(10, jitter=jitter).seconds(3, lambda *bounds: asked.append(bounds) or 25)
    assert (seconds, asked) == (25, [(low, 40)])


def test_no_jitter_asks_for_nothing():
    assert Backoff(10).seconds(2, rand=None) == 20


def test_a_right_backoff_has_no_problems():
    assert Backoff(1, 1, 1, 0).problems() == Backoff(1, 3, 9, 1).problems() == []


@pytest.mark.parametrize(
    ("backoff", "problem"),
    [
        (Backoff(0), "first wait"),
        (Backoff(-1), "first wait"),
        (Backoff(float("nan")), "first wait"),
        (Backoff(1, factor=0.5), "factor"),
        (Backoff(1, factor=float("inf")), "factor"),
        (Backoff(10, cap=5), "longest wait"),
        (Backoff(10, cap=0), "longest wait"),
        (Backoff(10, cap=float("inf")), "longest wait"),
        (Backoff(1, jitter=1.5), "random part"),
        (Backoff(1, jitter=-1), "random part"),
    ],
)
def test_problems_of_a_backoff(backoff, problem):
    assert any(problem in text for text in backoff.problems())


def test_all_problems_are_told():
    assert len(Backoff(5, 0, 1, 7).problems()) == 3


# -- which errors are retried


class Special(KeyError):
    pass


SPECIAL = f"{__name__}.Special"


@pytest.mark.parametrize(
    ("retried", "never", "verdict"),
    [
        ({"KeyError"}, {}, True),
        ({}, {"KeyError"}, False),
        ({"Exception"}, {}, True),
        ({SPECIAL}, {"KeyError"}, True),
        ({"KeyError"}, {SPECIAL}, False),
        ({"LookupError"}, {"KeyError"}, False),
        ({"ValueError"}, {"OSError"}, None),
        ({}, {}, None),
    ],
)
def test_the_nearest_class_decides(retried, never, verdict):
    policy = RetryPolicy(retried=frozenset(retried), never_retried=frozenset(never))
    assert policy.verdict(Special()) is verdict


def test_exceptions_are_parsed():
    text = "KeyError\n odoo.exceptions.UserError,builtins.ValueError\n"
    expected = {"KeyError", "odoo.exceptions.UserError", "ValueError"}
    assert parse_exceptions(text) == expected
    assert parse_exceptions("") == parse_exceptions(None) == frozenset()


@pytest.mark.parametrize("text", ["Key-Error", "a..b", "KeyError()", ".x", "1x"])
def test_what_is_no_exception(text):
    with pytest.raises(ValueError, match="no name of an exception class"):
        parse_exceptions(f"ValueError {text}")


def test_interruptions():
    """The first one costs nothing, more and more is waited, and in the end it is the job's fault."""
    delays = [interruption_delay(count) for count in range(1, MAX_INTERRUPTIONS + 2)]
    assert delays[0] == 0
    assert delays[-2:] == [None, None]
    waits = delays[:-2]
    assert waits == sorted(waits)
    assert max(waits) == LONGEST_INTERRUPTION_DELAY
