# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Delaying a method by the names of its model and itself."""

from odoo import api, models


class QueueJob(models.Model):
    _inherit = "queue.job"

    @api.private
    @api.model
    def enqueue(self, model_name, method_name, record_ids=(), args=(), kwargs=None, **options):
        """Delay ``env[model_name].browse(record_ids).method_name(*args, **kwargs)``.

        Of Python only: over RPC anybody could run any method so.

        :param options: as those of ``with_delay()``
        :return: ``queue.job`` record, with superuser rights: the new one, or the one that
            waits with the same identity key; empty where nothing is to be delayed
        :raises ValueError: there is no such model or method
        """
        if model_name not in self.env:
            raise ValueError(f"There is no model {model_name!r}.")
        records = self.env[model_name].browse(record_ids)
        if not self._is_method(records, method_name):
            raise ValueError(f"The model {model_name} has no method {method_name!r}.")
        delayed = getattr(records.with_delay(**options), method_name)(*args, **(kwargs or {}))
        return delayed if isinstance(delayed, models.BaseModel) else delayed.db_record()

    @staticmethod
    def _is_method(records, name):
        return (
            isinstance(name, str)
            and not name.startswith("__")
            and name not in records._fields
            and callable(getattr(records, name, None))
        )
