# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""A runner whose role may not see or end the sessions of Odoo's role, or of another runner's."""

import contextlib
import time

import psycopg2
import pytest

from stack.postgres import PORT, is_alive
from stack.waiting import wait_until

LIMIT = 20  # seconds, against hanging


@pytest.fixture
def odoo_role(make_role, sql):
    role = make_role("odoo")
    for kind in ("TABLES", "SEQUENCES"):
        sql(f"GRANT ALL ON ALL {kind} IN SCHEMA public TO {role}")
    return role


@pytest.fixture
def runner_role(make_role, sql, jobrunner):
    """With no more than ``--check`` asks for."""
    from odoo.addons.queue_job.jobrunner.check_queries import NEEDED

    role = make_role("runner")
    for table, privileges in NEEDED.items():
        sql(f"GRANT {', '.join(privileges)} ON {table} TO {role}")
    return role


@pytest.fixture
def database_of(jobrunner, database):
    """A function that returns the runner's :class:`Database` for a role."""
    with contextlib.ExitStack() as stack:

        def make(role):
            opened = jobrunner.database.Database(database, {"user": role})
            stack.callback(opened.close)
            return opened

        yield make


@pytest.fixture
def runner_database(database_of, runner_role):
    return database_of(runner_role)


@pytest.fixture
def work(cluster, database, odoo_role, insert, sql):
    """A function that starts a job in a session of Odoo's role; returns its uuid and the connection."""
    from odoo.addons.queue_job.core.lock import JOB_LOCK_CLASS

    with contextlib.ExitStack() as stack:

        def start(statement="SELECT 1"):
            job = insert(state="started", lease="abc", timeout=1)
            sql(
                "UPDATE queue_job SET date_started = now() AT TIME ZONE 'UTC' - interval '9 s'"
                " WHERE uuid = %s",
                job,
            )
            (job_id,) = sql("SELECT id FROM queue_job WHERE uuid = %s", job)[0]
            worker = psycopg2.connect(host=cluster.host, port=PORT, user=odoo_role, dbname=database)
            stack.callback(worker.close)
            cursor = worker.cursor()
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [JOB_LOCK_CLASS, job_id])
            cursor.execute(statement, [job] if "%s" in statement else [])
            return job, worker

        yield start


def warnings_about(messages, role):
    return [message for message in messages() if f"may not end sessions of {role}" in message]


def test_a_job_past_its_time_limit(
    serve, work, state_of, odoo_role, runner_role, messages, cluster
):
    """It is taken from its worker, which notices in time."""
    served = serve()
    now = time.time()
    for number in range(2):
        job, worker = work()
        served.look(now + 10 * number)
        assert state_of(job) == "pending"
        assert is_alive(worker)
    (warning,) = warnings_about(messages, odoo_role)
    assert f"role {runner_role} may not" in warning
    assert served.name in warning
    cluster.execute(warning[warning.index("GRANT") :])
    job, worker = work()
    served.look(now + 30)
    wait_until(lambda: not is_alive(worker), LIMIT, "the end of the session")


def test_one_that_holds_its_own_row(
    serve, work, state_of, odoo_role, messages, cluster, runner_role
):
    """It goes on; the database is served all the same, and waits for nothing."""
    job, worker = work("UPDATE queue_job SET name = 'mine' WHERE uuid = %s")
    served = serve()
    now = time.time()
    for number in range(5):
        served.look(now + 10 * number)
        assert served.wakeup_time() >= now + 10 * number
    assert state_of(job) == "started"
    assert is_alive(worker)
    assert len(warnings_about(messages, odoo_role)) == 1
    assert not any("its row can't be had" in message for message in messages())
    cluster.execute(f"GRANT pg_signal_backend TO {runner_role}")
    served.look(now + 100)
    assert state_of(job) == "pending"
    assert not is_alive(worker)


def test_a_leader_that_falls_silent(
    jobrunner, database_of, odoo_role, runner_role, sql, cluster, monkeypatch
):
    """A stand-by that could not throw it out says so from the beginning."""
    monkeypatch.setattr(
        jobrunner.leader_queries,
        "END_SILENT_LEADER",
        jobrunner.leader_queries.END_SILENT_LEADER.replace(
            f"'{jobrunner.leader_queries.SILENCE} s'", "'0.5 s'"
        ),
    )
    leader = database_of(odoo_role)
    assert leader.make_leadership().take()
    candidate = jobrunner.candidate.Candidate(database_of(runner_role), 0)
    reason = candidate.attempt()
    assert reason.startswith(jobrunner.candidate.STANDS_BY)
    assert f"its role {runner_role} may not see and end sessions of {odoo_role}" in reason
    candidate.note_end(reason, 100)
    assert candidate.next_attempt == 100 + jobrunner.candidate.STAND_BY_INTERVAL
    grant = reason[reason.index("GRANT") :]
    # one without the other is not enough
    for role in ("pg_signal_backend", "pg_read_all_stats"):
        cluster.execute(f"GRANT {role} TO {runner_role}")
        time.sleep(1)
        assert candidate.attempt() == reason
        cluster.execute(f"REVOKE {role} FROM {runner_role}")
    cluster.execute(grant)
    assert wait_until(lambda: candidate.attempt() is None, LIMIT, "the lead")
    with pytest.raises(psycopg2.OperationalError):
        leader.query("SELECT 1")


def test_a_stand_by_of_the_same_role(jobrunner, database_of, runner_role):
    leader = database_of(runner_role)
    assert leader.make_leadership().take()
    candidate = jobrunner.candidate.Candidate(database_of(runner_role), 0)
    assert candidate.attempt() == jobrunner.candidate.STANDS_BY
