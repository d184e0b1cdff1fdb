"""What the tests' own runners counted, read from their reports."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

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

    def __post_init__(self):
        if not self.note and not self.failed and not self.passed:
            self.note = "no test passed"
        elif not self.note and self.skipped:
            self.note = "skips fail"

    @property
    def is_good(self):
        return self.passed > 0 and not self.failed and not self.skipped and not self.note

    def __str__(self):
        counts = (
            f"{self.tier:<10}{self.passed:>8}{self.failed:>8}{self.skipped:>9}{self.seconds:>9.1f}"
        )
        return f"{counts}  {self.note}".rstrip()


HEADER = f"{'tier':<10}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}"


def read_junit(tier, report, status):
    """Return the :class:`Outcome` in pytest's report; ``status`` is pytest's exit status."""
    if not report.exists():
        return Outcome(
            tier, failed=1, note=f"pytest ended with status {status} before it ran a test"
        )
    suite = ElementTree.parse(report).getroot().find("testsuite")
    total, failures, errors, skipped = (
        int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")
    )
    failed = failures + errors
    note = f"pytest ended with status {status}" if status and not failed else ""
    return Outcome(tier, total - failed - skipped, failed, skipped, note=note)


def read_odoo_log(tier, text, status):
    """Return the :class:`Outcome` that Odoo's log tells; ``status`` is Odoo's exit status."""
    result = ODOO_RESULT.search(text)
    if not result:
        return Outcome(
            tier, failed=1, note=f"Odoo ended with status {status} before it counted its tests"
        )
    failures, errors, total = map(int, result.groups())
    failed, skipped = failures + errors, len(ODOO_SKIP.findall(text))
    note = f"Odoo ended with status {status}" if status and not failed else ""
    return Outcome(tier, max(0, total - failed - skipped), failed, skipped, note=note)


def odoo_problems(text, limit=400):
    """Return the last lines of those records of an Odoo log that are worth reading: warnings, errors, skips, the result."""
    shown, lines = False, []
    for line in text.splitlines():
        if record := LOG_RECORD.match(line):
            worth = ODOO_RESULT.search(line) or ODOO_SKIP.search(line)
            shown = bool(worth) or record[1] in ("WARNING", "ERROR", "CRITICAL")
        if shown:
            lines.append(line)
    return lines[-limit:]


def summary(outcomes):
    """Return the table's lines and, as the last one, the count over all tiers."""
    passed, failed, skipped = (
        sum(getattr(outcome, name) for outcome in outcomes)
        for name in ("passed", "failed", "skipped")
    )
    count = f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")
    return [HEADER, *map(str, outcomes), "", count]
