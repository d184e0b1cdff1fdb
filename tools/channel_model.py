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
        #: name of the database -> channel -> limits that hold for its jobs only
        self.own_limits = {}
        #: (name of the database, channel) -> moment
        self.own_last_start = {}
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

    def limit_database(self, db_name, configs):
        if not self.own_limits.pop(db_name, None):
            self._forget_starts(db_name)
        if configs:
            self.own_limits[db_name] = {config.path: config for config in configs}

    def remove_db(self, db_name):
        self.forget(lambda row: row.db_name == db_name)
        self.own_limits.pop(db_name, None)
        self._forget_starts(db_name)

    def _forget_starts(self, db_name):
        starts = self.own_last_start.items()
        self.own_last_start = {key: moment for key, moment in starts if key[0] != db_name}

    def advance(self, now):
        for starts in (self.last_start, self.own_last_start):
            starts.update({key: min(moment, now) for key, moment in starts.items()})
        self.now = now

    def start_next(self):
        """Start and return the next job, None when there is none."""
        for row in self.candidates():
            if self.start_time(row) <= self.now:
                self.notify(replace(row, state=ENQUEUED))
                self.last_start.update(dict.fromkeys(row.channels, self.now))
                keys = [(row.db_name, channel) for channel in row.channels]
                self.own_last_start.update(dict.fromkeys(keys, self.now))
                return row.db_name, row.uuid
        return None

    def wakeup_time(self):
        times = [self.start_time(row) for row in self.candidates()]
        times += map(self.own_start_time, self.select({PENDING}))
        return min((time for time in times if self.now < time < inf), default=0)

    def candidates(self):
        """The waiting jobs that no sequential channel holds up, in order."""
        rows = [row for row in self.select({PENDING}) if self.own_start_time(row) <= self.now]
        return [row for row in rows if not any(self.overtakes(row, c, rows) for c in row.channels)]

    def overtakes(self, row, channel, rows):
        first = next(other for other in rows if channel in other.channels)
        return self.limit(channel).sequential and first != row

    def own_start_time(self, row):
        """When the limits of its own database let it compete with the jobs of others."""
        own_limits = self.own_limits.get(row.db_name)
        if not own_limits:
            return -inf
        rows = [other for other in self.select({PENDING}) if other.db_name == row.db_name]
        times = [-inf]
        for channel, limit in own_limits.items():
            if channel not in row.channels:
                continue
            first = next(other for other in rows if channel in other.channels)
            running = self.count(channel, {ENQUEUED, STARTED}, row.db_name)
            full = limit.capacity and running >= limit.capacity
            blocked = limit.sequential and self.count(channel, {FAILED}, row.db_name)
            if limit.paused or full or blocked or (limit.sequential and first != row):
                return inf
            if limit.throttle and (row.db_name, channel) in self.own_last_start:
                times.append(self.own_last_start[row.db_name, channel] + limit.throttle)
        return max(times)

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

    def count(self, channel, wanted, db_name=None):
        rows = [row for row in self.select(wanted) if db_name in (None, row.db_name)]
        return sum(channel in row.channels for row in rows)

    def select(self, wanted):
        rows = [row for row in self.rows.values() if row.state in wanted]
        return sorted(rows, key=lambda row: row.order)
