import pytest

import counting

LOG = """\
2026-01-01 10:00:00,000 12 INFO db odoo.modules.loading: loading
2026-01-01 10:00:00,001 12 WARNING db odoo.addons.queue_job: something odd
  with a second line
2026-01-01 10:00:00,002 12 INFO db odoo.addons.x.tests.test_a: Starting TestA.test_a ...
{extra}2026-01-01 10:00:01,000 12 INFO db odoo.tests.result: {result} when loading database 'db'
"""
SKIP = "2026-01-01 10:00:00,003 12 INFO db odoo.addons.x.tests.test_a: skipped TestA.test_b : no browser\n"


def junit(tmp_path, **counts):
    attributes = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0, **counts}
    text = " ".join(f'{key}="{value}"' for key, value in attributes.items())
    path = tmp_path / "report.xml"
    path.write_text(f"<testsuites><testsuite {text}/></testsuites>")
    return path


def test_pytest_counts(tmp_path):
    report = junit(tmp_path, tests=10, failures=1, errors=2, skipped=3)
    outcome = counting.read_junit("unit", report, 1)
    assert (outcome.passed, outcome.failed, outcome.skipped) == (4, 3, 3)
    assert not outcome.is_good


def test_all_passed(tmp_path):
    assert counting.read_junit("unit", junit(tmp_path, tests=2), 0).is_good


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        ({"tests": 0}, 5),
        ({"tests": 2, "skipped": 1}, 0),
        ({"tests": 2}, 3),
        ({"tests": 2, "errors": 1}, 1),
    ],
)
def test_nothing_else_is_good(tmp_path, counts, status):
    outcome = counting.read_junit("unit", junit(tmp_path, **counts), status)
    assert not outcome.is_good
    assert outcome.failed or outcome.note


def test_pytest_without_a_report_failed(tmp_path):
    outcome = counting.read_junit("unit", tmp_path / "none.xml", 4)
    assert outcome.failed == 1
    assert not outcome.is_good


def test_odoo_counts():
    text = LOG.format(extra=SKIP, result="1 failed, 2 error(s) of 10 tests")
    outcome = counting.read_odoo_log("odoo", text, 1)
    assert (outcome.passed, outcome.failed, outcome.skipped) == (6, 3, 1)


def test_odoo_all_passed():
    text = LOG.format(extra="", result="0 failed, 0 error(s) of 10 tests")
    assert counting.read_odoo_log("odoo", text, 0).is_good


@pytest.mark.parametrize(
    ("extra", "result", "status"),
    [
        (SKIP, "0 failed, 0 error(s) of 10 tests", 0),
        ("", "0 failed, 0 error(s) of 0 tests", 0),
        ("", "0 failed, 0 error(s) of 10 tests", 1),
        ("", "no count at all", 0),
    ],
)
def test_odoo_nothing_else_is_good(extra, result, status):
    assert not counting.read_odoo_log(
        "odoo", LOG.format(extra=extra, result=result), status
    ).is_good


def test_problems_of_an_odoo_log():
    lines = counting.odoo_problems(LOG.format(extra=SKIP, result="0 failed, 0 error(s) of 1 tests"))
    assert len(lines) == 4
    assert lines[1] == "  with a second line"
    assert "skipped" in lines[2]


def test_last_line_is_the_count_alone():
    outcomes = [counting.Outcome("unit", passed=3), counting.Outcome("odoo", passed=1, failed=2)]
    assert counting.summary(outcomes)[-1] == "4 passed, 2 failed"


def test_last_line_names_skips():
    assert (
        counting.summary([counting.Outcome("unit", passed=3, skipped=1)])[-1]
        == "3 passed, 0 failed, 1 skipped"
    )
