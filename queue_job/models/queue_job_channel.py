# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..core.channel_config import ROOT


def is_noupdate(record):
    """Whether a module has declared ``record`` as not to be changed by updates."""
    return bool(
        record.env["ir.model.data"]
        .sudo()
        .search_count(
            [
                ("model", "=", record._name),
                ("res_id", "=", record.id),
                ("noupdate", "=", True),
            ],
            limit=1,
        )
    )


class QueueJobChannel(models.Model):
    _name = "queue.job.channel"
    _description = "Job Channels"
    _rec_name = "complete_name"
    _order = "complete_name"

    name = fields.Char()
    complete_name = fields.Char(
        compute="_compute_complete_name", store=True, recursive=True, readonly=True
    )
    parent_id = fields.Many2one(
        comodel_name="queue.job.channel", string="Parent Channel", ondelete="restrict"
    )
    job_function_ids = fields.One2many(
        comodel_name="queue.job.function",
        inverse_name="channel_id",
        string="Job Functions",
    )
    removal_interval = fields.Integer(
        default=lambda self: self.env["queue.job"]._removal_interval,
        required=True,
        help="Days after which finished jobs of this channel are deleted.",
    )

    _name_uniq = models.Constraint(
        "UNIQUE(complete_name)", "A channel with this complete name exists already."
    )

    @api.depends("name", "parent_id.complete_name")
    def _compute_complete_name(self):
        for channel in self:
            parent = channel.parent_id.complete_name
            name = channel.name
            channel.complete_name = f"{parent}.{name}" if parent and name else name

    @api.constrains("parent_id", "name")
    def _check_parent(self):
        for channel in self:
            if not channel.parent_id and channel.name != ROOT:
                raise ValidationError(
                    self.env._(
                        "Channel %s has no parent: only root is without one.",
                        channel.name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        """While modules are installed, a channel that several of them declare is one."""
        if not self.env.context.get("install_mode"):
            return super().create(vals_list)
        channels = self.browse()
        for vals in vals_list:
            existing = self._find_declared(vals)
            if existing and not is_noupdate(existing):
                existing.write(vals)
            channels += existing or super().create([vals])
        return channels

    def _load_records_write(self, values):
        if is_noupdate(self):
            return
        # writing a name anew would go on to the functions of the channel
        changed = {
            name: value
            for name, value in values.items()
            if value != self._fields[name].convert_to_write(self[name], self)
        }
        if changed:
            super()._load_records_write(changed)

    def _find_declared(self, vals):
        return self.search(
            [
                ("name", "=", vals.get("name")),
                ("parent_id", "=", vals.get("parent_id") or False),
            ],
            limit=1,
        )

    def write(self, vals):
        if not self.env.context.get("install_mode") and {"name", "parent_id"} & set(vals):
            self._check_not_root(self.env._("The root channel can't be changed."))
        result = super().write(vals)
        # of the job configurations, which hold the complete names
        self.env.registry.clear_cache()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_root(self):
        self._check_not_root(self.env._("The root channel can't be removed."))

    def _check_not_root(self, message):
        if any(channel.complete_name == ROOT for channel in self):
            raise UserError(message)
