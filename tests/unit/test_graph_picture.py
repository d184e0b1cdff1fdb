# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Which part of a large graph is drawn."""

from odoo.addons.queue_job.core.graph_picture import expanded, links_within, nearest

CHAIN = [(number, number + 1) for number in range(1, 99)]


def test_a_small_graph_is_whole():
    assert nearest(1, [1, 2, 9], [(1, 2)], [], 3) == {1, 2, 9}


def test_the_nearest_jobs_in_both_directions():
    assert nearest(50, list(range(1, 100)), CHAIN, [], 5) == {48, 49, 50, 51, 52}


def test_both_sides_of_a_barrier():
    before, behind = list(range(100)), list(range(100, 200))
    kept = nearest(150, before + behind, [], [(before, behind)], 11)
    assert 150 in kept
    assert len(kept) == 11
    assert len(kept.intersection(before)) >= 5


def test_what_no_link_leads_to_comes_last():
    assert nearest(5, [1, 2, 3, 4, 5, 6], [(5, 6)], [], 4) == {5, 6, 1, 2}
    # one that others may not see
    assert nearest(99, [1, 2, 3], [(1, 2)], [], 2) == {1, 2}


def test_links_within():
    pairs, barriers = links_within({1, 2, 3}, [(1, 2), (2, 9)], [([1, 9], [2, 3]), ([9], [3])])
    assert (pairs, barriers) == ([[1, 2]], [[[1], [2, 3]]])


def test_each_dependency_once():
    assert expanded([(1, 3)], [([1, 2], [3, 4])]) == [[1, 3], [2, 3], [1, 4], [2, 4]]


def test_a_large_graph_costs_what_it_has_of_rows():
    """A group of 20,000 before one of 20,000: 400 million dependencies would take minutes."""
    before, behind = list(range(20_000)), list(range(20_000, 40_000))
    assert len(nearest(0, before + behind, [], [(before, behind)], 2000)) == 2000
