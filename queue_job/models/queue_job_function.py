# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import logging
import re
from collections import namedtuple

from odoo import api, fields, models, tools
from odoo.exceptions import UserError

from ..core.channel_config import ROOT
from ..core.related_action import check_related_action, parse_related_action
from ..core.retry import check_retry_pattern, parse_retry_pattern
from ..fields import JobSerialized
from .queue_job_channel import is_noupdate

_logger = logging.getLogger(__name__)

NAME_PATTERN = re.compile(r"<(?P<model>[\w.]+)>\.(?P<method>\w+)", re.ASCII)


class QueueJobFunction(models.Model):
    _name = "queue.job.function"
    _description = "Job Functions"
    _order = "name"

    #: What a job wants to know about its method. A class could be called by RPC, as a method.
    JobConfig = api.private(
        namedtuple(
            "JobConfig",
            "channel retry_pattern related_action_enable related_action_func_name "
            "related_action_kwargs job_function_id allow_commit on_fail_method_name",
        )
    )

    name = fields.Char(compute="_compute_name", inverse="_inverse_name", index=True, store=True)
    model_id = fields.Many2one(
        comodel_name="ir.model", string="Model", ondelete="cascade", index=True
    )
    method = fields.Char()
    on_fail_method = fields.Char(
        help="Method of the model, called on the records of a job that has failed, with "
        "the keyword arguments exc_info, exc_name and exc_message."
    )
    channel_id = fields.Many2one(
        comodel_name="queue.job.channel",
        string="Channel",
        required=True,
        default=lambda self: self._default_channel(),
        index=True,
    )
    channel = fields.Char(related="channel_id.complete_name", store=True, readonly=True)
    retry_pattern = JobSerialized(string="Retry Pattern (serialized)", base_type=dict)
    edit_retry_pattern = fields.Text(
        string="Retry Pattern",
        compute="_compute_edit_retry_pattern",
        inverse="_inverse_edit_retry_pattern",
        help="Seconds until the next try, by the number of the try from which on they "
        "count, e.g. {1: 10, 5: 60, 10: (60, 600)}; of a pair, a random number between.",
    )
    related_action = JobSerialized(string="Related Action (serialized)", base_type=dict)
    edit_related_action = fields.Text(
        string="Related Action",
        compute="_compute_edit_related_action",
        inverse="_inverse_edit_related_action",
        help="What opens from a job, e.g. {'enable': True, 'func_name': "
        "'related_action_partner', 'kwargs': {'name': 'Partner'}}.",
    )
    allow_commit = fields.Boolean(
        help="Let the method commit: it then runs on a database cursor of its own, and "
        "its effects and the end of the job are not one commit."
    )

    def _default_channel(self):
        return self.env.ref("queue_job.channel_root", raise_if_not_found=False)

    @api.depends("model_id.model", "method")
    def _compute_name(self):
        for function in self:
            function.name = (
                self.job_function_name(function.model_id.model, function.method)
                if function.model_id and function.method
                else False
            )

    def _inverse_name(self):
        for function in self:
            match = NAME_PATTERN.fullmatch(function.name or "")
            if not match:
                raise UserError(
                    self.env._(
                        "%s is not the name of a job function: write <model.name>.method",
                        function.name,
                    )
                )
            model = self.env["ir.model"].sudo().search([("model", "=", match["model"])])
            if not model:
                raise UserError(self.env._("There is no model %s.", match["model"]))
            function.model_id = model
            function.method = match["method"]

    @api.depends("retry_pattern")
    def _compute_edit_retry_pattern(self):
        for function in self:
            function.edit_retry_pattern = str(function._readable_retry_pattern())

    def _readable_retry_pattern(self):
        """The pattern as in Python; one that is wrong, in a row of before, as it is."""
        try:
            return check_retry_pattern(self.retry_pattern)
        except ValueError:
            return self.retry_pattern

    def _inverse_edit_retry_pattern(self):
        for function in self:
            function.retry_pattern = self._parsed(parse_retry_pattern, function.edit_retry_pattern)

    @api.depends("related_action")
    def _compute_edit_related_action(self):
        for function in self:
            function.edit_related_action = str(function.related_action)

    def _inverse_edit_related_action(self):
        for function in self:
            function.related_action = self._parsed(
                parse_related_action, function.edit_related_action
            )

    def _parsed(self, parse, value):
        try:
            return parse(value)
        except ValueError as error:
            raise UserError(str(error)) from error

    # What jobs ask. It reads with superuser rights, so it is not for RPC.

    @api.private
    @api.model
    def job_function_name(self, model_name, method_name):
        """:return: str, name of the job function of a method"""
        return f"<{model_name}>.{method_name}"

    @api.private
    @api.model
    def job_default_config(self):
        """:return: ``JobConfig`` of methods without a job function"""
        return self.JobConfig(ROOT, {}, True, None, {}, None, False, None)

    def _config_without_record(self, name):
        """:return: ``JobConfig`` of a name that no job function has"""
        return self.job_default_config()

    @api.private
    @tools.ormcache("name")
    def job_config(self, name):
        """:return: ``JobConfig`` of the job function ``name``, else the default one"""
        function = self.sudo().search([("name", "=", name)], limit=1)
        if not function:
            return self._config_without_record(name)
        action = function.related_action
        return self.JobConfig(
            channel=function.channel,
            retry_pattern=function._usable_retry_pattern(),
            related_action_enable=action.get("enable", True),
            related_action_func_name=action.get("func_name"),
            related_action_kwargs=action.get("kwargs") or {},
            job_function_id=function.id,
            allow_commit=function.allow_commit,
            on_fail_method_name=function.on_fail_method or None,
        )

    def _usable_retry_pattern(self):
        try:
            return check_retry_pattern(self.retry_pattern)
        except ValueError as error:
            _logger.warning("%s is not used by %s", error, self.name)
            return {}

    @api.model_create_multi
    def create(self, vals_list):
        """While modules are installed, a function that several of them declare is one."""
        for vals in vals_list:
            self._check_values(vals)
        if self.env.context.get("install_mode"):
            functions = self._create_or_merge(vals_list)
        else:
            functions = super().create(vals_list)
        self.env.registry.clear_cache()
        return functions

    def _create_or_merge(self, vals_list):
        functions = self.browse()
        for vals in vals_list:
            existing = self.search([("name", "=", self._declared_name(vals))], limit=1)
            if existing and not is_noupdate(existing):
                existing.write(vals)
            functions += existing or super().create([vals])
        return functions

    def _load_records_write(self, values):
        if not is_noupdate(self):
            super()._load_records_write(values)

    def _declared_name(self, vals):
        if vals.get("name"):
            return vals["name"]
        model = self.env["ir.model"].sudo().browse(vals.get("model_id")).model
        return self.job_function_name(model, vals.get("method"))

    def write(self, vals):
        self._check_values(vals)
        result = super().write(vals)
        self.env.registry.clear_cache()
        return result

    def unlink(self):
        result = super().unlink()
        self.env.registry.clear_cache()
        return result

    def _check_values(self, vals):
        if vals.get("retry_pattern"):
            vals["retry_pattern"] = self._parsed(check_retry_pattern, vals["retry_pattern"])
        for name in ("method", "on_fail_method"):
            if not (vals.get(name) or "method").isidentifier():
                raise UserError(self.env._("%s is not the name of a method.", vals[name]))
        if vals.get("related_action"):
            self._parsed(check_related_action, vals["related_action"])
