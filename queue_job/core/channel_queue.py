# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The waiting jobs of one channel."""

from .priority_queue import PriorityQueue


class ChannelQueue:
    """Waiting :class:`.channel_job.ChannelJob` objects, in the order they may start.

    Not sequential: a job with an eta is set aside until it is due, then competes with
    the others by (priority, date_created, seq). Sequential: strictly that order, so the
    first job holds up all others until it is due.

    ``now`` and etas are seconds since the epoch. Time may also step back.
    """

    __slots__ = ("_now", "_ready", "_sequential", "_set_aside")

    def __init__(self, sequential=False):
        self._sequential = sequential
        self._ready = PriorityQueue()
        self._set_aside = PriorityQueue()
        self._now = None

    @property
    def sequential(self):
        """Whether the first job holds up all others; may be changed at any time."""
        return self._sequential

    @sequential.setter
    def sequential(self, value):
        if value != self._sequential:
            self._sequential = value
            self._sort_again()

    def add(self, job):
        """Let ``job`` wait here."""
        if job.eta is None or self._sequential:
            self._ready.add(job, job.order)
        else:
            self._set_aside.add(job, job.eta)

    def remove(self, job):
        """Forget ``job``; no error if it does not wait here."""
        self._ready.remove(job)
        self._set_aside.remove(job)

    def pop(self, now):
        """Take out and return the job to start at ``now``; None when none may start."""
        job = self.head(now)
        if job is None or not job.is_due(now):
            return None
        self.remove(job)
        return job

    def head(self, now):
        """The job whose turn it is; None without one.

        That of a sequential queue may still have to wait for its eta.
        """
        self._see(now)
        return self._ready.first()

    def next_eta(self):
        """The eta that the queue waits for, as of the last ``now``; None without one.

        A sequential queue waits for the eta of the first of its jobs that is not due,
        since those behind that one can't start before it.
        """
        if not self._sequential:
            return self._set_aside.first_rank()
        not_due = (job for job in self._ready if not self._is_due(job))
        job = min(not_due, key=lambda job: job.order, default=None)
        return None if job is None else job.eta

    def get_wakeup_time(self):
        """As :meth:`next_eta`, 0 without one."""
        return self.next_eta() or 0

    def __len__(self):
        return len(self._ready) + len(self._set_aside)

    def __contains__(self, job):
        return job in self._ready or job in self._set_aside

    def __iter__(self):
        """The waiting jobs, in no order."""
        yield from self._ready
        yield from self._set_aside

    def _see(self, now):
        if self._now is not None and now < self._now:
            self._sort_again()
        self._now = now
        self._release()

    def _release(self):
        eta = self._set_aside.first_rank()
        while eta is not None and eta <= self._now:
            job = self._set_aside.pop()
            self._ready.add(job, job.order)
            eta = self._set_aside.first_rank()

    def _is_due(self, job):
        return job.eta is None or (self._now is not None and job.is_due(self._now))

    def _sort_again(self):
        jobs = list(self)
        self._ready.clear()
        self._set_aside.clear()
        for job in jobs:
            self.add(job)
