# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""At once after some quiet, then once in a while."""

from odoo.addons.queue_job.core.pace import Pace


def times(pace, start, count):
    """When it is done, by somebody who does it as soon as he may."""
    now, done = start, []
    for _number in range(count):
        now = max(now, pace.next_time())
        pace.note(now)
        done.append(now)
    return done


def test_at_once_then_at_intervals():
    assert times(Pace(interval=10, burst=2), 100, 5) == [100, 100, 100, 110, 120]


def test_quiet_is_saved_up_but_not_beyond_the_burst():
    pace = Pace(interval=10, burst=1)
    times(pace, 100, 5)
    assert times(pace, 1000, 3) == [1000, 1000, 1010]


def test_whoever_does_it_seldom_never_waits():
    pace = Pace(interval=10, burst=1)
    for now in range(100, 1000, 20):
        assert pace.next_time() <= now
        pace.note(now)
