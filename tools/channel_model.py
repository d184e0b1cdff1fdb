"""A plain, slow model of the channel semantics, to compare with: it looks at every job at each decision.

It names no module of the addon, which is there in some tiers only after a fixture.
"""

from dataclasses import dataclass, replace
from math import inf

PENDING, ENQUEUED, STARTED, FAILED = "pending", "enqueued", "started", "failed"


@dataclass(frozen=True)
class Limit:
    """The limits of a channel: see ``ChannelConfig`` of the addon."""

    capacity: int = 0
    sequential: bool = False
    throttle: float = 0
    paused: bool = False


@dataclass(frozen=True)
class Row:
    """A job as the database has it."""

    db_name: str
    channel: str
    uuid: str
    seq: int
    date_created: int
    priority: int
    eta: float | None
    state: str

    @property
    def order(self):
        return self.priority, self.date_created, self.seq, self.db_name, self.uuid

    @property
    def path(self):
        return [] if self.channel == "root" else self.channel.removeprefix("root.").split(".")

    @property
    def channels(self):
        """Its channel and the ancestors of it, as tuples of names."""
        return [tuple(self.path[:depth]) for depth in range(len(self.path) + 1)]


class Model:
    """What :class:`ChannelManager` promises, in the plainest way."""

    def __init__(self):
        self.rows = {}
        self.limits = {(): Limit(1)}
        self.last_start = {}
        self.now = -inf

    def notify(self, row):
        self.rows[row.db_name, row.uuid] = row

    def forget(self, unwanted):
        self.rows = {key: row for key, row in self.rows.items() if not unwanted(row)}

    def configure(self, configs):
        self.limits = {(): Limit(1)}
        self.add_limits(configs)

    def add_limits(self, configs):
        self.limits.update((config.path, config) for config in configs)

    def advance(self, now):
        for channel in self.last_start:
            self.last_start[channel] = min(self.last_start[channel], now)
        self.now = now

    def start_next(self):
        """Start and return the next job, None when there is none."""
        for row in self.candidates():
            if self.start_time(row) <= self.now:
                self.notify(replace(row, state=ENQUEUED))
                self.last_start.update(dict.fromkeys(row.channels, self.now))
                return row.db_name, row.uuid
        return None

    def wakeup_time(self):
        times = [self.start_time(row) for row in self.candidates()]
        return min((time for time in times if self.now < time < inf), default=0)

    def candidates(self):
        """The waiting jobs that no sequential channel holds up, in order."""
        waiting = self.select({PENDING})
        return [row for row in waiting if not any(self.overtakes(row, c) for c in row.channels)]

    def overtakes(self, row, channel):
        first = next(other for other in self.select({PENDING}) if channel in other.channels)
        return self.limit(channel).sequential and first != row

    def start_time(self, row):
        """When the job may start if nothing else happens, inf: never."""
        times = [-inf if row.eta is None else row.eta]
        for channel in row.channels:
            limit = self.limit(channel)
            full = limit.capacity and self.running(channel) >= limit.capacity
            blocked = limit.sequential and self.count(channel, {FAILED})
            if limit.paused or full or blocked:
                return inf
            if limit.throttle and channel in self.last_start:
                times.append(self.last_start[channel] + limit.throttle)
        return max(times)

    def limit(self, channel):
        return self.limits.get(channel, Limit())

    def running(self, channel):
        return self.count(channel, {ENQUEUED, STARTED})

    def count(self, channel, wanted):
        return sum(channel in row.channels for row in self.select(wanted))

    def select(self, wanted):
        rows = [row for row in self.rows.values() if row.state in wanted]
        return sorted(rows, key=lambda row: row.order)
