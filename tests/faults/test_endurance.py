"""Many jobs while things are killed at random."""

import contextlib
import http.client
import random
import time
from collections import Counter

import pytest
from faults.postgres import start_again, stop_at_once
from faults.stage import kill, processes

from stack.errors import StackError

#: Seconds between two batches of jobs, how many jobs of a kind are in one, and for how long those
#: of each kind work.
INTERVAL = 15
BATCH = 50
KINDS = (0, 0, 0.01, 0.05, 0.25)
#: What is killed, and how often beside the others.
FAULTS = {"worker": 12, "runner": 4, "backends": 4, "server": 2, "postgresql": 1}


def break_something(stage, cluster, rng):
    """:return: str, what was killed"""
    (what,) = rng.choices(list(FAULTS), FAULTS.values())
    server = rng.choice(stage.servers)
    if what == "worker":
        if workers := processes(server, "WorkerHTTP"):
            kill(rng.choice(workers))
    elif what == "runner":
        # each has one, and one of them leads
        for pid in stage.runners(server):
            kill(pid)
    elif what == "backends":
        stage.terminate_backends()
    elif what == "server":
        server.child.kill()
    else:
        stop_at_once(cluster)
        start_again(cluster)
    return what


def start_what_ended(stage):
    """As whatever watches over them does; without PostgreSQL Odoo ends by itself, now and then."""
    for server in stage.servers:
        if not server.is_running:
            server.start()


def delay_batch(stage, rng):
    """The request may meet what was killed just now: then it is sent again."""
    for seconds in KINDS:
        for _attempt in range(10):
            with contextlib.suppress(OSError, http.client.HTTPException, StackError):
                graph = rng.choice((None, "group", "chain"))
                stage.delay("leave", BATCH, {"seconds": seconds}, graph=graph, max_retries=0)
                break
            time.sleep(0.5)


@pytest.mark.long
def test_many_jobs_under_random_kills(lone_stage, lone_cluster, judge, endurance_minutes):
    """Each is done, and has taken effect once."""
    here = lone_stage(servers=2, workers=2, channels="root:4")
    seed = time.time_ns()
    print(f"seed {seed}")
    rng = random.Random(seed)
    next_batch = time.monotonic()
    end = next_batch + endurance_minutes * 60
    kills = Counter()
    with here.watching_capacity() as numbers:
        while (now := time.monotonic()) < end:
            if now >= next_batch:
                next_batch += INTERVAL
                delay_batch(here, rng)
            time.sleep(rng.uniform(0.2, 2))
            kills[break_something(here, lone_cluster, rng)] += 1
            start_what_ended(here)
        recovery = here.wait_for_end(600)
        print(f"killed: {dict(kills)}")
        judge(here, f"random kills for {endurance_minutes:g} min", recovery)
    assert max(numbers) <= 4
