# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The slots of one database: what of its jobs takes capacity."""

from collections import Counter, OrderedDict
from math import inf

from ..core.slot import MAX_HINTS, PATIENCE, Slot, share
from ..core.states import STARTED

#: Jobs hinted in all slots of a database, about: with more than a thousand of them, fewer in each.
MOST_HINTS = 100_000


class Slots:
    """Keeps slots, and the engine informed of them.

    :param str db_name: name of the database
    :param manager: :class:`~..core.channel_manager.ChannelManager`
    :param windows: :class:`.windows.Windows` of the database
    :param taken: :class:`~..core.taken.Taken`, the jobs in slots; shared with the windows
    """

    def __init__(self, db_name, manager, windows, taken):
        self._name = db_name
        self._manager = manager
        self._windows = windows
        self._taken = taken
        #: uuid of the first job -> slot, while its request is open
        self.in_flight = {}
        #: channel -> how many of them are in it
        self._at_work = Counter()
        #: (uuid, grant) -> slot, of those that reserve hints, in the order in which these expire
        self._reserving = OrderedDict()
        #: uuid -> slot, of what runs without an open request of this runner
        self.watched = {}
        #: (uuid, grant) -> slot, of requests that go on though their job was taken from them
        self._overdue = {}
        #: (uuid, grant) of open requests whose job was taken from them before they were begun
        self.given_up = set()

    def __bool__(self):
        return bool(self.in_flight or self.watched)

    def ids(self):
        """:return: set of the ids of all jobs that a worker may be at"""
        return self.requested_ids() | _ids(self.watched)

    def requested_ids(self):
        """:return: set of the ids of those of them whose request is open"""
        return _ids(self.in_flight)

    # -- what begins

    def grant(self, jobs, token, now):
        """Make slots of jobs that the engine has started, and hint at what comes next.

        :param jobs: list of (uuid, id, channel)
        :param str token: of the request, with which a worker may claim them
        :return: list of :class:`~..core.slot.Slot`
        """
        by_channel = {}
        for uuid, job_id, channel in jobs:
            self.in_flight[uuid] = slot = Slot(uuid, job_id, channel, token)
            self._at_work[channel] += 1
            by_channel.setdefault(channel, []).append(slot)
        for channel, slots in by_channel.items():
            self._hint(channel, slots, now)
        return [slot for slots in by_channel.values() for slot in slots]

    def drop(self, uuid, job_id):
        """A job that the engine has started gets no slot."""
        self._manager.remove_job(uuid, db_name=self._name)
        self._taken.discard([job_id])

    def _hint(self, channel, slots, now):
        # the last jobs of a channel are also for those that work there and are free in a moment
        part = len(slots) / self._at_work[channel]
        most = min(MAX_HINTS, MOST_HINTS // len(self.in_flight))
        hints, behind = self._windows.take_hints(channel, most * len(slots), part)
        for slot, of_slot in zip(slots, share(hints, len(slots)), strict=True):
            slot.hints = of_slot
            slot.reserves = bool(of_slot)
            slot.generation = self._windows.generation(channel)
            slot.expires = now + PATIENCE
            slot.next = behind
            if slot.reserves:
                self._reserving[slot.uuid, slot.grant] = slot

    def watch(self, row):
        """A job runs of which no slot is known: count it until it is seen to have ended.

        :param row: :class:`.database.InProgress`
        """
        self.watched[row.uuid] = Slot(row.uuid, row.id, row.channel)
        self._taken.add(row.channel, [row.id])
        self._windows.withdraw(row.uuid, row.channel)
        self._count(self.watched[row.uuid])

    def _count(self, slot):
        self._manager.notify(
            self._name, slot.channel, slot.uuid, slot.id, None, None, None, STARTED
        )

    # -- what ends

    def close(self, uuid):
        """:return: the slot of the job, whose request is not open any more; None: there is none"""
        slot = self.in_flight.pop(uuid, None)
        if slot is not None:
            self._at_work[slot.channel] -= 1
        return slot

    def take(self, uuid):
        """:return: the slot of the job, of which the caller disposes; None: there is none"""
        return self.close(uuid) or self.watched.pop(uuid, None)

    def end(self, slot, hints=None):
        """:param hints: int, how many of the hinted jobs were dealt with; None: who knows"""
        self._manager.remove_job(slot.uuid, db_name=self._name)
        self._windows.note_ended([slot.id], slot.channel)
        self.free_hints(slot, hints)

    def free_hints(self, slot, dealt_with):
        """What was hinted and not begun is pending as before."""
        if not slot.reserves:
            if slot.hints or (slot.next is not None and dealt_with is None):
                # given back before, and perhaps run all the same; or a job that it has released,
                # for itself and without a word, still waits
                self._windows.note_changed([slot.channel])
            return
        slot.reserves = False
        del self._reserving[slot.uuid, slot.grant]
        if dealt_with is None:
            self._windows.note_changed([slot.channel])
            dealt_with = len(slot.hints)
        self._windows.note_ended([hint.id for hint in slot.hints[:dealt_with]], slot.channel)
        self._windows.give_back(slot.channel, slot.hints[dealt_with:], slot.generation)

    def free_expired_hints(self, now):
        """Where a worker is still at a long job, it leaves the others to others."""
        while self.next_expiry() <= now:
            self.free_hints(next(iter(self._reserving.values())), 0)

    def next_expiry(self):
        """:return: when hints will be free for others; inf: there are none"""
        return next((slot.expires for slot in self._reserving.values()), inf)

    def note_overdue(self, uuid):
        """The job was taken from its try; its worker may be busy with it until it notices.

        So long something takes its place, that takes capacity as it did.
        """
        slot = self.close(uuid)
        if slot is None:
            # it was a hinted one, or is watched: that slot ends as any other
            return
        self.end(slot, 0)
        place = Slot(f"{slot.uuid} {slot.grant}", slot.id, slot.channel)
        self._overdue[slot.uuid, slot.grant] = place
        self._count(place)

    def give_up(self, slot, now):
        """A job was taken from its request before that was begun: it runs nothing any more."""
        self.close(slot.uuid)
        slot.given_up_at = now
        self.given_up.add((slot.uuid, slot.grant))
        self.end(slot, 0)
        self._windows.note_changed([slot.channel])

    def end_given_up(self, uuid, grant):
        """:return: bool, whether it was such a request"""
        if (uuid, grant) not in self.given_up:
            return False
        self.given_up.remove((uuid, grant))
        return True

    def end_overdue(self, uuid, grant):
        """:return: bool, whether it was this request whose job was taken from it"""
        place = self._overdue.pop((uuid, grant), None)
        if place is not None:
            self._manager.remove_job(place.uuid, db_name=self._name)
        return place is not None


def _ids(slots):
    return {job_id for slot in slots.values() for job_id in slot.ids()}
