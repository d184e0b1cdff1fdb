# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Changing the table of the jobs waits for those that run, and lets none begin."""

import threading

import pytest

from stack.database import OF_THIS_DATABASE
from stack.waiting import wait_until

LIMIT = 20  # seconds, against hanging
GATE_IS_CLOSED = (
    "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = %s"
    f" AND mode = 'ExclusiveLock' AND granted AND {OF_THIS_DATABASE}"
)


@pytest.fixture
def locks(jobrunner):
    from odoo.addons.queue_job.core import lock

    return lock


@pytest.fixture
def running(database, connect, insert, locks):
    """A running job: (its uuid, the connection of its worker)."""
    job = insert(state="started", lease="x")
    worker = connect(database)
    worker.cursor().execute(
        "SELECT pg_advisory_xact_lock(%s, id) FROM queue_job WHERE uuid = %s",
        [locks.JOB_LOCK_CLASS, job],
    )
    return job, worker


@pytest.fixture
def close(database, connect, jobrunner):
    """A function that closes the gate in a transaction and returns its connection."""
    from odoo.addons.queue_job.sql import gate

    def run():
        connection = connect(database)
        gate.close(connection.cursor())
        return connection

    return run


def test_it_is_closed_until_the_end_of_the_transaction(close, sql, locks):
    upgrade = close()
    assert sql(GATE_IS_CLOSED, locks.GATE_LOCK_CLASS)
    upgrade.commit()
    assert not sql(GATE_IS_CLOSED, locks.GATE_LOCK_CLASS)


def test_it_waits_for_the_jobs_that_run(close, running, sql, locks):
    _job, worker = running
    done = []
    thread = threading.Thread(target=lambda: done.append(close()))
    thread.start()
    wait_until(lambda: sql(GATE_IS_CLOSED, locks.GATE_LOCK_CLASS), LIMIT, "the gate")
    assert done == []
    worker.rollback()
    thread.join(LIMIT)
    assert len(done) == 1


def test_it_goes_on_after_a_while_and_names_them(close, running, monkeypatch, caplog):
    from odoo.addons.queue_job.sql import gate

    monkeypatch.setattr(gate, "PATIENCE", 1)
    job, _worker = running
    assert close()
    assert job in caplog.text


# -- modules that are marked to be installed, upgraded or uninstalled


@pytest.fixture
def mark(database, connect):
    """A function that marks an addon in a transaction and returns its connection."""

    def run(state="to upgrade"):
        connection = connect(database)
        connection.cursor().execute(
            "UPDATE ir_module_module SET state = %s WHERE name = 'web'", [state]
        )
        return connection

    yield run
    connection = run("installed")
    connection.commit()


def test_marking_a_module_closes_it_until_that_is_committed(mark, sql, locks):
    odoo = mark()
    assert sql(GATE_IS_CLOSED, locks.GATE_LOCK_CLASS)
    odoo.commit()
    assert not sql(GATE_IS_CLOSED, locks.GATE_LOCK_CLASS)


def test_what_is_done_with_a_module_leaves_it_open(mark, sql, locks):
    mark().commit()
    odoo = mark("installed")
    assert not sql(GATE_IS_CLOSED, locks.GATE_LOCK_CLASS)
    odoo.commit()


def test_the_runner_is_told_of_marks(mark, runner_database, jobrunner):
    from odoo.addons.queue_job.core.notification import MODULES_CHANGED

    runner_database.query("LISTEN queue_job_channel")
    for state in ("to install", "installed"):
        mark(state).commit()
        runner_database.query("SELECT 1")
        wait_until(
            lambda: MODULES_CHANGED in runner_database.notified_channels(), LIMIT, "a notification"
        )


@pytest.fixture
def is_closed(jobrunner):
    """A function ``is_closed(modules, now)`` of a runner's gate, which nobody has locked."""
    gate = jobrunner.gate.Gate("db")
    standing = jobrunner.leadership.Standing
    return lambda modules, now: gate.is_closed(standing(False, modules, False), now)


def test_marks_that_are_forgotten_stop_nothing_for_ever(is_closed, jobrunner):
    later = jobrunner.gate.STRAY_AFTER
    assert [is_closed(2, now) for now in (0, later - 1, later)] == [True, True, False]


def test_an_upgrade_that_goes_on_is_not_forgotten(is_closed, jobrunner):
    later = jobrunner.gate.STRAY_AFTER
    looks = [(9, 0), (8, later - 1), (8, later + 1), (7, 2 * later), (0, 2 * later + 1)]
    assert [is_closed(*look) for look in looks] == [True, True, True, True, False]
