# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What a database costs in which nothing happens."""

import collections
import contextlib
import select

import pytest

MINUTES = 10


@pytest.fixture
def count(jobrunner, monkeypatch):
    """A Counter of the statements, by their names."""
    counter = collections.Counter()
    modules = jobrunner.queries, jobrunner.leader_queries
    names = {
        text: name
        for module in modules
        for name, text in vars(module).items()
        if isinstance(text, str)
    }
    query = jobrunner.database.Database.query

    def counting(self, sql, **parameters):
        counter[names.get(sql, sql)] += 1
        return query(self, sql, **parameters)

    monkeypatch.setattr(jobrunner.database.Database, "query", counting)
    return counter


@pytest.fixture
def idle(jobrunner, database):
    """A function that returns a served database, led as by a real runner."""
    from odoo.addons.queue_job.core.channel_manager import ChannelManager

    with contextlib.ExitStack() as stack:

        def make(poll_only=False):
            opened = jobrunner.database.Database(database, poll_only=poll_only)
            leadership = opened.make_leadership()
            stack.callback(opened.close)
            assert opened.missing_addon() is None
            assert leadership.take()
            stack.callback(leadership.leave)
            served = jobrunner.served_database.ServedDatabase(
                opened, ChannelManager(), ["http://odoo"], leadership
            )
            served.take_over(0)
            return served

        yield make


def pass_time(served, seconds, now=0):
    """Do what is due in that time, at once."""
    end = now + seconds
    while now < end:
        if not served.is_leased:
            # what it tells itself
            select.select([served.database], [], [], 0.05)
        served.note_notifications()
        served.look_after_jobs(now)
        now = max(served.wakeup_time(), now + 0.001)


def test_queries(idle, count):
    """A sign of life every two seconds, and a poll every thirty."""
    served = idle()
    count.clear()
    pass_time(served, MINUTES * 60)
    touches, polls = MINUTES * 30, MINUTES * 2
    assert count.pop("TOUCH") == touches
    assert set(count.values()) == {polls}
    assert touches + sum(count.values()) < 0.75 * MINUTES * 60


def test_queries_in_poll_only_mode(idle, count):
    """A poll every second; but what only a crash can leave is looked for as rarely as ever."""
    served = idle(poll_only=True)
    count.clear()
    pass_time(served, 60)
    assert count["HEADS"] == 60
    assert count["RENEW_LEASE"] == 30
    assert count["RELEASE_READY"] == count["SETTLE_HANDLERS"] == 2
    assert not count["IN_PROGRESS"]


@pytest.mark.parametrize("poll_only", [False, True])
def test_a_job_that_others_have_begun_is_seen_all_the_same(idle, insert, state_of, poll_only):
    """Its worker is gone: it is found dead as soon as one of a slot."""
    served = idle(poll_only)
    pass_time(served, 5)
    job = insert(state="started", lease="x")
    pass_time(served, 5, 5)
    assert state_of(job) == "pending"
