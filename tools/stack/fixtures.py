"""Pytest fixtures over the stack. A tier's conftest imports what it uses::

from stack.fixtures import *  # noqa: F403
"""

import contextlib
import itertools
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest

from .database import Databases
from .odoo import OdooConfig, OdooServer, run_script
from .places import Places
from .postgres import PORT, USER, Cluster

__all__ = [
    "addon_template",
    "cluster",
    "connect",
    "database",
    "databases",
    "fresh_databases",
    "own_cluster",
    "pytest_runtest_makereport",
    "shell",
    "start_server",
]

# Names tell whose they are: a session drops those of sessions that were killed.
PREFIX = "qj_pytest_"
LOG_TAIL = 100
_numbers = itertools.count(1)
_servers = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Show the logs of the running servers with a test that failed."""
    report = yield
    if report.failed:
        for server in _servers:
            tail = server.log_text().splitlines()[-LOG_TAIL:]
            report.sections.append((str(server.log), "\n".join(tail)))
    return report


@contextlib.contextmanager
def showing_log(server):
    """Inside it, the log of the server is shown with a test that fails."""
    _servers.append(server)
    try:
        yield
    finally:
        _servers.remove(server)


@pytest.fixture(scope="session")
def cluster():
    """A running PostgreSQL."""
    with Cluster(Places.find()) as cluster:
        yield cluster


@pytest.fixture
def own_cluster():
    """A running PostgreSQL that nobody else uses: without any database, to be stopped or looked at alone."""
    # not below pytest's own directory, which the user that PostgreSQL runs as can't enter
    root = Path(tempfile.mkdtemp(prefix="qj_pg_"))
    root.chmod(0o755)
    with Cluster(replace(Places.find(), postgres=root)) as cluster:
        yield cluster
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def databases(cluster):
    """The cluster's :class:`Databases`."""
    databases = Databases(cluster)
    _drop_abandoned(databases)
    return databases


@pytest.fixture(scope="session")
def addon_template(databases):
    """The name of a database with ``queue_job`` installed, to be copied."""
    return databases.addon_template()


@pytest.fixture(scope="module")
def fresh_databases(databases, addon_template):
    """A function that makes a database with ``queue_job``, dropped after the module's last test.

    Another template can be named, such as ``databases.base_template()``, without the addon.
    """
    made = []

    def make(template=addon_template):
        name = f"{PREFIX}{os.getpid()}_{next(_numbers)}"
        made.append(name)
        databases.create(name, template)
        return name

    yield make
    for name in made:
        databases.drop(name)


@pytest.fixture
def database(databases, addon_template):
    """The name of a fresh database with ``queue_job``."""
    name = f"{PREFIX}{os.getpid()}_{next(_numbers)}"
    with databases.temporary(name, addon_template):
        yield name


@pytest.fixture
def connect(cluster):
    """A function that opens a psycopg2 connection to a database; all are closed after the test."""
    connections = []

    def open_connection(name, autocommit=False):
        connection = psycopg2.connect(host=cluster.host, port=PORT, user=USER, dbname=name)
        connection.autocommit = autocommit
        connections.append(connection)
        return connection

    yield open_connection
    for connection in connections:
        connection.close()


@pytest.fixture(scope="module")
def start_server(cluster, tmp_path_factory):
    """A function ``start(database, environ=None, **config)`` that returns a running :class:`OdooServer`.

    ``config`` are fields of :class:`OdooConfig`. All are stopped after the module's last test.
    """
    started = []

    def start(database, environ=None, places=cluster.places, **config):
        config = {"workers": 2, "channels": "root:2", **config}
        directory = tmp_path_factory.mktemp("odoo")
        server = OdooServer(OdooConfig(places, database, **config), directory, environ)
        started.append(server)
        _servers.append(server)
        server.start()
        return server

    yield start
    for server in reversed(started):
        server.stop()
        _servers.remove(server)


@pytest.fixture
def shell(cluster, tmp_path):
    """A function ``shell(database, script)`` that runs a script in a process of its own and returns its output."""

    def run(database, script, environ=None, **config):
        return run_script(OdooConfig(cluster.places, database, **config), script, tmp_path, environ)

    return run


def _drop_abandoned(databases):
    query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
    for (name,) in databases.cluster.execute(query, [PREFIX]):
        pid = name.removeprefix(PREFIX).partition("_")[0]
        if not os.path.exists(f"/proc/{pid}"):
            databases.drop(name)
