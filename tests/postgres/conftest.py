"""A fresh database with the addon, and the runner's side of it in this process.

See ``stack.fixtures`` for databases and connections. Odoo is imported, but has no registry
and runs no server.
"""

import contextlib
import datetime
import itertools
import logging
import threading
import time
import uuid
import warnings

import psycopg2
import pytest
from fake_database import FakeLeadership
from fake_odoo import FakeOdoo
from faults.database_proxy import DatabaseProxy

from stack.errors import StackError
from stack.fixtures import *  # noqa: F403
from stack.places import REPOSITORY
from stack.postgres import PORT, USER
from stack.waiting import wait_until

LIMIT = 30  # seconds, against hanging
RUNNER = "odoo.addons.queue_job.jobrunner"


@pytest.fixture(scope="session")
def jobrunner(cluster):
    """The package ``odoo.addons.queue_job.jobrunner``, configured for the cluster."""
    with warnings.catch_warnings():
        # those of Odoo and its dependencies
        warnings.simplefilter("ignore")
        return _import_jobrunner(cluster)


def _import_jobrunner(cluster):
    from odoo.modules.module import initialize_sys_path
    from odoo.tools import config

    config.parse_config(
        [
            f"--addons-path={REPOSITORY}",
            f"--db_host={cluster.host}",
            f"--db_port={PORT}",
            f"--db_user={USER}",
        ]
    )
    initialize_sys_path()
    import odoo.addons.queue_job.jobrunner.runner

    return odoo.addons.queue_job.jobrunner


@pytest.fixture(scope="module")
def module_database(fresh_databases):
    return fresh_databases()


@pytest.fixture
def database(module_database, connect):
    """A database with the addon and without jobs: emptied, which costs less than a copy."""
    connect(module_database, autocommit=True).cursor().execute("TRUNCATE queue_job CASCADE")
    return module_database


@pytest.fixture
def sql_in(connect):
    """A function that returns what :func:`sql` is, for a database."""

    def connected(database):
        connection = connect(database, autocommit=True)

        def run(statement, *parameters):
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchall() if cursor.description else []

        return run

    return connected


@pytest.fixture
def sql(database, sql_in):
    """A function that runs a statement in a session of its own and returns the rows."""
    return sql_in(database)


@pytest.fixture
def insert(sql):
    """A function that inserts a job, pending in root if nothing else is said, and returns its uuid.

    ``sql`` says where, if not in the database of the test: see :func:`sql_in`.
    """
    start = datetime.datetime(2026, 1, 1)
    numbers = itertools.count()
    sql_here = sql

    def insert_job(sql=sql_here, **values):
        row = {
            "uuid": str(uuid.uuid4()),
            "state": "pending",
            "channel": "root",
            "priority": 10,
            "retry": 0,
            "max_retries": 5,
            "date_created": start + datetime.timedelta(seconds=next(numbers)),
            **values,
        }
        columns = ", ".join(row)
        places = ", ".join(["%s"] * len(row))
        sql(f"INSERT INTO queue_job ({columns}) VALUES ({places})", *row.values())
        return row["uuid"]

    return insert_job


@pytest.fixture
def runner_database(jobrunner, database):
    """The runner's :class:`Database`."""
    opened = jobrunner.database.Database(database)
    yield opened
    opened.close()


@pytest.fixture
def serve(jobrunner, runner_database):
    """A function that returns a served database with an engine of these channels."""
    from odoo.addons.queue_job.core.channel_manager import ChannelManager

    def make(channels="root:1", urls=("http://odoo",), **options):
        manager = ChannelManager()
        manager.simple_configure(channels)
        assert runner_database.missing_addon() is None
        runner_database.query("LISTEN queue_job_channel")
        served = jobrunner.served_database.ServedDatabase(
            runner_database, manager, urls, FakeLeadership(), **options
        )
        served.take_over(time.time())
        served.engine = manager
        return served

    return make


@pytest.fixture
def make_role(cluster, database):
    """A function that makes a role which may connect to the database, and nothing else; it returns its name."""
    with contextlib.ExitStack() as stack:

        def drop(name):
            cluster.execute(f"DROP OWNED BY {name}", database=database)
            cluster.execute(f"DROP ROLE {name}")

        def make(word):
            name = f"qj_pytest_{word}"
            # of a run that was killed
            with contextlib.suppress(psycopg2.Error, StackError):
                drop(name)
            cluster.execute(f"CREATE ROLE {name} LOGIN")
            stack.callback(drop, name)
            return name

        yield make


@pytest.fixture
def state_of(sql):
    """A function that returns the state of a job."""
    return lambda job: sql("SELECT state FROM queue_job WHERE uuid = %s", job)[0][0]


# -- runners of several databases


@pytest.fixture
def proxy(cluster):
    proxy = DatabaseProxy(f"{cluster.host}/.s.PGSQL.{PORT}")
    yield proxy
    proxy.close()


@pytest.fixture
def fake_odoo(make_fake_odoo):
    """Stands for the workers: :class:`FakeOdoo`."""
    return make_fake_odoo()


@pytest.fixture
def make_fake_odoo(connect_once):
    """A function that starts a :class:`FakeOdoo`."""
    with contextlib.ExitStack() as stack:

        def make():
            odoo = FakeOdoo(connect_once)
            stack.callback(odoo.close)
            return odoo

        yield make


@pytest.fixture
def connect_once(cluster):
    """A function that opens a connection to a database, for the caller to close."""
    return lambda name: psycopg2.connect(host=cluster.host, port=PORT, user=USER, dbname=name)


@pytest.fixture
def two(fresh_databases):
    return sorted([fresh_databases(), fresh_databases()])


@pytest.fixture
def serve_all(jobrunner, fake_odoo, proxy, monkeypatch):
    """A function that starts a runner of databases (a list that may be changed)."""
    from odoo.addons.queue_job.core.runner_config import RunnerConfig

    monkeypatch.setattr(jobrunner.discovery, "DISCOVERY_INTERVAL", 0.5)
    with contextlib.ExitStack() as stack:

        def start(names, channels="root:4", **config):
            database = {"host": "127.0.0.1", "port": proxy.port}
            runner = jobrunner.runner.QueueJobRunner(
                RunnerConfig(
                    **{
                        "channels": channels,
                        "host": "127.0.0.1",
                        "port": fake_odoo.port,
                        "database": database,
                        **config,
                    }
                )
            )
            runner.get_db_names = lambda: list(names)
            thread = threading.Thread(target=runner.run, daemon=True)
            thread.start()
            stack.callback(thread.join, LIMIT)
            stack.callback(runner.stop)
            return runner

        yield start


@pytest.fixture
def messages(caplog):
    caplog.set_level(logging.INFO, RUNNER)
    return lambda: [
        record.getMessage() for record in caplog.records if record.name.startswith(RUNNER)
    ]


@pytest.fixture
def insert_in(connect):
    """A function that inserts a pending job in a database and returns a function: is it requested?"""

    def insert(name, uuid="the same"):
        cursor = connect(name, autocommit=True).cursor()
        cursor.execute(
            "INSERT INTO queue_job (uuid, state, channel, priority, date_created)"
            " VALUES (%s, 'pending', 'root', 10, now())",
            [uuid],
        )

        def is_requested():
            cursor.execute("SELECT lease IS NOT NULL FROM queue_job WHERE uuid = %s", [uuid])
            return cursor.fetchone()[0]

        return is_requested

    return insert


@pytest.fixture
def ready(messages):
    """A function that waits until a runner serves a database (so many times)."""

    def wait(name, times=1):
        wait_until(
            lambda: messages().count(f"queue job runner ready for db {name}") >= times,
            LIMIT,
            f"serving {name}",
        )

    return wait


LOCK = "SELECT pg_advisory_xact_lock(%s, (SELECT id FROM queue_job WHERE uuid = %s))"


@pytest.fixture
def lock(database, connect):
    """A function that locks a job as its worker does; it returns the connection."""
    from odoo.addons.queue_job.core.lock import JOB_LOCK_CLASS

    def take(job):
        connection = connect(database)
        connection.cursor().execute(LOCK, [JOB_LOCK_CLASS, job])
        return connection

    return take
