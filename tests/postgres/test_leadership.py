# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""One leader at a time, and none that is gone: with real sessions and real locks."""

import threading

import psycopg2
import pytest

from stack.database import OF_THIS_DATABASE
from stack.waiting import wait_until

LIMIT = 20  # seconds, against hanging
GATE_LOCK_CLASS = 0x71756576


@pytest.fixture
def candidate(jobrunner, database, sql):
    """A function that returns (database, leadership) of another runner."""
    opened = []
    # of the test before
    sql("UPDATE queue_job_leader SET holder = NULL")
    locks = f"SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND {OF_THIS_DATABASE}"
    wait_until(lambda: not sql(locks), LIMIT, "the end of other sessions")

    def make(poll_only=False):
        other = jobrunner.database.Database(database, poll_only=poll_only)
        opened.append(other)
        return other, other.make_leadership()

    yield make
    for other in opened:
        other.close()


@pytest.fixture
def silent(jobrunner, monkeypatch):
    """Whoever says nothing for a moment is taken for frozen."""
    for name in ("END_SILENT_LEADER", "BEGIN_EPOCH", "BEGIN_LEASED_EPOCH"):
        query = getattr(jobrunner.leader_queries, name)
        assert f"'{jobrunner.leader_queries.SILENCE} s'" in query
        monkeypatch.setattr(
            jobrunner.leader_queries,
            name,
            query.replace(f"'{jobrunner.leader_queries.SILENCE} s'", "'0.5 s'"),
        )


def is_silent(sql):
    """Whether the leader has not been heard of for the moment of the fixture."""
    return sql(
        "SELECT 1 FROM queue_job_leader JOIN pg_stat_activity USING (pid)"
        " WHERE state_change < clock_timestamp() - interval '0.6 s'"
    )


def keep(jobrunner, leadership, database, now):
    database.notified_channels()
    return leadership.keep(now)


def test_one_leader_and_the_next_when_it_is_gone(candidate):
    (first, leads), (_second, waits) = candidate(), candidate()
    assert leads.take()
    assert not waits.take()
    first.close()
    assert wait_until(waits.take, LIMIT, "the end of the first session")
    assert waits.epoch > leads.epoch


def test_a_silent_leader_is_thrown_out(candidate, sql, silent, jobrunner):
    (first, leads), (_second, waits) = candidate(), candidate()
    assert leads.take()
    assert not waits.take()
    wait_until(lambda: is_silent(sql), LIMIT, "the silence")
    assert wait_until(waits.take, LIMIT, "the end of the first session")
    with pytest.raises(psycopg2.OperationalError):
        keep(jobrunner, leads, first, 0)


def test_a_leader_that_is_heard_of_stays(candidate, jobrunner):
    (first, leads), (_second, waits) = candidate(), candidate()
    assert leads.take()
    for now in range(4):
        standing = keep(jobrunner, leads, first, now)
        assert not waits.take()
    assert (standing.is_closed, standing.modules_to_do) == (False, 0)


def test_the_runner_of_the_published_addon_is_left_alone(candidate, connect, database, silent, sql):
    """It holds the same lock, and says nothing as long as nothing happens."""
    other = connect(database, autocommit=True)
    other.cursor().execute("SELECT pg_advisory_lock(2293787760715711918)")
    pid = other.info.backend_pid
    silence = (
        "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND state_change < now() - interval '0.6 s'"
    )
    wait_until(lambda: sql(silence, pid), LIMIT, "the silence")
    _database, waits = candidate()
    assert not waits.take()
    other.cursor().execute("SELECT 1")


def test_a_leader_whose_epoch_is_over_gives_up(candidate, sql, jobrunner):
    first, leads = candidate()
    assert leads.take()
    sql("UPDATE queue_job_leader SET epoch = epoch + 1")
    with pytest.raises(jobrunner.leadership.LeadershipLost):
        keep(jobrunner, leads, first, 0)


def test_notifications_that_do_not_come_through_are_noticed(candidate, jobrunner, monkeypatch):
    first, leads = candidate()
    assert leads.take()
    for now in (0, 2, 4):
        keep(jobrunner, leads, first, now)
    # as with a pooler that gives each transaction another session
    first.query("UNLISTEN *")
    leads.keep(6)
    first.notified_channels()
    with pytest.raises(jobrunner.connection.NoAnswer, match="poll_only"):
        for now in range(8, 30, 2):
            keep(jobrunner, leads, first, now)


# -- without sessions


def test_a_lease(candidate, sql, silent, jobrunner):
    (_first, leads), (_second, waits) = candidate(poll_only=True), candidate(poll_only=True)
    assert leads.take()
    leads.keep(0)
    assert not waits.take()
    assert wait_until(waits.take, LIMIT, "the end of the lease")
    with pytest.raises(jobrunner.leadership.LeadershipLost):
        leads.keep(0)


def test_a_lease_from_before_the_clock_was_set_back(candidate, sql, silent, jobrunner):
    """It does not last until the clock has caught up."""
    (_first, leads), (_second, waits) = candidate(poll_only=True), candidate(poll_only=True)
    assert leads.take()
    sql("UPDATE queue_job_leader SET seen = seen + interval '1 h'")
    assert waits.take()
    with pytest.raises(jobrunner.leadership.LeadershipLost):
        leads.keep(0)


def test_a_lease_that_is_given_back(candidate):
    (_first, leads), (_second, waits) = candidate(poll_only=True), candidate(poll_only=True)
    assert leads.take()
    leads.leave()
    assert waits.take()
    assert waits.epoch > leads.epoch


def test_lease_and_session_exclude_each_other(candidate):
    (first, by_session), (_second, by_lease) = candidate(), candidate(poll_only=True)
    assert by_session.take()
    assert not by_lease.take()
    first.close()
    assert wait_until(by_lease.take, LIMIT, "the end of the session")
    _third, another = candidate()
    assert not another.take()
    # and it does not keep the lock that it had to look
    by_lease.leave()
    _fourth, yet_another = candidate()
    assert yet_another.take()


def test_nothing_of_a_pooled_session_is_used(candidate, sql):
    other, leads = candidate(poll_only=True)
    assert leads.take()
    leads.keep(0)
    assert other.notified_channels() == set()
    pid = other.value("SELECT pg_backend_pid()")
    assert sql("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = %s", pid) == []
    assert other.value("SELECT count(*) FROM pg_listening_channels()") == 0
    # the settings go with each statement
    assert other.value("SELECT current_setting('enable_seqscan')") == "off"
    assert other.connection.execute("SELECT current_setting('enable_seqscan')") == [("on",)]


def test_the_key_of_the_gate(jobrunner):
    from odoo.addons.queue_job.core import lock

    assert lock.GATE_LOCK_CLASS == GATE_LOCK_CLASS


# -- what a leader that is none any more can do

CLAIM = "SELECT (queue_job_claim_enqueued(%s, %s, 1, 'lease') ->> 0)::integer"
CLAIM_HINT = "SELECT (queue_job_claim_pending(%s, 'root', %s, 1, 'lease') ->> 0)::integer"


@pytest.fixture
def job_id(insert, sql):
    def make(**values):
        job = insert(**values)
        return job, sql("SELECT id FROM queue_job WHERE uuid = %s", job)[0][0]

    return make


def test_grants_of_another_epoch_claim_nothing(candidate, job_id, sql):
    _database, leads = candidate()
    assert leads.take()
    old, new = f"{leads.epoch - 1}.x", f"{leads.epoch}.x"
    enqueued, number = job_id(state="enqueued", lease=old)
    _hint, hint = job_id()
    assert sql(CLAIM, enqueued, old) == [(None,)]
    assert sql(CLAIM_HINT, hint, old) == [(None,)]
    sql("UPDATE queue_job SET lease = %s WHERE id = %s", new, number)
    assert sql(CLAIM, enqueued, new) == [(number,)]
    assert sql(CLAIM_HINT, hint, new) == [(hint,)]


def test_a_claim_without_a_grant_is_not_judged(candidate, job_id, sql):
    _database, leads = candidate()
    assert leads.take()
    enqueued, number = job_id(state="enqueued")
    # nor does one that brings none by mistake claim it
    assert sql(CLAIM, enqueued, "") == [(None,)]
    assert sql(CLAIM, enqueued, None) == [(number,)]


def test_a_new_leader_waits_for_the_claims_before(candidate, job_id, sql, connect, database):
    """So that what it counts as started is all that was started."""
    first, leads = candidate()
    assert leads.take()
    _job, hint = job_id()
    claiming = connect(database)
    claiming.cursor().execute(CLAIM_HINT, [hint, f"{leads.epoch}.x"])
    first.close()
    _second, waits = candidate()
    taken = []
    thread = threading.Thread(
        target=lambda: taken.append(wait_until(waits.take, LIMIT, "the end of the session"))
    )
    thread.start()
    waiting = "SELECT 1 FROM pg_locks WHERE classid = %s AND NOT granted AND " + OF_THIS_DATABASE
    wait_until(lambda: sql(waiting, GATE_LOCK_CLASS), LIMIT, "the new leader's wait")
    assert taken == []
    claiming.commit()
    thread.join(LIMIT)
    assert taken == [True]
    assert sql("SELECT state FROM queue_job") == [("started",)]


def test_a_closed_gate(candidate, job_id, sql, connect, database, jobrunner):
    first, leads = candidate()
    assert leads.take()
    _job, hint = job_id()
    upgrade = connect(database)
    upgrade.cursor().execute("SELECT pg_advisory_xact_lock(%s, 0)", [GATE_LOCK_CLASS])
    assert sql(CLAIM_HINT, hint, f"{leads.epoch}.x") == [(None,)]
    assert keep(jobrunner, leads, first, 0).is_closed
    upgrade.rollback()
    assert not keep(jobrunner, leads, first, 2).is_closed
    assert sql(CLAIM_HINT, hint, f"{leads.epoch}.x") == [(hint,)]


def test_modules_that_are_to_be_upgraded(candidate, sql, jobrunner):
    first, leads = candidate()
    assert leads.take()
    sql("UPDATE ir_module_module SET state = 'to upgrade' WHERE name = 'web'")
    assert keep(jobrunner, leads, first, 0).modules_to_do == 1
    sql("UPDATE ir_module_module SET state = 'installed' WHERE name = 'web'")
    assert not keep(jobrunner, leads, first, 2).modules_to_do
