"""Odoo servers that are frozen: their kernel accepts requests, and nobody begins them. And single workers."""

import contextlib
import signal
import time

import psutil
import pytest
from faults.stage import kill, processes

from stack.ports import free_ports
from stack.waiting import wait_until

CAPACITY = 4
#: Seconds until a request that was not begun is given up, and what it takes to run its job elsewhere.
STUCK = 60
PATIENCE = 40
NOT_SETTLED = "is not settled: it was taken from this worker meanwhile"
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
def frozen(pids):
    """The processes are stopped inside it."""
    for pid in pids:
        kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
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
        with frozen(stopped.child.members()):
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


def test_one_of_two_workers_is_frozen_and_wakes_up(stage, judge):
    """The other one does all that comes; what was begun is not taken from it, and not done twice."""
    here = stage(workers=2, channels="root:2")
    with here.watching_capacity() as numbers:
        begun = here.delay("leave", kwargs={"seconds": 2}, max_retries=1)
        here.wait_for("started", begun)
        worker = here.worker_of(begun[0])
        with frozen([worker]):
            others = here.delay("leave", 30, kwargs={"seconds": 0.1}, max_retries=1)
            here.wait_for("done", others, timeout=PATIENCE)
            # time enough for looks at what is in progress
            time.sleep(6)
            assert here.rows(begun, "state", "worker_pid") == [("started", worker)]
        recovery = here.wait_for("done", begun)
        judge(here, "worker frozen in mid-job, and woken", recovery)
    assert max(numbers) <= 2
    assert {pid for (pid,) in here.rows(others, "worker_pid")}.isdisjoint([worker])
    assert {retry for (retry,) in here.rows([*begun, *others], "retry")} == {1}


def test_a_worker_is_frozen_in_a_slot(stage, judge):
    """What it has not begun of its hints is done by the other one."""
    here = stage(workers=2, channels="root:2")
    uuids = here.delay("leave", 60, kwargs={"seconds": 0.1}, max_retries=1)
    here.wait_for("done", uuids, 4)
    query = "SELECT worker_pid FROM queue_job WHERE state = 'started'"
    worker = wait_until(lambda: here.sql(query), PATIENCE, "a job at work", 0.01)[0][0]
    with frozen([worker]):
        here.wait_for("done", uuids, len(uuids) - 1, timeout=PATIENCE)
    judge(here, "worker frozen in a slot, and woken")
    assert {retry for (retry,) in here.rows(uuids, "retry")} == {1}


@pytest.mark.long
def test_a_frozen_worker_is_killed_by_its_server(stage, judge):
    """Odoo does that after ``limit_time_real``; then it is as with any worker that was killed."""
    limit = 15
    here = stage(workers=2, channels="root:2", options={"limit_time_real": limit})
    begun = here.delay("leave", kwargs={"seconds": 2})
    here.wait_for("started", begun)
    with frozen([here.worker_of(begun[0])]):
        recovery = here.wait_for("done", begun, timeout=limit + PATIENCE)
        judge(here, f"worker frozen, killed by Odoo after {limit} s", recovery)
    assert here.rows(begun, "retry") == [(2,)]


@pytest.mark.long
def test_the_job_of_a_frozen_worker_is_over_its_time_limit(stage, judge):
    """It fails meanwhile; the worker that wakes up can't settle it, and does other jobs then."""
    here = stage(workers=2, channels="root:2")
    begun = here.delay("leave", kwargs={"seconds": 2}, expected="failed", timeout=4, max_retries=1)
    here.wait_for("started", begun)
    worker = here.worker_of(begun[0])
    with frozen([worker]):
        recovery = here.wait_for("failed", begun, timeout=PATIENCE)
        judge(here, "worker frozen beyond the time limit of its job", recovery)
    wait_until(lambda: NOT_SETTLED in here.log(), PATIENCE, "what the worker says of it")

    def is_at_work():
        uuids = here.delay("leave", 10, kwargs={"seconds": 0.2})
        here.wait_for("done", uuids)
        return (worker,) in here.rows(uuids, "worker_pid")

    wait_until(is_at_work, PATIENCE, "another job of that worker")
    judge(here, "… and woken")
    ((name, retry),) = here.rows(begun, "exc_name", "retry")
    assert (name.endswith("JobTimedOut"), retry) == (True, 1)


def parked_at(here):
    """:return: int or None, the worker at which a request of the runner is, though no job runs"""
    (server,) = here.servers
    workers = processes(server, "WorkerHTTP")
    for connection in psutil.net_connections("tcp"):
        if connection.pid in workers and connection.status == psutil.CONN_ESTABLISHED:
            return connection.pid
    return None


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_a_worker_that_waits_for_a_job(stage, judge, number):
    """The job that it waited for is done by the other one, at once."""
    here = stage(workers=2, channels="root:2")
    here.wait_for("done", here.delay("leave", max_retries=1))
    worker = wait_until(lambda: parked_at(here), PATIENCE, "a request that is parked", 0.01)
    kill(worker, number)
    try:
        uuids = here.delay("leave", max_retries=1)
        recovery = here.wait_for("done", uuids, timeout=PATIENCE)
    finally:
        kill(worker, signal.SIGCONT)
    judge(here, f"worker that waits for a job: {number.name}", recovery)
    assert here.rows(uuids, "worker_pid") != [(worker,)]
    assert here.rows(uuids, "retry") == [(1,)]
