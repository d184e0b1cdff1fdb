# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What ``--check`` sees of the mistakes of operators."""

import http.server
import threading

import pytest

from stack.postgres import USER

#: With what the runner works.
RUNNER_TABLES = (
    "queue_job, queue_job_barrier, queue_job_channel, queue_job_dependency, queue_job_epoch,"
    " queue_job_leader, ir_module_module"
)


class Odoo:
    """Answers as a server does that has the addon, or with another status to the runner's requests."""

    def __init__(self):
        self.status = 200
        self.is_ours = True
        odoo = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                is_asked = self.path.startswith("/queue_job/")
                self.send_response(odoo.status if is_asked else 200)
                if is_asked and odoo.is_ours:
                    self.send_header("X-Queue-Job-Refused", "1")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def odoo():
    odoo = Odoo()
    yield odoo
    odoo.server.shutdown()
    odoo.server.server_close()


@pytest.fixture
def role(make_role):
    """The name of a role that may connect to the database, and nothing else."""
    return make_role("runner")


@pytest.fixture
def check(jobrunner, database, odoo, monkeypatch, capsys):
    """A function that returns the exit code and what was printed."""
    from odoo.addons.queue_job.core.runner_config import RunnerConfig
    from odoo.addons.queue_job.jobrunner import check as check_module
    from odoo.tools import config

    monkeypatch.setitem(config.options, "db_name", [database])

    def run(user=None):
        options = {"user": user} if user else {}
        runner_config = RunnerConfig(
            host="127.0.0.1", port=odoo.server.server_port, database=options
        )
        monkeypatch.setattr(check_module.settings, "load", lambda: runner_config)
        return check_module.main(), capsys.readouterr().out

    return run


def test_all_is_well(check, database):
    code, text = check()
    assert code == 0
    assert text.splitlines()[-1] == f"database {database}: ready"


def test_a_role_that_may_not_do_what_the_runner_does(check, role, sql, database):
    code, text = check(role)
    assert code == 1
    assert f"its role {role} lacks privileges" in text
    # as it says
    grants = text.split("lacks privileges: ")[1].splitlines()[0]
    sql(grants)
    code, text = check(role)
    assert code == 0
    assert f"database {database}: ready" in text


def test_a_role_that_may_not_end_sessions_of_odoo(check, role, sql, cluster):
    (is_superuser,) = sql("SELECT rolsuper FROM pg_roles WHERE rolname = %s", USER)[0]
    sql(f"GRANT SELECT, UPDATE ON {RUNNER_TABLES} TO {role}")
    sql("ALTER TABLE queue_job OWNER TO pg_monitor")
    try:
        code, text = check(role)
        assert code == 0
        assert f"its role {role} may not end sessions of pg_monitor" in text
        cluster.execute(f"GRANT pg_signal_backend TO {role}")
        assert "may not end sessions" not in check(role)[1]
        cluster.execute(f"REVOKE pg_signal_backend FROM {role}")
        cluster.execute(f"GRANT pg_monitor TO {role}")
        assert "may not end sessions" not in check(role)[1]
    finally:
        sql(f'ALTER TABLE queue_job OWNER TO "{USER}"')
    if is_superuser:
        # even pg_signal_backend is not enough
        cluster.execute(f"GRANT pg_signal_backend TO {role}")
        assert f"may not end sessions of {USER}" in check(role)[1]


def test_a_database_that_is_read_only(check, database, cluster):
    cluster.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    try:
        code, text = check()
    finally:
        cluster.execute(f"ALTER DATABASE {database} RESET default_transaction_read_only")
    assert code == 1
    assert f"database {database}: nothing can be written" in text


def test_modules_that_somebody_has_marked(check, sql):
    sql("UPDATE ir_module_module SET state = 'to upgrade' WHERE name = 'web'")
    try:
        code, text = check()
    finally:
        sql("UPDATE ir_module_module SET state = 'installed' WHERE name = 'web'")
    assert code == 0
    assert "modules are to be installed, upgraded or uninstalled" in text


@pytest.mark.parametrize(
    ("status", "hint"), [(401, "http_auth_user"), (404, "dbfilter"), (200, "not the addon")]
)
def test_odoo_does_not_let_the_runner_through(check, odoo, database, status, hint):
    odoo.status, odoo.is_ours = status, False
    code, text = check()
    assert code == 1
    assert f"answers {status} to the runner" in text
    assert hint in text.splitlines()[-1]
