# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Limits of channels that hold at once: see docs/decisions/0011."""

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..core.channel_limits import ChannelLimits
from ..core.notification import LIMITS_CHANGED, NOTIFY_CHANNEL

RATE_UNITS = {"second": 1, "minute": 60}

#: Fields of which a change concerns the job runner.
LIMITING_FIELDS = frozenset(
    (
        *("name", "parent_id", "has_limits", "capacity", "sequential"),
        *("rate", "rate_unit", "paused"),
    )
)


class QueueJobChannel(models.Model):
    _inherit = "queue.job.channel"

    has_limits = fields.Boolean(
        string="Limits Set Here",
        help="These limits hold at once, instead of those in the configuration of the job runner. "
        "Where it serves several databases, they hold for the jobs of this one, and can only narrow "
        "those of the configuration.",
    )
    capacity = fields.Integer(
        default=1,
        help="How many jobs may run at once, here and in the channels below. 0: no limit.",
    )
    sequential = fields.Boolean(
        help="Strictly one job after the other: a job that has failed, or waits for its date, "
        "holds up those behind it."
    )
    rate = fields.Float(help="How many jobs may start in a second or a minute. 0: no limit.")
    rate_unit = fields.Selection(
        [("second", "per second"), ("minute", "per minute")], default="second", required=True
    )
    throttle = fields.Float(
        compute="_compute_throttle", store=True, help="Least seconds between two starts."
    )
    paused = fields.Boolean(
        help="No job of this database starts here, or in the channels below, until somebody resumes."
    )

    @api.depends("rate", "rate_unit")
    def _compute_throttle(self):
        for channel in self:
            unit = RATE_UNITS.get(channel.rate_unit, 1)
            channel.throttle = unit / channel.rate if channel.rate else 0

    @api.constrains(*LIMITING_FIELDS)
    def _check_limits(self):
        for channel in self:
            problems = channel._limits().problems()
            if problems:
                raise ValidationError("\n".join(problems))

    def _limits(self):
        return ChannelLimits(
            self.complete_name or "",
            self.has_limits,
            self.capacity,
            self.sequential,
            self.throttle,
            self.paused,
        )

    def _covers(self, name):
        """Whether ``name`` is the complete name of this channel or of one below it."""
        return f"{name}.".startswith(f"{self.complete_name}.")

    def action_pause(self):
        """Start no job in these channels and below, from now on; what runs goes on."""
        self.write({"paused": True})
        return True

    def action_resume(self):
        """Start jobs again."""
        self.write({"paused": False})
        return True

    @api.model_create_multi
    def create(self, vals_list):
        channels = super().create(vals_list)
        if any(channel.has_limits or channel.paused for channel in channels):
            self._notify_limits()
        return channels

    def write(self, vals):
        result = super().write(vals)
        if LIMITING_FIELDS.intersection(vals):
            self._notify_limits()
        return result

    def unlink(self):
        result = super().unlink()
        self._notify_limits()
        return result

    def _notify_limits(self):
        """Tell the job runner, when this transaction is committed."""
        self.env.cr.execute("SELECT pg_notify(%s, %s)", (NOTIFY_CHANNEL, LIMITS_CHANGED))
