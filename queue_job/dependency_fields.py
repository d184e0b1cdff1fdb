# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Fields that show dependencies as if there were no barriers."""

import json

from odoo import fields
from odoo.addons.base_sparse_field.models.fields import Serialized

from . import dependency

#: Context key: give the dictionary as it is in the row.
AS_STORED = "_queue_job_dependencies_as_stored"


class JobLinks(fields.Many2many):
    """The jobs before or behind a job; its relation is the view ``queue_job_link``."""

    def update_db(self, model, columns):
        """Nothing is left to Odoo: see ``sql/dependencies.py``."""

    def _insert_cache(self, records, values):
        # Two jobs may be linked both by themselves and by a barrier.
        super()._insert_cache(records, [tuple(dict.fromkeys(ids)) for ids in values])


class JobDependencies(Serialized):
    """The uuids of the jobs before and behind a job.

    The row has those that the job is linked with itself, and says whether it stands at a
    barrier: then the others are looked up when the field is read.
    """

    def convert_to_record(self, value, record):
        found = self._read(value)
        if "barrier" in found:
            if record.env.context.get(AS_STORED):
                return found
            del found["barrier"]
            for key, uuids in dependency.uuids_across_barriers(record.env, record.id).items():
                found[key] = sorted(uuids.union(found[key]))
        return found

    @staticmethod
    def _read(text):
        """:return: dict; of what is none of ours, with the text alone: the links of the job are rows"""
        try:
            found = json.loads(text or "{}")
        except (ValueError, RecursionError):
            return {"unreadable": text}
        is_ours = isinstance(found, dict) and all(
            isinstance(value, bool if key == "barrier" else list) for key, value in found.items()
        )
        return found if is_ours else {"unreadable": text}
