import io
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from demo.board import Board
from demo.jobs import Job, are_final, find_problems
from demo.scenario import EXPECTED, Expected

START = datetime(2026, 1, 1)


def at(seconds):
    return START + timedelta(seconds=seconds)


def job(name="a", **values):
    defaults = dict(state="done", channel="root", tries=1, eta=None, error=None)
    times = dict(created=at(0), started=at(1), done=at(2))
    return Job(name, **{**defaults, **times, **values})


def problems(expected, jobs, effects=None):
    effects = {one.name: 1 for one in jobs if one.state == "done"} if effects is None else effects
    return find_problems(jobs, effects, expected)


def test_no_problem():
    assert problems([Expected("a")], [job()]) == []


FAILURE = dict(state="failed", error="on purpose", done=None)


def test_a_failure_that_is_expected():
    assert problems([Expected("a", state="failed", error="purpose")], [job(**FAILURE)]) == []


@pytest.mark.parametrize(
    ("expected", "found", "text"),
    [
        (Expected("a"), job(state="pending"), "is pending, not done"),
        (Expected("a"), job(**FAILURE), "is failed, not done (on purpose)"),
        (Expected("a", channel="root.b"), job(), "is in channel root, not root.b"),
        (Expected("a", tries=2), job(), "was tried 1 times, not 2"),
        (Expected("a", state="failed", error="other"), job(**FAILURE), "not 'other'"),
        (Expected("a", has_eta=True), job(eta=at(1.5)), "its eta is"),
        (Expected("a", has_eta=True), job(), "its eta is"),
    ],
)
def test_each_difference_is_a_problem(expected, found, text):
    (problem,) = problems([expected], [found], {"a": int(expected.state == "done")})
    assert problem.startswith("'a' ")
    assert text in problem


def test_missing_unexpected_and_double_jobs():
    assert problems([Expected("a")], []) == ["'a' is missing"]
    assert "'b' was not expected" in problems([Expected("a")], [job(), job("b")])
    assert "'a' is there 2 times" in problems([Expected("a")], [job(), job()])


@pytest.mark.parametrize(("state", "left"), [("done", 0), ("done", 2), ("failed", 1)])
def test_a_job_leaves_its_effect_when_done_and_only_then(state, left):
    assert problems([Expected("a", state=state)], [job(state=state)], {"a": left}) == [
        f"'a' left {left} records"
    ]


def test_order_in_a_graph():
    expected = [Expected("a"), Expected("b", after=("a",))]
    assert problems(expected, [job(), job("b", started=at(2), done=at(3))]) == []
    early = problems(expected, [job(), job("b", started=at(1.9), done=at(3))])
    assert early == ["'b' did not start after the end of 'a'"]


def test_one_at_a_time():
    expected = [Expected("a"), Expected("b", alone="a")]
    assert problems(expected, [job(), job("b", started=at(2), done=at(3))]) == []
    assert problems(expected, [job(), job("b", started=at(1.5), done=at(3))])


def test_the_end():
    assert are_final([job(), job("b", **FAILURE)], [1, 2])
    assert not are_final([job()], [1, 2])
    assert not are_final([job(), job("b", state="pending")], [1, 2])


def test_the_scenario_names_only_jobs_it_has():
    names = [one.name for one in EXPECTED]
    assert len(set(names)) == len(names)
    assert {name for one in EXPECTED for name in (*one.after, one.alone) if name} <= set(names)


def test_a_line_for_each_change_where_there_is_no_terminal():
    stream = io.StringIO()
    board = Board(stream)
    waiting = job(state="pending", started=None, done=None)
    for shown in (waiting, waiting, job(), job()):
        board.show([shown])
    words = [text.split()[0] for text in stream.getvalue().splitlines()]
    assert words == ["state", "pending", "done"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_table_redrawn_in_place_on_a_terminal():
    stream = Terminal()
    board = Board(stream)
    board.show([job()])
    board.show([replace(job(), state="failed", error="on purpose")])
    assert stream.getvalue().count("\x1b[2A") == 1


def test_a_terminal_that_is_gone_is_no_error():
    class Gone(Terminal):
        def write(self, text):
            raise BrokenPipeError

    Board(Gone()).show([job()])
