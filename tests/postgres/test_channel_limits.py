# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Limits that are set in the web client hold at once, in a runner that goes on.

Those of one of two databases that share a runner do not concern the other one.
"""

import os

import pytest

from stack.waiting import wait_until


class Requests:
    """Stands for the dispatcher, whose requests go nowhere: it keeps the jobs that would run."""

    def __init__(self):
        self.uuids = []
        #: (name of the database, slot)
        self.slots = []
        self._read, self._write = os.pipe()

    def fileno(self):
        return self._read

    def submit(self, db_name, slot, url):
        self.uuids.append(slot.uuid)
        self.slots.append((db_name, slot))

    def responses(self):
        return []

    def call(self, db_name):
        """Nobody waits."""

    leave = call

    def close(self):
        os.close(self._read)
        os.close(self._write)


@pytest.fixture
def start(jobrunner, database, sql, monkeypatch):
    """A function that returns a runner with these channels, and the uuids of what it runs.

    Other databases than that of the test can be named.
    """
    from odoo.addons.queue_job.core.runner_config import RunnerConfig

    monkeypatch.setattr(jobrunner.runner, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(jobrunner.discovery, "DISCOVERY_INTERVAL", 0.1)
    # one that answers late would leave the capacity to the other
    monkeypatch.setattr(jobrunner.lane, "PATIENCE", 5)
    forget_limits(sql)
    started = []

    class Runner(jobrunner.runner.QueueJobRunner):
        def get_db_names(self):
            return self.names

    def start_runner(channels, *names):
        runner = Runner(RunnerConfig(channels=channels))
        runner.names = list(names or [database])
        runner._dispatcher = Requests()
        started.append(runner)
        runner.initialize_databases()
        serve(runner, *runner.names)
        return runner, runner._dispatcher.uuids

    yield start_runner
    for runner in started:
        runner._dispatcher.close()
        runner._dispatcher = None
        runner.close_databases()


@pytest.fixture
def set_limits(sql):
    """A function that writes limits as the model does, and notifies.

    ``sql`` says where, if not in the database of the test.
    """
    sql_here = sql

    def write(name, capacity=1, sql=sql_here, **values):
        sql(
            "INSERT INTO queue_job_channel (name, complete_name, removal_interval, rate_unit)"
            " VALUES (%s, %s, 30, 'second') ON CONFLICT DO NOTHING",
            name.rpartition(".")[2],
            name,
        )
        row = {"has_limits": True, "capacity": capacity, "paused": False, **values}
        assignments = ", ".join(f"{column} = %s" for column in row)
        sql(
            f"UPDATE queue_job_channel SET {assignments} WHERE complete_name = %s",
            *row.values(),
            name,
        )
        sql("SELECT pg_notify('queue_job_channel', ':limits')")

    return write


def forget_limits(sql):
    sql("UPDATE queue_job_channel SET has_limits = FALSE, paused = FALSE, throttle = 0")
    sql("DELETE FROM queue_job_channel WHERE complete_name <> 'root'")


def serve(runner, *names):
    """Have the runner serve these databases and no others."""
    runner.names = list(names)
    turns(runner, lambda: set(runner._served) == set(names), "serving the databases")


def turns(runner, condition, what):
    wait_until(lambda: runner.run_once() or condition(), 30, what)


def rest(runner, number=6):
    """Some turns in which something could happen that must not."""
    for _turn in range(number):
        runner.run_once()


def test_capacity(start, insert, set_limits):
    runner, running = start("root:1")
    jobs = [insert() for _number in range(4)]
    turns(runner, lambda: running, "the first job")
    rest(runner)
    assert running == jobs[:1]
    set_limits("root", 3)
    turns(runner, lambda: len(running) == 3, "more jobs")
    rest(runner)
    assert running == jobs[:3]


def test_pause_and_resume(start, insert, set_limits):
    runner, running = start("root:4, root.mail:2")
    set_limits("root.mail", 2, paused=True)
    turns(runner, lambda: not runner.channel_manager.has_room("root.mail"), "the pause")
    paused, other = insert(channel="root.mail"), insert()
    turns(runner, lambda: running, "the other job")
    rest(runner)
    assert running == [other]
    set_limits("root.mail", 2)
    turns(runner, lambda: len(running) == 2, "the job of the channel")
    assert running == [other, paused]


def test_sequential(start, insert, sql, set_limits):
    runner, running = start("root:4")
    insert(channel="root.seq", state="failed")
    set_limits("root.seq", 1, sequential=True)
    turns(runner, lambda: runner.channel_manager.is_in_order("root.seq"), "the new order")
    behind, last = insert(channel="root.seq"), insert(channel="root.seq")
    rest(runner)
    assert running == []
    sql("UPDATE queue_job SET state = 'done' WHERE state = 'failed'")
    turns(runner, lambda: running, "the job behind")
    rest(runner)
    assert running == [behind]
    set_limits("root.seq", 2)
    turns(runner, lambda: len(running) == 2, "the last job")
    assert running == [behind, last]


def test_rate(start, insert, set_limits):
    runner, running = start("root:4")
    set_limits("root", 4, throttle=3600)
    turns(runner, lambda: runner.channel_manager.is_paced("root"), "the rate")
    jobs = [insert(), insert()]
    turns(runner, lambda: running, "the first job")
    rest(runner)
    assert running == jobs[:1]
    set_limits("root", 4, throttle=0)
    turns(runner, lambda: len(running) == 2, "the other job")


def test_taken_back(start, insert, sql, set_limits):
    """Without its limits, the channel has those of the configuration again."""
    runner, running = start("root:2")
    set_limits("root", 1, paused=True)
    turns(runner, lambda: not runner.channel_manager.has_room("root"), "the pause")
    insert(), insert(), insert()
    rest(runner)
    assert running == []
    sql("UPDATE queue_job_channel SET has_limits = FALSE, paused = FALSE")
    sql("SELECT pg_notify('queue_job_channel', ':limits')")
    turns(runner, lambda: len(running) == 2, "two jobs")
    rest(runner)
    assert len(running) == 2


def test_they_are_there_from_the_start(start, insert, set_limits):
    start("root:1")[0].close_databases()
    set_limits("root", 2)
    runner, running = start("root:1")
    insert(), insert(), insert()
    turns(runner, lambda: len(running) == 2, "two jobs")


def test_what_nobody_has_ever_set(start, insert, sql, set_limits):
    """Odoo leaves it NULL."""
    runner, running = start("root:1")
    set_limits("root", 2, sequential=None, throttle=None, paused=None)
    insert(), insert(), insert()
    turns(runner, lambda: len(running) == 2, "two jobs")
    set_limits("root", None, has_limits=None, sequential=None, throttle=None, paused=True)
    turns(runner, lambda: not runner.channel_manager.has_room("root"), "the pause")
    rest(runner)
    assert len(running) == 2


def test_a_lost_notification(start, insert, set_limits, sql, jobrunner, monkeypatch):
    monkeypatch.setattr(jobrunner.served_database, "POLL_INTERVAL", 0.2)
    runner, running = start("root:1")
    sql("UPDATE queue_job_channel SET has_limits = TRUE, capacity = 2 WHERE complete_name = 'root'")
    insert(), insert()
    turns(runner, lambda: len(running) == 2, "two jobs")


@pytest.fixture(scope="module")
def other_database(fresh_databases):
    return fresh_databases()


@pytest.fixture
def other(other_database, sql_in):
    """Runs statements in the other database."""
    sql = sql_in(other_database)
    sql("TRUNCATE queue_job CASCADE")
    forget_limits(sql)
    return sql


@pytest.fixture
def start_both(start, database, other_database, other):
    """As ``start``, for both databases."""
    return lambda channels: start(channels, database, other_database)


def test_pause_and_resume_of_one_of_two_databases(start_both, insert, set_limits, other):
    set_limits("root.mail", 1, paused=True)
    runner, running = start_both("root:4, root.mail:4")
    # the older ones would come first
    jobs = [insert(channel="root.mail") for _number in range(2)]
    others = [insert(other, channel="root.mail") for _number in range(2)]
    turns(runner, lambda: len(running) == 2, "the jobs of the other database")
    rest(runner)
    assert running == others
    set_limits("root.mail", 4)
    turns(runner, lambda: len(running) == 4, "the jobs of this one")
    assert running == others + jobs


def test_capacity_of_one_of_two_databases(start_both, insert, set_limits, other):
    set_limits("root", 1)
    runner, running = start_both("root:4")
    jobs = [insert() for _number in range(4)]
    others = [insert(other) for _number in range(4)]
    turns(runner, lambda: len(running) == 4, "four jobs")
    rest(runner)
    assert sorted(running) == sorted([jobs[0], *others[:3]])


def test_rate_of_one_of_two_databases(start_both, insert, set_limits, other, database):
    """Only what is started by the runner itself can keep a rate: no slot has hints."""
    set_limits("root", 4, throttle=3600)
    runner, running = start_both("root:4")
    for sql in (None, other):
        for _number in range(8):
            insert(*filter(None, [sql]))
    turns(runner, lambda: len(running) == 4, "four jobs")
    rest(runner)
    slots = runner._dispatcher.slots
    assert [len(slot.hints) for name, slot in slots if name == database] == [0]
    assert sum(len(slot.hints) for name, slot in slots if name != database) == 5


def test_sequential_of_one_of_two_databases(start_both, insert, sql, set_limits, other):
    set_limits("root.seq", 1, sequential=True)
    runner, running = start_both("root:4")
    insert(channel="root.seq", state="failed")
    behind, _last = insert(channel="root.seq"), insert(channel="root.seq")
    insert(other, channel="root.seq", state="failed")
    others = [insert(other, channel="root.seq") for _number in range(2)]
    turns(runner, lambda: len(running) == 2, "the jobs of the other database")
    rest(runner)
    assert running == others
    sql("UPDATE queue_job SET state = 'done' WHERE state = 'failed'")
    turns(runner, lambda: len(running) == 3, "the job behind the failed one")
    rest(runner)
    assert running == [*others, behind]


def test_no_database_gets_more_than_the_configuration_gives(
    start_both, insert, set_limits, other, database
):
    set_limits("root", 9)
    runner, running = start_both("root:2")
    jobs = [insert() for _number in range(4)]
    turns(runner, lambda: len(running) >= 2, "two jobs")
    rest(runner)
    assert running == jobs[:2]
    # until it has the runner for itself
    serve(runner, database)
    turns(runner, lambda: len(running) == 4, "all jobs")


def test_they_end_with_serving_their_database(
    start_both, insert, set_limits, other, database, other_database
):
    set_limits("root", 1, paused=True)
    runner, running = start_both("root:2")
    insert()
    serve(runner, other_database)
    first = insert(other)
    turns(runner, lambda: running, "the job of the other database")
    # and begin with it
    serve(runner, database, other_database)
    second = insert(other)
    turns(runner, lambda: len(running) == 2, "another one")
    rest(runner)
    assert running == [first, second]
