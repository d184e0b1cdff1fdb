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


def test_one_that_is_stuck_is_left_out_until_a_request_of_it_ends():
    pool = ServerPool([A, B])
    pool.choose(0)
    pool.note_stuck(A)
    assert pool.is_stuck(A)
    assert [pool.choose(1000) for _number in range(3)] == [B, B, B]
    pool.note_end(A, True, 1000)
    assert not pool.is_stuck(A)
    assert pool.choose(1000) == A


def test_one_that_is_stuck_and_then_gone_is_left_out_for_a_while():
    pool = ServerPool([A, B])
    pool.choose(0)
    pool.note_stuck(A)
    rest = pool.note_end(A, False, 10)
    assert pool.choose(10) == B
    assert pool.choose(10 + rest) == A


def test_one_that_is_stuck_is_not_waited_for_when_the_others_are_gone():
    pool = ServerPool([A, B])
    pool.note_stuck(A)
    pool.choose(0)
    rest = pool.note_end(B, False, 5)
    assert pool.choose(5) is None
    assert pool.rests_until() == 5 + rest


def test_requests_that_overtake_others():
    pool = ServerPool([A, B])
    assert not pool.has_overtaken(A, 5)
    pool.choose(4)
    pool.note_end(A, True, 10, sent_at=4)
    assert not pool.has_overtaken(A, 5)
    for reached in (False, True):
        pool.choose(6)
        pool.note_end(A, reached, 10, sent_at=6)
        assert pool.has_overtaken(A, 5) == reached
    assert not pool.has_overtaken(B, 5)


def test_a_better_server():
    pool = ServerPool([A, B])
    # nothing waits there
    assert pool.has_better(A, 5, {A}, 100)
    # it may be as busy
    assert not pool.has_better(A, 5, {A, B}, 100)
    # but it was faster
    pool.choose(0)
    pool.choose(0)
    pool.note_end(B, True, 10, sent_at=6)
    assert pool.has_better(A, 5, {A, B}, 100)
    assert not pool.has_better(A, 7, {A, B}, 100)


def test_no_server_is_better_that_is_left_out():
    pool = ServerPool([A, B])
    pool.choose(0)
    pool.choose(0)
    rest = pool.note_end(B, False, 10)
    assert not pool.has_better(A, 5, {A}, 10)
    assert pool.has_better(A, 5, {A}, 10 + rest)
    pool.note_stuck(B)
    assert not pool.has_better(A, 5, {A}, 10 + rest)
    assert not ServerPool([A]).has_better(A, 5, {A}, 10)
