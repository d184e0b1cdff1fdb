# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from itertools import pairwise

import pytest

from odoo.addons.queue_job.core.channel_job import ChannelJob


def make_job(uuid="A", seq=1, date_created=1, priority=10, eta=None, db_name="db", channel=None):
    return ChannelJob(db_name, channel, uuid, seq, date_created, priority, eta)


def test_attributes_are_the_arguments():
    job = ChannelJob("db", None, "A", 4, 3, 2, 1)
    assert (job.db_name, job.channel, job.uuid) == ("db", None, "A")
    assert (job.seq, job.date_created, job.priority, job.eta) == (4, 3, 2, 1)


def test_repr():
    assert repr(make_job("1234")) == "<ChannelJob 1234>"


def test_equal_only_to_itself():
    job = make_job()
    assert job == job
    assert job != make_job()
    assert len({job, make_job()}) == 2


@pytest.mark.parametrize("eta", [None, 5])
def test_order_is_priority_then_date_then_seq_then_database(eta):
    jobs = [
        make_job(priority=1, date_created=9, seq=9, eta=eta),
        make_job(priority=2, date_created=1, seq=9, eta=eta),
        make_job(priority=2, date_created=2, seq=1, db_name="z", eta=eta),
        make_job(priority=2, date_created=2, seq=2, db_name="a", eta=eta),
        make_job(priority=2, date_created=2, seq=2, db_name="b", eta=eta),
    ]
    assert sorted(jobs[::-1]) == jobs
    assert all(a < b and a <= b and b > a and b >= a for a, b in pairwise(jobs))


def test_among_jobs_with_an_eta_the_eta_comes_first():
    assert make_job(priority=9, eta=1) < make_job(priority=1, eta=2)


def test_with_and_without_eta_are_not_comparable():
    with pytest.raises(TypeError):
        _ = make_job(eta=1) < make_job()
    with pytest.raises(TypeError):
        _ = make_job() >= make_job(eta=1)


def test_not_comparable_with_something_else():
    with pytest.raises(TypeError):
        _ = make_job() < 1


def test_missing_priority_and_date_come_last():
    jobs = [
        make_job(priority=10),
        make_job(priority=10, date_created=None),
        make_job(priority=None),
        make_job(priority=None, date_created=None),
    ]
    assert sorted(jobs[::-1]) == jobs


@pytest.mark.parametrize(("eta", "due"), [(None, True), (4, True), (5, True), (6, False)])
def test_is_due(eta, due):
    assert make_job(eta=eta).is_due(5) is due
