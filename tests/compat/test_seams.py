# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What other addons' tests patch on the side of the workers: patched here, it has its effect."""

import datetime
import logging
import types
from unittest import mock

import pytest

ADDON = "odoo.addons.queue_job"
NOON = datetime.datetime(2026, 1, 1, 12)


@pytest.fixture
def frozen():
    """The clock stands at noon, and a patched ``datetime`` has nothing but ``now``."""
    with mock.patch(f"{ADDON}.job.datetime", autospec=True) as clock:
        clock.now.return_value = NOON
        yield


@pytest.fixture
def job(addon):
    """A job that was never bound to a recordset."""
    job = addon("job").Job.__new__(addon("job").Job)
    job._bind(mock.MagicMock(), "method", (), {})
    job._uuid = "the-uuid"
    job.eta = None
    job.retry = 1
    return job


# -- the clock


def test_eta_counts_from_the_patched_clock(job, frozen):
    job.eta = 60
    assert job.eta == NOON + datetime.timedelta(minutes=1)
    job.eta = datetime.timedelta(hours=1)
    assert job.eta == NOON + datetime.timedelta(hours=1)
    moment = datetime.datetime(2026, 2, 3)
    job.eta = moment
    assert job.eta == moment


def test_moves_are_dated_by_the_patched_clock(job, frozen):
    job.set_enqueued()
    job.set_started()
    job.set_done()
    job.set_cancelled()
    dates = {job.date_enqueued, job.date_started, job.date_done, job.date_cancelled}
    assert dates == {NOON}


def test_postponing_counts_from_the_patched_clock(job, frozen):
    job.postpone(seconds=30)
    assert job.eta == NOON + datetime.timedelta(seconds=30)


def test_the_pid_is_asked_for_at_the_start(job):
    with mock.patch("os.getpid", return_value=99999):
        job.set_started()
    assert job.worker_pid == 99999


# -- delaying


def test_the_patched_class_of_jobs_is_delayed(addon, recordset):
    with mock.patch(f"{ADDON}.delay.Job") as job_class:
        delayable = addon("delay").Delayable(recordset, priority=3).method(1, key=2)
        delayable.delay()
    job_class.assert_called_once_with(
        recordset.method,
        args=(1,),
        kwargs={"key": 2},
        priority=3,
        eta=None,
        max_retries=None,
        description=None,
        channel=None,
        identity_key=None,
    )
    assert delayable._generated_job is job_class.return_value
    job_class.return_value.store.assert_called_once_with()


def test_with_delay_uses_the_patched_class_of_recordsets(addon, recordset):
    base = addon("models.base").Base
    with mock.patch(f"{ADDON}.models.base.DelayableRecordset") as delayable_class:
        assert base.with_delay(recordset, eta=15) is delayable_class.return_value
    delayable_class.assert_called_once_with(
        recordset,
        priority=None,
        eta=15,
        max_retries=None,
        description=None,
        channel=None,
        identity_key=None,
    )


def test_mock_with_delay(addon, recordset):
    base = addon("models.base").Base
    with addon("tests.common").mock_with_delay() as (delayable_cls, delayable):
        base.with_delay(recordset, priority=1).export(5)
    assert delayable_cls.call_args.args == (recordset,)
    assert delayable_cls.call_args.kwargs["priority"] == 1
    delayable.export.assert_called_once_with(5)


def test_options_of_a_delayable_recordset_are_attributes(addon, recordset):
    delayed = addon("delay").DelayableRecordset(recordset, priority=3, eta=5)
    assert delayed.recordset is recordset
    assert (delayed.delayable.priority, delayed.delayable.eta) == (3, 5)
    delayed.delayable._generated_job = True


# -- private names of delaying that are in use


def test_a_delayable_before_and_after_its_call(addon, recordset):
    delayable = addon("delay").Delayable(recordset)
    assert (delayable._generated_job, delayable._job_method) == (None, None)
    assert delayable.method(1, key=2) is delayable
    assert delayable._job_method is recordset.method
    assert (delayable._job_args, delayable._job_kwargs) == ((1,), {"key": 2})
    assert isinstance(delayable._graph, addon("delay").DelayableGraph)
    delayable._generated_job = True


def test_a_list_for_a_recordset(addon):
    class Records(list):
        _name = "some.model"

        def method(self):
            """Do it"""

    parts = addon("delay").Delayable(Records(range(5))).method().split(2)
    assert isinstance(parts, addon("delay").DelayableGroup)
    assert sorted(part.recordset for part in parts._delayables) == [[0, 1], [2, 3], [4]]
    assert {part.description for part in parts._delayables} == {
        "Do it (split 1/3)", "Do it (split 2/3)", "Do it (split 3/3)"
    }  # fmt: skip
    for part in parts._delayables:
        part._generated_job = True


def test_a_field_can_not_be_delayed(addon):
    recordset = mock.MagicMock()
    recordset.__contains__.side_effect = lambda name: name == "name"
    delayable = addon("delay").Delayable(recordset)
    with pytest.raises(AttributeError):
        delayable.name  # noqa: B018
    delayable._generated_job = True


def test_graph_of_delayables(addon, recordset):
    delay = addon("delay")
    a, b, c = (delay.Delayable(recordset).method(n) for n in range(3))
    delay.chain(a, delay.group(b, c))
    graph = a._graph._connect_graphs()
    assert graph._graph == {a: {b, c}, b: set(), c: set()}
    assert graph.vertices() == {a, b, c}
    assert set(graph.edges()) == {(a, b), (a, c)}
    for delayable in (a, b, c):
        delayable._generated_job = True


def test_graph(addon):
    graph = addon("delay").Graph({"a": {"b"}, "b": set()})
    graph.add_vertex("d")
    graph.add_edge("b", "c")
    assert graph._graph == {"a": {"b"}, "b": {"c"}, "c": set(), "d": set()}
    assert list(graph.paths("a")) == [["a", "b", "c"]]
    assert graph.root_vertices() == {"a", "d"}
    assert sorted(repr(graph).splitlines()) == ["a → b → c", "d"]
    order = list(graph.topological_sort())
    assert order.index("a") < order.index("b") < order.index("c")


def test_jobs_of_a_graph_share_a_uuid(addon):
    ensure = addon("delay").DelayableGraph._ensure_same_graph_uuid
    jobs = [types.SimpleNamespace(graph_uuid=known) for known in (None, "known", None)]
    ensure(jobs)
    assert {job.graph_uuid for job in jobs} == {"known"}
    jobs = [types.SimpleNamespace(graph_uuid=None) for _number in range(2)]
    ensure(jobs)
    assert jobs[0].graph_uuid == jobs[1].graph_uuid
    assert len(jobs[0].graph_uuid) == 36
    single = types.SimpleNamespace(graph_uuid=None)
    ensure([single])
    assert single.graph_uuid is None
    jobs[0].graph_uuid = "another"
    with pytest.raises(ValueError):
        ensure(jobs)


def test_private_names_of_jobs(job):
    assert (job.uuid, job._uuid) == ("the-uuid", "the-uuid")
    assert (job._depends_on, job._reverse_depends_on) == (set(), set())


# -- loggers


def test_a_delayable_that_is_lost_warns(addon, recordset, caplog):
    delayable = addon("delay").Delayable(recordset)
    delayable._job_method = types.SimpleNamespace(__name__="method")
    delayable._job_args, delayable._job_kwargs = (1,), {"key": 2}
    del delayable
    (record,) = caplog.records
    assert (record.name, record.levelname) == (f"{ADDON}.delay", "WARNING")
    assert record.getMessage() == (
        "Delayable Delayable(some.model(1, 2).method((1,), {'key': 2}))"
        " was prepared but never delayed"
    )


@pytest.mark.parametrize("name", ["QUEUE_JOB__NO_DELAY", "TEST_QUEUE_JOB_NO_DELAY"])
def test_a_variable_that_switches_delaying_off_warns(addon, recordset, caplog, monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert addon("utils").must_run_without_delay(recordset.env)
    assert [(r.name, r.levelname) for r in caplog.records] == [(f"{ADDON}.utils", "WARNING")]


@pytest.mark.parametrize("key", ["queue_job__no_delay", "test_queue_job_no_delay"])
def test_a_context_key_that_switches_delaying_off_informs(addon, recordset, caplog, key):
    caplog.set_level(logging.INFO, f"{ADDON}.utils")
    recordset.env.context[key] = True
    assert addon("utils").must_run_without_delay(recordset.env)
    assert [(r.name, r.levelname) for r in caplog.records] == [(f"{ADDON}.utils", "INFO")]


def test_delaying_is_on(addon, recordset, caplog):
    assert not addon("utils").must_run_without_delay(recordset.env)
    assert not caplog.records
