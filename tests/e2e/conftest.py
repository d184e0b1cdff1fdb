"""Real servers, and jobs delayed in another process than those that run them."""

import json

import psycopg2.extras
import pytest

from stack.fixtures import *  # noqa: F403
from stack.waiting import wait_until

FINAL = ("done", "failed", "cancelled")


@pytest.fixture(scope="module")
def start_ready(fresh_databases, start_server):
    """A function that starts a server on a database of its own, with a runner that is ready for it."""

    def start(**config):
        server = start_server(fresh_databases(), **config)
        server.wait_for_log(rf"queue job runner ready for db {server.config.database}")
        return server

    return start


@pytest.fixture(scope="module")
def server(start_ready):
    """A server for the tests of a module that need no other one: one job at a time."""
    return start_ready(workers=2, channels="root:1")


#: A method of every model: ``run`` of what this returns.
CODE_ACTION = """
def code_action(code):
    return env["ir.actions.server"].create({
        "name": "code",
        "model_id": env.ref("base.model_res_partner").id,
        "state": "code",
        "code": code,
    })
"""


@pytest.fixture
def delay(shell):
    """A function that runs a script in ``odoo shell``, commits, and returns the ``jobs`` it delayed and its pid.

    The script sets ``jobs`` to a list of what ``with_delay()`` returned; it can have a server action made of some
    code by ``code_action(code)``.
    """
    report = "\nenv.cr.commit()\nimport json, os\nprint(json.dumps([os.getpid(), [job.uuid for job in jobs]]))"

    def run(database, script):
        pid, uuids = json.loads(shell(database, CODE_ACTION + script + report).splitlines()[-1])
        return uuids, pid

    return run


@pytest.fixture
def job_row(connect):
    """A function that returns the row of a job as a dict."""

    def read(database, uuid):
        connection = connect(database, autocommit=True)
        with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute("SELECT * FROM queue_job WHERE uuid = %s", [uuid])
            row = cursor.fetchone()
        # whoever waits for a job asks often
        connection.close()
        return row

    return read


@pytest.fixture
def ended(job_row):
    """A function that waits until a job has ended, and returns its row."""

    def wait(database, uuid, timeout=20):
        def row_of_ended():
            row = job_row(database, uuid)
            return row if row["state"] in FINAL else None

        return wait_until(row_of_ended, timeout, f"the end of job {uuid}")

    return wait


@pytest.fixture
def started(database, job_row):
    """A function that waits until a job has started, and returns its row."""

    def wait(uuid):
        def row_of_started():
            row = job_row(database, uuid)
            return row if row["state"] == "started" else None

        return wait_until(row_of_started, 20, f"job {uuid} to start")

    return wait


@pytest.fixture
def count(database, connect):
    """A function that counts the partners with a name."""

    def run(name):
        with connect(database, autocommit=True).cursor() as cursor:
            cursor.execute("SELECT count(*) FROM res_partner WHERE name = %s", [name])
            return cursor.fetchone()[0]

    return run
