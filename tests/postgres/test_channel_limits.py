# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Limits that are set in the web client hold at once, in a runner that goes on."""

import os

import pytest

from stack.waiting import wait_until


class Requests:
    """Stands for the dispatcher, whose requests go nowhere: it keeps the jobs that would run."""

    def __init__(self):
        self.uuids = []
        self._read, self._write = os.pipe()

    def fileno(self):
        return self._read

    def submit(self, db_name, slot, url):
        self.uuids.append(slot.uuid)

    def responses(self):
        return []

    def close(self):
        os.close(self._read)
        os.close(self._write)


@pytest.fixture
def start(jobrunner, database, sql, monkeypatch):
    """A function that returns a runner of this database, with these channels, and its requests."""
    from odoo.addons.queue_job.core.runner_config import RunnerConfig

    monkeypatch.setattr(jobrunner.runner, "LONGEST_WAIT", 0.05)
    sql("UPDATE queue_job_channel SET has_limits = FALSE, paused = FALSE")
    sql("DELETE FROM queue_job_channel WHERE complete_name <> 'root'")
    started = []

    class Runner(jobrunner.runner.QueueJobRunner):
        def get_db_names(self):
            return [database]

    def start_runner(channels):
        runner = Runner(RunnerConfig(channels=channels))
        runner._dispatcher = Requests()
        started.append(runner)
        runner.initialize_databases()
        wait_until(lambda: runner.run_once() or runner._served, 30, "serving the database")
        return runner, runner._dispatcher.uuids

    yield start_runner
    for runner in started:
        runner._dispatcher.close()
        runner._dispatcher = None
        runner.close_databases()


@pytest.fixture
def set_limits(sql):
    """A function that writes limits as the model does, and notifies."""

    def write(name, capacity=1, **values):
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


def test_a_lost_notification(start, insert, set_limits, sql, jobrunner, monkeypatch):
    monkeypatch.setattr(jobrunner.served_database, "POLL_INTERVAL", 0.2)
    runner, running = start("root:1")
    sql("UPDATE queue_job_channel SET has_limits = TRUE, capacity = 2 WHERE complete_name = 'root'")
    insert(), insert()
    turns(runner, lambda: len(running) == 2, "two jobs")
