# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Running a claimed job: its transaction, what becomes of that, and of those that wait for it.

A job is claimed by ``acquisition.py``; what a try has ended with is a value (``outcome.py``), and
written by ``settlement.py``. What a worker needs from PostgreSQL meanwhile is in ``docs/locking.rst``.
"""

from psycopg2.extensions import (
    ISOLATION_LEVEL_READ_COMMITTED,
    ISOLATION_LEVEL_REPEATABLE_READ,
)

from . import job_storage, outage
from .outcome import Retry
from .slot_cursor import (
    commit_before_claim,
    connection_lost,
    has_left_transaction,
    is_claim_next,
    is_unfinished,
    set_isolation,
)
from .utils import COMMIT_IS_FORBIDDEN, commit_forbidden, in_test_mode


def begin(env, job):
    """Start the transaction of a claimed job: take its lock, see that it is still ours.

    :return: bool
    """
    if job.is_locked is None:
        set_isolation(env.cr, ISOLATION_LEVEL_REPEATABLE_READ)
        job.is_locked = job.lock()
    return job.is_locked


def perform(env, job):
    """Call the method and write that the job is done: one commit.

    In a test, whose cursor can't be committed, a savepoint undoes a failed try.
    """
    if in_test_mode():
        with env.cr.savepoint():
            job.perform()
            _settle_done(job)
            env.flush_all()
        return
    job.perform()
    if has_left_transaction(env.cr):
        # and the lock of the job with it
        raise RuntimeError(COMMIT_IS_FORBIDDEN)
    with commit_forbidden(env.cr):
        statement = _last_statement(env, job)
        if statement is None:
            _settle_done(job)
            # what runs before a commit is part of the try, too
            env.cr.flush()
    if is_claim_next(env.cr):
        if job.next_claim and job.next_claim.may_go_with(job, statement):
            job.next_claim.commit(job, statement)
        else:
            release = job.release_statement() if job.releases_at_commit else None
            job.released = commit_before_claim(env.cr, statement, release)
    else:
        env.cr.commit()
    env.registry.signal_changes()


def _last_statement(env, job):
    """Flush all that a job has left to be written, where nothing but its end is to follow.

    :return: (SQL, parameters) of a statement that writes that the job is done, and goes to
        PostgreSQL together with COMMIT; None: it has to be stored before
    """
    if not is_claim_next(env.cr):
        return None
    job.set_done()
    env.flush_all()
    if env.cr.precommit or not is_claim_next(env.cr):
        return None
    return job_storage.done_statement(job)


def _settle_done(job):
    job.set_done()
    job.store()


def roll_back(env, outcome):
    """Undo what a failed try did to the database.

    In a test the savepoint in :func:`perform` has done it. Whoever tests a retry patches
    the rollback of the cursor, and expects it.
    """
    if in_test_mode():
        if isinstance(outcome, Retry):
            env.cr.rollback()
        return
    if connection_lost(env.cr):
        # what follows needs another one
        outage.wait_for_database(env.registry)
    else:
        env.cr.rollback()
    env.transaction.reset()


def settle_caches(env, job, is_committed):
    """Tell other processes of what the try has changed in the registry and its caches, or undo that."""
    if in_test_mode():
        return
    if is_committed:
        env.registry.signal_changes()
    elif env.registry.registry_invalidated:
        # It is loaded anew: that takes a while, in which the job is not to be found dead.
        with env.registry.cursor() as cr:
            job.hold(cr)
            env.registry.reset_changes()
    else:
        env.registry.reset_changes()


def wake_dependents(env, job):
    """Release the jobs that waited for ``job``, which is committed as done.

    Failing here loses nothing: the job runner releases what is left waiting.
    """
    if in_test_mode():
        job.enqueue_waiting()
        return
    if connection_lost(env.cr) or not job.should_check_dependents():
        return
    if is_unfinished(env.cr):
        job.enqueue_waiting()
        return
    claim = job.next_claim if job.next_claim and job.next_claim.is_open else None
    if claim and not claim.frees_others(env.cr):
        return
    # of what was released on the same way it may have been rolled back
    job.released = None
    set_isolation(env.cr, ISOLATION_LEVEL_READ_COMMITTED)
    if claim:
        claim.make_way(job)
    job.enqueue_waiting()
    env.cr.commit()
