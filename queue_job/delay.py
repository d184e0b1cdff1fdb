# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Delaying calls: one, or a graph of calls that depend on each other."""

import logging
import uuid

from odoo.models import BaseModel

from . import job_storage
from .core.barrier import Barrier
from .core.composition import entries, exits, is_composed, joints, leaves
from .core.graph import Graph
from .core.options import MORE_OPTION_NAMES, OPTION_NAMES, check_options, resolve_aliases
from .core.states import CANCELLED, DONE, WAIT_DEPENDENCIES, WAITING_STATES
from .identity_guard import IdentityTaken
from .job import Job, default_description
from .utils import must_run_without_delay

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

_SEARCH = Job.job_record_with_same_identity_key


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


class DelayableGraph(Graph):
    """All the delayables that are connected, by being members or by ``on_done``.

    Its vertices are delayables, groups and chains; each of them knows its graph, and
    two graphs become one when an edge or a membership joins them.
    """

    #: Pairs (element, what runs when it has failed).
    _handlers = ()

    def absorb(self, element):
        """Make ``element``, and all that is connected with it, part of this graph."""
        other = element._graph
        if other is self:
            return
        self._graph.update(other._graph)
        self._handlers = (*self._handlers, *other._handlers)
        for vertex in other.vertices():
            vertex._joined_graph = self

    def add_handler(self, element, handler):
        """Let ``handler`` run when a call of ``element`` has finally failed."""
        self.absorb(handler)
        self._handlers = (*self._handlers, (element, handler))

    def replace(self, element, other):
        """Put ``other`` where ``element`` is: between its edges and in its groups."""
        self.absorb(other)
        self._handlers = tuple(
            tuple(other if each is element else each for each in pair) for pair in self._handlers
        )
        self._graph[other] |= self._graph.pop(element)
        for vertex, children in self._graph.items():
            if element in children:
                children.remove(element)
                children.add(other)
            if is_composed(vertex):
                vertex.replace_member(element, other)

    def _connect_graphs(self):
        """:return: :class:`Graph` of the single calls and their dependencies"""
        merged = self._calls()
        for parents, children in self._joints():
            merged.add_edges(parents, children)
        return merged

    def _connect_by_barriers(self):
        """As :meth:`_connect_graphs`, with barriers in place of very many dependencies.

        :return: :class:`Graph` of single calls and of :class:`.core.barrier.Barrier`
        """
        joined, barriers = [], []
        for parents, children in self._joints():
            if Barrier.is_worth(parents, children):
                barriers.append(Barrier(parents, children))
            else:
                joined.append((parents, children))
        # Sorted first, they do not change the order of the calls.
        merged = self._calls(Graph({barrier: set() for barrier in barriers}))
        joined += [(barrier.parents, [barrier]) for barrier in barriers]
        joined += [([barrier], barrier.children) for barrier in barriers]
        for parents, children in joined:
            merged.add_edges(parents, children)
        return merged

    def _calls(self, graph=None):
        graph = graph or Graph()
        for element in self._graph:
            for call in leaves(element):
                graph.add_vertex(call)
        return graph

    def _joints(self):
        """Yield (parents, children), lists of calls, for all that follows on each other."""
        for element in self._graph:
            yield from joints(element)
        for before, after in self.edges():
            yield exits(before), entries(after)

    @staticmethod
    def _ensure_same_graph_uuid(jobs):
        """Give all jobs of a graph the same graph uuid, new if none has one.

        :raises ValueError: they belong to different graphs already
        """
        if len(jobs) < 2:
            return
        known = {job.graph_uuid for job in jobs if job.graph_uuid}
        if len(known) > 1:
            raise ValueError(
                "These jobs belong to different graphs already, which cannot be joined: "
                + ", ".join(sorted(known))
            )
        graph_uuid = known.pop() if known else str(uuid.uuid4())
        for job in jobs:
            job.graph_uuid = graph_uuid

    def delay(self):
        """Create the jobs of all calls of the graph, or run them at once where nothing
        is to be delayed."""
        graph = self._connect_by_barriers()
        calls = [call for call in graph.topological_sort() if not isinstance(call, Barrier)]
        self._delay_calls(graph, calls)

    def _delay_calls(self, graph, calls):
        if any(must_run_without_delay(call.recordset.env) for call in calls):
            self._perform_now(calls)
            return
        new = [call for call in calls if not call._generated_job]
        for call in new:
            call._build_job()
        if not new or not self._reuse_identical(new):
            for call in set(calls).difference(new):
                call._refresh_job()
            self._store(graph, calls)

    def _perform_now(self, calls):
        """Perform the calls in their order; an error reaches the caller, not its handlers."""
        unneeded = set()
        graph = self._connect_graphs() if self._handlers else None
        for _element, handler in self._handlers:
            unneeded.update(_descendants(graph, entries(handler)))
        for call in calls:
            if call not in unneeded:
                call._perform_now()
            elif not call._generated_job:
                call._build_job().state = CANCELLED

    def _set_handlers(self):
        """Tell the jobs which ones handle their failure."""
        for element, handler in self._handlers:
            handlers = set(_jobs_of(entries(handler)))
            for job in handlers:
                job.awaits_failure = True
                job.state = WAIT_DEPENDENCIES
            for job in _jobs_of(leaves(element)):
                job.failure_handlers = job.failure_handlers | handlers

    def _reuse_identical(self, calls):
        """Where each call with an identity key has a job that waits, take those jobs.

        :return: bool, whether they were taken
        """
        keyed = [call for call in calls if call.identity_key and call._generated_job.identity_key]
        if not keyed:
            return False
        if len(calls) == 1 and _searches_at_store(keyed[0]._generated_job):
            return False
        existing = []
        for call in keyed:
            record = call._generated_job.job_record_with_same_identity_key()
            if not record:
                return False
            existing.append(record)
        for call, record in zip(keyed, existing, strict=True):
            _logger.debug("a job with the identity key of %s exists: %s", call, record)
            call._generated_job = record
        return True

    def _store(self, graph, calls):
        jobs = [call._generated_job for call in calls]
        self._ensure_same_graph_uuid(jobs)
        for parent, child in graph.edges():
            if isinstance(parent, Barrier) or isinstance(child, Barrier):
                continue
            child._generated_job.add_depends({parent._generated_job})
        for barrier in graph.vertices():
            if isinstance(barrier, Barrier):
                Barrier(_jobs_of(barrier.parents), _jobs_of(barrier.children)).put()
        self._set_handlers()
        if len(jobs) == 1:
            self._store_one(calls[0])
        else:
            Job.store_many(jobs)

    @staticmethod
    def _store_one(call):
        job = call._generated_job
        if call.identity_key and job.state in WAITING_STATES:
            job.identity_guard = job.identity_key
        try:
            job.store()
        except IdentityTaken as taken:
            _logger.debug("a job with the identity key of %s is new: %s", call, taken.record)
            call._generated_job = taken.record


def _searches_at_store(job):
    """Whether a new job looks for one with its key when it is stored, in one turn to the database:
    unless an addon has a search of its own."""
    search = type(job).job_record_with_same_identity_key
    return search is _SEARCH and job_storage.searches_at_store(job)


def _jobs_of(calls):
    return [call._generated_job for call in calls]


def _descendants(graph, calls):
    """:return: set of ``calls`` and of all that comes after them"""
    found, following = set(), list(calls)
    while following:
        call = following.pop()
        if call not in found:
            found.add(call)
            following += graph._graph[call]
    return found


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
        if self.recordset is not None and not self._generated_job:
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
    """

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
        self.delayable = Delayable(
            recordset,
            priority=priority,
            eta=eta,
            max_retries=max_retries,
            description=description,
            channel=channel,
            identity_key=identity_key,
            **more,
        )

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
