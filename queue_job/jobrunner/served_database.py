# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What the runner remembers of a database that it drives."""

import logging
import secrets
from contextlib import suppress
from math import inf

import psycopg2

from ..core.notification import ETA_CHANGED, LIMITS_CHANGED, MODULES_CHANGED
from ..core.server_pool import ServerPool
from ..core.taken import Taken
from .gate import Gate
from .lane import Crew, Lane
from .leadership import TOUCH_INTERVAL
from .lookout import Lookout
from .slots import Slots
from .windows import Windows

_logger = logging.getLogger(__name__)

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
    :param crew: :class:`.lane.Crew` of the loop
    :param reached_since: by PostgreSQL's clock, since when this runner reaches the database
        again; None: it did all the time
    """

    def __init__(self, database, manager, urls, leadership, crew=None, reached_since=None):
        self.database = database
        self._leadership = leadership
        self._gate = Gate(database.db_name)
        self._pool = ServerPool(urls)
        self.name = database.db_name
        #: taken over, and served since
        self.is_ready = False
        self._manager = manager
        self._taken = Taken()
        #: what its web client says about channels
        self.limits = []
        self.windows = Windows(database, manager, self._taken)
        self.slots = Slots(self.name, manager, self.windows, self._taken)
        self._lookout = Lookout(database, self.slots, self._pool, reached_since)
        #: what the loop does for this database goes through here, see :class:`.lane.Lane`
        self.lane = Lane(crew or Crew(), self.windows.hide, self.windows.show)
        #: (uuid, id, channel) of the jobs that the engine has started since the last turn
        self._chosen = []
        #: whether Odoo has answered since the last turn, as it should
        self._has_answer = False
        #: when jobs become due, and when that was last looked for
        self._next_eta = 0
        self._eta_seen = -inf
        self._next_touch = 0
        self._next_poll = 0
        self._next_release = 0
        self._release_after = 0

    def take_over(self, now):
        """Begin: what another runner has enqueued is pending, what is started runs."""
        self.limits = self.database.channel_limits()
        self.database.take_all_back()
        for row in self.database.jobs_in_progress():
            self.slots.watch(row)

    def close(self):
        """Serve it no longer; the requests that are open go on."""
        self.lane.end()
        self.database.close()

    @property
    def in_flight(self):
        """Dict uuid of the first job -> slot, while its request is open."""
        return self.slots.in_flight

    @property
    def is_leased(self):
        """Whether other runners have to be told that they may take over."""
        return not self._leadership.listens

    def leave(self):
        """Let another runner take over at once. Not in a lane: it may take a while."""
        with suppress(psycopg2.Error):
            self._leadership.leave()

    # -- what happens

    def note_notifications(self):
        """:return: bool, whether there were some"""
        channels = self.database.notified_channels()
        if LIMITS_CHANGED in channels:
            channels.discard(LIMITS_CHANGED)
            self.limits = self.database.channel_limits()
        if MODULES_CHANGED in channels:
            channels.discard(MODULES_CHANGED)
            self._next_touch = 0
            self.database.see_triggers()
        if ETA_CHANGED in channels or (channels and not self.database.tells_etas):
            channels.discard(ETA_CHANGED)
            self._next_eta = min(self._next_eta, self._eta_seen + ETA_INTERVAL)
        self.windows.note_changed(channels)
        return bool(channels)

    def note_limits(self, now):
        """The rules of the channels have changed: which jobs may start is another question.

        What is being done for the database goes on before.
        """
        self.lane.do(self._start_over, now)

    def _start_over(self, now):
        self.windows.restart()
        self._next_poll = now

    def note_response(self, response, now):
        """A request has ended.

        :param response: :class:`.dispatcher.Response`
        """
        slot = self.slots.in_flight.get(response.uuid)
        if self.slots.end_overdue(response.uuid, response.grant):
            reached = True
        elif self.slots.end_given_up(response.uuid, response.grant):
            reached = response.problem is None
        elif slot is not None and slot.grant != response.grant:
            # of a request from before this database was taken over
            return
        else:
            reached = self._settle_slot(response, now)
        if self._pool.is_stuck(response.url) and reached:
            _logger.info("Odoo at %s answers again", response.url)
        seconds = self._pool.note_end(response.url, reached, now, response.sent_at)
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
        slot = self.slots.close(response.uuid)
        if slot is None:
            # found dead before its request ended
            return response.problem is None
        if response.problem is None and not response.was_refused:
            self.slots.end(slot, response.hints)
            self._has_answer = True
            return True
        if self.database.take_back([slot.id]):
            # it was not even claimed
            self.slots.end(slot, 0)
            if response.was_refused:
                self.windows.defer(slot.channel, now)
                return True
            self.windows.note_changed([slot.channel])
            return False
        # A worker has it, or had it: only the lock can tell. Look at once.
        self.slots.watched[response.uuid] = slot
        self.slots.free_hints(slot, 0 if response.was_refused else None)
        if response.was_refused:
            slot.hints, slot.next = [], None
        self._lookout.alarm()
        _logger.warning(
            "the request for job %s of database %s ended too early (%s): should a worker be at the"
            " job, its capacity is free when it ends",
            response.uuid,
            self.name,
            response.problem or "another request has claimed it, or somebody has changed it",
        )
        return True

    # -- looking after jobs

    def look_after_jobs(self, now):
        """Find what nobody notifies, and read what was notified.

        :raise LeadershipLost: another runner has taken over
        """
        self.look(now)
        self.refresh(now)

    def look(self, now):
        """Do what is due: look for jobs that are due, at those in progress, poll.

        :raise LeadershipLost: another runner has taken over
        """
        if now >= self._next_touch:
            self._next_touch = now + TOUCH_INTERVAL
            standing = self._leadership.keep(now)
            if standing.has_jobs_in_progress:
                self._lookout.note_jobs()
            if self._gate.is_closed(standing, now):
                self.windows.suspend(now + TOUCH_INTERVAL + 1)
        if now >= self._next_poll:
            self._next_poll = now + (
                POLL_INTERVAL if self._leadership.listens else POLL_ONLY_INTERVAL
            )
            self._poll(now)
        if now >= self._next_eta:
            self._look_for_due_jobs(now)
        self.slots.free_expired_hints(now)
        self._lookout.look(now)

    def _poll(self, now):
        self.limits = self.database.channel_limits()
        heads = self.database.heads()
        if not self._leadership.listens:
            self.windows.note_changed(channel for channel, _head in heads)
        self.windows.note_heads(heads)
        if self._manager.has_order(self.name):
            self.windows.note_changed(
                channel
                for channel, _head in self.database.heads_not_due()
                if self._manager.is_in_order(channel, self.name)
            )
        self._next_eta = now
        if now >= self._next_release:
            self._next_release = now + POLL_INTERVAL
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

    # -- feeding the engine, and starting what it chooses

    def refresh(self, now):
        """Read what has changed."""
        self.windows.refresh(now)

    def choose(self, job):
        """The engine has started ``job``, a :class:`~..core.channel_job.ChannelJob`."""
        self._chosen.append((job.uuid, job.seq, self.windows.take_head(job.uuid)))

    @property
    def has_chosen(self):
        """Whether there is something to :meth:`start`."""
        return bool(self._chosen)

    def quiet_server(self, now):
        """:return: URL of the server that the next job goes to, when the last slot has just ended; or None"""
        has_answer, self._has_answer = self._has_answer, False
        return self._pool.next(now) if has_answer and not self.in_flight else None

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
        granted = []
        for uuid, job_id, channel in chosen:
            if job_id in confirmed:
                granted.append((uuid, job_id, channel))
            else:
                self.slots.drop(uuid, job_id)
                self.windows.defer(channel, now)
        slots = self.slots.grant(granted, grant, now)
        for slot in slots:
            slot.url = self._pool.choose(now)
        return [(slot, slot.url) for slot in slots]

    def wakeup_time(self):
        """:return: when :meth:`look` or :meth:`refresh` has something to do"""
        return min(
            self._next_touch,
            self._next_poll,
            self._next_eta,
            *self.windows.wakeup_times(),
            *self._lookout.wakeup_times(),
            self.slots.next_expiry(),
        )
