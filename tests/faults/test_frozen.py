"""Odoo servers that are frozen: their kernel accepts requests, and nobody begins them."""

import contextlib
import signal

import pytest
from faults.stage import kill

from stack.ports import free_ports
from stack.waiting import wait_until

CAPACITY = 4
#: Seconds until a request that was not begun is given up, and what it takes to run its job elsewhere.
STUCK = 60
PATIENCE = 40
REFUSED = "does not exist, or it is not enqueued any more"


@pytest.fixture
def pair(stage):
    """Two servers, each of which may be asked by the runner of either."""
    ports = free_ports(2)
    hosts = ", ".join(f"127.0.0.1:{port}" for port in ports)
    return stage(
        http_ports=ports, workers=3, channels=f"root:{CAPACITY}", queue_job={"host": hosts}
    )


@contextlib.contextmanager
def frozen(server):
    """All processes of a server are stopped inside it."""
    members = server.child.members()
    for pid in members:
        kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in members:
            kill(pid, signal.SIGCONT)


def ran_by(here, server, uuids):
    """:return: int, how many of the jobs were run by processes of a server"""
    members = server.child.members()
    return sum(pid in members for (pid,) in here.rows(uuids, "worker_pid"))


def warm_up(here):
    """Have both servers run jobs."""

    def have_both():
        uuids = here.delay("leave", 2 * CAPACITY, kwargs={"seconds": 0.3})
        here.wait_for("done", uuids)
        return all(ran_by(here, server, uuids) for server in here.servers)

    wait_until(have_both, PATIENCE, "jobs on both servers")


@pytest.mark.long
@pytest.mark.parametrize("leads", [False, True], ids=["stand-by", "leader"])
def test_a_server_is_frozen_and_wakes_up(pair, judge, leads):
    """What waits at it is done by the other one; it gets no more, and runs none of it when it wakes up."""
    warm_up(pair)
    here = pair
    here.servers.sort(
        key=lambda server: (f"ready for db {here.database}" in server.log_text()) is leads
    )
    awake, stopped = here.servers
    with here.watching_capacity() as numbers:
        with frozen(stopped):
            uuids = here.delay("leave", 20, kwargs={"seconds": 0.3}, max_retries=1)
            here.wait_for("done", uuids, 20 - CAPACITY, timeout=PATIENCE)
            stuck = here.count("enqueued", uuids)
            assert stuck
            recovery = here.wait_for("done", uuids, timeout=STUCK + PATIENCE)
            more = here.delay("leave", 20, kwargs={"seconds": 0.3}, max_retries=1)
            here.wait_for("done", more, timeout=PATIENCE)
            assert "it gets no more until it answers" in awake.log_text()
        wait_until(lambda: REFUSED in stopped.log_text(), PATIENCE, "the requests that were stuck")
        warm_up(here)
        judge(here, f"server of the {'leader' if leads else 'stand-by'} frozen", recovery)
    assert max(numbers) <= CAPACITY
    assert stopped.log_text().count(REFUSED) <= 2 * CAPACITY
    assert {retry for (retry,) in here.rows([*uuids, *more], "retry")} == {1}
