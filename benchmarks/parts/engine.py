"""The scheduler alone: the pure engine of ours, in a process without Odoo and without a database."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

from stack import StackError

from ..results import LESS, Figure

PART = "engine"
SIMULATION = Path(__file__).parents[1] / "simulation.py"
SMALLEST_POWER = 5
#: (slots, channels)
SHAPES = ((4, 1), (10_000, 1_000))


def run(bench):
    for slots, channels in SHAPES:
        for power in range(SMALLEST_POWER, bench.sizes.engine_power + 1):
            work = partial(simulate, bench, 10**power, slots, channels)
            bench.alternate(PART, work, repetitions=1)
    bench.results.add_note(
        "engine: a decision is telling the engine of a job, its start and its end"
    )


def simulate(bench, jobs, slots, channels, side):
    if side.is_published:
        return
    limit = bench.sizes.limit
    command = [sys.executable, SIMULATION, side.addons, jobs, slots, channels, limit]
    result = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=2 * limit
    )
    if result.returncode:
        raise StackError(
            "the simulation failed", (result.stderr.splitlines() or ["it said nothing"])[-1]
        )
    outcome = json.loads(result.stdout)
    name = f"{jobs:,} jobs, {slots:,} slots, {channels:,} channels"
    decided = outcome["decisions"]
    if decided < jobs:
        bench.results.add_note(f"engine: of {name}, {decided:,} were run within {limit} s")
    microseconds = outcome["seconds"] / decided * 1e6
    bench.results.add(side.name, Figure(PART, f"{name}: a decision", "µs", LESS), microseconds)
    bench.results.add(side.name, Figure(PART, f"{name}: memory", "MiB", LESS), outcome["mebibytes"])
