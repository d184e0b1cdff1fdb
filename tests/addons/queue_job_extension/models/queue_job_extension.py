# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo import fields, models
from odoo.addons.queue_job.exception import RetryableJobError


class QueueJobExtension(models.Model):
    _name = "queue.job.extension"
    _description = "Model whose methods are delayed before an upgrade and run after it"

    name = fields.Char()
    log = fields.Text()

    def _job_store_values(self, job):
        return {"extension_note": f"{job.method_name} is {job.state}"}

    def write_down(self, *args, **kwargs):
        """Write down what it was called with"""
        for record in self:
            record.log = f"{record.log or ''}{args} {kwargs}\n"
        return f"wrote to {len(self)}"

    def write_environment_down(self):
        env = self.env
        self.log = (
            f"{env.user.login} {env.company.name} {env.context.get('tz')} {env.context.get('lang')}"
        )

    def fail_unless_mended(self):
        if self.name != "mended":
            raise ValueError("not mended", self.id)
        return self.write_down("mended")

    def retry_unless_mended(self):
        if self.name != "mended":
            raise RetryableJobError("not mended yet")
        return self.write_down("mended")

    def commit_between(self):
        self.write_down("first")
        self.env.cr.commit()  # pylint: disable=invalid-commit
        return self.write_down("second")

    def write_failure_down(self, **values):
        self.log = f"{values['exc_name']}: {values['exc_message']}"
