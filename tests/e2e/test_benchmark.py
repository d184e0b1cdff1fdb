"""``bin/bench`` with the smallest sizes: each figure is there. What they say is for bin/bench itself."""

import json
import os
import subprocess

import pytest

from stack.places import REPOSITORY

PARTS = ("create", "floor", "drain", "latency", "graphs")
SIZES = {
    "create": 10,
    "pair": 3,
    "drain": 20,
    "sleeping": 4,
    "floor": 10,
    "latency": 3,
    "graph": 3,
    "chain": 3,
    "repetitions": 1,
}
LIMIT = 240


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """The result of the command, and what it has written as JSON."""
    path = tmp_path_factory.mktemp("bench") / "bench.json"
    sizes = [f"--size={name}={value}" for name, value in SIZES.items()]
    command = [REPOSITORY / "bin" / "bench", *PARTS, "--alone", *sizes, "--json", path]
    result = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    assert result.returncode == 0, result.stdout + result.stderr
    return result, json.loads(path.read_text())


def test_each_part_has_figures(outcome):
    _result, content = outcome
    assert [*dict.fromkeys(figure["part"] for figure in content["figures"])] == list(PARTS)
    assert content["problems"] == []


def test_figures_are_those_of_jobs_that_ran(outcome):
    result, content = outcome
    values = {
        (figure["part"], figure["name"]): figure["medians"]["ours"] for figure in content["figures"]
    }
    assert values["drain", "no-op: drained"] > 0
    assert values["drain", "no-op: statements of workers"] > 0
    assert values["drain", "no-op: notifications"] > 0
    assert (
        0 < values["latency", "commit to start, p50"] <= values["latency", "commit to start, p99"]
    )
    assert values["latency", "the same without a queue, p50"] > 0
    assert "no-op: drained" in result.stdout


def test_nothing_is_left(outcome):
    """No process that the command has started, and no file but those of the cache."""
    _result, content = outcome
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as command:
                found += [pid] if content["directory"].encode() in command.read() else []
        except OSError:
            continue
    assert found == []
    assert not os.path.exists(content["directory"])
