"""Workers and servers that end in order, in the middle of their work."""

import os
import signal
import sys
import time

import pytest
from faults.stage import kill

from stack.waiting import wait_until

PATIENCE = 60
MEGABYTE = 1024 * 1024


def first_tries(stage, uuids):
    assert {retry for (retry,) in stage.rows(uuids, "retry")} == {1}


def test_a_worker_is_recycled_after_each_request(stage, judge):
    """``limit_request``: a slot is one request, which it ends."""
    here = stage(workers=2, channels="root:2", options={"limit_request": 1})
    uuids = here.delay("leave", 100, kwargs={"seconds": 0.05}, max_retries=1)
    judge(here, "worker recycled after each request", timeout=PATIENCE)
    first_tries(here, uuids)
    assert len(here.sql("SELECT DISTINCT worker_pid FROM queue_job")) > 2
    assert "found dead" not in here.log()


@pytest.mark.long
def test_memory_runs_out_in_a_slot(stage, judge):
    """``limit_memory_hard``: the job fails and says so; what shares its slot does not notice."""
    limits = {"limit_memory_hard": 2500 * MEGABYTE, "limit_memory_soft": 2000 * MEGABYTE}
    here = stage(workers=2, channels="root:1", options=limits)
    before = here.delay("leave", 10, max_retries=1)
    greedy = here.delay("eat", kwargs={"megabytes": 4000}, expected="failed", max_retries=1)
    after = here.delay("leave", 10, max_retries=1)
    judge(here, "memory runs out in a slot", timeout=PATIENCE)
    first_tries(here, [*before, *after])
    assert here.rows(greedy, "exc_name") == [("MemoryError",)]


@pytest.mark.long
def test_a_limit_of_time_in_a_slot(stage, judge):
    """Only the job that is over the limit is ended, not what was to run in its slot before or after."""
    here = stage(workers=2, channels="root:1", options={"limit_time_cpu": 3})
    before = here.delay("leave", 10, max_retries=1)
    here.delay("burn", kwargs={"seconds": 30}, expected="failed", max_retries=1)
    after = here.delay("leave", 10, max_retries=1)
    judge(here, "time runs out in a slot", timeout=PATIENCE)
    first_tries(here, [*before, *after])


def in_the_middle(stage):
    """:return: jobs of a channel that run in one slot, and long ones of another"""
    long = stage.delay("leave", 2, kwargs={"seconds": 2}, channel="root.long", max_retries=1)
    short = stage.delay("leave", 60, kwargs={"seconds": 0.1}, max_retries=1)
    stage.wait_for("done", short, 3)
    stage.wait_for("started", long, 1)
    return [*long, *short]


def test_the_server_is_stopped_in_order(stage, judge):
    """What runs ends; what was hinted waits; nothing is tried twice."""
    here = stage(workers=3, channels="root:3,root.long:1")
    uuids = in_the_middle(here)
    (server,) = here.servers
    server.child.process.terminate()
    server.child.process.wait(PATIENCE)
    left = here.count("pending", uuids) + here.count("enqueued", uuids)
    assert left
    assert here.count("started", uuids) == 0
    server.start()
    judge(here, "server stopped in order and started")
    first_tries(here, uuids)
    assert "found dead" not in here.log()


@pytest.mark.long
def test_the_server_loads_its_code_again(stage, judge):
    """SIGHUP: all processes end in order, and others start."""
    # Odoo looks for its Python there
    path = os.pathsep.join([f"{sys.prefix}/bin", os.environ["PATH"]])
    here = stage(workers=3, channels="root:3,root.long:1", environ={"PATH": path})
    uuids = in_the_middle(here)
    (server,) = here.servers
    ready = f"ready for db {here.database}"
    kill(server.pid, signal.SIGHUP)
    start = time.monotonic()
    wait_until(lambda: here.log().count(ready) > 1, PATIENCE, "another runner")
    judge(here, "server reloaded", time.monotonic() - start)
    first_tries(here, uuids)
    assert "found dead" not in here.log()


@pytest.mark.long
def test_a_worker_is_asked_to_end(stage, judge):
    """SIGINT, again and again: it ends after its slot."""
    here = stage(workers=3, channels="root:3,root.long:1")
    uuids = in_the_middle(here)
    for _round in range(5):
        for (pid,) in here.sql("SELECT DISTINCT worker_pid FROM queue_job WHERE state = 'started'"):
            kill(pid, signal.SIGINT)
        time.sleep(0.5)
    judge(here, "busy workers asked to end, five times")
    first_tries(here, uuids)
    assert "found dead" not in here.log()
