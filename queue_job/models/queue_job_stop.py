# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Stopping jobs that are running."""

from odoo import models
from odoo.exceptions import UserError

from .. import job_stop
from ..core.states import STARTED
from ..job import Job


class QueueJob(models.Model):
    _inherit = "queue.job"

    def button_stop(self):
        """Cancel the jobs among these that are running, and those that wait for them.

        What they have done in the database so far is undone, as far as they have not
        committed it themselves (see 'Allow Commit' of their function).

        :return: True; where a worker goes on with what is cancelled, an action that says so
        :raise UserError: some go on, because their sessions may not be ended
        """
        self.check_access("write")
        result = self.env._("Stopped by %s", self.env.user.name)
        warnings, errors = [], []
        for record in self.filtered(lambda record: record.state == STARTED):
            name = f"{record.name} ({record.uuid})"
            stop = job_stop.stop(Job.load(record.env, record.uuid), result)
            if stop.obstacle:
                texts = warnings if stop.is_cancelled else errors
                texts.append(self._say_what_goes_on(name, stop))
        self.invalidate_recordset()
        if errors:
            raise UserError("\n\n".join(errors + warnings))
        return self._notify_of_stop(warnings) if warnings else True

    def _say_what_goes_on(self, name, stop):
        if stop.is_cancelled:
            return self.env._(
                "Job %(name)s is cancelled, and nothing more of it will be committed. But its worker"
                " goes on with it to its end: Odoo's %(why)s.",
                name=name,
                why=stop.obstacle,
            )
        return self.env._(
            "Job %(name)s goes on, and is not cancelled: it has locked its own row, and Odoo's %(why)s.",
            name=name,
            why=stop.obstacle,
        )

    def _notify_of_stop(self, warnings):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning",
                "title": self.env._("Stopped, but still at work"),
                "message": "\n\n".join(warnings),
                "sticky": True,
                # or the view would not be loaded again
                "next": {"type": "ir.actions.act_window_close"},
            },
        }
