"""Runs tiers of tests and prints what their own runners counted: ``run_tests.py TIER… -- ARGUMENT…``.

Nothing counts as a success that did not run: a skip fails, and so does a tier without a single test. The last line is
the count alone.
"""

import os
import signal
import sys
import time
from pathlib import Path

from counting import odoo_problems, read_junit, read_odoo_log, summary
from stack import Cluster, OdooConfig, Places, report_errors
from stack.database import Databases
from stack.odoo import run_odoo
from stack.places import REPOSITORY
from stack.process import Child

RESULTS = Path(os.environ.get("QUEUE_JOB_RESULTS") or REPOSITORY / ".results")
TEST_ADDONS = REPOSITORY / "tests" / "addons"

# -- pytest


def run_pytest(tier, arguments):
    report = RESULTS / f"{tier}.xml"
    report.unlink(missing_ok=True)
    path = REPOSITORY / "tests" / tier
    argv = [sys.executable, "-m", "pytest", path, f"--junitxml={report}", *arguments]
    with Child(argv, log=None, cwd=REPOSITORY) as child:
        status = child.process.wait()
    return read_junit(tier, report, status)


# -- Odoo's own runner


def run_odoo_tests(tier, arguments):
    log = RESULTS / f"{tier}.log"
    log.unlink(missing_ok=True)
    modules = [
        "queue_job",
        *sorted(path.parent.name for path in TEST_ADDONS.glob("*/__manifest__.py")),
    ]
    addons = (TEST_ADDONS,) if modules[1:] else ()
    tags = ",".join(arguments or [f"/{module}" for module in modules])
    with Cluster(Places.find()) as cluster:
        databases = Databases(cluster)
        name = f"qj_test_{os.getpid()}"
        with databases.temporary(name, databases.base_template()):
            config = OdooConfig(cluster.places, name, addons=addons)
            config.options["screenshots"] = RESULTS / "screenshots"
            tested = ["-i", ",".join(modules), "--test-tags", tags, "--stop-after-init"]
            status, _log = run_odoo(config, tested, RESULTS, log)
            missing = databases.missing_modules(name, modules)
    text = log.read_text(errors="replace")
    print("\n".join(odoo_problems(text)))
    outcome = read_odoo_log(tier, text, status)
    if missing:
        outcome.note = f"not installed: {', '.join(missing)}"
    return outcome


# -- all of them


def run_tier(tier, arguments):
    print(f"\n== {tier}", flush=True)
    start = time.monotonic()
    run = run_odoo_tests if tier == "odoo" else run_pytest
    outcome = run(tier, arguments)
    outcome.seconds = time.monotonic() - start
    return outcome


def main(arguments):
    split = arguments.index("--")
    tiers, rest = arguments[:split], arguments[split + 1 :]
    RESULTS.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("QUEUE_JOB_SCREENSHOTS", str(RESULTS / "screenshots"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    outcomes = [run_tier(tier, rest) for tier in tiers]
    print("\n" + "\n".join(summary(outcomes)), flush=True)
    return 0 if all(outcome.is_good for outcome in outcomes) else 1


if __name__ == "__main__":
    with report_errors("bin/test"):
        try:
            sys.exit(main(sys.argv[1:]))
        except KeyboardInterrupt:
            sys.exit(130)
