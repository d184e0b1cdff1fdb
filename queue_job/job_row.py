# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""A job and its row."""

import time

from . import job_claim, job_storage
from .exception import NoSuchJobError


class Row:
    """The part of :class:`.job.Job` that reads and writes its row of ``queue.job``."""

    @classmethod
    def load(cls, env, job_uuid):
        """:return: the stored job :raises NoSuchJobError: there is none"""
        jobs = cls.load_many(env, [job_uuid])
        if not jobs:
            raise NoSuchJobError(
                f"Job {job_uuid} does no longer exist in the storage: it was deleted."
            )
        return jobs.pop()

    @classmethod
    def load_many(cls, env, job_uuids):
        """:return: set of the stored jobs; uuids without a row are ignored"""
        return {
            cls._load_from_db_record(record) for record in job_storage.fetch(env, list(job_uuids))
        }

    @staticmethod
    def db_records_from_uuids(env, job_uuids):
        """:return: ``queue.job`` records, with superuser rights"""
        return job_storage.find(env, list(job_uuids))

    @classmethod
    def _load_from_db_record(cls, record):
        job = cls.__new__(cls)
        job._bind(record.records, record.method_name, record.args, record.kwargs)
        job.model_name = record.model_name or job.model_name
        job.env = record.env
        job._uuid = record.uuid
        job._channel = record.channel
        job._description = record.name
        job._row_id = record.id
        job._read(record)
        return job

    @classmethod
    def from_claimed_row(cls, env, row):
        """:param dict row: of :func:`.job_claim.claim`
        :raises Exception: no job can be made of it
        """
        job = cls.__new__(cls)
        records, args, kwargs = job_claim.call_of(env, row)
        job._bind(records, row["method_name"], args, kwargs)
        job.model_name = row["model_name"] or job.model_name
        job.env = env
        job._uuid = row["uuid"]
        job._channel = row["channel"]
        job._description = row["name"]
        job._row_id = row["id"]
        job._user_company_id = row["user_company_id"]
        values = job_claim.attributes_of(row)
        job._assign(values)
        job.user_id = job.user_id or records.env.uid
        job.claimed_values = {**values, "exec_time": row["exec_time"] or None}
        job._claimed_at = job.date_started, time.monotonic()
        return job

    def _read(self, record):
        self._assign(job_storage.read(record))
        self.user_id = self.user_id or self.recordset.env.uid

    def _assign(self, values):
        for name, value in values.items():
            setattr(self, name, value)

    def refresh(self):
        """Read again from the row, if there is one, what changes in a job."""
        record = self.db_record()
        if record:
            self._read(record)

    def db_record(self):
        """:return: ``queue.job`` record, with superuser rights, empty if not stored"""
        return self.db_records_from_uuids(self.env, [self.uuid])

    def store(self):
        """Write the job to its row, which is created when there is none."""
        job_storage.store(self)

    @classmethod
    def store_many(cls, jobs):
        """As :meth:`store` for each job, with few statements for all that are new."""
        job_storage.store_many(jobs)

    def job_record_with_same_identity_key(self):
        """:return: ``queue.job`` record that waits with the same key, or also runs, where that
        is in the identity scope of one of them; maybe empty
        """
        return job_storage.find_waiting(self.env, self.identity_key, self.identity_scope)

    def _find_row_id(self):
        return self._row_id or self.db_record().id
