# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.queue_job.core.priority_queue import SLACK, PriorityQueue


def drain(queue):
    items = []
    while queue:
        items.append(queue.pop())
    return items


def queue_of(*items):
    queue = PriorityQueue()
    for item in items:
        queue.add(item)
    return queue


def test_pops_the_smallest_first():
    assert drain(queue_of(3, 1, 2)) == [1, 2, 3]


def test_empty_queue():
    queue = PriorityQueue()
    assert queue.pop() is None
    assert queue.first() is None
    assert queue.first_rank() is None
    assert len(queue) == 0
    with pytest.raises(IndexError):
        queue[0]


def test_first_item_stays_in():
    queue = queue_of(2, 1)
    assert queue[0] == queue.first() == 1
    assert len(queue) == 2


def test_only_the_first_item_has_an_index():
    with pytest.raises(IndexError):
        queue_of(1, 2)[1]


def test_added_twice_is_in_once():
    assert drain(queue_of(1, 1)) == [1]


def test_equal_ranks_come_in_order_of_arrival():
    queue = PriorityQueue()
    for item in ("b", "a", "c"):
        queue.add(item, rank=0)
    assert drain(queue) == ["b", "a", "c"]


def test_removed_item_is_out():
    queue = queue_of(1, 2, 3)
    queue.remove(1)
    assert 1 not in queue
    assert 2 in queue
    assert queue[0] == 2
    assert drain(queue) == [2, 3]


def test_removing_an_unknown_item_is_no_error():
    queue = queue_of(1)
    queue.remove(2)
    assert drain(queue) == [1]


def test_removed_item_comes_back():
    queue = queue_of(1, 2)
    queue.remove(1)
    queue.add(1)
    assert drain(queue) == [1, 2]


def test_adding_again_moves_the_item():
    queue = PriorityQueue()
    queue.add("a", rank=1)
    queue.add("b", rank=2)
    queue.add("a", rank=3)
    assert queue.first_rank() == 2
    assert drain(queue) == ["b", "a"]


def test_clear():
    queue = queue_of(1, 2)
    queue.clear()
    assert (len(queue), queue.pop()) == (0, None)


def test_dead_entries_do_not_pile_up():
    queue = PriorityQueue()
    queue.add("stays", rank=0)
    for rank in range(10_000):
        queue.add("moves", rank=rank)
        queue.add("goes", rank=rank)
        queue.remove("goes")
    assert len(queue._heap) <= 2 * len(queue) + SLACK


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["add", "remove", "pop"]),
        st.integers(0, 6),
        st.integers(0, 4),
    )
)


@given(EVENTS)
def test_agrees_with_a_sorted_list(events):
    queue, model = PriorityQueue(), {}
    for event, item, rank in events:
        if event == "add":
            queue.add(item, rank=(rank, item))
            model[item] = (rank, item)
        elif event == "remove":
            queue.remove(item)
            model.pop(item, None)
        else:
            first = min(model, key=model.get, default=None)
            model.pop(first, None)
            assert queue.pop() == first
        assert len(queue) == len(model)
        assert set(queue) == set(model)
        assert queue.first() == min(model, key=model.get, default=None)
