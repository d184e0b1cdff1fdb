# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What the limits that one database has set for itself allow of its jobs."""

from collections import Counter
from math import inf


class Allowance:
    """The limits that hold for the jobs of one database only, and what they hold back.

    A job that is held back takes part in nothing: the jobs of the other databases start as if it
    were not there. Among the jobs of the database itself, a limit means what it means in the
    configuration; so the first job of a sequential channel, held back or not, holds up the others.

    It looks at all that waits under its limits whenever something has changed: the runner tells
    the engine of one job in each channel, and few channels have limits of this kind.

    :param limits: dict, :class:`.channel.Channel` -> :class:`.channel_config.ChannelConfig`
    :param last_starts: of the limits that held before
    """

    def __init__(self, limits, last_starts=()):
        self.limits = limits
        #: channel -> when a job of the database last started there
        self.last_starts = dict(last_starts)
        self._running = Counter()
        self._failed = Counter()
        #: waiting job -> the channels on its path that have limits
        self._waiting = {}
        self._is_settled = True
        #: When something may be let go by itself, None for never.
        self.wake = None

    # -- what happens

    def wait(self, job):
        """A job waits.

        :return: bool, whether it has to be judged: see :meth:`settle`
        """
        limiting = self._limiting(job.channel)
        if limiting:
            self._waiting[job] = limiting
            self._is_settled = False
        return bool(limiting)

    def stop_waiting(self, job):
        """A job waits no longer; no error if it never did."""
        if self._waiting.pop(job, None):
            self._is_settled = False

    def count(self, channel, running=0, failed=0):
        """Add to the counts of a channel and of its ancestors."""
        for limiting in self._limiting(channel):
            self._running[limiting] += running
            self._failed[limiting] += failed
            self._is_settled = False

    def note_start(self, channel, now):
        """A job of this channel was started at ``now``: begin the throttles' pauses."""
        self.last_starts.update(dict.fromkeys(channel.path(), now))

    def note_time(self, now):
        """Time has stepped back: a pause that would begin in the future begins now."""
        self.last_starts = {
            channel: min(moment, now) for channel, moment in self.last_starts.items()
        }
        self._is_settled = False

    # -- what may start

    def is_settled(self, now):
        """Whether :meth:`settle` would say the same as the last time."""
        return self._is_settled and (self.wake is None or now < self.wake)

    def settle(self, now):
        """Judge all that waits under limits.

        :return: list of (job, whether it competes with the others for a start at ``now``)
        """
        opens = {channel: self._opens(channel, now) for channel in self.limits}
        firsts = self._firsts()
        judged, wakes = [], []
        for job, limiting in self._waiting.items():
            start = max(opens[channel] for channel in limiting)
            if any(firsts.get(channel, job) is not job for channel in limiting):
                start = inf
            judged.append((job, start <= now))
            if now < start < inf:
                wakes.append(start)
        self.wake = min(wakes, default=None)
        self._is_settled = True
        return judged

    def rivals(self, channel, now):
        """Yield the due jobs elsewhere that only wait for a unit that the channel may free."""
        path = set(channel.path()) if self._waiting else ()
        for job, limiting in self._waiting.items():
            blocking = {c for c in limiting if self._opens(c, now) > now}
            if job.channel is not channel and blocking and blocking <= path and job.is_due(now):
                yield job

    # -- questions about a channel

    def is_in_order(self, channel):
        """Whether the channel or an ancestor is sequential for this database."""
        return any(self.limits[limiting].sequential for limiting in self._limiting(channel))

    def is_paced(self, channel):
        """Whether each start there has to be decided by itself."""
        limits = [self.limits[limiting] for limiting in self._limiting(channel)]
        return any(limit.sequential or limit.throttle or limit.paused for limit in limits)

    def is_sequential(self, channel):
        """Whether this very channel is sequential for this database."""
        return channel in self.limits and self.limits[channel].sequential

    def has_room(self, channel):
        """Whether its capacity and pause in this very channel allow a start."""
        return channel not in self.limits or self._has_room(channel)

    def has_order(self):
        """Whether a channel is sequential for this database."""
        return any(limit.sequential for limit in self.limits.values())

    def _limiting(self, channel):
        """The channel and its ancestors, as far as they have limits; the highest one last."""
        return [ancestor for ancestor in channel.path() if ancestor in self.limits]

    def _has_room(self, channel):
        limit = self.limits[channel]
        is_full = limit.capacity and self._running[channel] >= limit.capacity
        return not limit.paused and not is_full

    def _opens(self, channel, now):
        """When its limits allow a start, if nothing else happens; inf: never."""
        limit = self.limits[channel]
        if not self._has_room(channel) or (limit.sequential and self._failed[channel]):
            return inf
        if limit.throttle and channel in self.last_starts:
            return self.last_starts[channel] + limit.throttle
        return -inf

    def _firsts(self):
        """The first of the waiting jobs in each channel that is sequential."""
        firsts = {}
        for job, limiting in self._waiting.items():
            for channel in limiting:
                if self.limits[channel].sequential:
                    known = firsts.get(channel, job)
                    firsts[channel] = min(job, known, key=lambda job: job.order)
        return firsts
