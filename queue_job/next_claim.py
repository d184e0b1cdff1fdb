# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The claim of the next job of a slot, on the way of the commit of the one before.

It is part of that commit. Where anything speaks against it, it does nothing, and the job is claimed for itself, as
ever. See ``docs/locking.rst``.
"""

import json
import logging
import time

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ

from .core.log_text import one_line
from .job_storage import SETTLE_DONE, SETTLE_DONE_AND_CLAIM, SETTLE_PARENT_AND_CLAIM
from .session import reset_of
from .slot_cursor import (
    commit_with,
    connection_lost,
    expect_commit,
    is_as_it_was,
    set_isolation,
)

_logger = logging.getLogger(__name__)

#: Not as JSON: what Python can't read of it is no error of the job before.
_LOCK = "SELECT queue_job_lock_claimed(%s, %s)::text"

_FREES_OTHERS = "queue_job_frees_others(%s)"

#: It is pending again, as if nothing had been. Nobody else knows the lease.
_GIVE_BACK = """
    UPDATE queue_job SET state = 'pending', date_started = NULL, worker_pid = NULL, lease = NULL
     WHERE id = %s AND lease = %s AND state = 'started'
"""


class NextClaim:
    """The claim of one hinted job.

    :param int job_id: of its row
    :param dict start: ``worker_pid`` and ``lease``, which its row is to get
    :param float deadline: until when it may begin, by the monotonic clock
    """

    _settle = SETTLE_DONE_AND_CLAIM

    def __init__(self, job_id, start, channel, grant, deadline):
        self.job_id = job_id
        self.start = start
        self._key = job_id, start["lease"]
        self._parameters = job_id, channel, grant, start["worker_pid"], start["lease"]
        self._deadline = deadline
        self._statement_count = None
        self._answer = None
        #: Whether it was sent, and nobody has taken the job yet.
        self.is_open = False

    @property
    def is_late(self):
        """Whether the time of the slot is over."""
        return time.monotonic() > self._deadline

    def may_go_with(self, job, statement):
        """Whether nothing is to be done between the commit of ``job`` and the beginning of the next job.

        :param statement: (SQL, parameters) of the end of ``job``, or None

        What other processes are to be told of comes first, and so does a job that waits for this one only. Whether
        another one could go on, which waits for several, is in the answer.
        """
        registry = job.env.registry
        return (
            statement is not None
            and statement[0] == SETTLE_DONE
            and not self.is_late
            and not (registry.registry_invalidated or registry.cache_invalidated)
            and self._comes_first(job)
        )

    def _comes_first(self, job):
        return not job.is_waited_for_alone()

    def commit(self, job, statement):
        """Commit ``job``, with all that Odoo does then; claim and lock the next one."""
        cr = job.env.cr
        frees, ids = self._question(job)
        # RESET in a transaction of its own: the next job may roll back. All have the isolation of the first one.
        text = f"""
            {self._settle};
            COMMIT AND CHAIN; {reset_of(cr)} COMMIT AND CHAIN;
            {_LOCK}, {frees}
        """
        self.is_open = True
        parameters = (*statement[1], *self._parameters, *self._key, *ids)
        self._statement_count = commit_with(cr, text, parameters)

    def _question(self, job):
        """:return: (SQL, parameters): whether others can go on now"""
        return (_FREES_OTHERS, (job._row_id,)) if job.should_check_dependents() else ("false", ())

    def frees_others(self, cr):
        """Whether others may wait for nothing but the job that was committed."""
        answer = self._read_answer(cr)
        return answer is None or answer[1]

    def make_way(self, job):
        """In the transaction, not the next job's, in which those are released that wait for ``job``.

        The one that was claimed comes next, whatever that is; and nobody is to find it dead meanwhile.
        """
        job.successor = None
        job.env.cr.execute(_LOCK, self._key)

    def take(self, cr):
        """Be in the transaction of the job that was claimed.

        :return: list, what its lock says; None: it was not claimed
        """
        answer = self._read_answer(cr)
        if self._is_as_it_was(cr):
            if answer[0] is None:
                expect_commit(cr)
        elif answer is None or answer[0] is not None:
            # somebody has used the cursor: the lock is gone, but the lease is ours
            set_isolation(cr, ISOLATION_LEVEL_REPEATABLE_READ)
            cr.execute(_LOCK, self._key)
            answer = cr.fetchone()
        self.is_open = False
        return None if answer[0] is None else json.loads(answer[0])

    def _read_answer(self, cr):
        if self._answer is None and self._is_as_it_was(cr):
            self._answer = cr.fetchone()
        return self._answer

    def _is_as_it_was(self, cr):
        return self._statement_count is not None and is_as_it_was(cr, self._statement_count)

    def give_back(self, registry, cr):
        """Of a job that was claimed, perhaps, and will not be run here: most often, the connection was lost."""
        try:
            if not (cr.closed or connection_lost(cr)):
                # its lock goes first
                cr.connection.rollback()
            with registry.cursor() as other:
                other.execute(_GIVE_BACK, self._key)
        except psycopg2.Error as error:
            _logger.warning(
                "a job that was claimed is not begun, and could not be given back: %s",
                one_line(error),
            )


class ChildClaim(NextClaim):
    """The claim of the only job that waits for the one that is committed, if it comes before another one.

    :param int before: id of that one, or None
    """

    _settle = SETTLE_PARENT_AND_CLAIM

    def __init__(self, *args, before):
        super().__init__(*args)
        self._parameters = (*self._parameters, before)

    def _comes_first(self, job):
        return True

    def _question(self, job):
        return "false", ()

    def frees_others(self, cr):
        """Whether that job, or another one, is to be released."""
        answer = self._read_answer(cr)
        return answer is None or answer[0] is None

    def make_way(self, job):
        if self._answer is None:
            # who knows whether it was claimed
            super().make_way(job)
        else:
            self.is_open = False
