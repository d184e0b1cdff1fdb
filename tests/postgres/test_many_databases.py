# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Databases that are made, installed, upgraded, renamed, closed and dropped while a runner serves others."""

import os

import psycopg2
import pytest

from stack.odoo import OdooConfig, run_odoo, run_script
from stack.waiting import wait_until

LIMIT = 60  # seconds, against hanging
UNINSTALL = (
    'env["ir.module.module"].search([("name", "=", "queue_job")]).button_immediate_uninstall()'
)


@pytest.fixture
def fleet(databases, addon_template):
    """A function that makes a database of the test's own, called by a word; a template can be named."""
    prefix = f"qj_pytest_{os.getpid()}_fleet_"

    def make(word, template=addon_template):
        databases.create(prefix + word, template)
        return prefix + word

    make.prefix = prefix
    yield make
    query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
    for (name,) in databases.cluster.execute(query, [prefix]):
        databases.cluster.execute(f"ALTER DATABASE {name} WITH IS_TEMPLATE false")
        databases.drop(name)


@pytest.fixture
def serve_fleet(jobrunner, fleet, serve_all):
    """A function that starts a runner of what Odoo lists, as far as it is of this test."""

    def start(**config):
        runner = serve_all([], **config)
        runner.get_db_names = lambda: [
            name for name in jobrunner.settings.database_names() if name.startswith(fleet.prefix)
        ]
        return runner

    return start


@pytest.fixture
def said(messages):
    """A function that waits until the runner has said something about a database, and returns how often it has."""

    def wait(name, text):
        def count():
            return sum(name in message and text in message for message in messages())

        wait_until(count, LIMIT, f"{text!r} about {name}")
        return count()

    return wait


@pytest.fixture
def runs(insert_in, fake_odoo):
    """A function that inserts a job in a database and waits until it is requested."""

    def wait(name, uuid="a job"):
        insert_in(name, uuid)
        wait_until(lambda: fake_odoo.seen(name, uuid), LIMIT, f"a request for {name}")

    return wait


def test_databases_share_a_small_capacity_fairly(fleet, serve_fleet, fake_odoo, connect):
    """Whoever asks first is served first, whatever database it is in."""
    names = [fleet(f"fair{number}") for number in range(5)]
    count = 12
    cursors = [connect(name, autocommit=True).cursor() for name in names]
    for number, cursor in enumerate(cursors):
        cursor.execute(
            "INSERT INTO queue_job (uuid, state, channel, priority, date_created)"
            " SELECT n::text, 'pending', 'root.c' || n %% 2, 10,"
            " timestamp '2026-01-01' + (n * 10 + %s) * interval '1 s' FROM generate_series(1, %s) n",
            [number, count],
        )
    fake_odoo.seconds = 0.02
    serve_fleet(channels="root:2")
    for cursor in cursors:
        wait_until(lambda cursor=cursor: all_done(cursor), LIMIT, "the end of all jobs")
    served = [name for _at, name, _uuid in fake_odoo.requests]
    half = served[: len(served) // 2]
    assert min(half.count(name) for name in names) >= max(map(served.count, names)) // 4, served


def all_done(cursor):
    cursor.execute("SELECT count(*) FROM queue_job WHERE state <> 'done'")
    return cursor.fetchone() == (0,)


def test_made_renamed_and_dropped(fleet, databases, serve_fleet, said, messages, runs):
    stays = fleet("stays")
    serve_fleet()
    runs(stays, "first")
    name = fleet("new")
    runs(name)
    # as Odoo does it
    terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
    databases.cluster.execute(terminate, [name])
    other = fleet.prefix + "other"
    databases.rename(name, other)
    runs(other, "another job")
    databases.drop(other)
    said(other, "no longer served")
    runs(stays, "second")
    ends = [m for m in messages() if "no longer served" in m or "is not served" in m]
    assert not [message for message in ends if stays in message]
    # once or twice: it was cut off, and is not there
    assert len([message for message in ends if other in message]) <= 2, ends


def test_one_that_takes_no_connections(fleet, databases, serve_fleet, said, runs):
    name, stays = fleet("closed"), fleet("stays")
    serve_fleet()
    runs(name)
    databases.cluster.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
    said(name, "no longer served: it is not there any more")
    runs(stays)
    databases.cluster.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
    runs(name, "another job")


def test_one_that_takes_no_connections_though_it_is_named(fleet, databases, serve_all, said, runs):
    name, stays = fleet("closed"), fleet("stays")
    databases.cluster.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
    serve_all([name, stays])
    assert said(name, "not currently accepting connections") == 1
    runs(stays)
    databases.cluster.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
    runs(name)


def test_templates_and_what_is_not_odoo_s(fleet, databases, serve_fleet, said, messages, runs):
    template, empty, stays = fleet("template"), fleet("empty", "template0"), fleet("stays")
    databases.cluster.execute(f"ALTER DATABASE {template} WITH IS_TEMPLATE true")
    serve_fleet()
    runs(stays)
    assert said(empty, "is not served: it is not an Odoo database") == 1
    assert not [message for message in messages() if template in message]


def test_the_addon_is_installed_and_uninstalled(
    fleet, databases, cluster, serve_fleet, said, runs, tmp_path, monkeypatch, jobrunner
):
    monkeypatch.setattr(jobrunner.candidate, "IDLE_INTERVAL", 1)
    stays, name = fleet("stays"), fleet("plain", databases.base_template())
    serve_fleet()
    assert said(name, "is not served: the addon queue_job is not installed") == 1
    config = OdooConfig(cluster.places, name)
    arguments = ["-i", "queue_job", "--no-http", "--stop-after-init"]
    status, log = run_odoo(config, arguments, tmp_path)
    assert status == 0, log.read_text()
    runs(name)
    run_script(config, UNINSTALL, tmp_path)
    assert said(name, "no longer served") == 1
    wait_until(
        lambda: said(name, "the addon queue_job is not installed") == 2, LIMIT, "the second report"
    )
    runs(stays)


def test_a_schema_that_is_older_than_the_code(
    fleet, connect, serve_fleet, said, runs, monkeypatch, jobrunner
):
    """The code was replaced, and the database not updated yet."""
    monkeypatch.setattr(jobrunner.candidate, "IDLE_INTERVAL", 1)
    name, stays = fleet("old"), fleet("stays")
    cursor = connect(name, autocommit=True).cursor()
    cursor.execute("ALTER TABLE queue_job DROP COLUMN timeout")
    serve_fleet()
    assert said(name, "its queue_job is of another version: update it with -u queue_job") == 1
    runs(stays)
    cursor.execute("ALTER TABLE queue_job ADD COLUMN timeout int")
    runs(name)


def test_no_connection_is_left(fleet, connect, cluster, serve_all, ready, said, runs, fake_odoo):
    """What is served goes on; what is not is served as soon as there is one."""
    stays, lost = fleet("stays"), fleet("lost")
    serve_all([stays, lost])
    for name in (stays, lost):
        ready(name)
    taken = take_all(connect, stays)
    cursor = taken[0].cursor()
    cursor.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [lost]
    )
    # the place that is free now
    taken += take_all(connect, stays)
    said(lost, "is not served: can't connect")
    cursor.execute(
        "INSERT INTO queue_job (uuid, state, channel, priority, date_created)"
        " VALUES ('a job', 'pending', 'root', 10, now())"
    )
    wait_until(lambda: fake_odoo.seen(stays, "a job"), LIMIT, "a request")
    for connection in taken:
        connection.close()
    runs(lost)


def take_all(connect, name):
    taken = []
    with pytest.raises(psycopg2.OperationalError):
        while True:
            taken.append(connect(name, autocommit=True))
    return taken
