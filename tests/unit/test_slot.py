# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Which jobs are hinted in a slot."""

import pytest

from odoo.addons.queue_job.core.channel_manager import ChannelManager
from odoo.addons.queue_job.core.slot import MAX_HINTS, Slot, share


def engine(channels, *jobs):
    """An engine with pending jobs (name, channel, priority), of which it has started what it may."""
    manager = ChannelManager()
    manager.simple_configure(channels)
    for number, (name, channel, priority) in enumerate(jobs):
        manager.notify("db", channel, name, number, number, priority, None, "pending")
    assert list(manager.get_jobs_to_run(now=1))
    return manager


def followers(manager, channel, limit=10):
    return [job.uuid for job in manager.followers("db", channel, limit)]


def test_those_that_wait_in_the_channel_in_order():
    manager = engine("root:1", ("a", "root", 1), ("c", "root", 9), ("b", "root", 5))
    assert followers(manager, "root") == ["b", "c"]
    assert followers(manager, "root", limit=1) == ["b"]


def test_not_those_behind_a_job_that_waits_elsewhere():
    jobs = [("a", "root.x", 1), ("b", "root.x", 3), ("y", "root.y", 4), ("c", "root.x", 5)]
    manager = engine("root:1", *jobs)
    assert followers(manager, "root.x") == ["b"]


def test_not_behind_a_job_of_another_database():
    manager = engine("root:1", ("a", "root", 1), ("b", "root", 3), ("c", "root", 5))
    manager.notify("other", "root", "z", 1, 1, 4, None, "pending")
    assert followers(manager, "root") == ["b"]


def test_not_a_job_with_a_future_eta():
    manager = engine("root:1", ("a", "root", 1))
    manager.notify("db", "root", "later", 7, 7, 1, 99, "pending")
    assert followers(manager, "root") == []


@pytest.mark.parametrize(
    "channels",
    ["root:9,s:1:sequential", "root:9,s:1:throttle=5", "root:1:sequential", "root:1:throttle=5"],
)
def test_none_where_each_start_is_decided_by_itself(channels):
    assert followers(engine(channels, ("a", "root.s", 1), ("b", "root.s", 2)), "root.s") == []


def test_share_alternates_and_is_bounded():
    assert share("abcde", 2) == [["a", "c", "e"], ["b", "d"]]
    assert share("", 3) == [[], [], []]
    assert [len(part) for part in share(range(500), 2)] == [MAX_HINTS, MAX_HINTS]


def test_what_may_run_in_a_slot():
    slot = Slot("a", "root", hints=["b"])
    assert slot.may_run({"a"})
    assert slot.may_run({"b"})
    assert not slot.may_run({"c"})
