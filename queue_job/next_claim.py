# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The claim of the next job of a slot, on the way of the commit of the one before.

It is part of that commit: both jobs are moved, or none. Where anything speaks against it, it does
nothing, and the job is claimed for itself, as ever. See ``docs/locking.rst``.
"""

import json
import time

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ

from .core.log_text import one_line
from .job_storage import SETTLE_DONE
from .session import reset_of
from .slot_cursor import commit_with, expect_commit, is_as_it_was, set_isolation

#: What it does with the claim of another job.
_SETTLE_AND_CLAIM = SETTLE_DONE.replace(")", f"{', %s' * 5})")

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

    def __init__(self, job_id, start, channel, grant, deadline):
        self.start = start
        self._key = job_id, start["lease"]
        self._parameters = job_id, channel, grant, start["worker_pid"], start["lease"]
        self._deadline = deadline
        self._statement_count = None
        self._answer = None
        #: Whether it was sent, and nobody has taken the job yet.
        self.is_open = False

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
            and time.monotonic() <= self._deadline
            and not (registry.registry_invalidated or registry.cache_invalidated)
            and not job.is_waited_for_alone()
        )

    def commit(self, job, statement):
        """Commit ``job``, with all that Odoo does then; claim and lock the next one."""
        frees, ids = (
            (_FREES_OTHERS, (job._row_id,)) if job.should_check_dependents() else ("false", ())
        )
        text = f"""
            {_SETTLE_AND_CLAIM};
            COMMIT; BEGIN ISOLATION LEVEL REPEATABLE READ; {reset_of(job.env.cr)}
            {_LOCK}, {frees}
        """
        self.is_open = True
        parameters = (*statement[1], *self._parameters, *self._key, *ids)
        self._statement_count = commit_with(job.env.cr, text, parameters)

    def frees_others(self, cr):
        """Whether others may wait for nothing but the job that was committed."""
        values = self._read_answer(cr)
        return values is None or values[1]

    def take(self, cr):
        """Be in the transaction of the job that was claimed.

        :return: list, what its lock says; None: it was not claimed
        """
        values = self._read_answer(cr)
        if not self._is_as_it_was(cr) and (values is None or values[0] is not None):
            # somebody has used the cursor: the lock is gone, but the lease is ours
            set_isolation(cr, ISOLATION_LEVEL_REPEATABLE_READ)
            cr.execute(_LOCK, self._key)
            values = cr.fetchone()
        elif values[0] is None and self._is_as_it_was(cr):
            expect_commit(cr)
        self.is_open = False
        return None if values[0] is None else json.loads(values[0])

    def _read_answer(self, cr):
        if self._answer is None and self._is_as_it_was(cr):
            self._answer = cr.fetchone()
        return self._answer

    def _is_as_it_was(self, cr):
        return self._statement_count is not None and is_as_it_was(cr, self._statement_count)

    def give_back(self, registry, logger):
        """Of a job that was claimed, perhaps, and will not be run here: the connection was lost."""
        try:
            with registry.cursor() as cr:
                cr.execute(_GIVE_BACK, self._key)
        except psycopg2.Error as error:
            logger.warning(
                "a job that was claimed is not begun, and could not be given back: %s",
                one_line(error),
            )
