# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from types import SimpleNamespace

import pytest

from odoo.addons.queue_job.core.barrier import Barrier


class Job(SimpleNamespace):
    __hash__ = object.__hash__
    _barriers_before = ()
    _barriers_behind = ()
    state = "pending"


@pytest.mark.parametrize(
    ("parents", "children", "expected"),
    [
        (1, 1, False),
        (9, 9, False),
        (10, 10, True),
        (1, 5000, False),
        (5000, 1, False),
        (2, 50, True),
    ],
)
def test_a_barrier_is_worth_it_for_many_dependencies(parents, children, expected):
    assert Barrier.is_worth(range(parents), range(children)) is expected


def test_what_is_behind_waits_until_all_before_are_done():
    parents, children = [Job(), Job(state="done")], [Job(), Job(state="started")]
    barrier = Barrier(parents, children)
    barrier.put()
    assert not barrier.is_open
    assert [job.state for job in children] == ["wait_dependencies", "started"]
    assert parents[0]._barriers_behind == (barrier,)
    assert children[1]._barriers_before == (barrier,)
    parents[0].state = "done"
    assert barrier.is_open


def test_behind_an_open_barrier_nothing_waits():
    child = Job()
    Barrier([Job(state="done")], [child]).put()
    assert child.state == "pending"


def test_the_same_barrier_is_put_once():
    parents, children = [Job(), Job()], [Job(), Job()]
    for _ in range(2):
        Barrier(parents, reversed(children)).put()
    assert len(children[0]._barriers_before) == 1
    Barrier(parents, children[:1]).put()
    assert len(children[0]._barriers_before) == 2


def test_each_job_stands_at_it_once():
    job, child = Job(), Job()
    assert Barrier([job, job], [child, child]).parents == [job]
