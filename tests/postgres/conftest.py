"""A fresh database with the addon, and the runner's side of it in this process.

See ``stack.fixtures`` for databases and connections. Odoo is imported, but has no registry
and runs no server.
"""

import datetime
import itertools
import time
import uuid
import warnings

import pytest
from fake_database import FakeLeadership

from stack.fixtures import *  # noqa: F403
from stack.places import REPOSITORY
from stack.postgres import PORT, USER


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
def sql(database, connect):
    """A function that runs a statement in a session of its own and returns the rows."""
    connection = connect(database, autocommit=True)

    def run(statement, *parameters):
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    return run


@pytest.fixture
def insert(sql):
    """A function that inserts a job, pending in root if nothing else is said, and returns its uuid."""
    start = datetime.datetime(2026, 1, 1)
    numbers = itertools.count()

    def insert_job(**values):
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

    def make(channels="root:1"):
        manager = ChannelManager()
        manager.simple_configure(channels)
        runner_database.query("LISTEN queue_job_channel")
        served = jobrunner.served_database.ServedDatabase(
            runner_database, manager, ["http://odoo"], FakeLeadership()
        )
        served.take_over(time.time())
        served.engine = manager
        return served

    return make


@pytest.fixture
def state_of(sql):
    """A function that returns the state of a job."""
    return lambda job: sql("SELECT state FROM queue_job WHERE uuid = %s", job)[0][0]
