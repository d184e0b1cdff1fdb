# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Rows of delayed jobs are inserted together, and nobody sees that they were not there."""

import pytest

#: For the scripts: what the transaction of the shell has sent, and how to delay.
PRELUDE = """
from odoo.sql_db import Cursor
from odoo.addons.queue_job import insert_buffer

sent = []

def hook(cr, query, params, start, delay):
    if cr is env.cr:
        sent.append(query.code if hasattr(query, "code") else query)

import threading
threading.current_thread().query_hooks = [hook]
partner = env["res.partner"].browse(1)

def delay(count=1, **options):
    return [partner.with_delay(**options).search_count([]) for _number in range(count)]

def inserted():
    return len([query for query in sent if query.lstrip().startswith("INSERT INTO queue_job ")])

def stored(cr=env.cr):
    cr.execute("SELECT uuid FROM queue_job ORDER BY id")
    return [row[0] for row in cr.fetchall()]

def uuids(jobs):
    return [job.uuid for job in jobs]

delay()
env.cr.rollback()
env.company.name
sent.clear()
"""


@pytest.fixture
def run(database, shell):
    """A function that runs a script, which asserts something, after the prelude."""

    def run_script(script):
        assert "END OF SCRIPT" in shell(database, f'{PRELUDE}\n{script}\nprint("END OF SCRIPT")')

    return run_script


def test_a_loop_is_one_statement_and_in_its_order(run, sql):
    run("""
jobs = delay(30)
assert not sent, sent
assert stored() == uuids(jobs)
assert inserted() == 1 and len(sent) == 2
sent.clear()
jobs += delay(3)
env.cr.commit()
assert inserted() == 1
with env.registry.cursor() as other:
    assert stored(other) == uuids(jobs)
assert not vars(env.cr).keys() & set(insert_buffer._METHODS)
""")
    assert sql("SELECT count(*) FROM queue_job WHERE state = 'pending'") == [(33,)]


def test_whoever_looks_finds_them(run):
    run("""
job, = delay()
assert job.db_record().state == "pending"
job, = delay()
assert env["queue.job"].search_count([]) == 2
job, = delay()
assert env["queue.job"].search([("uuid", "=", job.uuid)]).priority == 10
job, = delay()
assert [each.uuid for each in type(job).load_many(env, [job.uuid])] == [job.uuid]
job, = delay(identity_key="key")
again, = delay(identity_key="key")
assert again.uuid == job.uuid
job, = delay()
job.priority = 3
job.store()
assert job.db_record().priority == 3
from io import StringIO
for send in (
    lambda: env.cr.copy_expert("COPY queue_job TO STDOUT", text),
    lambda: env.cr.executemany("UPDATE queue_job SET retry = %s", [(1,)]),
    lambda: env.cr.copy_to(text, "queue_job_leader"),
    lambda: env.cr.execute(query="SELECT 1"),
    lambda: env.cr.now(),
):
    text, before = StringIO(), inserted()
    job, = delay()
    assert inserted() == before
    send()
    assert inserted() == before + 1, send
""")


def test_batches_and_other_columns(run):
    run("""
jobs = delay(insert_buffer.BATCH + 1)
assert inserted() == 1
jobs += delay(2, eta=60) + delay(1)
assert stored() == uuids(jobs)
assert inserted() == 4
""")


def test_savepoints_and_rollbacks(run):
    run("""
kept = delay()
with env.cr.savepoint(flush=False):
    kept += delay()
try:
    with env.cr.savepoint():
        lost = delay()
        raise KeyError
except KeyError:
    pass
env.cr.execute("SAVEPOINT mine")
lost += delay()
env.cr.execute("ROLLBACK TO SAVEPOINT mine")
kept += delay()
try:
    with env.cr.savepoint(flush=False):
        try:
            env.cr.execute("SELECT 1 / 0", log_exceptions=False)
        except Exception:
            # the transaction is aborted
            lost += delay()
            raise KeyError
except KeyError:
    pass
kept += delay()
assert stored() == uuids(kept)
env.cr.commit()
delay()
env.cr.rollback()
assert stored() == uuids(kept)
delay()
env.cr.close()
with env.registry.cursor() as cr:
    assert stored(cr) == uuids(kept)
""")


def test_jobs_of_callbacks_before_the_commit(run):
    run("""
jobs = delay()
env.cr.precommit.add(lambda: jobs.extend(delay()))
env.cr.precommit.add(lambda: env.cr.precommit.add(lambda: jobs.extend(delay(2))))
jobs += delay()
env.cr.commit()
assert len(jobs) == 5
assert sorted(stored()) == sorted(uuids(jobs))
""")


def test_what_cannot_be_stored_is_refused_at_once(run):
    run("""
jobs = delay()
for options in ({"description": "a\\0"}, {"eta": "never"}):
    try:
        delay(**options)
    except ValueError:
        continue
    raise AssertionError(options)
for options in ({"priority": 2 ** 40}, {"max_retries": 2 ** 31}):
    try:
        with env.cr.savepoint(flush=False):
            delay(**options)
    except Exception as error:
        assert type(error).__name__ == "NumericValueOutOfRange", error
        continue
    raise AssertionError(options)
assert stored() == uuids(jobs)
""")


def test_errors_of_the_database_reach_whoever_commits(run, sql):
    run("""
partner = partner.with_context(company_id=999999)
delay()
try:
    env.cr.commit()
except Exception as error:
    assert type(error).__name__ == "ForeignKeyViolation", error
else:
    raise AssertionError
env.cr.rollback()
""")
    assert sql("SELECT count(*) FROM queue_job") == [(0,)]


def test_who_has_put_another_execute_there_is_called(run):
    run("""
seen = []
def execute(*args, **kwargs):
    seen.append(args[0])
    return Cursor.execute(env.cr, *args, **kwargs)
env.cr.execute = execute
delay(2)
assert not seen
env.cr.execute("SELECT 1")
assert [query[:6] for query in seen] == ["INSERT", "SELECT"]
assert env.cr.execute is execute
# and on top of the watch
del env.cr.execute
jobs = delay()
below = env.cr.execute
env.cr.execute = lambda *args, **kwargs: below(*args, **kwargs)
jobs += delay()
env.cr.execute("SELECT 1")
jobs += delay()
assert len(stored()) == 5
""")


def test_a_transaction_that_must_not_write_is_told_at_once(run):
    run("""
env.cr.rollback()
env.cr._cnx.set_session(readonly=True)
try:
    delay()
except Exception as error:
    assert type(error).__name__ == "ReadOnlySqlTransaction", error
else:
    raise AssertionError
""")


def test_the_price_of_a_job_does_not_grow(run):
    # 20 times the jobs in one transaction, and a table that is not empty
    run("""
import time
def price(count):
    start = time.process_time()
    delay(count)
    env.cr.flush()
    return (time.process_time() - start) / count
few = min(price(500) for _round in range(3))
many = price(10000)
assert many < 4 * few, (few, many)
assert len(stored()) == 11500
""")
