# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import pytest

from odoo.addons.queue_job.core.channel_job import ChannelJob
from odoo.addons.queue_job.core.channel_queue import ChannelQueue


def make_job(uuid, priority=10, eta=None):
    return ChannelJob("db", None, uuid, 1, 1, priority, eta)


def queue_of(*jobs, sequential=False):
    queue = ChannelQueue(sequential=sequential)
    for job in jobs:
        queue.add(job)
    return queue


def drain(queue, now):
    return [job.uuid for job in iter(lambda: queue.pop(now), None)]


@pytest.mark.parametrize("sequential", [False, True])
class TestBoth:
    def test_empty(self, sequential):
        queue = ChannelQueue(sequential=sequential)
        assert (queue.pop(1), queue.get_wakeup_time(), len(queue)) == (None, 0, 0)

    def test_pops_in_order(self, sequential):
        queue = queue_of(make_job("B", 2), make_job("A", 1), sequential=sequential)
        assert drain(queue, now=0) == ["A", "B"]

    def test_future_job_is_not_popped(self, sequential):
        queue = queue_of(make_job("A", eta=5), sequential=sequential)
        assert queue.pop(4.9) is None
        assert queue.get_wakeup_time() == 5
        assert queue.pop(5).uuid == "A"
        assert queue.get_wakeup_time() == 0

    def test_due_job_competes_as_the_others(self, sequential):
        queue = queue_of(make_job("B", 2), make_job("A", 1, eta=5), sequential=sequential)
        assert drain(queue, now=5) == ["A", "B"]

    def test_removed_job_is_out(self, sequential):
        job, future = make_job("A"), make_job("B", eta=5)
        queue = queue_of(job, future, sequential=sequential)
        queue.remove(job)
        queue.remove(future)
        assert job not in queue
        assert future not in queue
        assert (len(queue), queue.pop(9), queue.get_wakeup_time()) == (0, None, 0)

    def test_removing_an_unknown_job_is_no_error(self, sequential):
        ChannelQueue(sequential=sequential).remove(make_job("A"))

    def test_contains_ready_and_future_jobs(self, sequential):
        jobs = [make_job("A"), make_job("B", eta=5)]
        queue = queue_of(*jobs, sequential=sequential)
        assert all(job in queue for job in jobs)
        assert len(queue) == 2
        assert set(queue) == set(jobs)

    def test_time_steps_back(self, sequential):
        queue = queue_of(make_job("A", eta=5), sequential=sequential)
        assert queue.head(6).uuid == "A"
        assert queue.pop(4) is None
        assert queue.get_wakeup_time() == 5


def test_future_job_is_set_aside():
    queue = queue_of(make_job("A", 1, eta=5), make_job("B", 2))
    assert drain(queue, now=0) == ["B"]


def test_wakes_up_for_the_earliest_eta():
    queue = queue_of(make_job("A", 1, eta=9), make_job("B", 2, eta=5))
    assert queue.get_wakeup_time() == 5


def test_sequential_waits_for_an_earlier_job():
    queue = queue_of(make_job("A", 1, eta=5), make_job("B", 2), sequential=True)
    assert queue.pop(0) is None
    assert drain(queue, now=5) == ["A", "B"]


def test_sequential_wakes_up_for_the_first_job_not_due():
    jobs = make_job("A", 1), make_job("B", 2, eta=9), make_job("C", 3, eta=5)
    queue = queue_of(*jobs, sequential=True)
    assert queue.get_wakeup_time() == 9
    assert queue.pop(0).uuid == "A"
    assert queue.get_wakeup_time() == 9


def test_sequential_can_be_changed():
    queue = queue_of(make_job("A", 1, eta=5), make_job("B", 2))
    queue.sequential = True
    assert queue.pop(0) is None
    queue.sequential = False
    assert queue.pop(0).uuid == "B"
