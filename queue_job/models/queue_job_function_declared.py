# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What code declares with decorators, where no job function says anything."""

from odoo import models

from ..declaration import Declaration, of_function, of_method
from .queue_job_function import NAME_PATTERN


class QueueJobFunction(models.Model):
    _inherit = "queue.job.function"

    def _config_without_record(self, name):
        config = super()._config_without_record(name)
        declared = self._declaration(name)
        if declared.channel is not None:
            config = config._replace(channel=declared.channel)
        if declared.retry_pattern is not None:
            config = config._replace(retry_pattern=declared.retry_pattern)
        if declared.related_action is not None:
            action, kwargs = declared.related_action
            config = config._replace(
                related_action_enable=action is not None,
                related_action_func_name=action,
                related_action_kwargs=kwargs,
            )
        return config

    def _declaration(self, name):
        match = NAME_PATTERN.fullmatch(name or "")
        if not match:
            return of_function(name)
        if match["model"] not in self.env:
            return Declaration()
        return of_method(type(self.env[match["model"]]), match["method"])
