# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Changing the table of the jobs waits for those that run, and lets none begin."""

import threading

import pytest

from stack.waiting import wait_until

LIMIT = 20  # seconds, against hanging
GATE_IS_CLOSED = (
    "SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = database"
    " WHERE locktype = 'advisory' AND classid = %s AND mode = 'ExclusiveLock' AND granted"
    " AND datname = current_database()"
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
