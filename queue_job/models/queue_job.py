# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import logging
import random
import time

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from .. import dependency, job_batch, sql
from ..core.channel_config import ROOT, complete_name
from ..core.states import (
    CANCELLED,
    CLOSABLE_STATES,
    DONE,
    PENDING,
    REQUEUABLE_STATES,
    STATES,
    WAIT_DEPENDENCIES,
)
from ..dependency_fields import JobDependencies, JobLinks
from ..exception import JobError, RetryableJobError
from ..fields import JobSerialized

_logger = logging.getLogger(__name__)


class QueueJob(models.Model):
    _name = "queue.job"
    _description = "Queue Job"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _log_access = False
    # Newest first, by an index that is there anyway.
    _order = "id DESC"

    #: Value of the context key ``_job_edit_sentinel`` with which the job's own code
    #: writes. It is compared by identity, so that no RPC call can send it.
    EDIT_SENTINEL = object()

    _protected_fields = (
        "uuid",
        "name",
        "date_created",
        "model_name",
        "method_name",
        "func_string",
        "channel_method_name",
        "job_function_id",
        "records",
        "args",
        "kwargs",
        "dependencies",
        "dependency_ids",
        "dependent_ids",
        "identity_guard",
        "lease",
    )

    uuid = fields.Char(string="UUID", readonly=True, index=True, required=True)
    graph_uuid = fields.Char(string="Graph UUID", readonly=True, index="btree_not_null")
    user_id = fields.Many2one(comodel_name="res.users", string="Runs as")
    company_id = fields.Many2one(comodel_name="res.company", string="Company")
    name = fields.Char(string="Description", readonly=True)
    model_name = fields.Char(string="Model", readonly=True)
    method_name = fields.Char(readonly=True)
    records = JobSerialized(string="Records", readonly=True, base_type=models.BaseModel)
    dependencies = JobDependencies(string="Dependencies (uuids)", readonly=True)
    dependency_ids = JobLinks(
        comodel_name="queue.job",
        relation="queue_job_link",
        column1="child_id",
        column2="parent_id",
        string="Dependencies",
        readonly=True,
        copy=False,
    )
    dependent_ids = JobLinks(
        comodel_name="queue.job",
        relation="queue_job_link",
        column1="parent_id",
        column2="child_id",
        string="Dependents",
        readonly=True,
        copy=False,
    )
    args = JobSerialized(string="Arguments", readonly=True, base_type=tuple, keep_types=True)
    kwargs = JobSerialized(
        string="Keyword Arguments", readonly=True, base_type=dict, keep_types=True
    )
    func_string = fields.Char(string="Call", readonly=True)
    state = fields.Selection(STATES, readonly=True, required=True)
    priority = fields.Integer(aggregator=False)
    exc_name = fields.Char(string="Error", readonly=True)
    exc_message = fields.Char(string="Error Message", readonly=True, tracking=True)
    exc_info = fields.Text(string="Traceback", readonly=True)
    result = fields.Text(readonly=True)
    result_json = fields.Text(
        string="Result (JSON)",
        readonly=True,
        help="What the method returned, up to 64 KB, where JSON can hold it and it is no text.",
    )
    date_created = fields.Datetime(string="Created on", readonly=True)
    date_started = fields.Datetime(string="Started on", readonly=True)
    date_enqueued = fields.Datetime(string="Enqueued on", readonly=True)
    date_done = fields.Datetime(string="Done on", readonly=True)
    date_cancelled = fields.Datetime(string="Cancelled on", readonly=True)
    exec_time = fields.Float(
        string="Execution Time",
        readonly=True,
        aggregator="avg",
        help="Seconds from start to end.",
    )
    eta = fields.Datetime(string="Not Before")
    eta_passed = fields.Datetime(
        readonly=True,
        copy=False,
        help="The date before which the job was not to run, once the job runner has seen it pass.",
    )
    retry = fields.Integer(string="Tries")
    max_retries = fields.Integer(
        string="Maximum Tries",
        help="The job fails when it was tried this often. 0 means: tried for ever.",
    )
    timeout = fields.Integer(
        string="Time Limit",
        aggregator=False,
        help="Seconds. A try that takes longer is ended and counted, and the job tried again, "
        "or failed when it was the last. 0 means: no limit.",
    )
    interruptions = fields.Integer(
        readonly=True,
        copy=False,
        aggregator=False,
        help="How often the connection to the database was lost while the job ran.",
    )
    channel_method_name = fields.Char(string="Job Function Name", readonly=True)
    job_function_id = fields.Many2one(
        comodel_name="queue.job.function",
        string="Job Function",
        readonly=True,
        ondelete="set null",
    )
    channel = fields.Char(default=ROOT)
    identity_key = fields.Char(readonly=True)
    identity_scope = fields.Selection(
        [("started", "While it waits or runs")],
        readonly=True,
        help="How long the job keeps others with its identity key from being created; "
        "by default, while it waits.",
    )
    awaits_failure = fields.Boolean(
        readonly=True, copy=False, help="It runs when another job has finally failed."
    )
    has_failure_handler = fields.Boolean(
        readonly=True, copy=False, help="Another job runs when it has finally failed."
    )
    identity_guard = fields.Char(
        readonly=True,
        copy=False,
        help="The identity key, in the one job that keeps others with this key from waiting.",
    )
    worker_pid = fields.Integer(string="Worker PID", readonly=True, aggregator=False)
    lease = fields.Char(
        readonly=True,
        copy=False,
        groups=fields.NO_ACCESS,
        help="Random token of the current try: only its holder may settle the job.",
    )

    # Each index costs: an entry at each move of a job that it holds, a look at its condition at
    # each move of any, and a lock of each transaction, of which PostgreSQL has sixteen cheap ones.
    # For the job runner, see jobrunner/queries.py.
    _due_idx = models.Index(
        "(channel, priority, date_created, id)"
        " WHERE state = 'pending' AND (eta IS NULL OR eta = eta_passed)"
    )
    _not_due_idx = models.Index(
        "(channel, priority, date_created, id)"
        " WHERE state = 'pending' AND eta IS NOT NULL AND eta IS DISTINCT FROM eta_passed"
    )
    _eta_idx = models.Index(
        "(eta) WHERE state = 'pending' AND eta IS NOT NULL AND eta IS DISTINCT FROM eta_passed"
    )
    # And for what the web client shows at first, however many jobs have ended.
    _unfinished_idx = models.Index("(state, id) WHERE state NOT IN ('done', 'cancelled')")
    _failed_idx = models.Index("(channel) WHERE state = 'failed'")
    _identity_guard_idx = models.UniqueIndex(
        "(identity_guard) WHERE identity_guard IS NOT NULL",
        "Another job waits with this identity key.",
    )
    _identity_idx = models.Index(
        "(identity_key) WHERE identity_key IS NOT NULL"
        " AND state IN ('wait_dependencies', 'pending', 'enqueued', 'started')"
    )
    # For the clean-up.
    _ended_idx = models.Index(
        "(date_cancelled, date_done) WHERE date_cancelled IS NOT NULL OR date_done IS NOT NULL"
    )

    def _auto_init(self):
        sql.gate.close(self.env.cr)
        return super()._auto_init()

    def init(self):
        sql.install(self.env.cr)

    # -- protection

    @api.private
    @api.model_create_multi
    def create(self, vals_list):
        # No access right gives that to a user: a job may call any method as anybody.
        if not (self.env.su or self._is_edited_by_job()):
            raise AccessError(
                self.env._("Jobs can't be created: delay a method with with_delay().")
            )
        for vals in vals_list:
            self._complete_channel(vals)
        return super(
            QueueJob,
            self.with_context(mail_create_nolog=True, mail_create_nosubscribe=True),
        ).create(vals_list)

    def write(self, vals):
        if not self._is_edited_by_job():
            protected = [name for name in self._protected_fields if name in vals]
            if protected:
                raise AccessError(
                    self.env._("These fields of a job can't be changed: %s", ", ".join(protected))
                )
        self._complete_channel(vals)
        if (vals.get("timeout") or 0) < 0:
            raise UserError(self.env._("A time limit is a number of seconds, 0 for no limit."))
        if (vals.get("max_retries") or 0) < 0 and not self._is_edited_by_job():
            raise UserError(self.env._("The number of tries can't be negative, 0 is for ever."))
        if "user_id" in vals and not self._is_edited_by_job():
            self._change_user(vals["user_id"])
        return super(QueueJob, self.with_context(mail_notrack=True)).write(vals)

    @staticmethod
    def _complete_channel(vals):
        """Channels have one name in the table, from which the job runner finds them."""
        if "channel" in vals:
            vals["channel"] = complete_name(vals["channel"])

    def _is_edited_by_job(self):
        return self.env.context.get("_job_edit_sentinel") is self.EDIT_SENTINEL

    def _change_user(self, user_id):
        """Make the jobs run as another user, with no more than that user's rights."""
        for job in self.with_context(_job_edit_sentinel=self.EDIT_SENTINEL):
            (values,) = job.read(["records"])
            if isinstance(values["records"], str):
                # what nothing can be made of now would be lost
                raise UserError(
                    self.env._(
                        "%s can't run as another user: its records can't be read, or their model"
                        " is not installed.",
                        job.display_name,
                    )
                )
            job.records = job.records.with_user(user_id)

    # -- buttons

    def requeue(self):
        """Run the jobs again: those that have failed, are done or are cancelled."""
        jobs = self.filtered(lambda job: job.state in REQUEUABLE_STATES)
        jobs._change_job_state(PENDING)
        jobs.filtered("interruptions").interruptions = 0
        return True

    def button_done(self):
        """Take the jobs for done, though they did not run; what depends on them goes on."""
        self._close(DONE, self.env._("Manually set to done by %s", self.env.user.name))
        return True

    def button_cancelled(self):
        """Cancel the jobs, and those that wait for them."""
        self._close(CANCELLED, self.env._("Cancelled by %s", self.env.user.name))
        return True

    def _close(self, state, result):
        self.filtered(lambda job: job.state in CLOSABLE_STATES)._change_job_state(
            state, result=result
        )

    def _change_job_state(self, state, result=None):
        """Move the jobs to a state, with what follows for the jobs that depend on them.

        :param str state: ``done``, ``pending`` or ``cancelled``
        :raises ValueError: any other state
        """
        if state not in job_batch.STATES:
            raise ValueError(f"Jobs can't be moved by hand to the state {state!r}.")
        # jobs are stored with superuser rights
        self.check_access("write")
        # what waits for others among these is cancelled with them
        jobs = self._without_cascaded() if state == CANCELLED else self
        job_batch.change_state(jobs, state, result)

    def _without_cascaded(self):
        """:return: those that are to be cancelled themselves, since they wait for no other one"""
        left = self.filtered(lambda job: job.state != CANCELLED)
        pairs, barriers = dependency.links_among(self.env, left.ids)
        behind = {child for _parent, child in pairs}
        for _parents, children in barriers:
            behind.update(children)
        return left.filtered(lambda job: job.state != WAIT_DEPENDENCIES or job.id not in behind)

    @api.ondelete(at_uninstall=False)
    def _unlink_cancel_dependents(self):
        """What waits for a job that will never be done must not start without it."""
        unfinished = self.filtered(lambda job: job.state not in (DONE, CANCELLED))
        parents = dependency.parents_among(self.env, unfinished.ids)
        unfinished = unfinished.filtered(lambda job: job.id in parents)
        unfinished._change_job_state(CANCELLED, result=self.env._("Deleted"))

    # -- for demonstrations and tests

    def _test_job(
        self,
        failure_rate=0,
        job_duration=0,
        commit_within_job=False,
        failure_retry_seconds=0,
    ):
        # A job that waits, and fails as often as it is told to. No docstring: its first line
        # would be the description of the jobs, which tests look for by the name of the method.
        #
        # failure_rate: number from 0 to 1, how probable it is to fail
        # job_duration: seconds to wait
        # commit_within_job: bool, commit before the end
        # failure_retry_seconds: when it fails, it is tried again after these
        _logger.info("a test job runs")
        if random.random() < failure_rate:
            if failure_retry_seconds:
                raise RetryableJobError(
                    f"This test job is to be tried again in {failure_retry_seconds} s",
                    seconds=failure_retry_seconds,
                )
            raise JobError("This test job fails, as it was told to")
        if job_duration:
            time.sleep(job_duration)
        if commit_within_job:
            self.env.cr.commit()  # pylint: disable=invalid-commit

    def _test_on_fail(self, **kw):
        """For tests, which patch it."""
