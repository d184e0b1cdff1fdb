# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The first jobs of a channel, read in steps."""

from odoo.addons.queue_job.core.window import Waiting, Window


def rows(*numbers):
    return [Waiting(10, 0, number, str(number)) for number in numbers]


def ids(window):
    return [row.id for row in iter(window.pop, None)]


def filled(*numbers, limit):
    window = Window("root")
    window.extend(rows(*numbers), limit)
    return window


def test_a_new_one_knows_nothing():
    window = Window("root")
    assert (window.after, window.pop(), window.size) == (None, None, 0)
    assert window.needs_more(1)


def test_reading_goes_on_behind_the_last_one():
    window = filled(1, 2, limit=2)
    assert window.after == rows(2)[0]
    assert window.needs_more(3)
    window.extend(rows(3), 2)
    assert window.is_complete
    assert not window.needs_more(9)
    assert ids(window) == [1, 2, 3]
    assert (window.head, window.size) == (None, 0)


def test_what_slots_have_is_left_out():
    window = Window("root")
    window.extend(rows(1, 2, 3), 3, taken={1, 3})
    assert window.after == rows(3)[0]
    assert ids(window) == [2]


def test_some_of_them():
    window = filled(1, 2, 3, 4, limit=9)
    assert window.pop_before((10, 0, 3), 9) == rows(1, 2)
    assert window.pop_before(None, 1) == rows(3)
    assert ids(window) == [4]


def test_those_given_back_come_in_their_order():
    window = filled(1, 2, 5, limit=9)
    first = [window.pop(), window.pop()]
    window.give_back(reversed(first))
    assert ids(window) == [1, 2, 5]


def test_those_given_back_come_between_the_others():
    window = filled(1, 2, 3, 4, 5, 6, limit=9)
    taken = window.pop_before(None, 4)
    window.give_back([taken[3], taken[1]])
    window.give_back([taken[2]])
    assert ids(window) == [2, 3, 4, 5, 6]


def test_what_is_behind_the_last_one_read_comes_with_it():
    window = filled(1, 2, limit=2)
    window.give_back(rows(7))
    assert ids(window) == [1, 2]
    assert window.needs_more(1)


def test_all_that_is_given_back_when_everything_was_read():
    window = filled(1, 2, limit=9)
    window.give_back(rows(7))
    assert ids(window) == [1, 2, 7]


def test_restart():
    window = filled(1, 2, limit=9)
    window.head = window.pop()
    window.restart()
    assert (window.after, window.head, window.size, window.is_complete) == (None, None, 0, False)
