# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Helpers for the tests of addons that delay jobs. All names here are public API."""

import doctest
import typing
from contextlib import contextmanager
from itertools import groupby
from operator import attrgetter
from unittest import TestCase, mock

from odoo.addons.queue_job import delay as delay_module
from odoo.addons.queue_job.core.graph import Graph
from odoo.addons.queue_job.core.options import OPTION_NAMES
from odoo.addons.queue_job.job import Job


@contextmanager
def trap_jobs():
    """Catch the jobs that are delayed instead of creating them.

    >>> with trap_jobs() as trap:  # doctest: +SKIP
    ...     order.confirm()
    ...     trap.assert_jobs_count(1, only=order.send_mail)
    ...     trap.assert_enqueued_job(
    ...         order.send_mail, args=(), kwargs={}, properties={"channel": "root.mail"}
    ...     )
    ...     trap.perform_enqueued_jobs()

    :return: context manager that gives a :class:`JobsTrap`
    """
    trap = JobsTrap()
    with mock.patch.object(delay_module, "Job", trap.job_class()):
        yield trap


class JobCall(typing.NamedTuple):
    """A call that was delayed while a trap was set.

    :param method: bound method
    :param tuple args: positional arguments
    :param dict kwargs: keyword arguments
    :param dict properties: all job options as they were given, None for those that were not
    """

    method: typing.Callable
    args: tuple
    kwargs: dict
    properties: dict

    def __eq__(self, other):
        if not isinstance(other, JobCall):
            return NotImplemented
        return (
            _is_same_method(self.method, other.method)
            and self.args == other.args
            and self.kwargs == other.kwargs
            and self.properties == other.properties
        )

    def __ne__(self, other):
        return not self == other

    __hash__ = None


class JobsTrap:
    """What was delayed while the trap was set.

    :ivar calls: list of :class:`JobCall`, also of those whose identity key was there
    :ivar enqueued_jobs: list of :class:`~odoo.addons.queue_job.job.Job`, not stored, in
        the order in which they were delayed
    """

    def __init__(self):
        self.calls = []
        self.enqueued_jobs = []
        self._test_case = TestCase()

    def job_class(self):
        """:return: class that stands for ``Job`` where calls are delayed"""

        class TrappedJob(_TrappedJob):
            trap = self

        return TrappedJob

    def jobs_count(self, only=None):
        """:return: int, how many jobs were enqueued

        :param only: bound method: count its jobs only
        """
        return sum(only is None or _is_same_method(job.func, only) for job in self.enqueued_jobs)

    def assert_jobs_count(self, expected, only=None):
        """:raises AssertionError: another number of jobs was enqueued"""
        self._test_case.assertEqual(self.jobs_count(only=only), expected)

    def assert_enqueued_job(self, method, args=None, kwargs=None, properties=None):
        """:raises AssertionError: no job was enqueued for exactly this call

        :param method: bound method
        :param args: tuple, () by default
        :param kwargs: dict, {} by default
        :param properties: dict of job options; those not given are not compared
        """
        expected = JobCall(method, args or (), kwargs or {}, properties or {})
        if not any(_matches(call, expected) for call in self.calls):
            compared = [name for name in OPTION_NAMES if name in expected.properties]
            lines = [
                f"Job {_describe(expected, expected.properties)} was not enqueued.",
                "Actual enqueued jobs:",
                *(f" * {_describe(call, compared)}" for call in self.calls),
            ]
            raise AssertionError("\n".join(lines))

    def perform_enqueued_jobs(self):
        """Run the enqueued jobs: single ones by priority, then graphs in their order.

        Jobs that they delay are enqueued, not run.
        """
        jobs, self.enqueued_jobs = self.enqueued_jobs, []
        single = [job for job in jobs if not job.graph_uuid]
        in_graphs = sorted((job for job in jobs if job.graph_uuid), key=_graph_uuid)
        for job in sorted(single, key=attrgetter("priority")):
            self._perform(job)
        for _uuid, members in groupby(in_graphs, key=_graph_uuid):
            self._perform_graph(list(members))

    def _perform_graph(self, jobs):
        graph = Graph({job: set() for job in jobs})
        for job in jobs:
            for parent in job.depends_on:
                graph.add_edge(parent, job)
        unneeded = {job for job in jobs if job.awaits_failure}
        for job in graph.topological_sort():
            if job in unneeded or not unneeded.isdisjoint(job.depends_on):
                # nothing has failed
                unneeded.add(job)
                continue
            self._perform(job)

    def _perform(self, job):
        job.perform()
        job.set_done()

    def _add(self, job, method, properties):
        self.calls.append(JobCall(method, job.args, job.kwargs, properties))
        if not job.identity_key or not self._with_identity(job.identity_key):
            self.enqueued_jobs.append(job)

    def _with_identity(self, key):
        return next((job for job in self.enqueued_jobs if job.identity_key == key), None)


class _TrappedJob(Job):
    """A job that stays in the trap instead of being stored."""

    trap = None
    runs_in_caller = True

    def __init__(self, func, args=None, kwargs=None, **options):
        super().__init__(func, args=args, kwargs=kwargs, **options)
        self.trap._add(self, func, {**dict.fromkeys(OPTION_NAMES), **options})
        # as if it had been stored and loaded
        context = self.recordset._job_prepare_context_before_enqueue()
        self.recordset = self.recordset.with_env(self.recordset.env(context=context))

    def store(self):
        """Trapped jobs are not stored."""

    @classmethod
    def store_many(cls, jobs):
        """Trapped jobs are not stored."""

    def job_record_with_same_identity_key(self):
        trapped = self.trap._with_identity(self.identity_key)
        return None if trapped is self else trapped

    def db_record(self):
        return self.env["queue.job"]


@contextmanager
def mock_with_delay():
    """Replace ``with_delay()``, to see with what it and the method are called.

    >>> with mock_with_delay() as (delayable_cls, delayable):  # doctest: +SKIP
    ...     order.confirm()
    ...     delayable_cls.assert_called_with(order, priority=5, ...)
    ...     delayable.send_mail.assert_called_with("invoice")

    :return: context manager that gives a pair of mocks: what stands for
        ``DelayableRecordset``, and what calling it returns
    """
    with mock.patch(
        "odoo.addons.queue_job.models.base.DelayableRecordset",
        name="DelayableRecordset",
        spec=True,
    ) as delayable_cls:
        delayable = mock.MagicMock(name="DelayableBinding")
        delayable_cls.return_value = delayable
        yield delayable_cls, delayable


class JobCounter:
    """Counts the jobs that are created after it.

    :param env: environment
    """

    def __init__(self, env):
        self.env = env
        self.existing = self.search_all()

    def count_all(self):
        return len(self.search_all())

    def count_created(self):
        return len(self.search_created())

    def count_existing(self):
        return len(self.existing)

    def search_all(self):
        return self.env["queue.job"].sudo().search([])

    def search_created(self):
        return self.search_all() - self.existing


class JobMixin:
    """For test cases of Odoo."""

    def job_counter(self):
        """:return: :class:`JobCounter`"""
        return JobCounter(self.env)

    def perform_jobs(self, jobs):
        """Run the jobs created since the counter was made; their rows stay as they are.

        :param jobs: :class:`JobCounter`
        """
        for record in jobs.search_created().sorted("id"):
            Job.load(record.env, record.uuid).perform()

    @contextmanager
    def trap_jobs(self):
        """See :func:`trap_jobs`."""
        with trap_jobs() as trap:
            yield trap


class OdooDocTestCase(doctest.DocTestCase):
    """A doctest as a test case that Odoo's test runner takes."""

    def __init__(self, test, optionflags=0, setUp=None, tearDown=None, checker=None, seq=0):
        super().__init__(
            test, optionflags=optionflags, setUp=setUp, tearDown=tearDown, checker=checker
        )
        self.test_sequence = seq
        self.test_tags = {"standard", "at_install", "queue_job", "doctest"}
        self.test_module = "queue_job"
        self.test_class = type(self).__name__
        self._testMethodName = "runTest"

    def setUp(self):
        self._doctest_globals = dict(self._dt_test.globs)
        super().setUp()


def load_doctests(module):
    """Make a ``load_tests`` that adds the doctests of a module.

    >>> load_tests = load_doctests(some_module)  # doctest: +SKIP

    :return: callable(loader, tests, ignore), as unittest's ``load_tests`` protocol wants
    """

    def load_tests(loader, tests, ignore):
        for seq, suite_test in enumerate(doctest.DocTestSuite(module)):
            tests.addTest(
                OdooDocTestCase(
                    suite_test._dt_test,
                    optionflags=suite_test._dt_optionflags,
                    setUp=suite_test._dt_setUp,
                    tearDown=suite_test._dt_tearDown,
                    checker=suite_test._dt_checker,
                    seq=seq,
                )
            )
        return tests

    return load_tests


def _is_same_method(method, other):
    return method.__self__ == other.__self__ and getattr(method, "__func__", method) == getattr(
        other, "__func__", other
    )


def _matches(call, expected):
    return (
        _is_same_method(call.method, expected.method)
        and call.args == expected.args
        and call.kwargs == expected.kwargs
        and all(call.properties.get(name) == value for name, value in expected.properties.items())
    )


def _describe(call, names):
    arguments = [*map(str, call.args)]
    arguments += [f"{key}={value}" for key, value in call.kwargs.items()]
    properties = ", ".join(f"{name}={call.properties[name]}" for name in names)
    return (
        f"<{call.method.__self__}>.{call.method.__name__}({', '.join(arguments)})"
        f" with properties ({properties})"
    )


def _graph_uuid(job):
    return job.graph_uuid
