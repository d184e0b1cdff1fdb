# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import pytest

from odoo.addons.queue_job.core.time_limit import (
    TIMED_OUT,
    check_timeout,
    is_timed_out,
    is_tried_again,
)


@pytest.mark.parametrize(
    ("value", "seconds"), [(0, 0), (0.0, 0), (1, 1), (0.1, 1), (2.5, 3), (2**31 - 1, 2**31 - 1)]
)
def test_seconds(value, seconds):
    found = check_timeout(value)
    assert (found, type(found)) == (seconds, int)


@pytest.mark.parametrize(
    "value", [-1, -0.5, True, False, None, "5", float("nan"), float("inf"), 2**31, 10**400, [1]]
)
def test_what_is_no_time_limit(value):
    with pytest.raises(ValueError, match="timeout"):
        check_timeout(value)


@pytest.mark.parametrize(
    ("verdict", "retry", "max_retries", "again"),
    [
        (None, 1, 2, True),
        (None, 2, 2, False),
        (None, 99, 0, True),
        (True, 1, 2, True),
        (True, 2, 2, False),
        (False, 1, 2, False),
        (False, 1, 0, False),
    ],
)
def test_is_tried_again(verdict, retry, max_retries, again):
    assert is_tried_again(verdict, retry, max_retries) is again


def test_the_mark():
    assert is_timed_out(TIMED_OUT)
    assert not is_timed_out("JobFoundDead")
    assert not is_timed_out(None)
