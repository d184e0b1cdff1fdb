# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What the runner remembers of a database that it drives."""

import logging

from ..core.slot import MAX_HINTS, PATIENCE, Slot, share
from ..core.states import ENQUEUED, FAILED

_logger = logging.getLogger(__name__)

#: Seconds between two looks at the jobs in progress; and while one of them looks dead.
LOOK_INTERVAL = 2
CLOSE_LOOK_INTERVAL = 0.5
#: Seconds for which a job is seen started and without lock before it is taken for dead.
DEAD_AFTER = 1.5
#: Seconds of close looks after a request has ended without an answer: PostgreSQL needs a
#: moment to notice that a worker is gone.
ALERT = 3
#: Seconds after which everything is looked at, notified or not.
POLL_INTERVAL = 30
#: Jobs waiting to be released that are looked at in one step.
RELEASE_STEP = 1000
#: How many waiting jobs of a channel are held in memory, and when to fetch more.
WINDOW = 500
LOW_WATER = WINDOW // 4


class ServedDatabase:
    """Feeds the engine from one database: windows of waiting jobs, and what runs.

    Times are seconds since the epoch.

    :param database: :class:`.database.Database`, led by this runner
    :param manager: :class:`~..core.channel_manager.ChannelManager`
    """

    def __init__(self, database, manager):
        self.database = database
        self.name = database.db_name
        self._manager = manager
        #: uuid of the first job -> slot, while its request is open
        self.in_flight = {}
        #: uuid -> slot, of what runs without an open request of this runner
        self._watched = {}
        #: uuids of the jobs that are hinted in a slot, for nobody else until it expires
        self._hinted = set()
        self._changed = set()
        #: channels that have more waiting jobs than the window
        self._partly_known = set()
        #: channel -> uuids of the failed jobs that hold it up
        self._failed = {}
        #: uuids of jobs that are pending again while we still hear of their last try
        self._skipped = set()
        #: (uuid, lease) -> when it was first seen so, of the jobs that look dead
        self._without_lock = {}
        self._is_alarmed = False
        self._alert_until = 0
        self._next_eta = None
        #: moment of PostgreSQL's clock up to which jobs that are due were looked for
        self._eta_seen = None
        self._next_look = 0
        self._next_poll = 0
        self._release_after = 0

    def take_over(self, now):
        """Begin: what another runner has enqueued is pending, what is started runs."""
        self.database.listen()
        self.database.take_all_back()
        self._eta_seen = self.database.clock()
        for row in self.database.jobs_in_progress():
            self._tell(row.channel, row, now)
            self._watched[row.uuid] = Slot(row.uuid, row.channel)

    # -- what happens

    def note_notifications(self):
        self._changed |= self.database.notified_channels()

    def note_response(self, response):
        """A request has ended. :return: bool, whether Odoo has dealt with the job"""
        slot = self.in_flight.pop(response.uuid, None)
        if slot is None:
            # found dead before its request ended
            return response.problem is None
        if response.problem is None:
            self._end_slot(slot)
            return True
        if self.database.take_back([response.uuid]):
            # it was not even claimed
            self._end_slot(slot)
            return False
        # A worker has it, or had it: only the lock can tell. Look at once.
        self._watched[response.uuid] = slot
        self._free_hints(slot)
        self._is_alarmed = True
        return True

    def _end_slot(self, slot):
        self._end(slot.uuid, slot.channel)
        self._free_hints(slot)

    def _free_hints(self, slot):
        """What was hinted and not begun is pending as before: fetch it again."""
        if slot.reserves:
            slot.reserves = False
            self._hinted.difference_update(slot.hints)
            self._changed.add(slot.channel)

    def _end(self, uuid, channel):
        self._manager.remove_job(uuid, db_name=self.name)
        if uuid in self._skipped or self._manager.is_in_order(channel):
            self._skipped.discard(uuid)
            self._changed.add(channel)

    # -- looking after jobs

    def look(self, now):
        """Do what is due: look at the jobs in progress, poll."""
        if now >= self._next_poll:
            self._next_poll = now + POLL_INTERVAL
            self._changed |= self.database.pending_channels()
            self._release_ready()
        if self._next_eta is not None and now >= self._next_eta:
            self._look_for_due_jobs(now)
        self._expire_hints(now)
        if self._is_alarmed:
            self._is_alarmed = False
            self._next_look, self._alert_until = now, now + ALERT
        if now >= self._next_look:
            self._look_at_jobs_in_progress(now)
            is_close = self._without_lock or now < self._alert_until
            self._next_look = now + (CLOSE_LOOK_INTERVAL if is_close else LOOK_INTERVAL)

    def _look_for_due_jobs(self, now):
        until = self.database.clock()
        self._changed |= self.database.channels_due(self._eta_seen, until)
        self._eta_seen = until
        self._schedule_next_eta(now)

    def _schedule_next_eta(self, now):
        seconds = self.database.next_eta(self._eta_seen)
        self._next_eta = None if seconds is None else now + max(0, seconds)

    def _expire_hints(self, now):
        """A slot that is still at a long job leaves the others to others."""
        for slot in self.in_flight.values():
            if slot.expires <= now:
                self._free_hints(slot)

    def _release_ready(self):
        last, count = self.database.release_ready(self._release_after, RELEASE_STEP)
        self._release_after = last if count == RELEASE_STEP else 0

    def _look_at_jobs_in_progress(self, now):
        rows = {row.uuid: row for row in self.database.jobs_in_progress()}
        for slot in [slot for slot in self._watched.values() if not slot.may_run(rows)]:
            del self._watched[slot.uuid]
            self._end_slot(slot)
        self._take_back_lost(rows)
        self._without_lock = {
            (uuid, row.lease or ""): self._without_lock.get((uuid, row.lease or ""), now)
            for uuid, row in rows.items()
            if self._looks_dead(row)
        }
        dead = [key for key, since in self._without_lock.items() if now - since >= DEAD_AFTER]
        if dead:
            self._requeue(dead, rows)

    def _requeue(self, dead, rows):
        for uuid in self.database.requeue_dead(sorted(dead)):
            _logger.warning(
                "job %s of database %s was found dead: its worker (pid %s) is gone",
                uuid,
                self.name,
                rows[uuid].worker_pid,
            )
            slot = self.in_flight.pop(uuid, None) or self._watched.pop(uuid, None)
            self._end_slot(slot or Slot(uuid, rows[uuid].channel))

    @staticmethod
    def _looks_dead(row):
        return row.state != ENQUEUED and row.is_unlocked

    def _take_back_lost(self, rows):
        """Enqueued jobs that nobody requests: the runner lost them on the way."""
        lost = [
            uuid
            for uuid, row in rows.items()
            if row.state == ENQUEUED and uuid not in self.in_flight
        ]
        if lost:
            self.database.take_back(lost)

    # -- feeding the engine

    def refill(self, now):
        """Renew the windows of the channels in which something has changed."""
        if not self._changed:
            return
        channels, self._changed = self._changed, set()
        for channel in channels:
            self._refill_channel(channel, now)
        self._schedule_next_eta(now)

    def _refill_channel(self, channel, now):
        in_order = self._manager.is_in_order(channel)
        rows = self.database.first_jobs(channel, WINDOW, in_order)
        self._forget(channel)
        for row in rows:
            if row.uuid in self.in_flight or row.uuid in self._watched:
                self._skipped.add(row.uuid)
            elif row.uuid not in self._hinted:
                self._tell(channel, row, now)
        failed = {row.uuid for row in rows if row.state == FAILED}
        if failed:
            self._failed[channel] = failed
        if len(rows) == WINDOW:
            self._partly_known.add(channel)
        else:
            self._partly_known.discard(channel)

    def _forget(self, channel):
        self._manager.forget_waiting(self.name, channel)
        for uuid in self._failed.pop(channel, ()):
            self._manager.remove_job(uuid, db_name=self.name)

    def _tell(self, channel, row, now):
        seconds = row.seconds_to_eta
        self._manager.notify(
            self.name,
            channel,
            row.uuid,
            row.id,
            row.date_created,
            row.priority,
            now + seconds if seconds and seconds > 0 else None,
            row.state,
        )

    # -- dispatching

    def enqueue(self, jobs, now):
        """Mark jobs that the engine wants to run, and hint at what comes next.

        :param jobs: dict uuid -> name of the channel
        :return: list of :class:`~..core.slot.Slot` to request; a job without one is not
            pending any more
        """
        confirmed = self.database.set_enqueued(list(jobs))
        slots = {}
        for uuid, channel in jobs.items():
            if uuid in confirmed:
                self.in_flight[uuid] = slot = Slot(uuid, channel, expires=now + PATIENCE)
                slots.setdefault(channel, []).append(slot)
            else:
                self._end(uuid, channel)
        for channel, of_channel in slots.items():
            self._hint(channel, of_channel)
        for channel in self._partly_known.intersection(jobs.values()):
            if self._manager.waiting(self.name, channel) < LOW_WATER:
                self._changed.add(channel)
        return [slot for of_channel in slots.values() for slot in of_channel]

    def _hint(self, channel, slots):
        followers = self._manager.followers(self.name, channel, MAX_HINTS * len(slots))
        uuids = [job.uuid for job in followers]
        for uuid in uuids:
            self._manager.remove_job(uuid, db_name=self.name)
        self._hinted.update(uuids)
        for slot, hints in zip(slots, share(uuids, len(slots)), strict=True):
            slot.hints = hints
            slot.reserves = bool(hints)

    def wakeup_time(self):
        """:return: when :meth:`look` or :meth:`refill` has something to do"""
        if self._changed or self._is_alarmed:
            return 0
        times = [self._next_poll, self._next_eta]
        if self.in_flight or self._watched or self._without_lock:
            times.append(self._next_look)
        times += [slot.expires for slot in self.in_flight.values() if slot.reserves]
        return min(time for time in times if time is not None)
