# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Which jobs are hinted in a slot."""

import pytest

from odoo.addons.queue_job.core.channel_manager import ChannelManager
from odoo.addons.queue_job.core.slot import (
    MAX_HINTS,
    Slot,
    Successor,
    parse_successor,
    share,
    slot_of_lease,
    successor_lease,
)
from odoo.addons.queue_job.core.window import Waiting


def engine(channels, *jobs):
    """An engine with pending jobs (name, channel, priority), of which it has started what it may."""
    manager = ChannelManager()
    manager.simple_configure(channels)
    for number, (name, channel, priority) in enumerate(jobs):
        manager.notify("db", channel, name, number, number, priority, None, "pending")
    assert list(manager.get_jobs_to_run(now=1))
    return manager


def test_no_rival_among_those_that_wait_in_the_channel_itself():
    manager = engine("root:1", ("a", "root", 1), ("b", "root", 5))
    assert manager.rival("db", "root") is None


def test_a_job_that_waits_elsewhere():
    jobs = [("a", "root.x", 1), ("b", "root.x", 3), ("y", "root.y", 4), ("c", "root.x", 5)]
    manager = engine("root:1", *jobs)
    assert manager.rival("db", "root.x") == (4, 2, 2)
    manager.remove_job("y")
    assert manager.rival("db", "root.x") is None


@pytest.mark.parametrize("elsewhere", ["root", "root.a", "root.a.c", "root.a.b.d", "root.e.f"])
def test_above_below_and_beside(elsewhere):
    jobs = [("a", "root.a.b", 1), ("b", "root.a.b", 3), ("c", elsewhere, 4)]
    assert engine("root:1", *jobs).rival("db", "root.a.b") == (4, 2, 2)


def test_the_best_of_them():
    jobs = [("a", "root.x", 1), *((str(n), f"root.y{n}", 20 - n) for n in range(9))]
    manager = engine("root:1", *jobs)
    assert manager.rival("db", "root.x") == (12, 9, 9)


def test_not_one_that_its_own_channel_holds_back():
    jobs = [("a", "root.x", 2), ("y", "root.y", 1), ("z", "root.y", 1)]
    assert engine("root:2, root.y:1", *jobs).rival("db", "root.x") is None


def test_a_job_of_another_database():
    manager = engine("root:1", ("a", "root", 1), ("b", "root", 3), ("c", "root", 5))
    manager.notify("other", "root", "z", 1, 1, 4, None, "pending")
    assert manager.rival("db", "root") == (4, 1, 1)


def test_not_a_job_with_a_future_eta():
    manager = engine("root:1", ("a", "root", 1))
    manager.notify("other", "root", "later", 7, 7, 1, 99, "pending")
    manager.notify("db", "root.x", "later", 7, 7, 1, 99, "pending")
    assert manager.rival("db", "root") is None


@pytest.mark.parametrize(
    "channels",
    ["root:9,s:1:sequential", "root:9,s:1:throttle=5", "root:1:sequential", "root:1:throttle=5"],
)
def test_where_each_start_is_decided_by_itself(channels):
    manager = engine(channels, ("a", "root.s", 1))
    assert manager.is_paced("root.s.t")
    assert not engine("root:1,s:1:sequential", ("a", "root.t", 1)).is_paced("root.t")


def test_room():
    manager = engine("root:3, x:1, y:2:paused, s:1:sequential", ("a", "root.x", 1))
    assert not manager.has_room("root.x.z")
    assert not manager.has_room("root.y")
    assert manager.has_room("root.z")
    # a failed job holds it up, and is to be looked at all the same
    manager.notify("db", "root.s", "f", 1, 1, 1, None, "failed")
    assert manager.has_room("root.s")


def test_share_alternates_and_is_bounded():
    assert share("abcde", 2) == [["a", "c", "e"], ["b", "d"]]
    assert share("", 3) == [[], [], []]
    assert [len(part) for part in share(range(500), 2)] == [MAX_HINTS, MAX_HINTS]


def test_what_may_run_in_a_slot():
    slot = Slot("a", 1, "root", hints=[Waiting(1, 1, 2, "b")])
    assert list(slot.ids()) == [1, 2]


@pytest.mark.parametrize(
    ("text", "hints", "before"),
    [("0", [], ()), ("9", [], (9,)), ("9", [4, 5], (4,)), ("0", [4], (4,))],
)
def test_what_a_slot_may_go_on_with(text, hints, before):
    assert parse_successor(text, "root.a", hints) == Successor("root.a", before)


@pytest.mark.parametrize("text", [None, "", "x", "-1", "1,2", "9" * 5000])
def test_hints_only(text):
    assert parse_successor(text, "root", [4]) is None


@pytest.mark.parametrize("uuid", ["1b4e28ba-2fa1-11d2-883f-0016d3cca427", "a:b"])
def test_the_slot_of_a_successor(uuid):
    assert slot_of_lease(successor_lease(uuid, "fe2a")) == uuid
    assert slot_of_lease("fe2a") is None
    assert slot_of_lease(None) is None


def test_a_successor_runs_in_its_slot():
    assert list(Slot("a", 1, "root", successors={7}).ids()) == [1, 7]
