# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Which Odoo gets the next request."""

from odoo.addons.queue_job.core.server_pool import LONGEST_REST, ServerPool

A, B = "http://a", "http://b"


def test_the_one_with_the_fewest_requests():
    pool = ServerPool([A, B])
    assert [pool.choose(0) for _number in range(3)] == [A, B, A]
    pool.note_end(A, True, 0)
    pool.note_end(A, True, 0)
    assert [pool.choose(0) for _number in range(2)] == [A, A]


def test_one_that_fails_is_left_out_for_a_while():
    pool = ServerPool([A, B])
    pool.choose(0)
    rest = pool.note_end(A, False, 10)
    assert [pool.choose(10 + rest / 2) for _number in range(2)] == [B, B]
    assert pool.choose(10 + rest) == A


def test_longer_each_time_until_it_is_there():
    pool = ServerPool([A])
    rests, now = [], 0
    for _number in range(10):
        pool.choose(now)
        rests.append(pool.note_end(A, False, now))
        now = pool.rests_until()
    assert rests == sorted(rests)
    assert rests[-1] == LONGEST_REST
    pool.choose(now)
    assert pool.note_end(A, True, now) is None
    pool.choose(now)
    assert pool.note_end(A, False, now) == rests[0]


def test_a_burst_counts_once():
    pool = ServerPool([A])
    for _number in range(3):
        pool.choose(0)
    assert pool.note_end(A, False, 0)
    assert pool.note_end(A, False, 0.1) is None
    assert pool.choose(0.1) is None


def test_when_all_are_left_out():
    pool = ServerPool([A, B])
    assert pool.rests_until() <= 0
    for url in (pool.choose(0), pool.choose(0)):
        pool.note_end(url, False, 5)
    assert pool.choose(5) is None
    assert pool.rests_until() > 5
