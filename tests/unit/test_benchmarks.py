"""What the benchmark computes, away from what it measures."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from odoo.addons.queue_job.core.notification import NOTIFY_CHANNEL
from odoo.addons.queue_job.core.window import Waiting

from benchmarks import counters, options, simulation
from benchmarks.fit import growth_exponent
from benchmarks.processes import Meter, children, cpu_seconds, difference, find_runner
from benchmarks.quantile import median, percentile
from benchmarks.results import LESS, MORE, Figure, Results
from benchmarks.sizes import FULL, NAMES, QUICK
from benchmarks.table import number, table

REPOSITORY = Path(__file__).parents[2]
RATE = Figure("drain", "drained", "jobs/s", MORE)
COST = Figure("drain", "CPU", "ms", LESS)
PLAIN = Figure("create", "rows", "rows/s")


# -- numbers


@pytest.mark.parametrize("exponent", [0, 0.5, 1, 2])
def test_the_exponent_of_a_power(exponent):
    points = [(size, 3 * size**exponent) for size in (10, 20, 40, 80)]
    assert growth_exponent(points) == pytest.approx(exponent)


def test_the_exponent_of_what_is_not_quite_a_power():
    assert growth_exponent([(10, 11), (100, 90), (1000, 1100)]) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("points", [[], [(1, 1)], [(5, 1), (5, 2)], [(1, 1), (2, 0)]])
def test_there_is_no_exponent(points):
    with pytest.raises(ValueError):
        growth_exponent(points)


def test_percentiles():
    assert [percentile(range(101), percent) for percent in (0, 50, 99, 100)] == [0, 50, 99, 100]
    assert percentile([7], 99) == 7
    assert median([4, 1, 3, 2]) == 2.5
    with pytest.raises(ValueError):
        percentile([], 50)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0"),
        (0.012345, "0.0123"),
        (0.5, "0.500"),
        (9.876, "9.88"),
        (61.26, "61.3"),
        (1234.5, "1,234"),
        (1_000_000, "1,000,000"),
        (-0.25, "-0.250"),
    ],
)
def test_a_number_has_three_digits_that_mean_something(value, text):
    assert number(value) == text


# -- results


@pytest.fixture
def results():
    results = Results(["ours", "published"])
    for value in (900, 1000, 5000):
        results.add("ours", RATE, value)
    results.add("published", RATE, 50)
    results.add("ours", COST, 2)
    results.add("published", COST, 10)
    results.add("ours", PLAIN, 7)
    return results


def test_the_ratio_says_how_many_times_better_the_first_side_is(results):
    assert results.value("ours", RATE) == 1000
    assert results.ratio(RATE) == 20
    assert results.ratio(COST) == 5


def test_there_is_no_ratio(results):
    """Of one value, of what is neither better nor worse, of nothing, and of one side alone."""
    assert results.ratio(PLAIN) is None
    results.add("published", PLAIN, 8)
    assert results.ratio(PLAIN) is None
    zero = Figure("drain", "CPU of nothing", "ms", LESS)
    results.add("ours", zero, 0)
    results.add("published", zero, 3)
    assert results.ratio(zero) is None
    alone = Results(["ours"])
    alone.add("ours", RATE, 1)
    assert alone.ratio(RATE) is None


def test_the_table(results):
    assert table(results) == [
        "part    figure   unit     ours  published   ratio",
        "-------------------------------------------------",
        "drain   drained  jobs/s  1,000       50.0  20.0 ×",
        "        CPU      ms       2.00       10.0  5.00 ×",
        "create  rows     rows/s   7.00          –",
    ]


def test_the_table_of_one_side():
    results = Results(["ours"])
    results.add("ours", COST, 1)
    assert "ratio" not in table(results)[0]


def test_json_has_every_value(results):
    results.add_note("a note")
    results.add_note("a note")
    results.add_problem("graphs", "published", "too slow")
    content = results.as_json()
    figure = content["figures"][0]
    assert figure["values"] == {"ours": [900, 1000, 5000], "published": [50]}
    assert figure["medians"] == {"ours": 1000, "published": 50}
    assert content["notes"] == ["a note"]
    assert content["problems"] == ["graphs of published: too slow"]


# -- options


def test_sizes_can_be_changed_one_by_one():
    changed = FULL.updated(["drain=7", "latency=8"])
    assert (changed.drain, changed.latency, changed.create) == (7, 8, FULL.create)
    assert all(getattr(QUICK, name) <= getattr(FULL, name) for name in NAMES)


@pytest.mark.parametrize("text", ["nothing=1", "drain", "drain=", "drain=0", "drain=x", "drain=-1"])
def test_wrong_sizes(text):
    with pytest.raises(ValueError, match=r"size"):
        FULL.updated([text])


def test_parts_run_in_their_order():
    assert options.parse(["latency", "create"]).parts == ["create", "latency"]
    assert set(options.parse(["--quick"]).parts) == set(options.QUICK_PARTS)
    assert options.parse(["--repetitions", "9"]).sizes.repetitions == 9


@pytest.mark.parametrize("arguments", [["nothing"], ["--size", "x=1"], ["--ours", "x", "--alone"]])
def test_wrong_options_are_said(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        options.parse(arguments)
    assert end.value.code == 2
    assert capsys.readouterr().err


def test_every_part_has_a_file():
    directory = os.path.join(os.path.dirname(options.__file__), "parts")
    files = {name.removesuffix(".py") for name in os.listdir(directory) if name.endswith(".py")}
    assert files == {"__init__", *options.PARTS}


# -- what is counted


def test_notifications_are_listened_for_where_they_are_sent():
    assert NOTIFY_CHANNEL in counters.NOTIFY_CHANNELS


def test_busy_seconds_of_a_process():
    before = cpu_seconds(os.getpid())
    deadline = time.process_time() + 0.1
    while time.process_time() < deadline:
        pass
    assert cpu_seconds(os.getpid()) - before > 0.05
    assert cpu_seconds(2**30) == 0


def test_a_process_that_is_no_runner():
    assert os.getpid() in children(os.getppid())
    assert find_runner([os.getpid(), 2**30]) is None


def test_difference():
    assert difference({"odoo": 1, "gone": 5}, {"odoo": 3}) == {"odoo": 2}


def test_a_meter_without_a_server():
    class Cluster:
        postmaster_pid = os.getpid()

    assert Meter(None, Cluster).read() == {
        "postgres": pytest.approx(cpu_seconds(os.getpid(), True), abs=0.1)
    }


# -- the simulated scheduler


def simulate(*numbers):
    command = [sys.executable, simulation.__file__, REPOSITORY, *numbers]
    words = [str(word) for word in command]
    return json.loads(subprocess.run(words, capture_output=True, check=True, timeout=60).stdout)


@pytest.mark.parametrize(("jobs", "slots", "channels"), [(1, 1, 1), (3000, 4, 1), (5000, 50, 7)])
def test_every_simulated_job_is_decided(jobs, slots, channels):
    outcome = simulate(jobs, slots, channels, 50, 0)
    assert (outcome["jobs"], outcome["decisions"]) == (jobs, jobs)


@pytest.mark.parametrize(("jobs", "slots", "channels"), [(3000, 4, 1), (5000, 50, 7)])
def test_every_simulated_job_is_run_with_hints(jobs, slots, channels):
    outcome = simulate(jobs, slots, channels, 50)
    assert outcome["jobs"] == jobs
    assert outcome["decisions"] < jobs / 3
    assert 0 < outcome["mebibytes"] < 30


def test_a_simulation_ends_when_its_time_is_over():
    assert simulate(10_000_000, 4, 1, 0)["jobs"] == 0


def test_a_backlog_goes_on_behind_the_last_job_read():
    backlog = simulation.Backlog(Waiting, 10_000, 3)
    (_channel, head), *_others = backlog.heads()
    first = backlog.first_jobs("root.c0", 2, head)
    rest = backlog.first_jobs("root.c0", 10_000, first[-1])
    jobs = [head, *first, *rest]
    assert [job.id for job in jobs] == list(range(3333))
    assert jobs == sorted(jobs)
    assert backlog.first_jobs("root.c0", 2, rest[-1]) == []
