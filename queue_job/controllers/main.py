# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The HTTP route through which the job runner has jobs executed."""

import logging
import time
from dataclasses import dataclass

from werkzeug.exceptions import BadRequest, NotFound

from odoo import SUPERUSER_ID, http
from odoo.http import request

from .. import acquisition, execution, job_storage, settlement, slot_cursor
from ..core import parked
from ..core.log_text import quoted
from ..core.retry import CONFLICT_INTERVAL
from ..core.slot import (
    BUDGET,
    HINTS_HEADER,
    NO_JOB,
    REFUSED_HEADER,
    parse_hints,
    parse_successor,
)
from ..core.states import FAILED
from ..exception import NoSuchJobError
from ..job import Job
from ..next_claim import ChildClaim, NextClaim
from ..outcome import Retry, Return, classify
from ..parking import ParkedRequest
from ..registry_signals import RegistrySignals
from ..surroundings import run_apart

_logger = logging.getLogger(__name__)

#: For addons that import it from here.
PG_RETRY = CONFLICT_INTERVAL


@dataclass
class _Slot:
    """What a request may run: see :class:`~..core.slot.Slot`, and :meth:`RunJobController.runjob`.

    :param cr: cursor of its jobs
    :param str uuid: of the first job
    :param str channel: of all jobs
    :param float deadline: until when another job may begin, by the monotonic clock
    :param bool is_plain: nobody else has a say in what comes after the commit of a job
    :param next_claim: :class:`~..next_claim.NextClaim` of the next hint, which may have gone with the commit of a job
    """

    cr: object
    uuid: str
    channel: str
    grant: str | None
    hints: list
    deadline: float
    behind: str | None
    is_plain: bool
    next_claim: NextClaim | None = None

    @property
    def may_go_on(self):
        """Whether another job may begin, or may have been claimed already."""
        if self.cr.closed:
            return False
        return time.monotonic() <= self.deadline or self.has_sent_claim

    @property
    def has_sent_claim(self):
        return self.next_claim is not None and self.next_claim.is_open

    @property
    def has_sent_claim_of_child(self):
        return self.has_sent_claim and isinstance(self.next_claim, ChildClaim)


def _check_text(name, value):
    """
    :raise BadRequest: a parameter is missing, or is no line of text: it would go into a query
        and into the log
    """
    if not (isinstance(value, str) and value and value.isprintable()):
        raise BadRequest(f"{name}: a line of text is expected.")


class RunJobController(http.Controller):
    """The class methods are the steps of a job's execution; addons may override them."""

    @http.route(
        "/queue_job/runjob",
        type="http",
        auth="none",
        save_session=False,
        readonly=False,
    )
    def runjob(self, job_uuid=None, **kw):
        """Run an enqueued job to its end, and others after it while the budget lasts.

        :param str job_uuid: uuid of the job
        :param kw: among others ``grant``, the token that the runner has left in the row of
            the job, ``hints``, ids of pending jobs to run next, with commas between them, and
            ``next``, see :func:`~..core.slot.parse_successor`
        :return: an empty answer, whatever becomes of the job: that is in its row. A header
            says how many of the hints were dealt with, if all of these were claimed; or that
            no job was run.
        :raises BadRequest: without ``job_uuid``, or with what can't be one
        :raises NotFound: dbfilter hides the database from this request, or it is not there
        """
        if not request.db:
            raise NotFound("No database for this request: see dbfilter.")
        _check_text("job_uuid", job_uuid)
        request.update_env(user=SUPERUSER_ID)
        registry = request.env.registry
        grant, hints, behind = kw.get("grant"), [], None
        if grant:
            _check_text("grant", grant)
            hints = parse_hints(kw.get("hints"))
            behind = kw.get("next")
        else:
            grant = acquisition.grant_of_old_style_call(registry)
        deadline = time.monotonic() + BUDGET
        headers = self._run_slot(registry, job_uuid, grant, hints, deadline, behind)
        return request.make_response("", headers) if headers else ""

    @http.route(
        parked.PATH,
        type="http",
        auth="none",
        methods=["POST"],
        csrf=False,
        save_session=False,
        readonly=False,
    )
    def park(self, **kw):
        """Be there before the job: wait for a while, and run what comes as :meth:`runjob` does.

        :return: the answer of :meth:`runjob`; an empty one of status 204: nothing was run
        :raises NotFound: dbfilter hides the database from this request, or it is not there
        """
        if not request.db:
            raise NotFound("No database for this request: see dbfilter.")
        registry = request.env.registry
        # no transaction goes on meanwhile
        request.env.cr.rollback()
        # the one that Odoo's own routes take that wait
        waiting = ParkedRequest(request.httprequest._HTTPRequest__environ)
        with slot_cursor.opened_ahead(registry) as cr:
            signals = RegistrySignals(registry, cr)
            if waiting.wait_for_call():
                parameters = waiting.read()
                if parameters and signals.take_in():
                    # goes with the claim
                    slot_cursor.expect_commit(cr)
                    return self.runjob(**parameters)
        return http.Response(status=parked.ENDED)

    @classmethod
    def _run_slot(cls, registry, job_uuid, grant, hints, deadline, behind=None):
        """Run a job, and what is hinted, one after the other on a cursor of their own.

        Before the next hint comes a job that was released meanwhile, if ``behind`` allows it.

        :return: list of the headers of the answer, (name, value)
        """
        # Never the cursor of the request: Odoo would run the job again on a conflict.
        with slot_cursor.own_cursor(registry) as cr:
            env = slot_cursor.fresh_environment(cr, grant)
            job = cls._acquire_job(env, job_uuid)
            if job is None:
                return [(REFUSED_HEADER, "1")]
            is_plain = _is_plain(cls, type(job)) and job_storage.updates_plainly(env)
            slot = _Slot(cr, job_uuid, job.channel, grant, hints, deadline, behind, is_plain)
            try:
                is_complete = cls._run_with_successors(slot, env, job, 0)
                count, were_claimed = cls._run_hints(slot)
            finally:
                if slot.has_sent_claim:
                    slot.next_claim.give_back(registry, cr)
        is_told = is_complete and were_claimed and (hints or behind is not None)
        return [(HINTS_HEADER, str(count))] if is_told else []

    @classmethod
    def _run_hints(cls, slot):
        """:return: (int, bool): how many were dealt with, and whether all these were claimed; one
        that was not may only have been locked by somebody at that moment
        """
        were_claimed = True
        for count, hint in enumerate(slot.hints):
            if not slot.may_go_on:
                return count, were_claimed
            env = slot_cursor.fresh_environment(slot.cr)
            sent = slot.next_claim if slot.has_sent_claim else None
            hinted = acquisition.acquire_hint(env, hint, slot.channel, slot.grant, sent=sent)
            if hinted is None:
                were_claimed = False
            else:
                were_claimed &= cls._run_with_successors(slot, env, hinted, count + 1)
        return len(slot.hints), were_claimed

    @classmethod
    def _run_with_successors(cls, slot, env, job, count):
        """Run a claimed job; of those that it releases, the one that comes next; and so on.

        :param int count: how many hints were dealt with
        :return: bool, whether all these were claimed
        """
        while job is not None:
            if time.monotonic() <= slot.deadline:
                job.successor = parse_successor(slot.behind, slot.channel, slot.hints[count:])
            if execution.begin(env, job):
                may_release = job.successor is not None and job.has_dependents
                slot_cursor.expect_claim(slot.cr, may_release or count < len(slot.hints))
                job.releases_at_commit = slot.is_plain
                job.next_claim = slot.next_claim = cls._claim_of_next(slot, job, count)
                run_apart(cls._run_and_report, env, job)
            sent = slot.next_claim if slot.has_sent_claim_of_child else None
            next_id = sent.job_id if sent else job.next_id
            if next_id is None:
                return True
            if slot.cr.closed:
                break
            env = slot_cursor.fresh_environment(slot.cr)
            job = acquisition.acquire_hint(
                env, next_id, slot.channel, slot.grant, slot=slot.uuid, sent=sent
            )
        return False

    @classmethod
    def _claim_of_next(cls, slot, job, count):
        if not slot.is_plain:
            return None
        rest = slot.channel, slot.grant, slot.deadline
        if job.successor and job.next_step:
            before = next(iter(job.successor.before), None)
            # what was created later comes later, most often
            if before is None or job.next_step < before:
                start = Job.start_values(slot.uuid)
                return ChildClaim(job.next_step, start, *rest, before=before)
        if count < len(slot.hints):
            return NextClaim(slot.hints[count], Job.start_values(), *rest)
        return None

    @classmethod
    def _run_and_report(cls, env, job):
        try:
            cls._runjob(env, job)
        except Exception:
            # The error of a job that has failed is in the log and in its row already.
            if job.state != FAILED:
                settlement.log_error(
                    "%s could not be settled; it will be found dead", job, logger=_logger
                )

    @classmethod
    def _acquire_job(cls, env, job_uuid):
        """Claim the job and commit that it is started.

        :return: :class:`~odoo.addons.queue_job.job.Job`, or None
        """
        try:
            return acquisition.acquire(env, job_uuid)
        except NoSuchJobError:
            _logger.log(
                logging.INFO if job_uuid == NO_JOB else logging.WARNING,
                "was requested to run job %s, but it does not exist, or it is not"
                " enqueued any more",
                job_uuid,
            )
            return None

    @classmethod
    def _runjob(cls, env, job):
        """Perform a job and settle its outcome.

        :raises Exception: what the job raised, when it has failed
        """
        try:
            cls._try_perform_job(env, job)
        except Exception as error:
            if not cls._settle_error(env, job, error):
                return
        cls._enqueue_dependent_jobs(env, job)

    @classmethod
    def _try_perform_job(cls, env, job):
        """Perform a job and write that it is done, in one transaction."""
        execution.perform(env, job)
        _logger.debug("%s done", job)

    @classmethod
    def _settle_error(cls, env, job, error):
        """Settle a try that ended with an error.

        :return: bool, whether the job is done all the same
        """
        outcome = classify(error, job, slot_cursor.connection_lost(env.cr))
        execution.roll_back(env, outcome)
        is_committed = settlement.was_committed(job)
        execution.settle_caches(env, job, is_committed)
        if is_committed:
            settlement.log_error(
                "%s is done, but something after its commit failed", job, logger=_logger
            )
            return True
        if isinstance(outcome, Retry):
            settlement.settle_retry(job, outcome)
        elif isinstance(outcome, Return):
            settlement.settle_return(job, outcome)
        else:
            cls._settle_failure(job, outcome)
        return False

    @classmethod
    def _settle_failure(cls, job, outcome):
        try:
            # first of all: nothing holds the job meanwhile, and it may be found dead
            values = cls._get_failure_values(job, outcome.traceback, outcome.error)
            is_settled = settlement.settle_failed(job, values)
        finally:
            _logger.error("%s failed\n%s", job, quoted(outcome.traceback))
        if is_settled:
            settlement.run_failure_hook(job, values)
        raise outcome.error

    @classmethod
    def _get_failure_values(cls, job, traceback_txt, exception):
        """:return: dict ``exc_info exc_name exc_message`` of a job that failed"""
        return settlement.failure_values(traceback_txt, exception)

    @classmethod
    def _enqueue_dependent_jobs(cls, env, job):
        """Make those jobs pending whose last parent this one was."""
        execution.wake_dependents(env, job)


#: The steps during and after the commit of a job, as they are here.
_STEPS = {
    name: vars(RunJobController)[name].__func__
    for name in ("_runjob", "_try_perform_job", "_enqueue_dependent_jobs")
}
_ENQUEUE_WAITING = Job.enqueue_waiting


def _is_plain(controller, job_class):
    """Whether no addon has another step of its own there, which may use the cursor, or release otherwise."""
    return getattr(job_class, "enqueue_waiting", None) is _ENQUEUE_WAITING and all(
        getattr(getattr(controller, name), "__func__", None) is step
        for name, step in _STEPS.items()
    )
