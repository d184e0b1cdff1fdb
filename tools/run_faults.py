"""Runs ``tests/faults`` with the long ones, and prints the ledger as a table: ``run_faults.py --minutes N -- ARGUMENT…``."""

import argparse
import os
import signal
import sys

from faults.ledger import read, table
from run_tests import RESULTS

from counting import read_junit
from stack import report_errors
from stack.places import REPOSITORY
from stack.process import Child


def main(options):
    RESULTS.mkdir(parents=True, exist_ok=True)
    ledger, report = RESULTS / "faults.jsonl", RESULTS / "faults.xml"
    for path in (ledger, report):
        path.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "pytest", REPOSITORY / "tests" / "faults", f"--junitxml={report}"]
    environ = {
        **os.environ,
        "QUEUE_JOB_FAULTS_LEDGER": str(ledger),
        "QUEUE_JOB_FAULTS_MINUTES": str(options.minutes),
    }
    with Child([*argv, *options.arguments], log=None, cwd=REPOSITORY, env=environ) as child:
        status = child.process.wait()
    entries = read(ledger)
    outcome = read_junit("faults", report, status)
    print(f"\n{table(entries)}", flush=True)
    print(f"\n{outcome.passed} passed, {outcome.failed} failed", flush=True)
    is_clean = not any(entry.lost or entry.wrong for entry in entries)
    return 0 if outcome.is_good and is_clean else 1


def parse(arguments):
    parser = argparse.ArgumentParser(prog="bin/faults", description=__doc__)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("arguments", nargs="*")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    with report_errors("bin/faults"):
        try:
            sys.exit(main(parse(sys.argv[1:])))
        except KeyboardInterrupt:
            sys.exit(130)
