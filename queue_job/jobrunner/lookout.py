# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Looking at the jobs that are with a worker or on their way: do they live, are they known?"""

import logging
import time
from collections import defaultdict

from ..core.slot import Slot, slot_of_lease
from ..core.states import ENQUEUED, STARTED
from .stuck_requests import StuckRequests
from .time_limits import TimeLimits

_logger = logging.getLogger(__name__)

#: Seconds between two looks at the jobs in progress; and while one of them looks dead.
LOOK_INTERVAL = 2
CLOSE_LOOK_INTERVAL = 0.5
#: Seconds for which a job is seen started and without lock before it is taken for dead.
DEAD_AFTER = 1.5
#: Seconds of close looks after a request has ended without an answer: PostgreSQL needs a
#: moment to notice that a worker is gone.
ALERT = 3
#: Seconds for which none of a slot's jobs is in progress, after which its answer is no longer
#: waited for. A worker may still be at what follows a failure, or releases those that waited.
ANSWER_PATIENCE = 30


class Lookout:
    """Compares the jobs in progress with the slots, now and then.

    :param database: :class:`.database.Database`
    :param slots: :class:`.slots.Slots`
    :param pool: :class:`~..core.server_pool.ServerPool`
    :param reached_since: by PostgreSQL's clock; what began before does not lose a try for it
    """

    def __init__(self, database, slots, pool, reached_since=None):
        self._reached_since = reached_since
        self._database = database
        self._slots = slots
        self._time_limits = TimeLimits(database)
        self._stuck_requests = StuckRequests(database, slots, pool)
        #: (uuid, lease) -> when it was first seen so, of the jobs that look dead
        self._without_lock = {}
        #: uuid -> since when nothing of a watched slot is in progress, which may go on with others
        self._quiet = {}
        #: (uuid, grant) -> since when nothing of a slot is in progress, though its request is open
        self._unanswered = {}
        self._is_alarmed = False
        #: there is something to be seen, though no slot is known
        self._is_told = False
        self._alert_until = 0
        self._next_look = 0

    def alarm(self):
        """Something may have died: look at once, and closely for a while."""
        self._is_alarmed = True

    def note_jobs(self):
        """There are jobs in progress, known ones or not: look when it is time to."""
        self._is_told = True

    def look(self, now):
        """Look if it is time to, and if there is something to look after."""
        if self._is_alarmed:
            self._is_alarmed = False
            self._next_look, self._alert_until = now, now + ALERT
        if now < self._next_look:
            return
        self._next_look = now + LOOK_INTERVAL
        if self._is_told or self._slots or self._without_lock or now < self._alert_until:
            self._is_told = False
            rows = self._look_at_jobs_in_progress(now)
            is_close = self._without_lock or self._quiet or now < self._alert_until
            interval = CLOSE_LOOK_INTERVAL if is_close else LOOK_INTERVAL
            self._next_look = now + min(interval, self._enforce_time_limits(rows))

    def wakeup_times(self):
        """Yield the moments at which :meth:`look` has something to do."""
        if self._is_alarmed:
            yield 0
        if self._is_told or self._slots or self._without_lock:
            yield self._next_look

    def _look_at_jobs_in_progress(self, now):
        """:return: dict uuid -> :class:`.database.InProgress`"""
        began = time.monotonic()
        rows = {row.uuid: row for row in self._database.jobs_in_progress()}
        # what they say may be as old as the question, or as young as the answer
        seen = now + time.monotonic() - began
        ids = {row.id for row in rows.values()}
        self._note_successors(rows.values())
        self._end_watched(ids, now, seen)
        self._end_unanswered(ids, now, seen)
        self._account_for(rows.values())
        self._stuck_requests.take_back(rows.values(), now)
        self._without_lock = {
            (row.uuid, row.lease or ""): self._without_lock.get((row.uuid, row.lease or ""), seen)
            for row in rows.values()
            if row.state == STARTED and row.is_unlocked
        }
        dead = [key for key, since in self._without_lock.items() if now - since >= DEAD_AFTER]
        if dead:
            self._requeue(dead, rows)
        return rows

    def _note_successors(self, rows):
        """A slot has gone on with a job that it has released: that takes the unit of the slot."""
        successors = defaultdict(set)
        for row in rows:
            if row.state == STARTED:
                successors[slot_of_lease(row.lease)].add(row.id)
        for slot in (*self._slots.in_flight.values(), *self._slots.watched.values()):
            slot.successors = successors[slot.uuid]

    def _end_watched(self, ids, now, seen):
        """What is watched has ended. A slot that has lost its answer may be between two jobs, for a moment."""
        watched = self._slots.watched
        self._quiet = {
            uuid: self._quiet.get(uuid, seen)
            for uuid, slot in watched.items()
            if ids.isdisjoint(slot.ids())
        }
        for uuid, since in list(self._quiet.items()):
            if now - since >= DEAD_AFTER or not watched[uuid].may_go_on:
                del self._quiet[uuid]
                self._slots.end(watched.pop(uuid))

    def _end_unanswered(self, ids, now, seen):
        """The jobs of a slot have ended, and its answer was lost on the way without a trace.

        Or one was stopped, and its method has not noticed: it takes capacity until it does.
        """
        self._unanswered = {
            (uuid, slot.grant): self._unanswered.get((uuid, slot.grant), seen)
            for uuid, slot in self._slots.in_flight.items()
            if ids.isdisjoint(slot.ids())
        }
        for (uuid, _grant), since in self._unanswered.items():
            if now - since < ANSWER_PATIENCE:
                continue
            if self._database.stopped(self._slots.in_flight[uuid].ids()):
                self._slots.note_overdue(uuid)
                continue
            _logger.warning(
                "the request for job %s of database %s has no answer, though nothing of it has run"
                " for %s s: something between drops connections, and its capacity is free now",
                uuid,
                self._database.db_name,
                ANSWER_PATIENCE,
            )
            slot = self._slots.close(uuid)
            slot.given_up_at = now
            self._slots.end(slot)

    def _account_for(self, rows):
        """Jobs that are on no way to a worker any more, and those that somebody else has started.

        One that is watched may be on no way, too: its row was locked when its request had ended.
        """
        requested, known = self._slots.requested_ids(), self._slots.ids()
        lost = [row.id for row in rows if row.state == ENQUEUED and row.id not in requested]
        if lost:
            self._database.take_back(lost)
        for row in rows:
            if row.state == STARTED and row.id not in known:
                self._slots.watch(row)

    def _requeue(self, dead, rows):
        for uuid in self._database.requeue_dead(sorted(dead), self._reached_since):
            row = rows[uuid]
            _logger.warning(
                "job %s of database %s was found dead: its worker (pid %s) is gone",
                uuid,
                self._database.db_name,
                row.worker_pid,
            )
            self._slots.end(self._slots.take(uuid) or Slot(uuid, row.id, row.channel))

    def _enforce_time_limits(self, rows):
        """:return: in how many seconds the next job is overdue"""
        ended, seconds = self._time_limits.enforce(rows)
        for row in ended:
            self._slots.note_overdue(row.uuid)
        return seconds
