# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..core.channel_config import ROOT, channel_path
from ..core.states import FAILED, PENDING, WAIT_DEPENDENCIES

#: Days, at most, for which jobs are kept: a century.
LONGEST_REMOVAL_INTERVAL = 36500
#: Jobs that go along when their channel is renamed. The others are with a worker, or have ended.
MOVED_STATES = (WAIT_DEPENDENCIES, PENDING, FAILED)


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
        if self._has_cycle():
            raise ValidationError(self.env._("A channel can't be below itself."))
        for channel in self:
            if not (channel.name or "").strip():
                raise ValidationError(self.env._("A channel needs a name."))
            if not channel.parent_id and channel.name != ROOT:
                raise ValidationError(
                    self.env._(
                        "Channel %s has no parent: only root is without one.",
                        channel.name,
                    )
                )

    @api.constrains("removal_interval")
    def _check_removal_interval(self):
        if any(not 0 <= channel.removal_interval <= LONGEST_REMOVAL_INTERVAL for channel in self):
            raise ValidationError(
                self.env._(
                    "Jobs are kept for a number of days from 0 to %s.", LONGEST_REMOVAL_INTERVAL
                )
            )

    @api.model
    def name_create(self, name):
        """Create a channel by its complete name, in which ``root`` may be missing, and those above it."""
        channel = self.search([("complete_name", "=", ROOT)], limit=1)
        for part in channel_path(name):
            vals = {"name": part, "parent_id": channel.id}
            channel = self._find_declared(vals) or self.create(vals)
        return channel.id, channel.display_name

    @api.model_create_multi
    def create(self, vals_list):
        """While modules are installed, a channel that several of them declare is one."""
        for vals in vals_list:
            # or nobody would look at it
            vals.setdefault("name", False)
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
        names = self._complete_names() if {"name", "parent_id"} & set(vals) else {}
        result = super().write(vals)
        self._move_jobs(names)
        # of the job configurations, which hold the complete names
        self.env.registry.clear_cache()
        return result

    def _complete_names(self):
        """:return: dict channel -> complete name, of these and all below"""
        channels = self.search([("id", "child_of", self.ids)])
        return {channel: channel.complete_name for channel in channels}

    def _move_jobs(self, names):
        """Keep jobs that wait in their channels, with the limits of these.

        :param dict names: channel -> complete name of before
        """
        jobs = self.env["queue.job"].sudo()
        moves = [
            (jobs.search([("channel", "=", name), ("state", "in", MOVED_STATES)]), channel)
            for channel, name in names.items()
            if channel.complete_name != name
        ]
        for moved, channel in moves:
            moved.write({"channel": channel.complete_name})

    @api.ondelete(at_uninstall=False)
    def _unlink_except_root(self):
        self._check_not_root(self.env._("The root channel can't be removed."))

    def _check_not_root(self, message):
        if any(channel.complete_name == ROOT for channel in self):
            raise UserError(message)
