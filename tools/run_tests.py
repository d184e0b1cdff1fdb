"""Runs tiers of tests and prints what their own runners counted: ``run_tests.py TIER… -- ARGUMENT…``.

Nothing counts as a success that did not run: a skip fails, and so does a tier without a single test. The last line is
the count alone.
"""

import os
import re
import signal
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from stack import Cluster, OdooConfig, Places, report_errors
from stack.database import Databases
from stack.odoo import run_odoo
from stack.places import REPOSITORY
from stack.process import Child

RESULTS = REPOSITORY / ".results"
TEST_ADDONS = REPOSITORY / "tests" / "addons"
ODOO_RESULT = re.compile(r"odoo\.tests\.result: (\d+) failed, (\d+) error\(s\) of (\d+) tests")
ODOO_SKIP = re.compile(r" INFO \S+ \S+: skipped ")
LOG_RECORD = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \d+ ([A-Z]+) ")


@dataclass
class Outcome:
    """What one tier's runner counted; ``note`` says why the tier failed where the counts don't."""

    tier: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    note: str = ""

    @property
    def is_good(self):
        return self.passed > 0 and not self.failed and not self.skipped and not self.note

    def __str__(self):
        counts = f"{self.tier:<10}{self.passed:>8}{self.failed:>8}{self.skipped:>9}{self.seconds:>9.1f}"
        return f"{counts}  {self.note}".rstrip()


HEADER = f"{'tier':<10}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}"


# -- pytest


def run_pytest(tier, arguments):
    report = RESULTS / f"{tier}.xml"
    report.unlink(missing_ok=True)
    path = REPOSITORY / "tests" / tier
    argv = [sys.executable, "-m", "pytest", path, f"--junitxml={report}", *arguments]
    with Child(argv, log=None, cwd=REPOSITORY) as child:
        status = child.process.wait()
    return read_junit(tier, report, status)


def read_junit(tier, report, status):
    """Return the :class:`Outcome` in pytest's report; ``status`` is pytest's exit status."""
    if not report.exists():
        return Outcome(tier, failed=1, note=f"pytest ended with status {status} before it ran a test")
    suite = ElementTree.parse(report).getroot().find("testsuite")
    total, failures, errors, skipped = (
        int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")
    )
    failed = failures + errors
    note = f"pytest ended with status {status}" if status and not failed else ""
    return Outcome(tier, total - failed - skipped, failed, skipped, note=note)


# -- Odoo's own runner


def run_odoo_tests(tier, arguments):
    log = RESULTS / f"{tier}.log"
    log.unlink(missing_ok=True)
    addons = (TEST_ADDONS,) if TEST_ADDONS.is_dir() else ()
    modules = ["queue_job", *sorted(path.parent.name for path in TEST_ADDONS.glob("*/__manifest__.py"))]
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
    print_problems(log.read_text(errors="replace"))
    outcome = read_odoo_log(tier, log.read_text(errors="replace"), status)
    if missing:
        outcome.note = f"not installed: {', '.join(missing)}"
    return outcome


def read_odoo_log(tier, text, status):
    """Return the :class:`Outcome` that Odoo's log tells; ``status`` is Odoo's exit status."""
    result = ODOO_RESULT.search(text)
    if not result:
        return Outcome(tier, failed=1, note=f"Odoo ended with status {status} before it counted its tests")
    failures, errors, total = map(int, result.groups())
    failed, skipped = failures + errors, len(ODOO_SKIP.findall(text))
    note = f"Odoo ended with status {status}" if status and not failed else ""
    return Outcome(tier, max(0, total - failed - skipped), failed, skipped, note=note)


def print_problems(text, limit=400):
    """Print the records of the log that are worth reading: warnings, errors, skips and the result."""
    shown, lines = False, []
    for line in text.splitlines():
        if record := LOG_RECORD.match(line):
            worth = ODOO_RESULT.search(line) or ODOO_SKIP.search(line)
            shown = bool(worth) or record[1] in ("WARNING", "ERROR", "CRITICAL")
        if shown:
            lines.append(line)
    print("\n".join(lines[-limit:]))


# -- all of them


def run_tier(tier, arguments):
    print(f"\n== {tier}", flush=True)
    start = time.monotonic()
    run = run_odoo_tests if tier == "odoo" else run_pytest
    outcome = run(tier, arguments)
    outcome.seconds = time.monotonic() - start
    return outcome


def summary(outcomes):
    """Return the table's lines and, as the last one, the count over all tiers."""
    passed, failed, skipped = (
        sum(getattr(outcome, name) for outcome in outcomes) for name in ("passed", "failed", "skipped")
    )
    count = f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")
    return [HEADER, *map(str, outcomes), "", count]


def main(arguments):
    split = arguments.index("--")
    tiers, rest = arguments[:split], arguments[split + 1 :]
    RESULTS.mkdir(exist_ok=True)
    os.environ.setdefault("QUEUE_JOB_SCREENSHOTS", str(RESULTS / "screenshots"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    outcomes = [run_tier(tier, rest) for tier in tiers]
    for outcome in outcomes:
        if not outcome.passed and not outcome.note:
            outcome.note = "no test passed"
        elif outcome.skipped and not outcome.note:
            outcome.note = "skips fail"
    print("\n" + "\n".join(summary(outcomes)), flush=True)
    return 0 if all(outcome.is_good for outcome in outcomes) else 1


if __name__ == "__main__":
    with report_errors("bin/test"):
        try:
            sys.exit(main(sys.argv[1:]))
        except KeyboardInterrupt:
            sys.exit(130)
