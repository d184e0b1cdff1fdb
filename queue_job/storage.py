# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The interface that the old ``connector`` queue had to its stored jobs."""

import inspect

from .core.options import take_options
from .declaration import delay
from .job import Job
from .job_storage import find_waiting

__all__ = ["JobStorage", "OpenERPJobStorage"]


class JobStorage:
    """Enqueue, look up, load and store jobs.

    New code has ``with_delay()``, the model ``queue.job`` and :class:`~.job.Job` for that.

    :param env: environment, or whatever has one as ``env``, such as a recordset
    """

    def __init__(self, env):
        self.env = getattr(env, "env", env)

    def enqueue(self, func, model_name=None, args=None, kwargs=None, **options):
        """Delay a call.

        :param func: method of a recordset, or function declared with ``@job``
        :param model_name: str, of a function only
        :param options: as those of ``with_delay()``
        :return: str, uuid of the job; of the one that waits with the same identity key
        :raises ValueError: ``model_name`` is missing, or given for a method
        """
        args, kwargs = tuple(args or ()), dict(kwargs or {})
        if inspect.ismethod(func):
            if model_name is not None:
                raise ValueError(f"{func.__name__} is a method: its records say the model.")
            delayed = getattr(func.__self__.with_delay(**options), func.__name__)(*args, **kwargs)
        else:
            if model_name is None:
                raise ValueError(f"{func!r} is a function: give the name of a model.")
            delayed = delay(func, self.env, model_name, *args, **options, **kwargs)
        return delayed.uuid

    def enqueue_resolve_args(self, func, *args, **kwargs):
        """As :meth:`enqueue`; the options are among the keyword arguments, and the model of a
        function is the first positional one."""
        options = take_options(kwargs)
        if not inspect.ismethod(func):
            model_name, *args = args or (None,)
            options["model_name"] = model_name
        return self.enqueue(func, args=args, kwargs=kwargs, **options)

    def exists(self, job_uuid):
        """:return: bool, whether there is a row of this uuid"""
        return bool(self.db_record_from_uuid(job_uuid))

    def load(self, job_uuid):
        """:return: :class:`~.job.Job` :raises NoSuchJobError: there is none"""
        return Job.load(self.env, job_uuid)

    def store(self, job):
        """Write the job to its row, which is created when there is none."""
        job.store()

    def db_record(self, job):
        """:return: ``queue.job`` record, with superuser rights, empty if not stored"""
        return self.db_record_from_uuid(job.uuid)

    def db_record_from_uuid(self, job_uuid):
        """As :meth:`db_record`."""
        return Job.db_records_from_uuids(self.env, [job_uuid])

    def job_record_with_same_identity_key(self, identity_key):
        """:return: ``queue.job`` record that waits with this key, maybe empty"""
        if not identity_key:
            return self.env["queue.job"].sudo()
        return find_waiting(self.env, identity_key)


#: The name of then.
OpenERPJobStorage = JobStorage
