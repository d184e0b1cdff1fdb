"""PostgreSQL's machine is lost, and its standby promoted."""

import time

import pytest
from faults.proxy import Mode
from faults.runners import Supervisor
from faults.stage import Stage
from faults.standby import Pair

from stack.places import REPOSITORY
from stack.postgres import PORT, USER

PATIENCE = 60
DATABASE = "qj_failover"


@pytest.fixture
def pair(cluster, addon_template, copy_database):
    def fill(primary):
        primary.execute(f"CREATE DATABASE {DATABASE}")
        copy_database(cluster, addon_template, primary, DATABASE)

    with Pair(fill) as pair:
        yield pair


@pytest.fixture
def address(pair, proxy):
    """What clients know of PostgreSQL: a port of 127.0.0.1 that moves from one cluster to the other."""
    return proxy(f"{pair.primary.host}/.s.PGSQL.{PORT}")


def options_of(cluster):
    return {"host": cluster.host, "port": PORT, "user": USER}


@pytest.fixture
def start(pair, start_server):
    """A function that starts a server on the primary, with a runner: its :class:`Stage`."""

    def run(**config):
        addons = (REPOSITORY / "tests" / "addons",)
        places = pair.primary.places
        server = start_server(
            DATABASE, places=places, addons=addons, workers=3, channels="root:3", **config
        )
        server.wait_for_log(f"ready for db {DATABASE}", 60)
        return Stage(DATABASE, options_of(pair.primary), [server])

    return run


def fail_over(here, pair):
    pair.kill_primary()
    pair.promote()
    here._options = {**options_of(pair.standby), "dbname": DATABASE}


def recovered(here, supervisor, uuids):
    """:return: float, the seconds until another of the jobs is done, started by whom it may be"""
    already, begin = here.count("done", uuids), time.monotonic()
    supervisor.wait_until(lambda: here.count("done", uuids) > already, PATIENCE, "a job done")
    return time.monotonic() - begin


def test_the_address_moves_to_the_promoted_standby(pair, address, start, judge):
    """What was committed is there, each job ends, and its tries are those of before."""
    here = start(options={"db_host": "127.0.0.1", "db_port": address.port})
    uuids = here.delay("leave", 40, kwargs={"seconds": 0.4}, max_retries=1)
    here.wait_for("done", uuids, 5)
    last = here.delay("leave", 3, max_retries=1)
    done = [row[0] for row in here.rows(uuids, "uuid", "state") if row[1] == "done"]
    fail_over(here, pair)
    assert here.count("done", done) == len(done)
    assert len(here.rows([*uuids, *last], "id")) == 43
    address.move(f"{pair.standby.host}/.s.PGSQL.{PORT}")
    recovery = recovered(here, Supervisor(*here.servers), uuids)
    judge(here, "primary killed, standby promoted, its address moved", recovery)
    assert {retry for (retry,) in here.rows(uuids, "retry")} == {1}


@pytest.mark.long
def test_the_hosts_are_both_named(pair, start, judge):
    """``db_host`` of Odoo names two; who connects takes the one that can be written to."""
    here = start(
        environ={"PGTARGETSESSIONATTRS": "read-write", "PGCONNECT_TIMEOUT": "5"},
        options={"db_host": f"{pair.primary.host},{pair.standby.host}"},
    )
    uuids = here.delay("leave", 40, kwargs={"seconds": 0.4}, max_retries=1)
    here.wait_for("done", uuids, 5)
    fail_over(here, pair)
    recovery = recovered(here, Supervisor(*here.servers), uuids)
    judge(here, "primary killed, standby promoted, both in db_host", recovery)
    assert {retry for (retry,) in here.rows(uuids, "retry")} == {1}


def test_a_claim_that_the_standby_never_heard_of(pair, address, start, judge):
    """Claims do not wait for the standby: what is lost with one is that the job was started."""
    here = start(options={"db_host": "127.0.0.1", "db_port": address.port})
    uuids = here.delay("leave", 3, kwargs={"seconds": 1}, eta=6, max_retries=1)
    pair.stream.mode = Mode.SWALLOW
    here.wait_for("started", uuids)
    # each has done its work by now, and waits for the standby to have it
    time.sleep(2)
    assert here.count("started", uuids) == 3
    fail_over(here, pair)
    assert here.count("pending", uuids) == 3
    address.move(f"{pair.standby.host}/.s.PGSQL.{PORT}")
    recovery = recovered(here, Supervisor(*here.servers), uuids)
    judge(here, "primary killed, claims lost with it", recovery)
