# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What slots have, and from which channel."""

from odoo.addons.queue_job.core.taken import Taken


def test_they_are_counted_by_the_channel_they_were_taken_from():
    taken = Taken()
    taken.add("root", [1, 2])
    taken.add("root.a", [3])
    assert (taken.count("root"), taken.count("root.a"), taken.count("root.b")) == (2, 1, 0)
    assert [job_id in taken for job_id in (1, 2, 3, 4)] == [True, True, True, False]


def test_telling_twice_does_nothing():
    taken = Taken()
    taken.add("root", [1])
    taken.add("root.a", [1, 2])
    assert (taken.count("root"), taken.count("root.a")) == (1, 1)
    taken.discard([1, 1, 9])
    taken.discard([1])
    assert (taken.count("root"), taken.count("root.a")) == (0, 1)
    assert 1 not in taken


def test_nothing_is_left_of_a_channel():
    taken = Taken()
    taken.add("root", range(100))
    taken.discard(range(100))
    assert not taken._counts and not taken._channels
