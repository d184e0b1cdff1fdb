"""Real faults on real servers; the jobs are those of ``tests/addons/queue_job_faults``.

Each test ends with ``judge``: every job has ended as it had to, and has taken effect once.
``bin/faults`` runs all of them, with the long ones, and prints what they have written into
the ledger.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from faults.clock import Clock
from faults.ledger import Entry, append
from faults.machines import why_no_namespaces
from faults.proxy import Proxy
from faults.stage import Stage

from stack.fixtures import *  # noqa: F403
from stack.places import REPOSITORY, Places
from stack.postgres import PORT, USER, Cluster
from stack.waiting import wait_until

TEST_ADDONS = REPOSITORY / "tests" / "addons"
#: Set by bin/faults: the file of the ledger, and for how long the endurance test goes on.
LEDGER = "QUEUE_JOB_FAULTS_LEDGER"
MINUTES = "QUEUE_JOB_FAULTS_MINUTES"


def pytest_configure(config):
    config.addinivalue_line("markers", "long: run by bin/faults only")
    config.addinivalue_line("markers", "namespaces: machines that are network namespaces")


def pytest_report_header():
    if reason := why_no_namespaces():
        return f"machines are process groups, and lose power instead of their cable: {reason}"
    return "machines are network namespaces"


def pytest_collection_modifyitems(config, items):
    """What takes minutes is not part of bin/test."""
    left_out = [] if os.environ.get(MINUTES) else ["long"]
    if why_no_namespaces():
        left_out.append("namespaces")
    deselected = [item for item in items if any(map(item.get_closest_marker, left_out))]
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = [item for item in items if item not in deselected]


@pytest.fixture(scope="session")
def endurance_minutes():
    """For how long the endurance test goes on."""
    return float(os.environ.get(MINUTES) or 0.4)


@pytest.fixture(scope="session")
def addon_template(databases):
    """The name of a database with the jobs of these tests."""
    return databases.addon_template(
        ("queue_job", "queue_job_faults"), addons=(TEST_ADDONS,), label="faults"
    )


# -- servers


@pytest.fixture
def stage(database, start_server, cluster):
    """A function ``stage(**config)``: a :class:`Stage` with one server of its own."""
    return _stages(database, start_server, {"host": cluster.host, "port": PORT, "user": USER})


def _stages(database, start_server, options, **common):
    def make(servers=1, http_ports=(), **config):
        config = {**common, **config}
        # 0: any
        started = [
            start_server(database, **{"addons": (TEST_ADDONS,), "http_port": port, **config})
            for port in http_ports or [0] * servers
        ]
        made = Stage(database, options, started)
        wait_until(
            lambda: f"ready for db {database}" in made.log(), 60, "a runner ready for the database"
        )
        return made

    return make


@pytest.fixture(scope="module")
def shared_stage(fresh_databases, start_server, cluster):
    """The :class:`Stage` of all tests of a module that leave its server usable."""
    options = {"host": cluster.host, "port": PORT, "user": USER}
    return _stages(fresh_databases(), start_server, options)(workers=3, channels="root:3")


@pytest.fixture
def calm(shared_stage):
    """The shared stage, of which nothing but the processes is left of the tests before."""
    shared_stage.expected.clear()
    shared_stage.sql("DELETE FROM queue_job")
    shared_stage.sql("DELETE FROM queue_job_effect")
    return shared_stage


# -- a PostgreSQL of their own, to be stopped


@pytest.fixture(scope="session")
def lone_cluster(cluster, addon_template):
    """A cluster that nobody else uses, with the database ``faults_template``."""
    with _lone_cluster(cluster, addon_template) as lone:
        yield lone


@contextlib.contextmanager
def _lone_cluster(cluster, addon_template):
    root = Path(tempfile.mkdtemp(prefix="qj_pg_"))
    root.chmod(0o755)
    with Cluster(replace(Places.find(), postgres=root)) as lone:
        lone.execute("CREATE DATABASE faults_template")
        _copy(cluster, addon_template, lone, "faults_template")
        yield lone
    shutil.rmtree(root)


def _copy(source, name, target, target_name):
    environ = {**os.environ, **source.environ}
    with tempfile.TemporaryFile() as dump:
        subprocess.run(["pg_dump", "-Fc", "-Z0", name], env=environ, stdout=dump, check=True)
        dump.seek(0)
        environ.update(target.environ)
        restore = ["pg_restore", "--no-owner", "-d", target_name]
        subprocess.run(restore, env=environ, stdin=dump, check=True)


@pytest.fixture(scope="session")
def copy_database():
    """A function that copies a database of one cluster into an empty one of another."""
    return _copy


@pytest.fixture
def lone_stage(lone_cluster, start_server, request):
    """A function ``lone_stage(**config)``: a :class:`Stage` on the cluster of its own."""
    with _lone_stages(lone_cluster, start_server, request) as stages:
        yield stages


@contextlib.contextmanager
def _lone_stages(lone, start_server, request):
    name = f"qj_lone_{abs(hash(request.node.name))}"
    lone.execute(f"CREATE DATABASE {name} TEMPLATE faults_template")
    options = {"host": lone.host, "port": PORT, "user": USER}
    yield _stages(name, start_server, options, places=lone.places)
    lone.execute(f"DROP DATABASE {name} WITH (FORCE)")


# -- clocks that jump


@pytest.fixture(scope="module")
def clock():
    """A :class:`Clock` for processes that are started with its ``environ``."""
    directory = Path(tempfile.mkdtemp(prefix="qj_clock_"))
    directory.chmod(0o755)
    yield Clock(directory)
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def clocked_cluster(cluster, addon_template, clock):
    """A cluster as the lone one, by that clock."""
    with contextlib.ExitStack() as stack:
        with _environ(clock.environ):
            lone = stack.enter_context(_lone_cluster(cluster, addon_template))
        yield lone


@pytest.fixture
def clocked_stage(clocked_cluster, start_server, request):
    """A function ``clocked_stage(**config)``: a :class:`Stage` on that cluster; its servers have our clock."""
    with _lone_stages(clocked_cluster, start_server, request) as stages:
        yield stages


@contextlib.contextmanager
def _environ(variables):
    """Have the variables in our own environment for a while."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def proxy():
    """A function that opens a :class:`Proxy` before a port or a Unix socket."""
    opened = []

    def open_proxy(target):
        one = Proxy(target).__enter__()
        opened.append(one)
        return one

    yield open_proxy
    for one in opened:
        one.__exit__()


# -- the end


@pytest.fixture
def judge():
    """A function ``judge(stage, fault, recovery=None)`` that ends a test.

    It waits until all jobs have ended, writes the ledger, and fails when one is lost or has not
    taken effect exactly once.
    """

    def decide(stage, fault, recovery=None, timeout=120):
        stage.wait_for_end(timeout)
        lost, wrong = stage.verdict()
        entry = Entry(fault, len(stage.expected), len(lost), len(wrong), recovery)
        append(os.environ.get(LEDGER), entry)
        assert stage.expected
        assert not lost, stage.rows(lost, "state", "retry", "exc_name", "exc_message", "result")
        assert not wrong, stage.rows(wrong, "state", "retry", "exc_name", "exc_message", "result")

    return decide
