# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Windows, slots and engine together start exactly what a plain model starts, whatever happens.

The database is a stand-in, which ``test_fake_database.py`` compares with PostgreSQL; the model
knows every row. What a slot holds is taken from both: its unit of capacity while its request is
open, and its hints while they are reserved.
"""

from dataclasses import astuple, replace

from channel_model import Limit, Model, Row
from fake_database import FakeDatabase, FakeLeadership
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

DATABASES = ("db1", "db2")
CHANNELS = ("root", "root.a", "root.a.b", "root.c")
URL = "http://odoo"
#: Seconds of one step: more than the runner leaves between two looks for etas. All moments are
#: sums of powers of two, so that they are the same however they were reckoned.
STEP = 0.25
HIDDEN = "hidden"

databases = st.sampled_from(DATABASES)
numbers = st.integers(0, 50)
etas = st.sampled_from([None] * 6 + [-1, 0.5, 1, 3])
fields = {
    "channel": st.sampled_from(CHANNELS),
    "priority": st.integers(0, 2),
    "eta": etas,
    "date_created": st.integers(0, 1),
}
#: What becomes of a job that a worker runs: mostly it is done.
outcomes = st.sampled_from(["done"] * 5 + ["failed", "pending", "later"])
limits = st.builds(
    Limit,
    st.integers(0, 3),
    throttle=st.sampled_from([0, 0, 0, 0.5, 2]),
    paused=st.sampled_from([False] * 9 + [True]),
) | st.just(Limit(1, sequential=True))
kinds = {
    st.tuples(st.just("create"), databases, st.fixed_dictionaries(fields)): 12,
    st.tuples(st.just("create_many"), databases, fields["channel"], st.integers(2, 40)): 2,
    st.tuples(st.just("work"), numbers, st.lists(outcomes, min_size=1, max_size=60)): 10,
    st.tuples(st.just("pass_time"), st.sampled_from([STEP, 1, 2, 4])): 4,
    st.tuples(
        st.just("change"),
        databases,
        numbers,
        # the date of creation never changes
        st.one_of(
            st.fixed_dictionaries({name: fields[name]}) for name in ("channel", "priority", "eta")
        ),
    ): 4,
    st.tuples(st.just("close"), databases, numbers, st.sampled_from(["done", "cancelled"])): 2,
    st.tuples(st.just("requeue"), databases, numbers): 2,
    st.tuples(st.just("delete"), databases, numbers): 1,
    st.tuples(st.just("refuse"), numbers): 1,
    st.tuples(st.just("break_off"), numbers): 1,
    st.tuples(
        st.just("limit"), databases, st.dictionaries(st.sampled_from(CHANNELS), limits, max_size=2)
    ): 2,
}
events = st.sampled_from([kind for kind in kinds for _ in range(kinds[kind])]).flatmap(
    lambda kind: kind
)
configurations = st.fixed_dictionaries(
    {"root": st.sampled_from([Limit(1), Limit(2), Limit(4), Limit(1, sequential=True)])},
    optional=dict.fromkeys(CHANNELS[1:], limits),
)


def as_text(limits):
    return ",".join(_entry(name, limit) for name, limit in limits.items())


def _entry(name, limit):
    keys = [key for key in ("sequential", "paused") if getattr(limit, key)]
    keys += [f"throttle={limit.throttle}"] if limit.throttle else []
    return ":".join([name, str(limit.capacity), *keys])


class World:
    """Two databases, their runner, Odoo's workers, and the model."""

    def __init__(self, jobrunner, limits):
        from odoo.addons.queue_job.core.channel_config import ChannelConfig
        from odoo.addons.queue_job.core.channel_manager import ChannelManager
        from odoo.addons.queue_job.core.window import Waiting
        from odoo.addons.queue_job.jobrunner.dispatcher import Response
        from odoo.addons.queue_job.jobrunner.served_database import ServedDatabase

        self._config = ChannelConfig
        self._response = Response
        self.now = 1024.0
        self.manager = ChannelManager()
        self.manager.simple_configure(as_text(limits))
        in_progress = jobrunner.database.InProgress
        self.databases = {
            name: FakeDatabase(name, lambda: self.now, Waiting, in_progress) for name in DATABASES
        }
        self.served = {
            name: ServedDatabase(database, self.manager, [URL], FakeLeadership())
            for name, database in self.databases.items()
        }
        for served in self.served.values():
            served.take_over(self.now)
        self.model = Model()
        self.model.limits = {
            Row("", n, "", 0, 0, 0, None, "").channels[-1]: limits[n] for n in limits
        }
        #: open requests: (name of the database, slot)
        self.requests = []
        self._next_id = 1

    # -- what happens

    def create(self, name, values):
        job_id, self._next_id = self._next_id, self._next_id + 1
        # the same uuids in both databases
        uuid = str(len(self.databases[name].rows) + job_id % 2 * 1000)
        if any(row["uuid"] == uuid for row in self.databases[name].rows.values()):
            uuid = f"{name} {job_id}"
        self.databases[name].insert(
            id=job_id, uuid=uuid, state="pending", **{**values, "eta": self._moment(values["eta"])}
        )

    def create_many(self, name, channel, count):
        for _number in range(count):
            self.create(name, {"channel": channel, "priority": 1, "eta": None, "date_created": 0})

    def pass_time(self, seconds):
        self.now += seconds

    def change(self, name, number, values):
        if "eta" in values:
            values = {"eta": self._moment(values["eta"])}
        self._to_some(name, number, {"pending", "failed"}, values)

    def close(self, name, number, state):
        self._to_some(name, number, {"pending", "failed"}, {"state": state})

    def requeue(self, name, number):
        self._to_some(name, number, {"failed", "done", "cancelled"}, {"state": "pending"})

    def delete(self, name, number):
        ids = self._ids(name, {"pending", "failed", "done"})
        if ids:
            self.databases[name].delete(ids[number % len(ids)])

    def work(self, number, outcomes):
        """A worker deals with a slot: one outcome for each job, as far as they go."""
        if not self.requests:
            return
        name, slot = self.requests.pop(number % len(self.requests))
        self._run(name, slot.id, "enqueued", slot.channel, outcomes[0])
        hints = [hint.id for hint in slot.hints]
        for hint, outcome in zip(hints, outcomes[1:], strict=False):
            self._run(name, hint, "pending", slot.channel, outcome)
        self._answer(name, slot, hints=min(len(hints), len(outcomes) - 1))

    def limit(self, name, limits):
        """Limits are set in the web client of a database, in place of those of before."""
        configs = [self._config(channel, *astuple(limits[channel])) for channel in limits]
        if self.manager.limit_database(name, configs):
            self.served[name].note_limits(self.now)
        self.model.limit_database(name, configs)

    def refuse(self, number):
        """Odoo is not there; long enough for it to be tried again."""
        if self.requests:
            name, slot = self.requests.pop(number % len(self.requests))
            self._answer(name, slot, problem="refused")

    def break_off(self, number):
        """A worker ends in the middle of its first job: it is found dead, in time."""
        if not self.requests:
            return
        name, slot = self.requests.pop(number % len(self.requests))
        self._move(name, slot.id, {"enqueued"}, state="started", lease="a lease")
        self._answer(name, slot, problem="broken off")
        for _number in range(8):
            self.now += 0.5
            self.turn_without_starting(name)

    def _run(self, name, job_id, state, channel, outcome):
        row = self.databases[name].rows.get(job_id)
        is_due = row and (state == "enqueued" or row["eta"] is None or row["eta"] <= self.now)
        if not is_due or row["state"] != state or row["channel"] != channel:
            return
        self._move(name, job_id, {state}, state="started")
        eta = self.now + 1 if outcome == "later" else None
        state = "pending" if outcome == "later" else outcome
        self._move(name, job_id, {"started"}, state=state, lease=None, eta=eta)

    def _move(self, name, job_id, before, **values):
        row = self.databases[name].rows.get(job_id)
        if row and row["state"] in before:
            self.databases[name].update(job_id, **values)

    def _answer(self, name, slot, problem=None, hints=None):
        response = self._response(name, slot.uuid, problem, hints, URL, slot.grant)
        self.served[name].note_response(response, self.now)

    def _ids(self, name, states):
        rows = self.databases[name].rows.values()
        return sorted(row["id"] for row in rows if row["state"] in states)

    def _to_some(self, name, number, states, values):
        ids = self._ids(name, states)
        if ids:
            self.databases[name].update(ids[number % len(ids)], **values)

    def _moment(self, seconds):
        return None if seconds is None else self.now + seconds

    # -- what the runner does, and what it should do

    def turn_without_starting(self, name):
        self.served[name].note_notifications()
        self.served[name].look(self.now)

    def turn(self):
        self.now += STEP
        for served in self.served.values():
            served.note_notifications()
            served.look(self.now)
            served.refresh(self.now)
        expected = self.expected()
        started = []
        for job in self.manager.get_jobs_to_run(self.now):
            started.append((job.db_name, job.uuid))
            self.served[job.db_name].choose(job)
        assert started == expected
        slots = [
            (served.name, slot)
            for served in self.served.values()
            for slot, _url in served.start(self.now)
        ]
        assert sorted((name, slot.uuid) for name, slot in slots) == sorted(started)
        self.requests += slots
        self.check_hints(slots)

    def expected(self):
        """What the model starts now, in its order."""
        self.model.rows = {}
        for name, database in self.databases.items():
            for row in database.rows.values():
                self.model.notify(self._row(name, row))
        # units are held by slots, whatever has become of their jobs
        for name, served in self.served.items():
            for slot in self._slots(served):
                row = Row(name, slot.channel, slot.uuid, slot.id, 0, 0, None, "enqueued")
                self.model.notify(row)
        self.model.advance(self.now)
        return list(iter(self.model.start_next, None))

    @staticmethod
    def _slots(served):
        return [*served.in_flight.values(), *served.slots.watched.values()]

    def _row(self, name, row):
        served = self.served[name]
        is_suspended = served.windows._suspended_until > self.now
        is_hidden = row["state"] == "pending" and (row["id"] in served._taken or is_suspended)
        state = HIDDEN if is_hidden else row["state"]
        return Row(
            name, row["channel"], row["uuid"], row["id"],
            row["date_created"], row["priority"], row["eta"], state,
        )  # fmt: skip

    def check_hints(self, slots):
        """Each hint is what the model would start next, were the unit of its slot free."""
        groups = {}
        for name, slot in slots:
            groups.setdefault((name, slot.channel), []).append(slot)
        for (name, channel), of_channel in groups.items():
            hints = sorted(hint for slot in of_channel for hint in slot.hints)
            if of_channel[0].next is not None:
                self._check_next(name, channel, of_channel[0], hints, slots)
            if hints:
                self._check_hints(name, channel, of_channel[0], hints, slots)

    def _check_next(self, name, channel, slot, hints, slots):
        """A slot may go on by itself only before the job that the model would start after the hints."""
        rows = dict(self.model.rows)
        of_slots = {(n, s.uuid) for n, s in slots} | {
            (n, h.uuid) for n, s in slots for h in s.hints
        }
        for key, row in rows.items():
            if key in of_slots and key != (name, slot.uuid):
                self.model.notify(
                    replace(row, state=HIDDEN if row.state == "pending" else row.state)
                )
        self.model.notify(replace(rows[name, slot.uuid], state="done"))
        following = self.model.start_next()
        self.model.rows = rows
        expected = self.databases[name].rows[slot.next]["uuid"] if slot.next else None
        assert following == (expected and (name, expected))

    def _check_hints(self, name, channel, slot, hints, slots):
        later = {
            (n, h.uuid) for n, s in slots for h in s.hints if s.channel != channel or n != name
        }
        rows = dict(self.model.rows)
        for (db_name, uuid), row in rows.items():
            if (db_name, uuid) in later or (db_name, uuid) == (name, slot.uuid):
                # taken after this channel's turn, or ended
                self.model.notify(replace(row, state=HIDDEN))
        for hint in hints:
            row = self.databases[name].rows[hint.id]
            self.model.notify(replace(self._row(name, row), state="pending"))
        for hint in hints:
            assert self.model.start_next() == (name, hint.uuid)
            self.model.notify(replace(self.model.rows[name, hint.uuid], state="done"))
        self.model.rows = rows


def check_order(jobrunner, examples):
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(configurations, st.lists(events, min_size=10, max_size=60))
    def check(limits, steps):
        world = World(jobrunner, limits)
        for name, *arguments in steps:
            getattr(world, name)(*arguments)
            world.turn()

    check()


def test_the_order_is_that_of_the_model(jobrunner):
    check_order(jobrunner, examples=150)


def test_the_order_is_that_of_the_model_however_little_is_kept(jobrunner, monkeypatch):
    for name, number in {"FEW": 1, "MANY": 4, "PROVISION": 2, "STOCK": 3}.items():
        monkeypatch.setattr(jobrunner.reader, name, number)
    monkeypatch.setattr(jobrunner.slots, "MOST_HINTS", 6)
    check_order(jobrunner, examples=100)
