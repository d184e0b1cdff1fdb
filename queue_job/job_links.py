# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What a job depends on, and what depends on it."""

from . import dependency
from .core.states import DONE, WAIT_DEPENDENCIES, WAITING_STATES


class Links:
    """The part of :class:`.job.Job` about its dependencies, in memory and in the database."""

    @property
    def depends_on(self):
        """Set of the jobs that must be done before this one."""
        across = [barrier.parents for barrier in self._barriers_before]
        return self._with_others(self._parents(), across, "depends_on")

    @property
    def reverse_depends_on(self):
        """Set of the jobs that wait for this one."""
        across = [barrier.children for barrier in self._barriers_behind]
        return self._with_others(self._children(), across, "reverse_depends_on")

    def _parents(self):
        """:return: set, without those before a barrier"""
        self._depends_on |= self._load_pending(self._depends_on_uuids)
        return self._depends_on

    def _children(self):
        """:return: set, without those behind a barrier"""
        self._reverse_depends_on |= self._load_pending(self._reverse_depends_on_uuids)
        return self._reverse_depends_on

    def _with_others(self, jobs, across, kind):
        """:return: ``jobs``, with those beyond barriers where there are any"""
        if not (across or self._is_at_barrier):
            return jobs
        found = jobs.union(*across)
        if self._is_at_barrier:
            uuids = dependency.uuids_across_barriers(self.env, self._find_row_id())[kind]
            found |= self.load_many(self.env, uuids.difference(job.uuid for job in found))
        return found

    def has_unfinished_parent(self):
        """Whether it has to wait for another job to be done."""
        if self.is_held is not None:
            return self.is_held
        return (
            any(parent.state != DONE for parent in self._parents())
            or not all(barrier.is_open for barrier in self._barriers_before)
            or (self._is_at_barrier and dependency.is_held(self))
        )

    def _load_pending(self, uuids):
        if not uuids:
            return set()
        jobs = self.load_many(self.env, uuids)
        uuids.clear()
        return jobs

    def add_depends(self, jobs):
        """:raises ValueError: the job itself is among ``jobs``"""
        if self in jobs:
            raise ValueError(f"Job {self.uuid} cannot depend on itself.")
        self._parents().update(jobs)
        for parent in jobs:
            parent._children().add(self)
        if self.state in WAITING_STATES and any(parent.state != DONE for parent in jobs):
            self.state = WAIT_DEPENDENCIES

    @property
    def has_dependents(self):
        """Whether other rows depend on its row, as of the last ``lock``."""
        return self.first_child is not None or self.is_before_barrier

    @property
    def next_step(self):
        """Id of the row that depends on its row, if those two are steps of a chain, in one channel; else None."""
        child_id, is_only_parent, is_only_child = self.first_child or (None, False, False)
        return child_id if is_only_parent and is_only_child and not self.is_before_barrier else None

    def should_check_dependents(self):
        """Whether some job waits for this one."""
        return bool(
            self.has_dependents or self._reverse_depends_on_uuids or self.is_waited_for_alone()
        )

    def is_waited_for_alone(self):
        """Whether some job waits for this one which, as far as its row is known, waits for no other."""
        is_only_parent = self.first_child and self.first_child[1]
        return bool(is_only_parent or self._reverse_depends_on or self._barriers_behind)

    def release_statement(self):
        """:return: (SQL, parameters): :meth:`enqueue_waiting` in the database; None: nothing waits"""
        if not self.should_check_dependents():
            return None
        return dependency.release_statement(self)

    def enqueue_waiting(self):
        """Make those jobs pending whose last parent this one was."""
        dependency.release_dependents(self)

    def cancel_dependent_jobs(self):
        """Cancel the jobs that wait for this one, and those that wait for them."""
        dependency.cancel_dependents(self.env, [self.uuid], self.date_cancelled)
