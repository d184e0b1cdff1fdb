# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The jobs of all the calls that are connected: made together, or run at once."""

import logging
import uuid

from . import job_storage
from .core.barrier import Barrier
from .core.call_graph import CallGraph, descendants
from .core.composition import entries, leaves
from .core.states import CANCELLED, PENDING, WAIT_DEPENDENCIES, WAITING_STATES
from .identity_guard import IdentityTaken
from .job_row import Row
from .utils import must_run_without_delay

_logger = logging.getLogger(__name__)


class DelayableGraph(CallGraph):
    """All the delayables that are connected, by being members or by ``on_done``."""

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
            unneeded.update(descendants(graph, entries(handler)))
        for call in calls:
            if call not in unneeded:
                call._perform_now()
            elif not call._generated_job:
                call._build_job().state = CANCELLED

    def _set_handlers(self, graph):
        """Tell the jobs which ones handle their failure, as far as they don't know it from an
        earlier delay().
        """
        for element, handler in self._handlers:
            handlers, watched = _jobs_of(entries(handler)), _jobs_of(leaves(element))
            if not watched:
                # of a call on no records that was split, for instance
                self._cancel_unneeded(graph, handler)
            for job in handlers:
                is_known = all(job in other.failure_handlers for other in watched)
                if not is_known and job.state in (WAIT_DEPENDENCIES, PENDING):
                    job.awaits_failure = True
                    job.state = WAIT_DEPENDENCIES
            for job in watched:
                job.failure_handlers = job.failure_handlers.union(handlers)

    @staticmethod
    def _cancel_unneeded(graph, handler):
        for call in descendants(graph, entries(handler)):
            if not isinstance(call, Barrier) and call._generated_job.state in WAITING_STATES:
                call._generated_job.set_cancelled(
                    result="Cancelled because there is nothing to fail"
                )

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
        self._set_handlers(graph)
        if len(jobs) == 1:
            self._store_one(calls[0])
        else:
            calls[0]._store_jobs(jobs)

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
    search = getattr(type(job), "job_record_with_same_identity_key", None)
    is_ours = search is Row.job_record_with_same_identity_key
    return is_ours and job_storage.searches_at_store(job)


def _jobs_of(calls):
    return [call._generated_job for call in calls]
