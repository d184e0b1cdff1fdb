# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Jobs that run longer than they may, on a real server."""

import pytest

from stack.waiting import wait_until


@pytest.fixture
def database(server):
    return server.config.database


#: The job, one that follows in the same slot, and one that runs when it fails.
CODE = """
env["queue.job.function"].search([("name", "=", "<ir.actions.server>.run")]).unlink()
env["queue.job.function"].create({
    "name": "<ir.actions.server>.run", "retry_pattern": {1: 1}, "allow_commit": %(allow_commit)r,
})
busy = code_action(%(code)r).delayable(timeout=2, max_retries=%(max_retries)s, priority=1).run()
handler = env["res.partner"].delayable().search_count([])
busy.on_error(handler)
busy.delay()
following = env["res.partner"].with_delay(priority=2).create({"name": "following " + %(code)r})
jobs = [busy._generated_job, handler._generated_job, following]
"""
CREATE = "env['res.partner'].create({'name': %r}); env.flush_all();"
IN_A_STATEMENT = "env.cr.execute('SELECT pg_sleep(60)')"
IN_PYTHON = "time.sleep(5); env['res.partner'].search_count([])"
SWALLOWING = "\ntry: env.cr.execute('SELECT pg_sleep(60)')\nexcept Exception: pass"
HOLDING_ITS_ROW = (
    "env.cr.execute(\"UPDATE queue_job SET name = 'mine' WHERE state = 'started'\");"
    " env.cr.execute('SELECT pg_sleep(60)')"
)
CASES = {
    "in_a_statement": (IN_A_STATEMENT, False),
    "in_python": (IN_PYTHON, False),
    "swallowing": (SWALLOWING, False),
    "holding_its_row": (HOLDING_ITS_ROW, False),
    "allow_commit": (IN_A_STATEMENT, True),
}


def script(name, max_retries):
    code, allow_commit = CASES[name]
    code = CREATE % f"{name} {max_retries}" + code
    return CODE % {"code": code, "max_retries": max_retries, "allow_commit": allow_commit}


@pytest.mark.parametrize("name", CASES)
def test_at_the_last_try_it_fails(server, database, delay, ended, count, name):
    workers = set(server.child.members())
    (busy, handler, following), _pid = delay(database, script(name, 1))
    row = ended(database, busy, 30)
    assert row["state"] == "failed"
    assert row["exc_name"] == "odoo.addons.queue_job.exception.JobTimedOut"
    assert row["exc_message"] == "The job ran longer than its time limit of 2 seconds."
    assert row["retry"] == 1
    assert ended(database, handler)["state"] == "done"
    # the job that came next ran once, and its try was not the first of two
    row = ended(database, following)
    assert (row["state"], row["retry"]) == ("done", 1)
    assert count(f"{name} 1") == 0
    # the workers live on
    assert workers <= set(server.child.members())


@pytest.mark.parametrize("name", ["in_a_statement", "in_python"])
def test_with_tries_left_it_is_tried_again(server, database, delay, job_row, ended, count, name):
    (busy, handler, _following), _pid = delay(database, script(name, 2))
    wait_until(
        lambda: job_row(database, busy)["eta"] is not None, 30, "the job to wait for its next try"
    )
    row = job_row(database, busy)
    assert row["retry"] == 1
    assert row["result"] == "The job ran longer than its time limit of 2 seconds."
    assert row["exc_name"] is None
    row = ended(database, busy, 40)
    assert (row["state"], row["retry"]) == ("failed", 2)
    assert ended(database, handler)["state"] == "done"
    assert count(f"{name} 2") == 0
