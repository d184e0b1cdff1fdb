"""What is between the runner and Odoo, and gives up before the job has ended."""

import time

import pytest
from faults.gateway import Gateway

from stack.ports import HOST, free_ports

#: Seconds for which it waits for an answer, and for which the job works.
PATIENCE = 2
LONG = 8


@pytest.fixture
def behind_gateway(stage, tmp_path):
    """A function that starts servers whose runners reach all of them through a gateway."""
    opened = []

    def start(servers=1, **config):
        ports = free_ports(servers)
        gateway = Gateway(ports, PATIENCE, tmp_path).__enter__()
        opened.append(gateway)
        options = {"host": HOST, "port": gateway.port}
        return stage(http_ports=ports, queue_job=options, **config)

    yield start
    for gateway in opened:
        gateway.__exit__()


def run_long_and_short(stage, judge, fault):
    """A long job has all of the capacity; the short ones wait for its end."""
    (long,) = stage.delay("leave", kwargs={"seconds": LONG}, max_retries=1)
    stage.wait_for("started", [long])
    short = stage.delay("leave", 3, max_retries=1)
    with stage.watching_capacity() as numbers:
        start = time.monotonic()
        judge(stage, fault)
        assert time.monotonic() - start < LONG + 15
    assert max(numbers) == 1
    ((end,),) = stage.rows([long], "date_done")
    assert all(started > end for (started,) in stage.rows(short, "date_started"))
    assert {retry for (retry,) in stage.rows([long, *short], "retry")} == {1}
    return long


def test_it_answers_that_it_takes_too_long(behind_gateway, judge):
    """Neither is the job run again, nor is its capacity given to another one."""
    here = behind_gateway(workers=2, channels="root:1")
    job = run_long_and_short(here, judge, "nginx gives up after 2 s, the job takes 8 s")
    assert f"the request for job {job} of database {here.database} ended too early" in here.log()
    assert "504" in here.log()
    assert "found dead" not in here.log()


@pytest.mark.long
def test_it_asks_another_server(behind_gateway, judge):
    """As nginx does with two servers: the second one refuses, and that is no end of the job."""
    here = behind_gateway(servers=2, workers=2, channels="root:1")
    job = run_long_and_short(here, judge, "nginx asks a second server after 2 s")
    assert f"requested to run job {job}" in here.log()
