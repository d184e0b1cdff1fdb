# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What waits is set aside, what comes after it waits for it, and other lanes go on."""

import contextlib
import gc
import os
import select
import time
import weakref

import pytest

FAR = 60  # seconds


@pytest.fixture
def lane_module(jobrunner):
    from odoo.addons.queue_job.jobrunner import lane

    return lane


@pytest.fixture
def calls():
    return []


@pytest.fixture
def make(lane_module, calls):
    """A function that returns a lane; all are of one crew."""
    crew = lane_module.Crew()
    return lambda: lane_module.Lane(
        crew, lambda: calls.append("set aside"), lambda: calls.append("go on")
    )


@pytest.fixture
def pipe():
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


@pytest.fixture
def ask(lane_module, pipe, calls):
    """A function that waits for the pipe."""

    def wait_for_answer(seconds=FAR):
        lane_module.wait(pipe[0], select.POLLIN, time.monotonic() + seconds)
        calls.append("answer")

    return wait_for_answer


def test_what_need_not_wait_is_done_at_once(make, ask, pipe, calls):
    os.write(pipe[1], b".")
    make().do(ask)
    assert calls == ["answer"]


def test_one_thing_after_another(make, ask, pipe, calls):
    lane, other = make(), make()
    lane.do(ask)
    lane.do(calls.append, "next")
    other.do(calls.append, "other")
    lane.resume()
    assert calls == ["set aside", "other"]
    os.write(pipe[1], b".")
    lane.resume()
    assert calls == ["set aside", "other", "go on", "answer", "next"]
    assert lane.wait is None


def test_its_time_is_over(make, ask, calls):
    lane = make()
    lane.do(ask, 0.1)
    time.sleep(0.1)
    lane.resume()
    assert calls == ["set aside", "go on", "answer"]


def test_what_it_does_for_itself_comes_after_it(make, calls):
    lane = make()

    def first():
        lane.do(calls.append, "second")
        calls.append("first")

    lane.do(first)
    assert calls == ["first", "second"]


def test_an_error_ends_what_comes_after_it(make, ask, pipe, calls):
    lane = make()

    def fail():
        ask()
        raise ValueError("x")

    lane.do(fail)
    lane.do(calls.append, "next")
    os.write(pipe[1], b".")
    with pytest.raises(ValueError, match="x"):
        lane.resume()
    lane.do(calls.append, "later")
    assert calls == ["set aside", "go on", "answer", "later"]


def test_it_is_given_up(make, ask, calls):
    lane = make()

    def tidy():
        try:
            ask()
        finally:
            calls.append("tidied up")

    lane.do(tidy)
    lane.do(calls.append, "next")
    lane.end()
    assert calls == ["set aside", "tidied up"]
    assert lane.wait is None


def test_many_wait_at_the_same_time(make, ask, pipe, calls):
    lanes = [make() for _number in range(20)]
    for lane in lanes:
        lane.do(ask)
    os.write(pipe[1], b".")
    for lane in lanes:
        lane.resume()
    assert calls.count("answer") == 20


def test_nothing_is_kept_that_is_done(make):
    class Thing:
        def work(self):
            raise ValueError(self)

    thing = Thing()
    ref = weakref.ref(thing)
    lane = make()
    gc.collect()
    gc.disable()
    try:
        with contextlib.suppress(ValueError):
            lane.do(thing.work)
        del thing
        assert ref() is None
    finally:
        gc.enable()


def test_outside_of_a_lane_it_is_waited_for(ask, calls):
    ask(0.05)
    assert calls == ["answer"]
