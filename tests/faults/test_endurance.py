"""Many jobs while things are killed at random."""

import random
import time

import pytest
from faults.stage import kill, processes

#: Jobs for each minute, with a quarter of a second of work for some of them.
JOBS_A_MINUTE = 1000


def kill_something(stage, rng):
    server = rng.choice(stage.servers)
    what = rng.choice(["worker", "worker", "worker", "runner", "backends", "server"])
    if what == "worker":
        if workers := processes(server, "WorkerHTTP"):
            kill(rng.choice(workers))
    elif what == "runner":
        for pid in stage.runners(server):
            kill(pid)
    elif what == "backends":
        stage.terminate_backends()
    elif rng.random() < 0.3:
        server.child.kill()
        server.start()


@pytest.mark.long
def test_many_jobs_under_random_kills(stage, judge, endurance_minutes):
    """Each is done, and has taken effect once."""
    here = stage(servers=2, workers=2, channels="root:4")
    seed = time.time_ns()
    print(f"seed {seed}")
    rng = random.Random(seed)
    count = int(JOBS_A_MINUTE * endurance_minutes)
    for seconds in (0, 0, 0.01, 0.05, 0.25):
        here.delay("leave", count // 5, {"seconds": seconds}, max_retries=0)
    end = time.monotonic() + endurance_minutes * 60
    with here.watching_capacity() as numbers:
        while time.monotonic() < end:
            time.sleep(rng.uniform(0.2, 2))
            kill_something(here, rng)
        judge(here, f"random kills for {endurance_minutes:g} min", timeout=600)
    assert max(numbers) <= 4
