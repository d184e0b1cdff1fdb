# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from datetime import timedelta

from odoo import fields, models
from odoo.addons.queue_job.delay import chain, group
from odoo.addons.queue_job.exception import RetryableJobError
from odoo.addons.queue_job.job import identity_exact, identity_exact_hasher


def once_for_these_orders(job):
    """Identity of a job by its method and orders, whatever its arguments are."""
    return f"{job.method_name} {sorted(job.recordset.ids)}"


def once_for_user(job):
    hasher = identity_exact_hasher(job)
    hasher.update(str(job.user_id).encode())
    return hasher.hexdigest()


def cents(amount):
    """An amount in whole cents.

    >>> cents(1.5)
    150
    """
    return round(amount * 100)


class ShopOrder(models.Model):
    _name = "shop.order"
    _description = "Order of a Shop"

    name = fields.Char(required=True)
    state = fields.Selection(
        [("draft", "Draft"), ("confirmed", "Confirmed"), ("sent", "Sent")],
        default="draft",
    )
    file_format = fields.Char()
    uploads = fields.Integer()
    problem = fields.Char()
    archived = fields.Boolean()

    # -- delaying

    def action_confirm(self):
        self.write({"state": "confirmed"})
        for order in self:
            order.with_delay().send_confirmation(order.env.lang or "en_US")

    def send_confirmation(self, lang):
        """Tell the customer that the order is confirmed"""
        self.write({"state": "sent"})

    def export(self, file_format, since=None):
        """Write the file for the accountants"""
        self.write({"file_format": file_format})
        return f"{len(self)} orders as {file_format}"

    def export_later(self):
        return self.with_delay(
            priority=5,
            eta=timedelta(hours=1),
            max_retries=3,
            description="Export of today",
            channel="root.shop.export",
            identity_key=identity_exact,
        ).export("csv")

    # -- graphs

    def close_day(self):
        chain(
            self.delayable().export("csv").split(100),
            self.delayable(description="Send all files").upload(),
            group(
                self.delayable().archive_files(),
                self.delayable().send_confirmation("en_US"),
            ),
        ).delay()

    # -- retries and failures

    def upload(self):
        """Send the file to the shop"""
        try:
            self._post_file()
        except ConnectionError as error:
            raise RetryableJobError("The shop does not answer", seconds=120) from error

    def upload_by_day(self):
        if self._is_night():
            raise RetryableJobError("The shop is closed", seconds=3600, ignore_retry=True)
        self._post_file()

    def _post_file(self):
        for order in self:
            order.uploads += 1

    def _is_night(self):
        return False

    def export_failed(self, exc_info, exc_name, exc_message):
        self.write({"problem": f"{exc_name}: {exc_message}"})

    def renumber(self):
        for number, order in enumerate(self, start=1):
            order.name = f"No. {number}"
            self.env.cr.commit()

    # -- hooks

    def _job_prepare_context_before_enqueue_keys(self):
        return (*super()._job_prepare_context_before_enqueue_keys(), "shop_id")

    def _job_store_values(self, job):
        return {"shop_order_count": len(job.recordset)}

    def _job_store_values_for_export(self, job):
        file_format = job.args[0] if job.args else job.kwargs["file_format"]
        return {"shop_file_format": file_format}

    def _register_hook(self):
        self._patch_job_auto_delay("archive_files", context_key="archive_later")
        return super()._register_hook()

    def archive_files(self, compress=True):
        self.write({"archived": True})

    def archive_files_job_options(self, compress=True):
        return {"priority": 5 if compress else 20, "description": "Archive files"}
