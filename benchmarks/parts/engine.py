"""The scheduler alone: engine, windows and slots of ours, in a process without Odoo and without a database."""

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
#: Kind of run -> arguments of the simulation.
KINDS = {"each job decided": [0], "with hints": []}


def run(bench):
    for slots, channels in SHAPES:
        for power in range(SMALLEST_POWER, bench.sizes.engine_power + 1):
            for kind in KINDS:
                work = partial(simulate, bench, 10**power, slots, channels, kind)
                bench.alternate(PART, work, repetitions=1)
    bench.results.add_note(
        "engine: reading, deciding and ending, by CPU; each job decided: none goes with another one"
    )


def simulate(bench, jobs, slots, channels, kind, side):
    if side.is_published:
        return
    limit = bench.sizes.limit
    command = [sys.executable, SIMULATION, side.addons, jobs, slots, channels, limit, *KINDS[kind]]
    result = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=2 * limit
    )
    if result.returncode:
        raise StackError(
            "the simulation failed", (result.stderr.splitlines() or ["it said nothing"])[-1]
        )
    outcome = json.loads(result.stdout)
    name = f"{jobs:,} jobs, {slots:,} slots, {channels:,} channels, {kind}"
    if outcome["jobs"] < jobs:
        bench.results.add_note(f"engine: of {name}, {outcome['jobs']:,} were run within {limit} s")
    microseconds = outcome["seconds"] / outcome["jobs"] * 1e6
    bench.results.add(side.name, Figure(PART, f"{name}: a job", "µs", LESS), microseconds)
    bench.results.add(side.name, Figure(PART, f"{name}: memory", "MiB", LESS), outcome["mebibytes"])
