# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Delaying calls: one, or a graph of calls that depend on each other."""

import functools
import logging

from odoo.models import BaseModel

from .core.graph import Graph
from .core.options import MORE_OPTION_NAMES, OPTION_NAMES, check_options, resolve_aliases
from .core.states import DONE
from .delayable_graph import DelayableGraph
from .job import Job
from .job_call import default_description

__all__ = [
    "Delayable",
    "DelayableChain",
    "DelayableGraph",
    "DelayableGroup",
    "DelayableRecordset",
    "Graph",
    "chain",
    "group",
]

_logger = logging.getLogger(__name__)


def group(*delayables):
    """Calls that may run at the same time, in any order.

    :param delayables: :class:`Delayable`, groups or chains
    :return: :class:`DelayableGroup`
    """
    return DelayableGroup(*delayables)


def chain(*delayables):
    """Calls that run one after the other, each when the one before is done.

    :param delayables: :class:`Delayable`, groups or chains
    :return: :class:`DelayableChain`
    """
    return DelayableChain(*delayables)


class _Element:
    """What can be a member of a group or a chain, and be followed by others."""

    _joined_graph = None

    @property
    def _graph(self):
        # Made when needed, so that a single call is not in a reference cycle: it is
        # gone, with its warning, as soon as nobody holds it.
        if self._joined_graph is None:
            self._joined_graph = DelayableGraph({self: set()})
        return self._joined_graph

    def on_done(self, *delayables):
        """Run others when this is done.

        :param delayables: :class:`Delayable`, groups or chains
        :return: self
        """
        for delayable in delayables:
            self._graph.absorb(delayable)
            self._graph.add_edge(self, delayable)
        return self

    def on_error(self, *delayables):
        """Run others when this has finally failed: a call of it, with no try left.

        When all of this has succeeded, or is cancelled, the others are cancelled.

        :param delayables: :class:`Delayable`, groups or chains
        :return: self
        """
        for delayable in delayables:
            self._graph.add_handler(self, delayable)
        return self

    def delay(self):
        """Create the jobs of the whole graph that this is part of."""
        self._graph.delay()


class _Composed(_Element):
    """
    :param delayables: members: :class:`Delayable`, groups or chains
    """

    def __init__(self, *delayables):
        self.members = delayables
        for delayable in delayables:
            self._graph.absorb(delayable)

    def replace_member(self, member, other):
        """Put ``other`` where ``member`` is, if it is one."""
        self.members = tuple(other if each is member else each for each in self.members)

    def __repr__(self):
        members = ", ".join(map(repr, self.members))
        return f"{type(self).__name__}({members})"


class DelayableChain(_Composed):
    """Members run one after the other. Made by :func:`chain`."""

    in_sequence = True


class DelayableGroup(_Composed):
    """Members may run at the same time. Made by :func:`group`."""

    in_sequence = False

    @property
    def _delayables(self):
        return set(self.members)


class Delayable(_Element):
    """A call that will be delayed: call the method on it, then ``delay()``.

    >>> delayable = record.delayable(priority=5).export(mode="full")  # doctest: +SKIP
    >>> delayable.delay()  # doctest: +SKIP

    :param recordset: on which the method will be called
    """

    recordset = None
    identity_scope = None
    timeout = None
    _generated_job = None
    #: delay() has come to it, be it that the job was refused
    _was_tried = False
    _job_method = None
    _job_args = ()
    _job_kwargs = {}

    def __init__(
        self,
        recordset,
        priority=None,
        eta=None,
        max_retries=None,
        description=None,
        channel=None,
        identity_key=None,
        **more,
    ):
        # first of all: what is refused was not prepared
        check_options(more)
        self.recordset = recordset
        self.priority = priority
        self.eta = eta
        self.max_retries = max_retries
        self.description = description
        self.channel = channel
        self.identity_key = identity_key
        for name, value in more.items():
            setattr(self, name, value)

    def __getattr__(self, name):
        # Python asks instances for dunder names; no method of a model is called so.
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return self._capture(name)

    def _capture(self, name):
        """:return: callable that keeps its arguments for the job and returns self"""
        if name in self.recordset:
            raise AttributeError(
                f"{name} is a field of {self.recordset}: only methods can be delayed."
            )
        self._job_method = getattr(self.recordset, name)

        def capture(*args, **kwargs):
            self._job_args = args
            self._job_kwargs = kwargs
            return self

        capture.__doc__ = self._job_method.__doc__
        return capture

    def __repr__(self):
        name = getattr(self._job_method, "__name__", "")
        return f"Delayable({self.recordset}.{name}({self._job_args}, {self._job_kwargs}))"

    def __del__(self):
        if self._job_method is not None and not (self._generated_job or self._was_tried):
            _logger.warning("Delayable %s was prepared but never delayed", self)

    def delay(self):
        """Create the job, with those of the whole graph that this is part of."""
        if self._joined_graph is None:
            # Most calls are alone. Their graph is let go: see _graph.
            graph = DelayableGraph({self: set()})
            graph._delay_calls(graph, [self])
        else:
            self._joined_graph.delay()

    def _job_options(self):
        return {name: getattr(self, name) for name in OPTION_NAMES}

    def _more_options(self):
        options = {name: getattr(self, name) for name in MORE_OPTION_NAMES}
        return {name: value for name, value in options.items() if value is not None}

    def set(self, *args, **options):
        """Set job options, given as a dict or by keyword.

        :return: self
        :raises ValueError: an option is unknown, or eta and scheduled_at differ
        """
        for given in args:
            options = {**given, **options}
        options = resolve_aliases(options)
        check_options(options)
        for name, value in options.items():
            setattr(self, name, value)
        return self

    def split(self, size, chain=False):
        """Split the call into calls on at most ``size`` records each.

        :param bool chain: one after the other, else at the same time
        :return: :class:`DelayableChain` or :class:`DelayableGroup`
        :raises ValueError: no method was called on the delayable yet, or a size below 1
        """
        if not self._job_method:
            raise ValueError("Call a method on the delayable before you split it.")
        if size < 1:
            raise ValueError(f"A size of {size} splits nothing: give 1 or more.")
        starts = range(0, len(self.recordset), size)
        parts = [
            self._part(self._slice(start, start + size), number, len(starts))
            for number, start in enumerate(starts, start=1)
        ]
        composed = (DelayableChain if chain else DelayableGroup)(*parts)
        # The parts are delayed in its place.
        self._generated_job = True
        if self._joined_graph:
            self._joined_graph.replace(self, composed)
        return composed

    def _slice(self, start, stop):
        records = self.recordset[start:stop]
        # A slice of a subclass of list is a plain list, without its methods.
        return type(self.recordset)(records) if type(records) is list else records

    def _part(self, recordset, number, count):
        description = self.description or default_description(self._job_method)
        part = Delayable(recordset, **self._job_options(), **self._more_options())
        part.description = f"{description} (split {number}/{count})"
        return part._capture(self._job_method.__name__)(*self._job_args, **self._job_kwargs)

    def _build_job(self):
        if self._job_method is None:
            raise ValueError(f"{self} cannot be delayed: no method was called on it.")
        self._was_tried = True
        self._generated_job = Job(
            self._job_method,
            args=self._job_args,
            kwargs=self._job_kwargs,
            **self._job_options(),
        )
        if self.identity_key:
            self._generated_job.set_identity_scope(self.identity_scope)
        if self.timeout is not None:
            self._generated_job.timeout = self.timeout
        return self._generated_job

    @staticmethod
    def _store_jobs(jobs):
        Job.store_many(jobs)

    def _refresh_job(self):
        """See to it that the job of an earlier delay() is as it is by now."""
        if isinstance(self._generated_job, BaseModel):
            # one with the same identity was reused
            record = self._generated_job
            self._generated_job = Job.load(record.env, record.uuid)
        else:
            self._generated_job.refresh()

    def _perform_now(self):
        if not self._generated_job:
            job = self._build_job()
            job.runs_in_caller = True
            job.perform()
            job.state = DONE


class DelayableRecordset:
    """What ``with_delay()`` returns: a method called on it becomes a job at once.

    The method call returns the :class:`~.job.Job`, or the record of the job that waits
    with the same identity key.

    :param recordset: on which the method will be called
    :param options: of the job, as those of :class:`Delayable`
    """

    @functools.wraps(Delayable.__init__, assigned=())
    def __init__(self, *args, **options):
        self.delayable = Delayable(*args, **options)

    @property
    def recordset(self):
        return self.delayable.recordset

    def __getattr__(self, name):
        if name == "delayable" or (name.startswith("__") and name.endswith("__")):
            raise AttributeError(name)
        capture = self.delayable._capture(name)

        def delay(*args, **kwargs):
            capture(*args, **kwargs).delay()
            return self.delayable._generated_job

        delay.__doc__ = capture.__doc__
        return delay

    def __repr__(self):
        return f"DelayableRecordset({self.recordset})"
