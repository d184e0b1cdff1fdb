# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The engine against a plain model that looks at every job at each decision."""

from dataclasses import replace
from itertools import islice
from math import inf

from channel_model import Model, Row
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo.addons.queue_job.core import states
from odoo.addons.queue_job.core.channel_config import ChannelConfig
from odoo.addons.queue_job.core.channel_manager import ChannelManager

DATABASES = ("db1", "db2")
UUIDS = ("A", "B", "C", "D")
CHANNELS = ("root", "a", "root.a.b", "a.b.c", "d")
STATES = [state for state, _label in states.STATES]


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
        self.model.remove_db(db_name)

    def forget_waiting(self, db_name, channel):
        self.engine.forget_waiting(db_name, channel)
        self.model.forget(lambda row: self.is_waiting(row, db_name, channel))

    def configure(self, configs):
        self.engine.configure(configs)
        self.model.configure(configs)

    def limit_database(self, db_name, configs):
        self.engine.limit_database(db_name, configs)
        self.model.limit_database(db_name, configs)

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
    event("limit_database", db_names, some_configs): 2,
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
