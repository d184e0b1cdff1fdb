# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The stand-in for a database answers as PostgreSQL does, whatever happens."""

import datetime
import select
import time

import pytest
from fake_database import FakeDatabase
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

START = datetime.datetime(2026, 1, 1)
CHANNELS = ("root", "root.a", "root.a.b")
IDS = st.integers(1, 5)
#: Seconds from now, far enough from it for both to see the same.
HOUR = 3600
values = {
    "state": st.sampled_from(
        ["pending"] * 6 + ["enqueued", "started", "failed", "done", "cancelled"]
    ),
    "channel": st.sampled_from(CHANNELS),
    "priority": st.integers(0, 1),
    "eta": st.sampled_from([None, None, -HOUR, HOUR, 2 * HOUR]),
    "lease": st.sampled_from([None, "x", "y"]),
}
dates = st.integers(0, 1).map(lambda seconds: START + datetime.timedelta(seconds=seconds))
inserts = st.fixed_dictionaries({**values, "id": IDS, "date_created": dates})
changes = st.one_of(st.fixed_dictionaries({name: value}) for name, value in values.items())
keys = st.tuples(st.integers(0, 1), dates, IDS)
events = st.one_of(
    st.tuples(st.just("insert"), inserts),
    st.tuples(st.just("insert"), inserts),
    st.tuples(st.just("update"), IDS, changes),
    st.tuples(st.just("update"), IDS, changes),
    st.tuples(st.just("delete"), IDS),
    st.tuples(st.just("mark_due"), st.integers(1, 2)),
    st.tuples(st.just("set_enqueued"), st.lists(st.tuples(IDS, values["channel"]), min_size=1)),
    st.tuples(st.just("take_back"), st.lists(IDS)),
    st.tuples(st.just("take_all_back")),
    st.tuples(
        st.just("requeue_dead"),
        st.lists(st.tuples(IDS.map(str), st.sampled_from(["", "x", "y"])), min_size=1),
    ),
)


class Both:
    """PostgreSQL and the fake, to which the same is done."""

    def __init__(self, real, fake, sql):
        self.real, self.fake, self.sql = real, fake, sql
        sql("TRUNCATE queue_job CASCADE")
        self.notified()

    def insert(self, row):
        if row["id"] in self.fake.rows:
            return
        row = {**row, "uuid": str(row["id"])}
        self.fake.insert(**{**row, "eta": self._moment(row["eta"])})
        row["eta"] = self._date(row["eta"])
        columns, places = ", ".join(row), ", ".join(["%s"] * len(row))
        self.sql(f"INSERT INTO queue_job ({columns}) VALUES ({places})", *row.values())

    def update(self, job_id, changes):
        if job_id not in self.fake.rows:
            return
        ((name, value),) = changes.items()
        is_eta = name == "eta"
        self.fake.update(job_id, **{name: self._moment(value) if is_eta else value})
        value = self._date(value) if is_eta else value
        self.sql(f"UPDATE queue_job SET {name} = %s WHERE id = %s", value, job_id)

    def delete(self, job_id):
        if job_id in self.fake.rows:
            self.fake.delete(job_id)
            self.sql("DELETE FROM queue_job WHERE id = %s", job_id)

    def mark_due(self, limit):
        self.same("mark_due", limit, key=sorted)

    def set_enqueued(self, jobs):
        self.same("set_enqueued", list({job_id: (job_id, c) for job_id, c in jobs}.values()), "g")

    def take_back(self, ids):
        self.same("take_back", ids)

    def take_all_back(self):
        self.same("take_all_back")

    def requeue_dead(self, tries):
        self.same("requeue_dead", tries)

    def same(self, name, *arguments, key=lambda value: value):
        real = key(getattr(self.real, name)(*arguments))
        assert real == key(getattr(self.fake, name)(*arguments)), (name, arguments)

    def compare(self, after):
        self.same("heads", key=sorted)
        self.same("heads_not_due", key=sorted)
        self.same("next_eta", key=self._roughly)
        self.same("jobs_in_progress", key=sorted_progress)
        for channel in CHANNELS:
            self.same("first_jobs", channel, 2)
            self.same("first_jobs", channel, 2, after)
            self.same("first_in_order", channel, key=self._roughly_first)
            self.same("some_failed", channel, key=bool)
        assert self.notified() == self.fake.notified_channels()

    def notified(self):
        self.real.value("SELECT 1")
        select.select([self.real], [], [], 0.003)
        return self.real.notified_channels()

    @staticmethod
    def _roughly(seconds):
        return None if seconds is None else round(seconds / HOUR)

    def _roughly_first(self, row):
        return row and row._replace(eta=self._roughly(row.eta))

    @staticmethod
    def _moment(seconds):
        return None if seconds is None else BEGIN + seconds

    @staticmethod
    def _date(seconds):
        return None if seconds is None else BEGIN_DATE + datetime.timedelta(seconds=seconds)


BEGIN = time.time()
BEGIN_DATE = datetime.datetime.fromtimestamp(BEGIN, datetime.timezone.utc).replace(tzinfo=None)


def sorted_progress(rows):
    return sorted((row._replace(worker_pid=None) for row in rows), key=lambda row: row.id)


@pytest.fixture
def both(jobrunner, runner_database, sql):
    from odoo.addons.queue_job.core.window import Waiting

    runner_database.query("LISTEN queue_job_channel")

    def make():
        in_progress = jobrunner.database.InProgress
        fake = FakeDatabase(runner_database.db_name, time.time, Waiting, in_progress)
        return Both(runner_database, fake, sql)

    return make


def test_the_fake_agrees_with_postgresql(both):
    from odoo.addons.queue_job.core.window import Waiting

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(events, keys), min_size=5, max_size=25))
    def check(steps):
        pair = both()
        for (name, *arguments), key in steps:
            getattr(pair, name)(*arguments)
            pair.compare(Waiting(*key, ""))

    check()
