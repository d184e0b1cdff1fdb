# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The slots of one database: what of its jobs takes capacity."""

from ..core.slot import Slot
from ..core.states import STARTED


class Slots:
    """Keeps slots, and the engine informed of them.

    :param str db_name: name of the database
    :param manager: :class:`~..core.channel_manager.ChannelManager`
    :param windows: :class:`.windows.Windows` of the database
    :param taken: set of the ids of the jobs in slots, and of those that are hinted for nobody
        else; shared with the windows, and kept here
    """

    def __init__(self, db_name, manager, windows, taken):
        self._name = db_name
        self._manager = manager
        self._windows = windows
        self._taken = taken
        #: uuid of the first job -> slot, while its request is open
        self.in_flight = {}
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
        slots = [*self.in_flight.values(), *self.watched.values()]
        return {job_id for slot in slots for job_id in slot.ids()}

    def watch(self, row):
        """A job runs of which no slot is known: count it until it is seen to have ended.

        :param row: :class:`.database.InProgress`
        """
        self.watched[row.uuid] = Slot(row.uuid, row.id, row.channel)
        self._taken.add(row.id)
        self._windows.withdraw(row.uuid, row.channel)
        self._count(self.watched[row.uuid])

    def _count(self, slot):
        self._manager.notify(
            self._name, slot.channel, slot.uuid, slot.id, None, None, None, STARTED
        )

    def take(self, uuid):
        """:return: the slot of the job, of which the caller disposes; None: there is none"""
        return self.in_flight.pop(uuid, None) or self.watched.pop(uuid, None)

    def end(self, slot, hints=None):
        """:param hints: int, how many of the hinted jobs were dealt with; None: who knows"""
        self._manager.remove_job(slot.uuid, db_name=self._name)
        self._windows.note_ended(slot.id, slot.channel)
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
        if dealt_with is None:
            self._windows.note_changed([slot.channel])
            dealt_with = len(slot.hints)
        for hint in slot.hints[:dealt_with]:
            self._windows.note_ended(hint.id, slot.channel)
        self._windows.give_back(slot.channel, slot.hints[dealt_with:], slot.generation)

    def free_expired_hints(self, now):
        """Where a worker is still at a long job, it leaves the others to others."""
        for slot in self.in_flight.values():
            if slot.reserves and slot.expires <= now:
                self.free_hints(slot, 0)

    def expiries(self):
        """Yield the moments at which hints are free for others."""
        return (slot.expires for slot in self.in_flight.values() if slot.reserves)

    def note_overdue(self, uuid):
        """The job waits again; its worker may be busy with it until it notices.

        So long something takes its place, that takes capacity as it did.
        """
        slot = self.in_flight.pop(uuid, None)
        if slot is None:
            # it was a hinted one, or is watched: that slot ends as any other
            return
        self.end(slot, 0)
        place = Slot(f"{slot.uuid} {slot.grant}", slot.id, slot.channel)
        self._overdue[slot.uuid, slot.grant] = place
        self._count(place)

    def give_up(self, slot, now):
        """A job was taken from its request before that was begun: it runs nothing any more."""
        del self.in_flight[slot.uuid]
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
