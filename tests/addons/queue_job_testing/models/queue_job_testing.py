# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo import fields, models
from odoo.addons.queue_job.exception import RetryableJobError


class QueueJobTesting(models.Model):
    _name = "queue.job.testing"
    _description = "Model whose methods are delayed in tests"

    name = fields.Char()
    amount = fields.Integer()
    company_id = fields.Many2one("res.company")

    def note(self, *args, **kwargs):
        """Return what it was called with

        and nothing of this second line.
        """
        return args, kwargs

    def undocumented(self):
        return True

    def rename(self, name):
        self.write({"name": name})
        return f"renamed to {name}"

    def rename_and_fail(self, name, error):
        self.write({"name": name})
        raise error

    def rename_and_retry(self, name, seconds=None, ignore_retry=False):
        self.write({"name": name})
        raise RetryableJobError("not now", seconds=seconds, ignore_retry=ignore_retry)

    def rename_and_commit(self, name, others=None):
        self.write({"name": name})
        self.env.cr.commit()  # pylint: disable=invalid-commit
        return [self.env.cr, *(record.env.cr for record in (others or {}).values())]

    def rename_where_commits_are_allowed(self, name):
        self.write({"name": name})
        return self.env.cr

    def tell_environment(self):
        env = self.env
        return {
            "uid": env.uid,
            "su": env.su,
            "company": env.company.id,
            "context": dict(env.context),
        }

    def delay_another(self):
        return self.with_delay().undocumented()

    def when_failed(self, exc_info, exc_name, exc_message):
        self.env["queue.job.testing"].create({"name": f"{exc_name}: {exc_message}"})

    def when_failed_fail(self, **kw):
        raise ValueError("the hook")

    # -- stored with the job

    def _job_store_values(self, job):
        return {
            "testing_note": "general",
            "testing_stage": job.state,
            "name": "must not get through",
            "state": "failed",
        }

    def _job_store_values_for_rename(self, job):
        return {"testing_note": "of rename"}

    def _job_prepare_context_before_enqueue_keys(self):
        return (*super()._job_prepare_context_before_enqueue_keys(), "testing_key")

    # -- delayed by themselves

    def _register_hook(self):
        self._patch_job_auto_delay("auto_always")
        self._patch_job_auto_delay("auto_with_key", context_key="testing_auto_delay")
        return super()._register_hook()

    def auto_always(self, name):
        self.write({"name": name})
        return "ran"

    def auto_always_job_options(self, name):
        return {"priority": 3, "description": f"auto {name}"}

    def auto_with_key(self):
        return "ran"
