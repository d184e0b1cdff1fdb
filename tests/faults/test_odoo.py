"""What can stand between the runner and Odoo, and Odoo itself with its limits."""

import time

import pytest
from faults.proxy import Mode

from stack.ports import free_ports
from stack.waiting import wait_until

PATIENCE = 60


@pytest.fixture
def between(stage, proxy):
    """A function that starts a server which the runner reaches through a proxy; returns both."""

    def start(**config):
        (port,) = free_ports(1)
        one = proxy(port)
        options = {"host": "127.0.0.1", "port": one.port}
        return stage(http_port=port, queue_job=options, **config), one

    return start


@pytest.mark.parametrize("mode", [Mode.REFUSE, Mode.FAIL], ids=lambda mode: mode.name.lower())
def test_odoo_is_out_of_reach(between, judge, mode):
    """The jobs stay pending, and go on when it is back."""
    here, one = between()
    one.mode = mode
    uuids = here.delay("leave", 20)
    wait_until(lambda: "can't have jobs run by Odoo" in here.log(), 20, "a line in the log")
    time.sleep(2)
    assert here.count("pending", uuids) + here.count("enqueued", uuids) == 20
    one.mode = Mode.PASS
    recovery = here.wait_for("done", uuids, 1, timeout=PATIENCE)
    judge(here, f"what is before Odoo {mode.value}", recovery)
    assert {retry for (retry,) in here.rows(uuids, "retry")} == {1}


@pytest.mark.long
def test_answers_are_cut(between, judge):
    """Odoo has run the jobs, but the runner does not hear of it."""
    here, one = between()
    one.mode = Mode.TRUNCATE
    uuids = here.delay("leave", 20, kwargs={"seconds": 0.1})
    here.wait_for("done", uuids, 1, timeout=PATIENCE)
    time.sleep(1)
    one.mode = Mode.PASS
    start = time.monotonic()
    here.wait_for_end()
    judge(here, "what is before Odoo truncates", time.monotonic() - start)


@pytest.mark.long
def test_connections_are_dropped_in_mid_job(between, judge):
    """The jobs run on, and are not run a second time."""
    here, one = between()
    uuids = here.delay("leave", 10, kwargs={"seconds": 1.5})
    for _round in range(3):
        here.wait_for("started", uuids, 1)
        one.drop()
        time.sleep(0.7)
    judge(here, "connections to Odoo dropped in mid-job, three times")
    assert {retry for (retry,) in here.rows(uuids, "retry")} == {1}


@pytest.mark.long
def test_requests_are_swallowed(between, judge):
    """Nobody answers, and nobody says that nobody will."""
    here, one = between()
    one.mode = Mode.SWALLOW
    uuids = here.delay("leave", 10)
    here.wait_for("enqueued", uuids, 1)
    time.sleep(1)
    one.mode = Mode.PASS
    recovery = here.wait_for("done", uuids, 1, timeout=150)
    judge(here, "requests to Odoo swallowed", recovery, timeout=300)


@pytest.mark.long
def test_more_capacity_than_workers(stage, judge):
    """Requests wait for a worker; a job that waits is not taken for dead."""
    here = stage(workers=2, channels="root:50")
    uuids = here.delay("leave", 60, kwargs={"seconds": 0.7})
    judge(here, "root:50 on 2 workers")
    assert {retry for (retry,) in here.rows(uuids, "retry")} == {1}
    assert "found dead" not in here.log()


@pytest.mark.long
@pytest.mark.parametrize(
    ("method", "kwargs", "options", "expected"),
    [
        ("burn", {"seconds": 30}, {"limit_time_cpu": 3}, "failed"),
        ("leave", {"seconds": 60}, {"limit_time_real": 4, "limit_time_cpu": 60}, "failed"),
        ("eat", {"megabytes": 300}, {"limit_memory_soft": 300 * 1024 * 1024}, "done"),
    ],
    ids=["cpu", "real", "memory"],
)
def test_limits_of_workers(stage, judge, method, kwargs, options, expected):
    """A job over the limit ends, and says so; the others are done."""
    here = stage(workers=2, channels="root:2", options=options)
    uuids = here.delay(method, kwargs=kwargs, expected=expected, max_retries=2)
    more = here.delay("leave", 10, kwargs={"seconds": 0.2})
    judge(here, f"worker over its limit: {next(iter(options))}")
    assert here.count("done", more) == 10
    if expected == "failed":
        ((name,),) = here.rows(uuids, "exc_name")
        assert name


@pytest.mark.long
def test_an_answer_is_lost(between, judge):
    """What is between forgets the connection of a job that takes long, as firewalls do."""
    here, one = between(channels="root:1")
    uuids = here.delay("leave", 3, kwargs={"seconds": 1.5})
    here.wait_for("started", uuids, 1)
    one.mute()
    here.wait_for("done", uuids, 1)
    recovery = here.wait_for("done", uuids, 2, timeout=PATIENCE)
    judge(here, "answer of Odoo swallowed", recovery)
    assert {retry for (retry,) in here.rows(uuids, "retry")} == {1}
    assert "has no answer" in here.log()


@pytest.mark.long
def test_answers_trickle(between, judge):
    """Byte by byte: the jobs have run, and nobody waits for the last byte."""
    here, one = between(channels="root:2")
    one.mode = Mode.TRICKLE
    uuids = here.delay("leave", 4, kwargs={"seconds": 1.2})
    here.wait_for("done", uuids, 2)
    recovery = here.wait_for("done", uuids, 4, timeout=PATIENCE)
    judge(here, "answers of Odoo trickle", recovery)
    assert {retry for (retry,) in here.rows(uuids, "retry")} == {1}
