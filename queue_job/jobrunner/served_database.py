# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What the runner remembers of a database that it drives."""

import logging
import secrets
from contextlib import suppress
from math import inf

import psycopg2

from ..core.notification import LIMITS_CHANGED
from ..core.server_pool import ServerPool
from ..core.slot import MAX_HINTS, PATIENCE, Slot, share
from ..core.states import ENQUEUED, STARTED
from .gate import Gate
from .leadership import TOUCH_INTERVAL
from .time_limits import TimeLimits
from .windows import Windows

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
#: Seconds after which everything is looked at, notified or not; and where nothing is notified.
POLL_INTERVAL = 30
POLL_ONLY_INTERVAL = 1
#: Seconds, at least, between two searches for the next eta and for jobs that became due.
ETA_INTERVAL = 0.1
#: Jobs that became due, and jobs waiting to be released, of one step.
STEP = 1000


class ServedDatabase:
    """Feeds the engine from one database, and keeps the slots of what runs.

    Times are seconds of a clock that never jumps.

    :param database: :class:`.database.Database`, led by this runner
    :param manager: :class:`~..core.channel_manager.ChannelManager`
    :param urls: list of str, the servers that run its jobs
    :param leadership: :class:`.leadership.SessionLeadership` or its like, taken
    """

    def __init__(self, database, manager, urls, leadership):
        self.database = database
        self._leadership = leadership
        self._gate = Gate(database.db_name)
        self._pool = ServerPool(urls)
        self.name = database.db_name
        self._manager = manager
        #: uuid of the first job -> slot, while its request is open
        self.in_flight = {}
        #: uuid -> slot, of what runs without an open request of this runner
        self._watched = {}
        #: (uuid, grant) -> slot, of requests that go on though their job was taken from them
        self._overdue = {}
        self._time_limits = TimeLimits(database)
        #: ids of the jobs in these slots, and of those that are hinted for nobody else
        self._taken = set()
        #: what its web client says about channels
        self.limits = []
        self.windows = Windows(database, manager, self._taken)
        #: (uuid, id, channel) of the jobs that the engine has started since the last turn
        self._chosen = []
        #: (uuid, lease) -> when it was first seen so, of the jobs that look dead
        self._without_lock = {}
        #: (uuid, grant) -> since when nothing of a slot is in progress, though its request is open
        self._unanswered = {}
        self._is_alarmed = False
        self._alert_until = 0
        #: when jobs become due, and when that was last looked for
        self._next_eta = 0
        self._eta_seen = -inf
        self._next_touch = 0
        self._next_look = 0
        self._next_poll = 0
        self._release_after = 0

    def take_over(self, now):
        """Begin: what another runner has enqueued is pending, what is started runs."""
        self.limits = self.database.channel_limits()
        self.database.take_all_back()
        for row in self.database.jobs_in_progress():
            self._watch(row)

    def _watch(self, row):
        """A job runs of which no slot is known: count it until it is seen to have ended."""
        self._watched[row.uuid] = Slot(row.uuid, row.id, row.channel)
        self._taken.add(row.id)
        self.windows.withdraw(row.uuid, row.channel)
        self._manager.notify(self.name, row.channel, row.uuid, row.id, None, None, None, STARTED)

    def close(self):
        """Let another runner take over; the requests that are open go on."""
        with suppress(psycopg2.Error):
            self._leadership.leave()
        self.database.close()

    # -- what happens

    def note_notifications(self):
        """:return: bool, whether there were some"""
        channels = self.database.notified_channels()
        if LIMITS_CHANGED in channels:
            channels.discard(LIMITS_CHANGED)
            self.limits = self.database.channel_limits()
        if channels:
            self.windows.note_changed(channels)
            # one of them may be for an eta
            self._next_eta = min(self._next_eta, self._eta_seen + ETA_INTERVAL)
        return bool(channels)

    def note_limits(self, now):
        """The rules of the channels have changed: which jobs may start is another question."""
        self.windows.restart()
        self._next_poll = now

    def note_response(self, response, now):
        """A request has ended.

        :param response: :class:`.dispatcher.Response`
        """
        overdue = self._overdue.pop((response.uuid, response.grant), None)
        slot = self.in_flight.get(response.uuid)
        if overdue is not None:
            self._manager.remove_job(overdue.uuid, db_name=self.name)
            reached = True
        elif slot is not None and slot.grant != response.grant:
            # of a request from before this database was taken over
            return
        else:
            reached = self._settle_slot(response, now)
        seconds = self._pool.note_end(response.url, reached, now)
        if seconds is None:
            return
        _logger.warning(
            "can't have jobs run by Odoo at %s (%s): those of database %s stay pending;"
            " again in %s s",
            response.url,
            response.problem,
            self.name,
            seconds,
        )
        if self._pool.rests_until() > now:
            self.windows.suspend(self._pool.rests_until())

    def _settle_slot(self, response, now):
        """:return: bool, whether Odoo has dealt with the job"""
        slot = self.in_flight.pop(response.uuid, None)
        if slot is None:
            # found dead before its request ended
            return response.problem is None
        if response.problem is None and not response.was_refused:
            self._end_slot(slot, response.hints)
            return True
        if self.database.take_back([slot.id]):
            # it was not even claimed
            self._end_slot(slot, 0)
            if response.was_refused:
                self.windows.defer(slot.channel, now)
                return True
            self.windows.note_changed([slot.channel])
            return False
        # A worker has it, or had it: only the lock can tell. Look at once.
        self._watched[response.uuid] = slot
        self._free_hints(slot, 0 if response.was_refused else None)
        self._is_alarmed = True
        _logger.warning(
            "the request for job %s of database %s ended too early (%s): should a worker be at the"
            " job, its capacity is free when it ends",
            response.uuid,
            self.name,
            response.problem or "another request has claimed it, or somebody has changed it",
        )
        return True

    def _end_slot(self, slot, hints=None):
        """:param hints: int, how many of the hinted jobs were dealt with; None: who knows"""
        self._manager.remove_job(slot.uuid, db_name=self.name)
        self.windows.note_ended(slot.id, slot.channel)
        self._free_hints(slot, hints)

    def _free_hints(self, slot, dealt_with):
        """What was hinted and not begun is pending as before."""
        if not slot.reserves:
            if slot.hints:
                # given back before, and perhaps run all the same
                self.windows.note_changed([slot.channel])
            return
        slot.reserves = False
        if dealt_with is None:
            self.windows.note_changed([slot.channel])
            dealt_with = len(slot.hints)
        for hint in slot.hints[:dealt_with]:
            self.windows.note_ended(hint.id, slot.channel)
        self.windows.give_back(slot.channel, slot.hints[dealt_with:], slot.generation)

    # -- looking after jobs

    def look(self, now):
        """Do what is due: look for jobs that are due, at those in progress, poll.

        :raise LeadershipLost: another runner has taken over
        """
        if now >= self._next_touch:
            self._next_touch = now + TOUCH_INTERVAL
            if self._gate.is_closed(self._leadership.keep(now), now):
                self.windows.suspend(now + TOUCH_INTERVAL + 1)
        if now >= self._next_poll:
            self._next_poll = now + (
                POLL_INTERVAL if self._leadership.listens else POLL_ONLY_INTERVAL
            )
            self._poll(now)
        if now >= self._next_eta:
            self._look_for_due_jobs(now)
        for slot in self.in_flight.values():
            if slot.reserves and slot.expires <= now:
                # it is still at a long job, and leaves the others to others
                self._free_hints(slot, 0)
        if self._is_alarmed:
            self._is_alarmed = False
            self._next_look, self._alert_until = now, now + ALERT
        if now >= self._next_look:
            rows = self._look_at_jobs_in_progress(now)
            is_close = self._without_lock or now < self._alert_until
            interval = CLOSE_LOOK_INTERVAL if is_close else LOOK_INTERVAL
            self._next_look = now + min(interval, self._enforce_time_limits(rows))

    def _poll(self, now):
        self.limits = self.database.channel_limits()
        heads = self.database.heads()
        if not self._leadership.listens:
            self.windows.note_changed(channel for channel, _head in heads)
        self.windows.note_heads(heads)
        if self._manager.has_order():
            self.windows.note_changed(
                channel
                for channel, _head in self.database.heads_not_due()
                if self._manager.is_in_order(channel)
            )
        self._next_eta = now
        self._release_ready()

    def _look_for_due_jobs(self, now):
        self._eta_seen = now
        channels = self.database.mark_due(STEP)
        self.windows.note_changed(channels)
        if len(channels) == STEP:
            self._next_eta = now
            return
        seconds = self.database.next_eta()
        self._next_eta = inf if seconds is None else now + max(seconds, ETA_INTERVAL)

    def _release_ready(self):
        self.database.settle_handlers(self._release_after, STEP)
        last, count = self.database.release_ready(self._release_after, STEP)
        self._release_after = last if count == STEP else 0

    def _look_at_jobs_in_progress(self, now):
        """:return: dict uuid -> :class:`.database.InProgress`"""
        rows = {row.uuid: row for row in self.database.jobs_in_progress()}
        ids = {row.id for row in rows.values()}
        for slot in [slot for slot in self._watched.values() if ids.isdisjoint(slot.ids())]:
            del self._watched[slot.uuid]
            self._end_slot(slot)
        self._end_unanswered(ids, now)
        self._account_for(rows.values())
        self._without_lock = {
            (row.uuid, row.lease or ""): self._without_lock.get((row.uuid, row.lease or ""), now)
            for row in rows.values()
            if row.state == STARTED and row.is_unlocked
        }
        dead = [key for key, since in self._without_lock.items() if now - since >= DEAD_AFTER]
        if dead:
            self._requeue(dead, rows)
        return rows

    def _end_unanswered(self, ids, now):
        """The jobs of a slot have ended, and its answer was lost on the way without a trace."""
        self._unanswered = {
            (uuid, slot.grant): self._unanswered.get((uuid, slot.grant), now)
            for uuid, slot in self.in_flight.items()
            if ids.isdisjoint(slot.ids())
        }
        for (uuid, _grant), since in self._unanswered.items():
            if now - since >= ANSWER_PATIENCE:
                _logger.warning(
                    "the request for job %s of database %s has no answer, though nothing of it has run"
                    " for %s s: something between drops connections, and its capacity is free now",
                    uuid,
                    self.name,
                    ANSWER_PATIENCE,
                )
                self._end_slot(self.in_flight.pop(uuid))

    def _account_for(self, rows):
        """Jobs that are in no slot: lost on the way, or started by somebody else."""
        slots = [*self.in_flight.values(), *self._watched.values()]
        known = {job_id for slot in slots for job_id in slot.ids()}
        unknown = [row for row in rows if row.id not in known]
        lost = [row.id for row in unknown if row.state == ENQUEUED]
        if lost:
            self.database.take_back(lost)
        for row in unknown:
            if row.state == STARTED:
                self._watch(row)

    def _requeue(self, dead, rows):
        for uuid in self.database.requeue_dead(sorted(dead)):
            row = rows[uuid]
            _logger.warning(
                "job %s of database %s was found dead: its worker (pid %s) is gone",
                uuid,
                self.name,
                row.worker_pid,
            )
            slot = self.in_flight.pop(uuid, None) or self._watched.pop(uuid, None)
            self._end_slot(slot or Slot(uuid, row.id, row.channel))

    def _enforce_time_limits(self, rows):
        """:return: in how many seconds the next job is overdue"""
        ended, seconds = self._time_limits.enforce(rows)
        for row in ended:
            slot = self.in_flight.pop(row.uuid, None)
            if slot is not None:
                # else it was a hinted one, or is watched: that slot ends as any other
                self._note_overdue(slot)
        return seconds

    def _note_overdue(self, slot):
        """The job waits again; its worker may be busy with it until it notices.

        So long something takes its place, that takes capacity as it did.
        """
        self._end_slot(slot, 0)
        place = Slot(f"{slot.uuid} {slot.grant}", slot.id, slot.channel)
        self._overdue[slot.uuid, slot.grant] = place
        self._manager.notify(
            self.name, place.channel, place.uuid, place.id, None, None, None, STARTED
        )

    # -- feeding the engine, and starting what it chooses

    def refresh(self, now):
        """Read what has changed."""
        self.windows.refresh(now)

    def choose(self, job):
        """The engine has started ``job``, a :class:`~..core.channel_job.ChannelJob`."""
        self._chosen.append((job.uuid, job.seq, self.windows.take_head(job.uuid)))

    def start(self, now):
        """Mark the jobs that were chosen, and hint at what comes next.

        :return: list of (:class:`~..core.slot.Slot`, URL) to request; a job without one is not
            pending any more, or locked by somebody who is changing it
        """
        if not self._chosen:
            return []
        chosen, self._chosen = self._chosen, []
        grant = f"{self._leadership.epoch}.{secrets.token_hex(16)}"
        confirmed = self.database.set_enqueued(
            [(job_id, channel) for _uuid, job_id, channel in chosen], grant
        )
        slots = {}
        for uuid, job_id, channel in chosen:
            if job_id in confirmed:
                self.in_flight[uuid] = slot = Slot(uuid, job_id, channel, grant)
                slots.setdefault(channel, []).append(slot)
            else:
                self._manager.remove_job(uuid, db_name=self.name)
                self._taken.discard(job_id)
                self.windows.defer(channel, now)
        for channel, of_channel in slots.items():
            self._hint(channel, of_channel, now)
        return [
            (slot, self._pool.choose(now)) for of_channel in slots.values() for slot in of_channel
        ]

    def _hint(self, channel, slots, now):
        hints = self.windows.take_hints(channel, MAX_HINTS * len(slots))
        for slot, of_slot in zip(slots, share(hints, len(slots)), strict=True):
            slot.hints = of_slot
            slot.reserves = bool(of_slot)
            slot.generation = self.windows.generation(channel)
            slot.expires = now + PATIENCE

    def wakeup_time(self):
        """:return: when :meth:`look` or :meth:`refresh` has something to do"""
        if self._is_alarmed:
            return 0
        times = [self._next_touch, self._next_poll, self._next_eta, *self.windows.wakeup_times()]
        if self.in_flight or self._watched or self._without_lock:
            times.append(self._next_look)
        times += [slot.expires for slot in self.in_flight.values() if slot.reserves]
        return min(times)
