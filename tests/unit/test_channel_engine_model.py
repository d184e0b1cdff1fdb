# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The engine against a plain model that looks at every job at each decision."""

from dataclasses import dataclass, replace
from itertools import islice
from math import inf

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo.addons.queue_job.core import states
from odoo.addons.queue_job.core.channel_config import ChannelConfig
from odoo.addons.queue_job.core.channel_manager import ChannelManager

DATABASES = ("db1", "db2")
UUIDS = ("A", "B", "C", "D")
CHANNELS = ("root", "a", "root.a.b", "a.b.c", "d")
STATES = [state for state, _label in states.STATES]


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
        self.limits = {(): ChannelConfig("root", 1)}
        self.last_start = {}
        self.now = -inf

    def notify(self, row):
        self.rows[row.db_name, row.uuid] = row

    def forget(self, unwanted):
        self.rows = {key: row for key, row in self.rows.items() if not unwanted(row)}

    def configure(self, configs):
        self.limits = {(): ChannelConfig("root", 1)}
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
                self.notify(replace(row, state=states.ENQUEUED))
                self.last_start.update(dict.fromkeys(row.channels, self.now))
                return row.db_name, row.uuid
        return None

    def wakeup_time(self):
        times = [self.start_time(row) for row in self.candidates()]
        return min((time for time in times if self.now < time < inf), default=0)

    def candidates(self):
        """The waiting jobs that no sequential channel holds up, in order."""
        waiting = self.select({states.PENDING})
        return [row for row in waiting if not any(self.overtakes(row, c) for c in row.channels)]

    def overtakes(self, row, channel):
        first = next(other for other in self.select({states.PENDING}) if channel in other.channels)
        return self.limit(channel).sequential and first != row

    def start_time(self, row):
        """When the job may start if nothing else happens, inf: never."""
        times = [-inf if row.eta is None else row.eta]
        for channel in row.channels:
            limit = self.limit(channel)
            full = limit.capacity and self.running(channel) >= limit.capacity
            blocked = limit.sequential and self.count(channel, {states.FAILED})
            if limit.paused or full or blocked:
                return inf
            if limit.throttle and channel in self.last_start:
                times.append(self.last_start[channel] + limit.throttle)
        return max(times)

    def limit(self, channel):
        return self.limits.get(channel, ChannelConfig("unlimited", 0))

    def running(self, channel):
        return self.count(channel, {states.ENQUEUED, states.STARTED})

    def count(self, channel, wanted):
        return sum(channel in row.channels for row in self.select(wanted))

    def select(self, wanted):
        rows = [row for row in self.rows.values() if row.state in wanted]
        return sorted(rows, key=lambda row: row.order)


class Pair:
    """The engine and the model, told the same."""

    def __init__(self):
        self.engine = ChannelManager()
        self.model = Model()

    def notify(self, row):
        args = (row.uuid, row.seq, row.date_created, row.priority, row.eta, row.state)
        self.engine.notify(row.db_name, row.channel, *args)
        self.model.notify(row)

    def change(self, number, **values):
        """Change something about one of the known jobs."""
        rows = sorted(self.model.rows.values(), key=lambda row: (row.db_name, row.uuid))
        if rows:
            self.notify(replace(rows[number % len(rows)], **values))

    def finish(self, state):
        """A running job ends."""
        running = self.model.select({states.ENQUEUED, states.STARTED})
        if running:
            self.notify(replace(running[0], state=state))

    def remove(self, uuid, db_name):
        self.engine.remove_job(uuid, db_name=db_name)
        self.model.forget(lambda row: row.uuid == uuid and db_name in (None, row.db_name))

    def remove_db(self, db_name):
        self.engine.remove_db(db_name)
        self.model.forget(lambda row: row.db_name == db_name)

    def forget_waiting(self, db_name, channel):
        self.engine.forget_waiting(db_name, channel)
        self.model.forget(lambda row: self.is_waiting(row, db_name, channel))

    def configure(self, configs):
        self.engine.configure(configs)
        self.model.configure(configs)

    def simple_configure(self, configs):
        self.engine.simple_configure(",".join(map(as_text, configs)))
        self.model.add_limits(configs)

    def run(self, seconds, limit):
        """Start at most ``limit`` jobs ``seconds`` later, comparing each."""
        now = 0 if self.model.now == -inf else self.model.now + seconds
        self.model.advance(now)
        started = 0
        for job in islice(self.engine.get_jobs_to_run(now), limit):
            assert (job.db_name, job.uuid) == self.model.start_next()
            started += 1
        if started < limit:
            assert self.model.start_next() is None

    def compare(self):
        assert self.engine.get_wakeup_time() == self.model.wakeup_time()
        for channel in CHANNELS:
            self.compare_counts(channel)

    def compare_counts(self, channel):
        path = Row("", channel, "", 0, 0, 0, None, "").channels[-1]
        assert self.engine.running(channel) == self.model.running(path)
        for db_name in DATABASES:
            waiting = self.model.select({states.PENDING})
            uuids = [row.uuid for row in waiting if self.is_waiting(row, db_name, channel)]
            jobs = self.engine.waiting_jobs(db_name, channel)
            assert [job.uuid for job in jobs] == uuids
            assert self.engine.waiting(db_name, channel) == len(uuids)

    @staticmethod
    def is_waiting(row, db_name, channel):
        return (row.db_name, row.channel, row.state) == (db_name, channel, states.PENDING)


def as_text(config):
    keys = [key for key in ("sequential", "paused") if getattr(config, key)]
    keys += [f"throttle={config.throttle}"] if config.throttle else []
    return ":".join([config.name, str(config.capacity), *keys])


channels = st.sampled_from(CHANNELS)
db_names = st.sampled_from(DATABASES)
fields = {
    "channel": channels,
    "seq": st.integers(0, 2),
    "date_created": st.integers(0, 1),
    "priority": st.integers(0, 2),
    "eta": st.none() | st.integers(0, 6),
    # mostly jobs to start, or there is little to compare
    "state": st.sampled_from([states.PENDING] * 8 + STATES),
}
rows = st.builds(Row, db_name=db_names, uuid=st.sampled_from(UUIDS), **fields)
changes = st.one_of(st.fixed_dictionaries({name: strategy}) for name, strategy in fields.items())
later = st.sampled_from([0, 0.5, 0.5, 1, 1, 2, 3, -0.5, -2])

optional = {
    "throttle": st.sampled_from([0, 0, 0.5, 1, 3]),
    "paused": st.sampled_from([False] * 7 + [True]),
}
limited = st.builds(ChannelConfig, channels, st.integers(0, 3), **optional)
sequential = st.builds(ChannelConfig, channels, st.just(1), st.just(True), **optional)
some_configs = st.lists(limited | sequential, max_size=4)
# root with room, or all the others would hardly matter
root = st.builds(ChannelConfig, st.just("root"), st.sampled_from([0, 0, 3, 1]))
all_configs = st.tuples(root, some_configs).map(lambda configs: [configs[0], *configs[1]])


def event(name, *arguments, **keywords):
    return st.tuples(st.just(name), st.tuples(*arguments), st.fixed_dictionaries(keywords))


#: Events and how many times as often as the rarest one they happen.
WEIGHTS = {
    event("notify", rows): 16,
    event("run", later, st.sampled_from([1, 2, 99])): 12,
    event("finish", st.sampled_from([states.DONE] * 3 + [states.FAILED, states.PENDING])): 8,
    st.tuples(st.just("change"), st.tuples(st.integers(0, 7)), changes): 6,
    event("remove", st.sampled_from(UUIDS), st.none() | db_names): 1,
    event("remove_db", db_names): 1,
    event("forget_waiting", db_names, channels): 1,
    event("configure", all_configs): 1,
    event("simple_configure", some_configs): 1,
}
# st.one_of counts a strategy once, however often it is in
events = st.sampled_from([kind for kind in WEIGHTS for _ in range(WEIGHTS[kind])]).flatmap(
    lambda strategy: strategy
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(all_configs, st.lists(rows, min_size=6, max_size=12), st.lists(events, min_size=20))
def test_engine_agrees_with_the_model(configs, rows, events):
    pair = Pair()
    pair.configure(configs)
    for row in rows:
        pair.notify(row)
    for name, arguments, keywords in events:
        getattr(pair, name)(*arguments, **keywords)
        pair.compare()
