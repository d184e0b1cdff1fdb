# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import logging
import random
import time
from datetime import datetime, timedelta

from markupsafe import Markup

from odoo import api, fields, models
from odoo.addons.base_sparse_field.models.fields import Serialized
from odoo.exceptions import AccessError, UserError

from ..core.channel_config import ROOT, complete_name
from ..core.graph import Graph
from ..core.states import (
    CANCELLED,
    CLOSABLE_STATES,
    DONE,
    ENQUEUED,
    FAILED,
    PENDING,
    REQUEUABLE_STATES,
    STARTED,
    STATES,
    WAIT_DEPENDENCIES,
)
from ..exception import JobError, RetryableJobError
from ..fields import JobSerialized
from ..job import Job
from ..sql import triggers

_logger = logging.getLogger(__name__)

#: How many old jobs are deleted in one transaction.
GC_BATCH = 1000

#: (background, border) of a job in the picture of its graph, by state.
NODE_COLORS = {
    WAIT_DEPENDENCIES: ("#D2E5FF", "#2B7CE9"),
    PENDING: ("#D2E5FF", "#2B7CE9"),
    ENQUEUED: ("#FFF6CC", "#D9A400"),
    STARTED: ("#FFE0B8", "#E67E22"),
    DONE: ("#C8F0CE", "#2E9E44"),
    CANCELLED: ("#E4E4E4", "#8A8A8A"),
    FAILED: ("#F9CACA", "#D9342B"),
}


class QueueJob(models.Model):
    _name = "queue.job"
    _description = "Queue Job"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _log_access = False
    _order = "date_created DESC, date_done DESC, id DESC"

    #: Days after which finished jobs are deleted, where the channel says nothing else.
    _removal_interval = 30

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
        "lease",
    )

    uuid = fields.Char(string="UUID", readonly=True, index=True, required=True)
    graph_uuid = fields.Char(string="Graph UUID", readonly=True, index="btree_not_null")
    user_id = fields.Many2one(comodel_name="res.users", string="Run as")
    company_id = fields.Many2one(
        comodel_name="res.company", string="Company", index="btree_not_null"
    )
    name = fields.Char(string="Description", readonly=True)
    model_name = fields.Char(string="Model", readonly=True)
    method_name = fields.Char(readonly=True)
    records = JobSerialized(string="Records", readonly=True, base_type=models.BaseModel)
    dependencies = Serialized(string="Dependencies (uuids)", readonly=True)
    dependency_ids = fields.Many2many(
        comodel_name="queue.job",
        relation="queue_job_dependency",
        column1="child_id",
        column2="parent_id",
        string="Dependencies",
        readonly=True,
        copy=False,
    )
    dependent_ids = fields.Many2many(
        comodel_name="queue.job",
        relation="queue_job_dependency",
        column1="parent_id",
        column2="child_id",
        string="Dependents",
        readonly=True,
        copy=False,
    )
    dependency_graph = Serialized(compute="_compute_dependency_graph")
    graph_jobs_count = fields.Integer(compute="_compute_graph_jobs_count")
    args = JobSerialized(readonly=True, base_type=tuple)
    kwargs = JobSerialized(readonly=True, base_type=dict)
    func_string = fields.Char(string="Call", readonly=True)
    state = fields.Selection(STATES, readonly=True, required=True, index=True)
    priority = fields.Integer(aggregator=False)
    exc_name = fields.Char(string="Error", readonly=True)
    exc_message = fields.Char(string="Error Message", readonly=True, tracking=True)
    exc_info = fields.Text(string="Traceback", readonly=True)
    result = fields.Text(readonly=True)
    date_created = fields.Datetime(string="Created on", readonly=True)
    date_started = fields.Datetime(string="Started on", readonly=True)
    date_enqueued = fields.Datetime(string="Enqueued on", readonly=True)
    date_done = fields.Datetime(string="Done on", readonly=True)
    date_cancelled = fields.Datetime(string="Cancelled on", readonly=True)
    exec_time = fields.Float(
        string="Duration",
        aggregator="avg",
        help="Seconds from start to end.",
    )
    eta = fields.Datetime(string="Not Before")
    retry = fields.Integer(string="Tries")
    max_retries = fields.Integer(
        string="Maximum Tries",
        help="The job fails when it was tried this often. 0 means: tried for ever.",
    )
    channel_method_name = fields.Char(string="Job Function Name", readonly=True)
    job_function_id = fields.Many2one(
        comodel_name="queue.job.function",
        string="Job Function",
        readonly=True,
        ondelete="set null",
        index="btree_not_null",
    )
    channel = fields.Char(default=ROOT)
    identity_key = fields.Char(readonly=True)
    worker_pid = fields.Integer(readonly=True, aggregator=False)
    lease = fields.Char(
        readonly=True,
        copy=False,
        help="Random token of the current try: only its holder may settle the job.",
    )

    _runnable_idx = models.Index("(channel, priority, date_created, id) WHERE state = 'pending'")
    _eta_idx = models.Index("(eta) WHERE state = 'pending' AND eta IS NOT NULL")
    _in_progress_idx = models.Index("(id) WHERE state IN ('enqueued', 'started')")
    _identity_idx = models.Index(
        "(identity_key) WHERE identity_key IS NOT NULL"
        " AND state IN ('wait_dependencies', 'pending', 'enqueued')"
    )
    _date_done_idx = models.Index("(date_done) WHERE date_done IS NOT NULL")
    _date_cancelled_idx = models.Index("(date_cancelled) WHERE date_cancelled IS NOT NULL")

    def init(self):
        triggers.install(self.env.cr)

    @api.depends("dependencies", "graph_uuid")
    def _compute_dependency_graph(self):
        for job in self:
            job.dependency_graph = job._build_dependency_graph()

    def _build_dependency_graph(self):
        if not self.graph_uuid:
            return {}
        jobs = self.search([("graph_uuid", "=", self.graph_uuid)], order="id")
        if not jobs:
            return {}
        ids = set(jobs.ids)
        edges = [
            [parent, child.id]
            for child in jobs
            for parent in child.dependency_ids.ids
            if parent in ids
        ]
        return {"nodes": [job._dependency_graph_node() for job in jobs], "edges": edges}

    def _dependency_graph_node(self):
        color, border = NODE_COLORS[self.state]
        return {
            "id": self.id,
            "title": Markup("<strong>%s</strong><br/>%s") % (self.display_name, self.func_string),
            "color": color,
            "border": border,
            "shadow": True,
        }

    def _compute_graph_jobs_count(self):
        uuids = [uuid for uuid in self.mapped("graph_uuid") if uuid]
        counts = dict(self._read_group([("graph_uuid", "in", uuids)], ["graph_uuid"], ["__count"]))
        for job in self:
            job.graph_jobs_count = counts.get(job.graph_uuid, 0)

    # -- protection

    @api.private
    @api.model_create_multi
    def create(self, vals_list):
        if not self._is_edited_by_job():
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
        if vals.get("state") == FAILED:
            return self._write_failed(vals)
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
        """Make the jobs run as another user."""
        for job in self.with_context(_job_edit_sentinel=self.EDIT_SENTINEL):
            job.records = job.records.with_user(user_id).sudo(job.records.env.su)

    # -- failure messages

    def _write_failed(self, vals):
        result = super(QueueJob, self.with_context(mail_notrack=True)).write(vals)
        try:
            with self.env.cr.savepoint():
                self._message_post_on_failure()
        except Exception:
            # that a job has failed is not lost because nobody could be told
            _logger.exception("the failure of %s could not be told", self)
        return result

    def _message_post_on_failure(self):
        """Tell those who want to know that these jobs have failed."""
        base_users = self.env["res.users"].sudo().search(self._subscribe_users_domain())
        for job in self:
            users = base_users
            if job._subscribe_job_creator():
                users |= job.user_id
            job.message_subscribe(partner_ids=users.partner_id.ids)
            message = job._message_failed_job()
            if message:
                job.message_post(body=message, subtype_xmlid="queue_job.mt_job_failed")

    def _subscribe_users_domain(self):
        """:return: list, domain of the users who follow jobs that fail"""
        group = self.env.ref("queue_job.group_queue_job_manager", raise_if_not_found=False)
        if not group:
            return [("id", "=", False)]
        domain = [("all_group_ids", "=", group.id)]
        companies = self.mapped("company_id")
        if companies:
            domain.append(("company_id", "in", companies.ids))
        return domain

    @api.model
    def _subscribe_job_creator(self):
        """:return: bool, whether the user of a job follows it when it fails"""
        return True

    def _message_failed_job(self):
        """:return: str, the message that is posted on a job that has failed"""
        self.ensure_one()
        return self.env._(
            "This job failed with %(error)s: %(message)s",
            error=self.exc_name or "",
            message=self.exc_message or "",
        )

    @api.model
    def _needaction_domain_get(self):
        """:return: list, domain of the jobs that need somebody to look at them"""
        return [("state", "=", FAILED)]

    # -- buttons

    def requeue(self):
        """Run the jobs again: those that have failed, are done or are cancelled."""
        self.filtered(lambda job: job.state in REQUEUABLE_STATES)._change_job_state(PENDING)
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
        if state not in (DONE, PENDING, CANCELLED):
            raise ValueError(f"Jobs can't be moved by hand to the state {state!r}.")
        for record in self._parents_first():
            job = Job.load(record.env, record.uuid)
            if state == DONE:
                job.set_done(result=result)
                job.store()
                job.enqueue_waiting()
            elif state == PENDING:
                job.set_pending(result=result)
                job.store()
            elif job.state != CANCELLED:  # else by the cascade of a selected parent
                job.set_cancelled(result=result)
                job.store()
                job.cancel_dependent_jobs()

    def _parents_first(self):
        graph = Graph({job: set() for job in self})
        for job in self:
            for parent in job.dependency_ids & self:
                graph.add_edge(parent, job)
        return list(graph.topological_sort())

    # -- related actions

    def open_related_action(self):
        """Open what the job is about."""
        self.ensure_one()
        action = Job.load(self.env, self.uuid).related_action()
        if action is None:
            raise UserError(self.env._("There is nothing to open from this job."))
        return action

    def related_action_open_record(self):
        """:return: action that opens the record or records of the job, None without any"""
        self.ensure_one()
        records = self.records.exists()
        if not records:
            return None
        action = {
            "name": self.env._("Related Record"),
            "type": "ir.actions.act_window",
            "view_mode": "form",
            "res_model": records._name,
        }
        if len(records) == 1:
            action["res_id"] = records.id
        else:
            action["name"] = self.env._("Related Records")
            action["view_mode"] = "list,form"
            action["domain"] = [("id", "in", records.ids)]
        return action

    def open_graph_jobs(self):
        """Open the jobs of the same graph."""
        self.ensure_one()
        jobs = self
        if self.graph_uuid:
            jobs = self.search([("graph_uuid", "=", self.graph_uuid)])
        action = self.env["ir.actions.act_window"]._for_xml_id("queue_job.action_queue_job")
        action.update(
            name=self.env._("Jobs of graph %s", self.graph_uuid),
            context={},
            domain=[("id", "in", jobs.ids)],
        )
        return action

    # -- cleaning

    @api.autovacuum
    def _gc_old_jobs(self):
        """Delete the jobs that ended long ago, at most a thousand at a time.

        :return: (deleted, more_remain), int and bool
        """
        # one more than is deleted, to know whether some remain
        jobs = self._find_old_jobs(limit=GC_BATCH + 1)
        old = jobs[:GC_BATCH]
        old.unlink()
        return len(old), len(jobs) > len(old)

    def _find_old_jobs(self, limit):
        # with microseconds, as the dates of the jobs
        now = datetime.now()
        channels = {
            channel.complete_name: channel.removal_interval
            for channel in self.env["queue.job.channel"].search([])
        }
        root = channels.get(ROOT, self._removal_interval)
        jobs = self.browse()
        for name, days in [*channels.items(), (None, root)]:
            deadline = now - timedelta(days=days)
            jobs |= self.search(
                [
                    "|",
                    ("date_done", "<=", deadline),
                    ("date_cancelled", "<=", deadline),
                    ("channel", "=", name) if name else ("channel", "not in", list(channels)),
                ],
                limit=limit - len(jobs),
            )
            if len(jobs) >= limit:
                break
        return jobs

    # -- for demonstrations and tests

    def _test_job(
        self,
        failure_rate=0,
        job_duration=0,
        commit_within_job=False,
        failure_retry_seconds=0,
    ):
        """A job that waits, and fails as often as it is told to.

        :param failure_rate: number from 0 to 1, how probable it is to fail
        :param job_duration: seconds to wait
        :param bool commit_within_job: commit before the end
        :param failure_retry_seconds: when it fails, it is tried again after these
        """
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
