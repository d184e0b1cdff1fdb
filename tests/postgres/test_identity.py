# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""One waiting job for an identity key, by the word of the database."""

import psycopg2.errors
import pytest

PROCESSES, KEYS = 8, 40

#: All processes delay with the same key at the same moment, none seeing what another does.
AT_ONCE = f"""
import multiprocessing, os, traceback
import odoo.sql_db
from odoo import api
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

registry, uid = env.registry, env.uid
env.cr.rollback()
context = multiprocessing.get_context("fork")
barrier, results = context.Barrier({PROCESSES}), context.Queue()

def delay(key, is_first_try):
    with registry.cursor() as cr:
        cr.execute("SELECT 1")
        if is_first_try:
            barrier.wait(100)
        job = api.Environment(cr, uid, {{}})["res.partner"].with_delay(
            identity_key=key
        ).search_count([])
        return job._name if hasattr(job, "_name") else "job", job.uuid

def run():
    # the connections are those of the parent
    odoo.sql_db._Pool = None
    try:
        for number in range({KEYS}):
            is_first_try = True
            while True:
                try:
                    results.put((f"key{{number}}", *delay(f"key{{number}}", is_first_try)))
                    break
                except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                    is_first_try = False
        results.put(None)
    except BaseException:
        results.put(traceback.format_exc())
    results.close()
    results.join_thread()
    os._exit(0)

for number in range({PROCESSES}):
    context.Process(target=run, daemon=True).start()
ended = 0
while ended < {PROCESSES}:
    result = results.get(timeout=100)
    if isinstance(result, tuple):
        print("RESULT", *result)
    else:
        ended += 1
        if result:
            print(result)
"""


def test_eight_processes_and_forty_keys_make_forty_jobs(database, shell, sql):
    printed = shell(database, AT_ONCE)
    results = [line.split()[1:] for line in printed.splitlines() if line.startswith("RESULT")]
    assert len(results) == PROCESSES * KEYS, printed
    rows = sql("SELECT identity_key, uuid FROM queue_job")
    assert len(rows) == KEYS
    # each caller has got the one job of its key
    assert {(key, uuid) for key, _kind, uuid in results} == set(rows)
    assert len([kind for _key, kind, _uuid in results if kind == "job"]) == KEYS


DELAY = """
import time
from psycopg2.errors import LockNotAvailable
start = time.monotonic()
try:
    job = env["res.partner"].with_delay(identity_key="key").search_count([])
    print("GOT", job)
except LockNotAvailable:
    print("CONFLICT", time.monotonic() - start < 30)
env.cr.execute("SELECT current_setting('lock_timeout')")
print("TIMEOUT", env.cr.fetchone()[0])
"""


@pytest.fixture
def waiting(insert):
    """A function that inserts a job that waits with the guard of ``key``."""

    def insert_job(**values):
        return insert(identity_key="key", identity_guard="key", **values)

    return insert_job


def test_a_key_of_an_open_transaction_is_a_conflict(database, shell, connect, waiting):
    connection = connect(database)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO queue_job (uuid, state, identity_key, identity_guard)"
            " VALUES ('x', 'pending', 'key', 'key')"
        )
        printed = shell(database, DELAY)
        assert "CONFLICT True" in printed
        assert "TIMEOUT 0" in printed
        connection.rollback()
    assert "GOT <Job" in shell(database, DELAY)


def guard(sql, uuid):
    return sql("SELECT identity_guard FROM queue_job WHERE uuid = %s", uuid)[0][0]


@pytest.mark.parametrize("state", ["started", "done", "cancelled", "failed"])
def test_whoever_does_not_wait_drops_the_guard_and_takes_it_back(sql, waiting, state):
    job = waiting()
    sql("UPDATE queue_job SET state = %s WHERE uuid = %s", state, job)
    assert guard(sql, job) is None
    sql("UPDATE queue_job SET state = 'pending' WHERE uuid = %s", job)
    assert guard(sql, job) == "key"


def test_while_it_waits_it_keeps_the_guard(sql, waiting):
    job = waiting(state="wait_dependencies")
    for state in ("pending", "enqueued", "pending"):
        sql("UPDATE queue_job SET state = %s WHERE uuid = %s", state, job)
        assert guard(sql, job) == "key"


def test_a_job_that_waits_again_never_fails_for_the_guard(sql, waiting, insert, connect, database):
    old = insert(state="failed", identity_key="key")
    new = waiting()
    sql("UPDATE queue_job SET state = 'pending' WHERE uuid = %s", old)
    assert (guard(sql, old), guard(sql, new)) == (None, "key")
    # nor while somebody is taking it
    other = insert(state="started", identity_key="other")
    connection = connect(database)
    connection.cursor().execute(
        "INSERT INTO queue_job (uuid, state, identity_key, identity_guard)"
        " VALUES ('x', 'pending', 'other', 'other')"
    )
    sql("UPDATE queue_job SET state = 'pending' WHERE uuid = %s", other)
    assert guard(sql, other) is None
    connection.commit()


def test_two_jobs_can_not_hold_one_guard(waiting):
    waiting()
    with pytest.raises(psycopg2.errors.UniqueViolation):
        waiting()


def test_a_job_without_key_has_no_guard(sql, insert):
    job = insert(state="failed")
    sql("UPDATE queue_job SET state = 'pending' WHERE uuid = %s", job)
    assert guard(sql, job) is None
