"""What becomes of the jobs of a slot where the end of one, and the claim of the next, are cut short.

Three jobs in one slot, on a real cursor: the second one does what the test is about.
"""

import json

import pytest

from stack import OdooConfig
from stack.odoo import run_script

#: Defines ``slot(method)``: what a slot of three jobs leaves.
SCRIPT = """
import json, sys, time
from odoo.addons.queue_job.controllers.main import RunJobController
from odoo.addons.queue_job.delay import chain, group
from odoo.addons.queue_job.exception import RetryableJobError
from odoo.sql_db import Cursor

Partner = type(env["res.partner"])
seen, sent = [], []
HERE = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"

def execute(self, query, params=None, log_exceptions=True, send=Cursor.execute):
    sent.append(str(query))
    return send(self, query, params, log_exceptions)

def elsewhere(query):
    with env.registry.cursor() as cr:
        cr.execute(query)
        return cr.fetchone() if cr.description else None

def write(self, name="probe"):
    self.env.cr.execute("INSERT INTO probe (name) VALUES (%s)", [name])

def fail_at_commit(self):
    write(self)
    self.env.cr.execute("INSERT INTO probe (name, parent) VALUES ('orphan', 99)")

def be_cancelled(self):
    write(self)
    elsewhere(f"UPDATE queue_job SET state = 'cancelled', lease = NULL WHERE id = {ids[1]}")

def lose_connection_at_commit(self):
    self.env.cr.execute("INSERT INTO probe (name) VALUES ('terminate')")

def hook_after_commit(self):
    write(self)
    def hook():
        seen.append(elsewhere(f"SELECT state FROM queue_job WHERE id = {ids[1]}")[0])
        raise ValueError("after the commit")
    self.env.cr.postcommit.add(hook)

def hook_before_commit(self):
    self.env.cr.precommit.add(lambda: write(self, "precommit"))

def delay_more(self):
    self.with_delay(channel="root.other").write_nothing()

def look(self):
    for name in ("transaction_isolation", "synchronous_commit"):
        self.env.cr.execute(f"SHOW {name}")
        seen.append(self.env.cr.fetchone()[0])
    seen.append(elsewhere(f"SELECT pid IS NOT NULL FROM queue_job JOIN pg_locks ON objid = id"
                          f" AND locktype = 'advisory' AND objsubid = 2 AND {HERE} WHERE id = {ids[1]}"))

def look_after_rollback(self):
    self.env.cr.rollback()
    look(self)

def write_nothing(self):
    pass

def set_something(self):
    self.env.cr.execute("SET statement_timeout = '123s'")

def look_at_it(self):
    for _attempt in range(2):
        self.env.cr.execute("SHOW statement_timeout")
        seen.append(self.env.cr.fetchone()[0])
        self.env.cr.rollback()

def fail_late(self):
    fail_at_commit(self)
    self.env.cr.postrollback.add(lambda: time.sleep(5))

def clear_a_cache(self):
    self.env["ir.config_parameter"].sudo().set_param("probe", str(self.env.cr.now()))

def signals():
    tables = elsewhere("SELECT array_agg(relname::text) FROM pg_class"
                       " WHERE relname LIKE 'orm_signaling_%' AND relkind = 'r'")[0]
    return sum(elsewhere(f"SELECT max(id) FROM {table}")[0] for table in tables)

def roll_back(self):
    write(self, "undone")
    self.env.cr.rollback()
    seen.append(elsewhere(f"SELECT count(*) FROM pg_locks WHERE objsubid = 2 AND objid = {ids[1]} AND {HERE}")[0])
    write(self)

def roll_back_and_lose_it(self):
    be_cancelled(self)
    self.env.cr.rollback()
    write(self)

def close_cursor(self):
    write(self)
    self.env.cr.close()

def commit_by_sql(self):
    write(self)
    self.env.cr.execute("COMMIT")

def leave(self):
    write(self)
    sys.exit("no more")

def wait_for_ever(self):
    raise RetryableJobError("later", seconds=float("inf"))

METHODS = (roll_back, roll_back_and_lose_it, close_cursor, commit_by_sql, leave, wait_for_ever, fail_at_commit, be_cancelled, lose_connection_at_commit, hook_after_commit,
           hook_before_commit, delay_more, look, look_after_rollback, write_nothing,
           clear_a_cache, set_something, look_at_it, fail_late)
for method in METHODS:
    setattr(Partner, method.__name__, method)

elsewhere('''
    CREATE TABLE probe (id serial PRIMARY KEY, name varchar,
                        parent integer REFERENCES probe DEFERRABLE INITIALLY DEFERRED);
    CREATE FUNCTION probe_terminate() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER probe_terminate AFTER INSERT ON probe
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.name = 'terminate')
        EXECUTE FUNCTION probe_terminate();
''')

def three_jobs(method, then="write_nothing"):
    partner = env["res.partner"]
    names = ("write_nothing", method, then)
    return [getattr(partner.with_delay(channel="root"), name)().uuid for name in names]

def slot(method, before=lambda: None, controller=RunJobController, then="write_nothing", **options):
    return run(three_jobs(method, then), before, controller, **options)

def chain_in_a_slot(before=lambda: None, method="write_nothing", controller=RunJobController,
                    then="write_nothing"):
    partner = env["res.partner"]
    names = (method, then, "write_nothing")
    jobs = [getattr(partner.delayable(channel="root"), name)() for name in names]
    chain(*jobs).delay()
    return run([job._generated_job.uuid for job in jobs], before, controller, behind="0")

def at_the_end_of_the_budget():
    # the first one has a dependent and a hint behind it, and no time for either
    partner = env["res.partner"]
    first, second = [partner.delayable(channel="root").write_nothing() for _ in range(2)]
    chain(first, second).delay()
    uuids = [first._generated_job.uuid, second._generated_job.uuid]
    uuids.append(partner.with_delay(channel="root").write_nothing().uuid)
    return run(uuids, deadline=0)

def group_in_a_slot(children=4, method="write_nothing", then="write_nothing"):
    partner = env["res.partner"]
    parents = [getattr(partner.delayable(channel="root"), method)() for _ in range(4)]
    behind = [partner.delayable(channel="root").write_nothing() for _ in range(children)]
    chain(group(*parents), group(*behind)).delay()
    uuids = [job._generated_job.uuid for job in parents]
    # the last one has a hint behind it, too, which comes after those that it frees
    uuids.append(getattr(partner.with_delay(channel="root", priority=50), then)().uuid)
    result = run(uuids, behind="0", with_hints=True)
    env.cr.execute("SELECT array_agg(DISTINCT state) FROM queue_job WHERE uuid = ANY(%s)",
                   [[job._generated_job.uuid for job in behind]])
    result["behind"] = env.cr.fetchone()[0]
    return result

def without_signals(slot):
    # the answer to the commit is there, with all that went with it, and something fails behind it
    registry = type(env.registry)
    signal, failures = registry.signal_changes, [None]
    def signal_changes(self):
        if failures:
            failures.pop()
            raise ValueError("no signals today")
        return signal(self)
    registry.signal_changes = signal_changes
    try:
        return slot()
    finally:
        registry.signal_changes = signal

def run(uuids, before=lambda: None, controller=RunJobController, behind=None, deadline=float("inf"),
        with_hints=False):
    global ids
    seen.clear()
    env.cr.execute("SELECT id FROM queue_job WHERE uuid = ANY(%s) ORDER BY id", [uuids])
    ids = [row[0] for row in env.cr.fetchall()]
    env.cr.execute("UPDATE queue_job SET state = 'enqueued' WHERE id = %s", [ids[0]])
    env.cr.execute("DELETE FROM probe")
    env.cr.commit()
    before()
    sent.clear()
    Cursor.execute = execute
    hints = ids[1:] if behind is None or with_hints else []
    slot = env.registry, uuids[0], None, hints, deadline, behind
    try:
        headers, error = controller._run_slot(*slot), None
    except Exception as raised:
        headers, error = None, type(raised).__name__
    finally:
        Cursor.execute = execute.__defaults__[2]
    env.cr.execute("SELECT state, exc_name, interruptions, retry FROM queue_job WHERE id = ANY(%s)"
                   " ORDER BY id", [ids])
    rows = env.cr.fetchall()
    env.cr.execute("SELECT name FROM probe ORDER BY id")
    names = [row[0] for row in env.cr.fetchall()]
    env.cr.execute("SELECT count(DISTINCT lease) FROM queue_job WHERE id = ANY(%s)", [ids])
    return {
        "leases": env.cr.fetchone()[0],
        "states": [row[0] for row in rows], "second": rows[1], "headers": headers, "error": error,
        "names": names, "seen": list(seen),
        "statements": len(sent), "commits": sum("; COMMIT" in query or "COMMIT;" in query for query in sent),
        "locks": elsewhere(f"SELECT count(*) FROM pg_locks WHERE objsubid = 2 AND objid = ANY(ARRAY{ids}) AND {HERE}")[0],
    }

def cancel_second():
    elsewhere(f"UPDATE queue_job SET state = 'cancelled' WHERE id = {ids[1]}")

def make_second_unreadable():
    digits = "9" * 5000
    elsewhere(f"UPDATE queue_job SET args = '[{digits}]' WHERE id = {ids[1]}")

def move_second():
    elsewhere(f"UPDATE queue_job SET channel = 'root.other' WHERE id = {ids[1]}")

def forbid(statement, state="pending"):
    elsewhere("CREATE FUNCTION probe_forbid() RETURNS trigger LANGUAGE plpgsql AS"
              f" $${statement}$$")
    elsewhere("CREATE TRIGGER probe_forbid BEFORE UPDATE ON queue_job FOR EACH ROW"
              f" WHEN (NEW.state = 'started' AND OLD.state = '{state}')"
              " EXECUTE FUNCTION probe_forbid()")

def allow():
    elsewhere("DROP FUNCTION probe_forbid CASCADE")

def lock_terminates():
    rename("queue_job_lock_claimed", "queue_job_lock_gone")
    elsewhere("CREATE FUNCTION queue_job_lock_claimed(integer, varchar) RETURNS json LANGUAGE plpgsql AS"
              " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'")

def rename(name, other):
    elsewhere(f"ALTER FUNCTION {name} RENAME TO {other}")

class LeavesSomething(RunJobController):
    @classmethod
    def _enqueue_dependent_jobs(cls, env, job):
        super()._enqueue_dependent_jobs(env, job)
        env.cr.execute("INSERT INTO probe (name) VALUES ('left')")

class CommitsFirst(RunJobController):
    @classmethod
    def _enqueue_dependent_jobs(cls, env, job):
        env.cr.execute("SELECT 1")
        env.cr.commit()
        super()._enqueue_dependent_jobs(env, job)

class RollsBack(RunJobController):
    @classmethod
    def _enqueue_dependent_jobs(cls, env, job):
        super()._enqueue_dependent_jobs(env, job)
        env.cr.rollback()

slot("write_nothing")
results = {name: slot(name) for name in [method.__name__ for method in METHODS]}
results["chain"] = chain_in_a_slot()
for name in ("be_cancelled", "fail_at_commit", "lose_connection_at_commit", "hook_after_commit", "delay_more"):
    results[f"chain_{name}"] = chain_in_a_slot(method=name)
    env.cr.rollback()
results["chain_elsewhere"] = chain_in_a_slot(before=move_second)
results["chain_anew"] = chain_in_a_slot(
    before=lambda: forbid("BEGIN RAISE EXCEPTION 'no'; END", "wait_dependencies"))
env.cr.rollback()
allow()
results["budget"] = at_the_end_of_the_budget()
results["chain_without_signals"] = without_signals(chain_in_a_slot)
results["without_signals"] = without_signals(lambda: slot("write_nothing"))
results["group"] = group_in_a_slot()
results["group_before_one"] = group_in_a_slot(1)
results["set"] = slot("set_something", then="look_at_it")
results["set_without_signals"] = without_signals(lambda: slot("set_something", then="look_at_it"))
results["set_in_a_chain"] = chain_in_a_slot(method="set_something", then="look_at_it")
results["set_in_a_group"] = group_in_a_slot(method="set_something", then="look_at_it")
results["late"] = slot("fail_late", deadline=time.monotonic() + 4)
elsewhere('''
    CREATE FUNCTION probe_locks() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
        INSERT INTO probe (name)
        SELECT count(*)::text FROM pg_locks
         WHERE pid = pg_backend_pid() AND locktype = 'advisory' AND objsubid = 2 AND objid > 0;
        RETURN NULL; END$$''')
elsewhere("CREATE TRIGGER probe_locks AFTER UPDATE OF state ON queue_job FOR EACH ROW"
          " WHEN (OLD.state = 'wait_dependencies') EXECUTE FUNCTION probe_locks()")
results["held"] = group_in_a_slot(1)
env.cr.rollback()
elsewhere("DROP FUNCTION probe_locks CASCADE")
results["group_without_signals"] = without_signals(group_in_a_slot)
results["unreadable"] = slot("write_nothing", before=make_second_unreadable)
for controller in (LeavesSomething, CommitsFirst, RollsBack):
    results[f"chain_{controller.__name__}"] = chain_in_a_slot(controller=controller)
before = signals()
results["release_breaks"] = chain_in_a_slot(
    before=lambda: rename("queue_job_release", "queue_job_release_gone"), method="clear_a_cache")
rename("queue_job_release_gone", "queue_job_release")
results["release_breaks"]["signals"] = signals() - before
env.cr.rollback()
elsewhere("CREATE TRIGGER probe_lose AFTER UPDATE OF state ON queue_job FOR EACH ROW"
          " WHEN (OLD.state = 'wait_dependencies') EXECUTE FUNCTION probe_terminate()")
results["release_loses_connection"] = chain_in_a_slot(before=move_second)
env.cr.rollback()
elsewhere("DROP TRIGGER probe_lose ON queue_job")
results["claim_finds_nothing"] = slot("write_nothing", before=cancel_second)
results["something_left"] = slot("write_nothing", controller=LeavesSomething)
results["lock_breaks"] = slot(
    "write_nothing", before=lambda: rename("queue_job_lock_claimed", "queue_job_lock_gone"))
rename("queue_job_lock_gone", "queue_job_lock_claimed")
env.cr.rollback()
results["lock_loses_connection"] = slot("write_nothing", before=lock_terminates)
env.cr.rollback()
results["chain_lock_loses_connection"] = chain_in_a_slot()
env.cr.rollback()
elsewhere("DROP FUNCTION queue_job_lock_claimed(integer, varchar)")
rename("queue_job_lock_gone", "queue_job_lock_claimed")
results["claim_breaks"] = slot(
    "write_nothing", before=lambda: forbid("BEGIN RAISE EXCEPTION 'no'; END"))
env.cr.rollback()
allow()
print(json.dumps(results, default=str))
"""


@pytest.fixture(scope="module")
def results(cluster, fresh_databases, tmp_path_factory):
    config = OdooConfig(cluster.places, fresh_databases())
    output = run_script(config, SCRIPT, tmp_path_factory.mktemp("slot"))
    return json.loads(output.splitlines()[-1])


def test_rollback_in_a_method(results):
    """The job keeps its lock; what it does from then on is its effect."""
    result = results["roll_back"]
    assert result["states"] == ["done"] * 3
    assert (result["seen"], result["names"]) == ([1], ["probe"])


def test_rollback_of_a_job_that_was_taken_meanwhile(results):
    result = results["roll_back_and_lose_it"]
    assert result["states"] == ["done", "cancelled", "done"]
    assert result["names"] == []


def test_a_method_that_closes_its_cursor(results):
    result = results["close_cursor"]
    assert result["states"] == ["done", "failed", "done"]
    assert result["second"][1] == "RuntimeError"
    assert result["names"] == []


def test_a_commit_by_sql(results):
    """As with ``cr.commit()``, but too late: its effects stay, and so does the error."""
    result = results["commit_by_sql"]
    assert result["states"] == ["done", "failed", "done"]
    assert result["second"][1] == "RuntimeError"
    assert result["names"] == ["probe"]


def test_a_method_that_would_end_the_worker(results):
    result = results["leave"]
    assert result["states"] == ["done", "failed", "done"]
    assert result["second"][1].endswith("JobError")
    assert result["names"] == []


def test_a_delay_that_never_ends(results):
    result = results["wait_for_ever"]
    assert result["states"] == ["done", "failed", "done"]


def test_one_way_to_postgresql_for_each_job(results):
    result = results["write_nothing"]
    assert result["states"] == ["done"] * 3
    # claim and lock of the first one; its end, with the claim and the lock of the second; …
    assert result["statements"] == 4
    assert result["locks"] == 0


@pytest.mark.parametrize("name", ["group", "group_before_one"])
def test_one_more_where_others_waited_for_several(results, name):
    result = results[name]
    assert result["states"] == ["done"] * 5
    # the last one finds that they can go on: their release, and again the lock of the job behind it
    assert result["statements"] == 6 + 3
    assert result["behind"] == ["pending"]


def test_one_way_for_each_step_of_a_chain(results):
    result = results["chain"]
    assert result["states"] == ["done"] * 3
    assert result["statements"] == 4
    assert result["locks"] == 0


def test_a_step_in_another_channel_is_released_with_the_commit(results):
    result = results["chain_elsewhere"]
    assert result["states"] == ["done", "pending", "wait_dependencies"]
    assert result["statements"] == 2


def test_a_step_that_cannot_be_claimed_like_that(results):
    """It is released, and claimed for itself."""
    assert results["chain_anew"]["states"] == ["done"] * 3


@pytest.mark.parametrize(
    ("name", "states"),
    [
        # while the first one ran
        ("be_cancelled", ["done", "cancelled", "wait_dependencies"]),
        ("fail_at_commit", ["failed", "wait_dependencies", "wait_dependencies"]),
        ("lose_connection_at_commit", ["pending", "wait_dependencies", "wait_dependencies"]),
        ("hook_after_commit", ["done"] * 3),
        ("delay_more", ["done"] * 3),
    ],
)
def test_the_first_step_of_a_chain(results, name, states):
    assert results[f"chain_{name}"]["states"] == states
    assert results[f"chain_{name}"]["locks"] == 0


def test_a_step_that_was_claimed_and_is_not_begun_is_pending(results):
    result = results["chain_lock_loses_connection"]
    assert result["states"] == ["done", "pending", "wait_dependencies"]
    assert result["second"][2:] == [None, 0]


@pytest.mark.parametrize("name", ["set", "set_without_signals", "set_in_a_chain", "set_in_a_group"])
def test_what_a_job_has_set_is_not_for_the_next_one(results, name):
    """Nor when that one has rolled back."""
    assert set(results[name]["states"]) == {"done"}
    assert results[name]["seen"] == ["0", "0"]


def test_nothing_is_claimed_anew_when_the_time_is_over(results):
    assert results["late"]["states"] == ["done", "failed", "pending"]


def test_the_next_job_is_locked_while_others_are_released(results):
    result = results["held"]
    assert result["states"] == ["done"] * 5
    assert result["names"] == ["1"]


def test_the_next_job_runs_though_its_transaction_was_rolled_back(results):
    result = results["without_signals"]
    assert result["states"] == ["done"] * 3
    assert result["locks"] == 0
    result = results["group_without_signals"]
    assert result["states"] == ["done"] * 5
    assert result["behind"] == ["pending"]


def test_a_next_job_that_cannot_be_read_is_no_error_of_the_one_before(results):
    result = results["unreadable"]
    assert result["states"] == ["done", "failed", "done"]
    assert result["second"][1] == "JobError"
    # nor has the one after it anything of the claim
    assert result["leases"] == 3


def test_what_is_released_without_another_claim_is_committed(results):
    assert results["budget"]["states"] == ["done", "pending", "pending"]


def test_a_release_that_fails_takes_nothing_back(results):
    result = results["release_breaks"]
    # the runner releases them
    assert result["states"] == ["done", "wait_dependencies", "wait_dependencies"]
    assert result["locks"] == 0
    # other processes learn of what the job has changed
    assert result["signals"] == 1


def test_a_connection_that_is_lost_with_the_release(results):
    result = results["release_loses_connection"]
    assert result["states"] == ["done", "wait_dependencies", "wait_dependencies"]
    assert result["error"] is None


@pytest.mark.parametrize("name", ["LeavesSomething", "CommitsFirst", "RollsBack"])
def test_an_addon_that_has_something_to_do_when_dependents_are_released(results, name):
    result = results[f"chain_{name}"]
    assert result["states"] == ["done"] * 3
    assert result["names"] == []


def test_a_release_that_was_rolled_back_is_done_again(results):
    assert results["chain_without_signals"]["states"] == ["done"] * 3


def test_the_transaction_of_a_job(results):
    assert results["look"]["states"] == ["done"] * 3
    assert results["look"]["seen"] == ["repeatable read", "on", [True]]


def test_the_transaction_after_one_that_the_job_has_rolled_back(results):
    assert results["look_after_rollback"]["states"] == ["done"] * 3
    assert results["look_after_rollback"]["seen"][:2] == ["repeatable read", "on"]


def test_a_commit_that_fails_is_the_failure_of_its_own_job(results):
    result = results["fail_at_commit"]
    assert result["states"] == ["done", "failed", "done"]
    assert "ForeignKeyViolation" in result["second"][1]
    assert result["names"] == []


def test_a_job_that_was_cancelled_while_it_ran(results):
    result = results["be_cancelled"]
    assert result["states"] == ["done", "cancelled", "done"]
    assert result["names"] == []


def test_a_connection_that_is_lost_at_commit(results):
    """The job returns to the queue, uncounted, and the slot ends."""
    result = results["lose_connection_at_commit"]
    assert result["states"] == ["done", "pending", "pending"]
    assert result["second"][2:] == [1, 0]
    assert result["names"] == []


def test_hooks_run_where_they_did(results):
    after, before = results["hook_after_commit"], results["hook_before_commit"]
    assert after["states"] == before["states"] == ["done"] * 3
    assert after["seen"] == ["done"]
    assert after["names"] == ["probe"]
    assert before["names"] == ["precommit"]


def test_jobs_that_a_job_delays(results):
    assert results["delay_more"]["states"] == ["done"] * 3


def test_a_hint_that_is_gone(results):
    result = results["claim_finds_nothing"]
    assert result["states"] == ["done", "cancelled", "done"]
    assert result["headers"] == []


def test_what_somebody_leaves_on_the_cursor_is_not_committed_by_the_next_claim(results):
    result = results["something_left"]
    assert result["states"] == ["done"] * 3
    assert result["names"] == []


def test_a_claim_that_breaks_is_nobodys_failure(results):
    result = results["claim_breaks"]
    assert result["error"] == "RaiseException"
    assert result["states"] == ["done", "pending", "pending"]


@pytest.mark.parametrize(
    ("name", "error"), [("lock_breaks", "UndefinedFunction"), ("lock_loses_connection", None)]
)
def test_a_job_that_was_claimed_and_is_not_begun_is_pending_again(results, name, error):
    result = results[name]
    assert result["error"] == error
    assert result["states"] == ["done", "pending", "pending"]
    assert result["second"][2:] == [None, 0]
    assert result["locks"] == 0
