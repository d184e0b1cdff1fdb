"""The benchmark from its options to its table."""

import contextlib
import dataclasses
import importlib
import json
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from . import machine
from .bench import Bench
from .progress import say
from .table import table


def main(options):
    """Measure what the options say, print it, and return the exit status: 1 when something could not be measured."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    start = time.monotonic()
    with contextlib.ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="qj_bench_"))
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        bench = stack.enter_context(Bench.prepared(options, directory))
        heading = machine.describe(bench)
        try:
            for part in options.parts:
                say(f"-- {part}")
                bench.guard(part, None, importlib.import_module(f"benchmarks.parts.{part}").run)
        finally:
            # also of a benchmark that is interrupted
            report(heading, bench, time.monotonic() - start, options.json)
    return 1 if bench.results.problems else 0


def report(heading, bench, seconds, json_path):
    results = bench.results
    print("\n".join(heading))
    print()
    if results.values:
        print("\n".join(table(results)))
    print("\n".join(["", *results.notes, f"All of it took {seconds / 60:.1f} minutes."]))
    print("".join(f"\n{text}\n" for text in results.texts), end="")
    for problem in results.problems:
        print(f"not measured: {problem}")
    sys.stdout.flush()
    if json_path:
        content = {
            "machine": heading,
            "sizes": dataclasses.asdict(bench.sizes),
            "seconds": seconds,
            "directory": str(bench.directory),
            **results.as_json(),
        }
        Path(json_path).write_text(json.dumps(content, indent=1) + "\n")


def _end(number, frame):
    """Leave by the way of every ``finally``, once; what comes later must not disturb that."""
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    sys.exit(128 + number)
