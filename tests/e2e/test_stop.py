"""Running jobs that somebody stops."""

import pytest


@pytest.fixture(scope="module")
def server(start_ready):
    return start_ready(workers=2, channels="root:2")


@pytest.fixture
def database(server):
    return server.config.database


CODE = """
from odoo.addons.queue_job.delay import chain
first, second = code_action(%r).delayable().run(), env["queue.job"].delayable()._test_job()
chain(first, second).delay()
jobs = [first._generated_job, second._generated_job]
"""
STOP = """
env["queue.job"].search([("uuid", "=", %r)]).button_stop()
env.cr.commit()
"""
AT_A_STATEMENT = (
    "env['res.partner'].create({'name': 'at a statement'}); env.flush_all();"
    " env.cr.execute('SELECT pg_sleep(60)')"
)
#: The job has written to its own row, and holds its lock therefore.
HOLDING_ITS_ROW = (
    "env['res.partner'].create({'name': 'holding its row'}); env.flush_all();"
    " env.cr.execute(\"UPDATE queue_job SET name = 'mine' WHERE state = 'started'\");"
    " env.cr.execute('SELECT pg_sleep(60)')"
)
BETWEEN_STATEMENTS = (
    "env['res.partner'].create({'name': 'between statements'}); env.flush_all(); time.sleep(6)"
)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("at a statement", AT_A_STATEMENT),
        ("holding its row", HOLDING_ITS_ROW),
        ("between statements", BETWEEN_STATEMENTS),
    ],
    ids=["at_a_statement", "holding_its_row", "between_statements"],
)
def test_stopped(server, database, delay, shell, started, job_row, ended, count, name, code):
    (running, waiting), _pid = delay(database, CODE % code)
    pid = started(running)["worker_pid"]
    shell(database, STOP % running)
    row = job_row(database, running)
    assert row["state"] == "cancelled"
    assert row["result"].startswith("Stopped by ")
    assert row["date_cancelled"]
    assert job_row(database, waiting)["state"] == "cancelled"
    # its worker lives on, and runs the next jobs when it has noticed
    server.wait_for_log(rf"{running}.* (is not settled: it was taken|could not be settled)")
    assert pid in server.child.members()
    (uuid,), _pid = delay(database, "jobs = [env['res.partner'].with_delay().search_count([])]")
    assert ended(database, uuid)["state"] == "done"
    assert job_row(database, running)["state"] == "cancelled"
    assert count(name) == 0


@pytest.fixture
def role(cluster, database):
    """A role for Odoo's shell that may not end the sessions of the server."""
    name = "qj_pytest_stop"
    cluster.execute(f"CREATE ROLE {name} LOGIN")
    for what in ("TABLES", "SEQUENCES", "FUNCTIONS"):
        cluster.execute(f"GRANT ALL ON ALL {what} IN SCHEMA public TO {name}", database=database)
    yield name
    cluster.execute(f"DROP OWNED BY {name}", database=database)
    cluster.execute(f"DROP ROLE {name}")


STOP_AND_SAY = """
from odoo.exceptions import UserError
job = env["queue.job"].search([("uuid", "=", %r)])
try:
    print("NOTIFIED", job.button_stop()["params"]["message"])
except UserError as error:
    print("REFUSED", error)
env.cr.commit()
"""


@pytest.mark.parametrize(
    ("answer", "state", "code"),
    [
        ("NOTIFIED Job", "cancelled", "time.sleep(8)"),
        ("REFUSED Job", "done", HOLDING_ITS_ROW.replace("60", "20")),
    ],
    ids=["between_statements", "holding_its_row"],
)
def test_a_session_out_of_reach(database, delay, shell, started, ended, role, answer, state, code):
    """What goes on, and what to grant, is said."""
    (running, _waiting), _pid = delay(database, CODE % code)
    started(running)
    printed = shell(database, STOP_AND_SAY % running, options={"db_user": role})
    assert answer in printed
    assert running in printed
    assert f"role {role} may not end sessions of" in printed
    assert f"GRANT pg_signal_backend TO {role}" in printed
    assert ended(database, running, 40)["state"] == state


def test_what_has_ended_meanwhile_stays(server, database, delay, shell, ended, job_row):
    (uuid,), _pid = delay(database, "jobs = [env['res.partner'].with_delay().search_count([])]")
    ended(database, uuid)
    shell(database, STOP % uuid)
    assert job_row(database, uuid)["state"] == "done"
