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

        :param record_ids: int, or a list or tuple of int
        :param args: list or tuple
        :param kwargs: dict
        :param options: as those of ``with_delay()``
        :return: ``queue.job`` record, with superuser rights: the new one, or the one that
            waits with the same identity key; empty where nothing is to be delayed
        :raises ValueError: there is no such model, method or record
        :raises TypeError: one of them is of another type, or JSON can't hold an argument
        """
        if model_name not in self.env:
            raise ValueError(f"There is no model {model_name!r}.")
        self._check_call(record_ids, args, kwargs)
        records = self.env[model_name].browse(record_ids)
        if not self._is_method(records, method_name):
            raise ValueError(f"The model {model_name} has no method {method_name!r}.")
        self._check_existence(records)
        delayed = getattr(records.with_delay(**options), method_name)(*args, **(kwargs or {}))
        return delayed if isinstance(delayed, models.BaseModel) else delayed.db_record()

    @staticmethod
    def _check_call(record_ids, args, kwargs):
        # A text would be taken for its letters, a record for its id in whatever model.
        ids = [record_ids] if type(record_ids) is int else record_ids
        if not isinstance(ids, (list, tuple)) or any(type(each) is not int for each in ids):
            raise TypeError(f"record_ids is an int, or a list or a tuple of int, not {ids!r}.")
        if not isinstance(args, (list, tuple)):
            raise TypeError(f"args is a list or a tuple, not {args!r}.")
        if not isinstance(kwargs or {}, dict):
            raise TypeError(f"kwargs is a dict, not {kwargs!r}.")

    @staticmethod
    def _check_existence(records):
        missing = () if records._abstract else records - records.exists()
        if missing:
            ids = ", ".join(map(str, missing.ids))
            raise ValueError(f"There are no records {ids} of {records._name}.")

    @staticmethod
    def _is_method(records, name):
        return (
            isinstance(name, str)
            and not name.startswith("__")
            and name not in records._fields
            and callable(getattr(records, name, None))
        )
