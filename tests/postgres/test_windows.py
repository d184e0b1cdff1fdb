# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""How much of the waiting jobs is read and kept, however many wait, and in however many channels.

The database is a stand-in, see ``test_feeding.py``.
"""

import pytest
from fake_database import FakeDatabase, FakeLeadership

URL = "http://odoo"


class Recorder(FakeDatabase):
    """Remembers how many jobs of which channel were asked for."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.reads = []

    def first_jobs(self, channel, limit, after=None):
        self.reads.append((channel, limit))
        return super().first_jobs(channel, limit, after)

    def insert_many(self, channel, count):
        for number in range(len(self.rows), len(self.rows) + count):
            self.insert(
                id=number, uuid=str(number), state="pending", channel=channel, priority=10, date_created=0
            )  # fmt: skip


class Site:
    """A served database without PostgreSQL."""

    def __init__(self, jobrunner, channels):
        from odoo.addons.queue_job.core.channel_manager import ChannelManager
        from odoo.addons.queue_job.core.window import Waiting
        from odoo.addons.queue_job.jobrunner.dispatcher import Response

        self._response = Response
        self.now = 1024.0
        self.manager = ChannelManager()
        self.manager.simple_configure(channels)
        in_progress = jobrunner.database.InProgress
        self.database = Recorder("db", lambda: self.now, Waiting, in_progress)
        served = jobrunner.served_database.ServedDatabase
        self.served = served(self.database, self.manager, [URL], FakeLeadership())
        self.served.take_over(self.now)

    def turn(self):
        """One turn of the runner's loop. :return: list of the slots that begin"""
        self.served.note_notifications()
        self.served.look_after_jobs(self.now)
        for job in self.manager.get_jobs_to_run(self.now):
            self.served.choose(job)
        return [slot for slot, _url in self.served.start(self.now)]

    def end(self, slot, again=()):
        """A worker has done all of a slot, but for those that are to be tried again."""
        for job_id in {*slot.ids()} - {*again}:
            del self.database.rows[job_id]
        response = self._response("db", slot.uuid, None, len(slot.hints), URL, slot.grant)
        self.served.note_response(response, self.now)

    def rows(self):
        return [window.size for window in self.served.windows._windows.values()]


@pytest.fixture
def site(jobrunner):
    """A function that returns a :class:`Site` with these channels."""
    return lambda channels: Site(jobrunner, channels)


def test_what_others_have_in_slots_does_not_matter_to_a_channel(site, jobrunner):
    few = jobrunner.reader.FEW
    busy = site("root:0,root.a:8,root.b:0:throttle=0.0625")
    busy.database.insert_many("root.a", 1000)
    assert sum(len(slot.hints) for slot in busy.turn()) > 500
    busy.database.insert_many("root.b", 300)
    for _number in range(few + 1):
        (slot,) = busy.turn()
        assert (slot.channel, slot.hints) == ("root.b", [])
        busy.now += 0.0625
    limits = [limit for channel, limit in busy.database.reads if channel == "root.b"]
    assert limits == [few, few * jobrunner.reader.PROVISION]


def test_what_is_hinted_is_read_over_at_once(site):
    busy = site("root:4")
    busy.database.insert_many("root", 1000)
    (*_others, slot) = busy.turn()
    busy.end(slot)
    busy.database.reads.clear()
    busy.database.insert_many("root", 1)
    busy.served.note_notifications()
    busy.served.look_after_jobs(busy.now)
    assert len(busy.database.reads) == 1
    assert len(busy.turn()) == 1


def test_many_channels_share_what_is_kept(site, jobrunner, monkeypatch):
    monkeypatch.setattr(jobrunner.reader, "STOCK", 300)
    names = [f"root.c{number}" for number in range(30)]
    many = site(",".join(["root:0", *(f"{name}:1" for name in names)]))
    for name in names:
        many.database.insert_many(name, 250)
    most = 0
    for _number in range(2):
        for slot in many.turn():
            most = max(most, sum(many.rows()))
            many.end(slot)
    assert most <= 300 + len(names) * (jobrunner.reader.FEW + 1)


def test_one_channel_keeps_what_it_needs(site, jobrunner):
    one = site("root:1")
    one.database.insert_many("root", 1000)
    (slot,) = one.turn()
    assert len(slot.hints) == jobrunner.slots.MAX_HINTS
    assert sum(one.rows()) >= jobrunner.slots.MAX_HINTS * 3
    one.end(slot)
    one.database.reads.clear()
    (slot,) = one.turn()
    assert len(slot.hints) == jobrunner.slots.MAX_HINTS
    assert one.database.reads == []


def test_many_slots_share_the_hints(site, jobrunner, monkeypatch):
    monkeypatch.setattr(jobrunner.slots, "MOST_HINTS", 60)
    many = site("root:4")
    many.database.insert_many("root", 500)
    slots = many.turn()
    assert [len(slot.hints) for slot in slots] == [15] * 4
    many.end(slots[0])
    (slot,) = many.turn()
    assert len(slot.hints) == 15


def test_the_last_jobs_are_for_those_who_still_work(site):
    few = site("root:4")
    few.database.insert_many("root", 3)
    at_work = few.turn()
    few.database.insert_many("root", 40)
    first, *_hinted = few.turn()
    # one of four units is free
    assert len(first.hints) == 10 - 1
    for slot in [*at_work, first]:
        few.end(slot)
    # and then all of them
    assert sum(len(slot.hints) for slot in few.turn()) == 30 - 4


def test_hints_expire_one_after_another(site, jobrunner):
    busy = site("root:2")
    busy.database.insert_many("root", 1000)
    first, second = busy.turn()
    busy.end(second)
    busy.now += 0.5
    (third,) = busy.turn()
    assert [slot.reserves for slot in (first, second, third)] == [True, False, True]
    assert busy.served.slots.next_expiry() == first.expires
    busy.now = first.expires
    busy.turn()
    assert [slot.reserves for slot in (first, third)] == [False, True]
    assert busy.served.slots.next_expiry() == third.expires
    busy.end(third)
    assert busy.served.slots.next_expiry() == float("inf")


def test_a_hinted_job_that_waits_again_is_found_when_its_slot_ends(site):
    busy = site("root:2")
    busy.database.insert_many("root", 3)
    slot, other = busy.turn()
    assert ([hint.id for hint in slot.hints], other.hints) == ([2], [])
    busy.end(other)
    busy.database.update(2, state="pending")
    assert busy.turn() == []
    busy.end(slot, again=[2])
    assert [slot.id for slot in busy.turn()] == [2]


def test_a_failed_job_goes_on_holding_up_the_channel_it_was_moved_to(site):
    strict = site("root:0,root.a:1:sequential,root.b:1:sequential")
    strict.database.insert_many("root.a", 2)
    strict.database.update(0, state="failed")
    assert strict.turn() == []
    strict.database.update(0, channel="root.b")
    strict.database.insert_many("root.b", 1)
    strict.database.notified_channels()
    for channel in ("root.b", "root.a"):
        strict.served.windows.note_changed([channel])
        strict.served.refresh(strict.now)
    assert [slot.channel for slot in strict.turn()] == ["root.a"]


def test_a_job_that_was_moved_stays_known_in_its_new_channel(site, jobrunner, monkeypatch):
    monkeypatch.setattr(jobrunner.slots, "MAX_HINTS", 0)
    busy = site("root:0,root.a:1,root.b:1")
    busy.database.insert_many("root.a", 2)
    (slot,) = busy.turn()
    busy.database.update(1, channel="root.b")
    busy.served.note_notifications()
    busy.served.refresh(busy.now)
    busy.end(slot)
    assert [(slot.id, slot.channel) for slot in busy.turn()] == [(1, "root.b")]
    assert {channel for channel, _limit in busy.database.reads} == {"root.a", "root.b"}


def test_a_channel_whose_only_waiting_job_was_moved_is_looked_at_again(
    site, jobrunner, monkeypatch
):
    """What is left there is a window without jobs, until somebody works in the channel no more."""
    monkeypatch.setattr(jobrunner.slots, "MAX_HINTS", 0)
    busy = site("root:0,root.a:1,root.b:1")
    busy.database.insert_many("root.a", 2)
    (slot,) = busy.turn()
    busy.database.update(1, channel="root.b")
    (moved,) = busy.turn()
    busy.served._next_poll = 0
    busy.database.insert_many("root.a", 1)
    busy.database.notified_channels()
    assert busy.turn() == []
    busy.end(slot)
    busy.end(moved)
    assert [slot.id for slot in busy.turn()] == [2]


def test_a_job_that_waits_again_behind_many_is_not_forgotten(site):
    """It was left out of the window, since it is in a slot, by a read further on."""
    busy = site("root:2")
    busy.database.insert_many("root", 1000)
    first, second = busy.turn()
    again = first.hints[0].id
    busy.database.update(again, state="pending")
    for number in range(5000, 5300):
        busy.database.insert(
            id=number,
            uuid=str(number),
            state="pending",
            channel="root",
            priority=1,
            date_created=0,
        )
    busy.end(second)
    slots = busy.turn()
    for _turn in range(4):
        for slot in slots:
            busy.end(slot)
        slots = busy.turn()
    busy.end(first, again=[again])
    run = []
    slots += busy.turn()
    while slots:
        slot = slots.pop(0)
        run += slot.ids()
        busy.end(slot)
        slots += busy.turn()
    assert again in run
    assert not busy.database.rows
