# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The job: a call of a method on records, its options, its state."""

import inspect
import logging
import os
import random
import secrets
import time
import uuid
from contextlib import contextmanager, nullcontext
from datetime import date, datetime, timedelta, timezone

from odoo import api, fields, models

from . import dependency, job_claim, job_storage, job_values
from .argument_type import first_undecodable, register_argument_type, whitelist_unpickle_global
from .core.identity import identity_exact, identity_exact_hasher
from .core.result import result_json
from .core.retry import decide, retry_seconds
from .core.secret import shown
from .core.states import (
    CANCELLED,
    DONE,
    ENQUEUED,
    FAILED,
    PENDING,
    STARTED,
    STATES,
    WAIT_DEPENDENCIES,
    WAITING_STATES,
)
from .core.time_limit import check_timeout
from .declaration import function_name, job, related_action
from .exception import FailedJobError, JobError, NoSuchJobError, RetryableJobError
from .utils import can_open_test_cursors, commit_forbidden, in_test_mode

__all__ = [
    "CANCELLED",
    "DEFAULT_MAX_RETRIES",
    "DEFAULT_PRIORITY",
    "DONE",
    "ENQUEUED",
    "FAILED",
    "Job",
    "PENDING",
    "RETRY_INTERVAL",
    "STARTED",
    "STATES",
    "WAIT_DEPENDENCIES",
    "identity_exact",
    "identity_exact_hasher",
    "job",
    "register_argument_type",
    "related_action",
    "whitelist_unpickle_global",
]

DEFAULT_PRIORITY = 10
DEFAULT_MAX_RETRIES = 5
#: Seconds until the next try, where no retry pattern says otherwise.
RETRY_INTERVAL = 10 * 60

_logger = logging.getLogger(__name__)


def default_description(method):
    """:return: str, first line of the docstring of ``method``, else ``model.method``"""
    docstring = (method.__doc__ or "").strip()
    if docstring:
        return docstring.splitlines()[0].strip()
    return f"{method.__self__._name}.{method.__name__}"


def _naive_utc(value):
    """:return: naive datetime :raises TypeError: ``value`` is no moment"""
    if isinstance(value, str) or (isinstance(value, date) and not hasattr(value, "tzinfo")):
        # of a date: its midnight
        value = fields.Datetime.to_datetime(value)
    # No isinstance(): tests replace the name datetime.
    if not hasattr(value, "tzinfo"):
        raise TypeError(f"An eta is a datetime, a timedelta or int seconds, not {value!r}.")
    return value.astimezone(timezone.utc).replace(tzinfo=None) if value.tzinfo else value


def _on_cursor(value, cr):
    """:return: ``value`` with all environments and recordsets in it on ``cr``"""
    if isinstance(value, api.Environment):
        return value(cr=cr)
    if isinstance(value, models.BaseModel):
        return value.with_env(value.env(cr=cr))
    if isinstance(value, dict):
        return {key: _on_cursor(item, cr) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_on_cursor(item, cr) for item in value)
    return value


class Job:
    """A call that runs later, or is running, or has run.

    It lives in memory; :meth:`store` writes it to its row of ``queue.job``.

    :param func: method of a recordset
    :param args: tuple or list of positional arguments
    :param kwargs: dict of keyword arguments
    :param int priority: the smaller, the sooner
    :param eta: datetime (naive UTC), timedelta or int seconds from now: not before
    :param str job_uuid: uuid of the job, new by default
    :param int max_retries: how often it is tried before it fails; 0 means for ever
    :param str description: shown to people
    :param str channel: complete name of the channel
    :param identity_key: str, or a callable that gets the job and returns one
    :raises TypeError: ``func`` is not a method of a recordset
    """

    #: Whether it may have a row: a new job has none, and needs none to be looked for.
    _may_be_stored = True

    #: Id of the row from which it was loaded.
    _row_id = None

    #: What its row holds, of a job that this process has claimed.
    claimed_values = None

    #: Company of its user, where that is known already.
    _user_company_id = None

    #: Whether its row says that it stands at a barrier: before it, or behind it.
    _is_at_barrier = False

    #: The identity key, of a new job that must be the only one that waits with it.
    identity_guard = None

    #: Whether the method runs in the transaction that delayed it, whose changes a cursor
    #: of its own would not see.
    runs_in_caller = False

    #: Whether other rows depend on its row, as of the last :meth:`lock`.
    has_dependents = False
    #: :class:`.core.slot.Successor`, which of the jobs that it releases its slot may run next.
    successor = None
    #: Id of that job, once it is released.
    next_id = None

    # Defaults of what a new job has not got yet.
    graph_uuid = None
    state = PENDING
    retry = 0
    _retry_policy = None
    _result = None
    _result_json = None
    exc_name = None
    exc_message = None
    exc_info = None
    date_enqueued = None
    date_started = None
    date_done = None
    date_cancelled = None
    worker_pid = None
    lease = None
    identity_scope = None
    _timeout = None

    #: (``date_started``, what the clock that never jumps said then) of a claimed job.
    _claimed_at = None

    #: Whether it waits for another one to fail.
    awaits_failure = False

    #: The jobs that run when this one has failed, of a new job.
    failure_handlers = frozenset()

    def __init__(
        self,
        func,
        args=None,
        kwargs=None,
        priority=None,
        eta=None,
        job_uuid=None,
        max_retries=None,
        description=None,
        channel=None,
        identity_key=None,
    ):
        if not inspect.ismethod(func) or not isinstance(func.__self__, models.BaseModel):
            raise TypeError(f"Only methods of a recordset can be delayed, not {func!r}.")
        self._bind(func.__self__, func.__name__, args, kwargs)
        env = self.recordset.env
        self._uuid = job_uuid or str(uuid.uuid4())
        self._may_be_stored = bool(job_uuid)
        self._channel = channel
        self._description = description
        self.priority = DEFAULT_PRIORITY if priority is None else priority
        self.max_retries = DEFAULT_MAX_RETRIES if max_retries is None else max_retries
        self.date_created = datetime.now()
        self.user_id = env.uid
        self.company_id = (
            env.context["company_id"] if "company_id" in env.context else env.company.id
        )
        self.eta = eta
        self.identity_key = identity_key(self) if callable(identity_key) else identity_key

    def _bind(self, recordset, method_name, args, kwargs):
        self.recordset = recordset
        self.env = recordset.env
        self.model_name = recordset._name
        self.method_name = method_name
        self.args = tuple(args or ()) if isinstance(args, (list, tuple)) else args or ()
        self.kwargs = dict(kwargs or {}) if isinstance(kwargs, dict) else kwargs or {}
        self._depends_on = set()
        self._reverse_depends_on = set()
        # uuids of dependencies that are in the database and not loaded yet
        self._depends_on_uuids = set()
        self._reverse_depends_on_uuids = set()
        # barriers between this job and others in memory
        self._barriers_before = ()
        self._barriers_behind = ()

    # -- loading

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

    def _now(self):
        """By PostgreSQL's clock in a job that was claimed: this machine's may be wrong, or jump."""
        if self._claimed_at is None:
            return datetime.now()
        moment, read_at = self._claimed_at
        return moment + timedelta(seconds=time.monotonic() - read_at)

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

    # -- identity of the object

    @property
    def uuid(self):
        return self._uuid

    def __eq__(self, other):
        return isinstance(other, Job) and self.uuid == other.uuid

    def __hash__(self):
        return hash(self.uuid)

    def __repr__(self):
        return f"<Job {self.uuid}, priority:{self.priority}>"

    # -- what is called

    @property
    def func(self):
        """The method to call, on records that know their company and that they are in a job."""
        return self._method(self.method_name)

    def _method(self, name):
        if self.model_name not in self.env:
            raise JobError(
                f"There is no model {self.model_name} (any more): install its addon again,"
                " or cancel the job."
            )
        return getattr(self._in_company().with_context(job_uuid=self.uuid), name)

    def _in_company(self):
        records = self.recordset
        if not self.company_id or records.env.context.get("allowed_company_ids"):
            return records
        if self._is_company_of_user(records.env):
            return records
        return records.with_company(self.company_id)

    def _is_company_of_user(self, env):
        if self._user_company_id and env.uid == self.user_id:
            return self._user_company_id == self.company_id
        return env.company.id == self.company_id

    @property
    def func_string(self):
        arguments = [repr(arg) for arg in self.args]
        arguments += [f"{key}={shown(key, value)}" for key, value in self.kwargs.items()]
        return f"{self.recordset!r}.{self.method_name}({', '.join(arguments)})"

    @property
    def description(self):
        if not self._description:
            self._description = default_description(getattr(self.recordset, self.method_name))
        return self._description

    # -- options

    @property
    def eta(self):
        return self._eta

    @eta.setter
    def eta(self, value):
        if value and isinstance(value, int) and not isinstance(value, bool):
            value = timedelta(seconds=value)
        if isinstance(value, timedelta):
            value = self._now() + value
        self._eta = _naive_utc(value) if value else None

    @property
    def channel(self):
        return self._channel or self.job_config.channel

    @property
    def timeout(self):
        """int seconds that a try may take, 0 for no limit; as the job function says by default"""
        if self._timeout is None:
            return self._functions.timeout_of(self.job_function_name)
        return self._timeout

    @timeout.setter
    def timeout(self, value):
        self._timeout = None if value is None else check_timeout(value)

    @property
    def job_function_name(self):
        path = function_name(self.method_name, self.args)
        return path or self._functions.job_function_name(self.model_name, self.method_name)

    @property
    def job_config(self):
        return self._functions.job_config(self.job_function_name)

    @property
    def _functions(self):
        # It takes the rights that it needs.
        return self.env["queue.job.function"]

    @property
    def result(self):
        """What the method returned, or a text about what became of the job."""
        return self._result

    @result.setter
    def result(self, value):
        self._result = value
        self._result_json = None

    @property
    def result_json(self):
        """str, JSON of what the method returned, cut where it is long; None: it has none."""
        return self._result_json or result_json(self._result)

    @result_json.setter
    def result_json(self, value):
        self._result_json = value

    @property
    def exec_time(self):
        """Seconds from the start to the end of the last try that ended, or None."""
        if self.date_done and self.date_started:
            return (self.date_done - self.date_started).total_seconds()
        return None

    # -- storage

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

    def set_identity_scope(self, scope=None):
        """Say while which other jobs with its identity key this one is not created.

        :param str scope: ``waiting`` or ``started``; None: as the job function says
        """
        scope = scope or self._functions.identity_scope_of(self.job_function_name)
        self.identity_scope = scope if scope == STARTED else None

    @contextmanager
    def in_temporary_env(self):
        """Inside it the job works on a new cursor, which is committed at the end.

        What is written there stays, whatever becomes of the outer transaction. In a test
        whose data no other cursor can see, it is the cursor of the test.
        """
        if in_test_mode() and not can_open_test_cursors():
            yield self.env
            return
        with self._on_own_cursor():
            yield self.env

    @contextmanager
    def _on_own_cursor(self):
        """Move the job, with the records in its arguments, to a new cursor."""
        outer = self.env, self.recordset, self.args, self.kwargs
        if in_test_mode():
            self.env.flush_all()
        with self.env.registry.cursor() as cr:
            self.env, self.recordset, self.args, self.kwargs = _on_cursor(outer, cr)
            try:
                yield
            finally:
                self.env, self.recordset, self.args, self.kwargs = outer
        if in_test_mode():
            # all cursors are in the same transaction there
            self.env.invalidate_all(flush=False)

    # -- moves

    def set_pending(self, result=None, reset_retry=True):
        """Ready to run, or waiting while a job it depends on is not done."""
        ready = not self._has_unfinished_parent()
        self.state = PENDING if ready else WAIT_DEPENDENCIES
        self.date_enqueued = None
        self.date_started = None
        self.date_done = None
        self.date_cancelled = None
        self.worker_pid = None
        self.lease = None
        self._forget_error()
        if reset_retry:
            self.retry = 0
        if result is not None:
            self.result = result

    def set_enqueued(self):
        self.state = ENQUEUED
        self.date_enqueued = datetime.now()
        self.date_started = None
        self.worker_pid = None
        # that of a try before; the runner leaves a token of its own in the row
        self.lease = None

    def set_started(self):
        self.state = STARTED
        self.date_started = datetime.now()
        self._assign(self.start_values())

    @staticmethod
    def start_values():
        """:return: dict of what a claim writes for a try of this process"""
        return {
            "worker_pid": os.getpid(),
            # whoever has claimed the job knows it
            "lease": secrets.token_hex(8),
        }

    def set_done(self, result=None):
        self.state = DONE
        self._forget_error()
        self.date_done = self._now()
        if result is not None:
            self.result = result

    def _forget_error(self):
        self.exc_name = None
        self.exc_message = None
        self.exc_info = None

    def set_cancelled(self, result=None):
        self.state = CANCELLED
        self.date_cancelled = datetime.now()
        if result is not None:
            self.result = result

    def set_failed(self, **values):
        """:param values: ``exc_name``, ``exc_message``, ``exc_info``"""
        self.state = FAILED
        for name, value in values.items():
            if value is not None:
                setattr(self, name, value)

    def postpone(self, result=None, seconds=None):
        """Set the eta of the next try.

        :param seconds: number from now; None: as the retry pattern says
        """
        self.eta = timedelta(seconds=self._get_retry_seconds(seconds))
        self._forget_error()
        if result is not None:
            self.result = result

    def _get_retry_seconds(self, seconds=None):
        if seconds:
            return seconds
        return retry_seconds(
            self.job_config.retry_pattern,
            self.retry,
            random.randint,
            default=RETRY_INTERVAL,
            backoff=self.retry_policy.backoff,
        )

    @property
    def retry_policy(self):
        """:class:`.core.retry.RetryPolicy` of its job function, as of the begin of the try.

        When a try has failed, its transaction may be aborted: nothing can be looked up then.
        """
        if self._retry_policy is None:
            self._retry_policy = self._functions.retry_policy(self.job_function_name)
        return self._retry_policy

    # -- running

    def perform(self):
        """Call the method; it writes nothing about the job itself.

        :return: what the method returns
        :raises RetryableJobError: to be tried again
        :raises FailedJobError: its tries are used up
        """
        self.retry += 1
        self._retry_policy = self._functions.retry_policy(self.job_function_name)
        self._check_call()
        try:
            with self._cursor_of_method():
                self.result = self.func(*self.args, **self.kwargs)
        except RetryableJobError as error:
            self.count_try(error, error.ignore_retry)
            raise
        return self.result

    def _check_call(self):
        """:raises JobError: the row, which somebody has changed, holds no arguments"""
        if not isinstance(self.args, tuple) or not isinstance(self.kwargs, dict):
            raise JobError(
                f"The arguments in the row of job {self.uuid} are not a list and a dict:"
                f" {self.args!r}, {self.kwargs!r}. Cancel the job and delay the method again."
            )
        undecodable = first_undecodable(self.args) or first_undecodable(self.kwargs)
        if undecodable:
            raise JobError(
                f"Nothing can be made of an argument of job {self.uuid}: {dict(undecodable)!r}:"
                f" {undecodable.reason}."
            )

    def _cursor_of_method(self):
        if not self.job_config.allow_commit:
            return commit_forbidden(self.recordset.env.cr)
        return nullcontext() if self.runs_in_caller else self._on_cursor_of_method()

    @contextmanager
    def _on_cursor_of_method(self):
        """Move the job to a cursor that may commit, and let the one that holds the lock of the
        job tell which one it is: so that both can be ended from outside.
        """
        outer = self.env.cr
        with self._on_own_cursor():
            job_claim.mark_backend(outer, self.env.cr)
            yield

    def count_try(self, error, ignore_retry=False):
        """Account for a try that ended with ``error`` and may be repeated.

        :raises FailedJobError: it was the last
        """
        decision = decide(self.retry, self.max_retries, ignore_retry)
        if not decision.counts:
            self.retry -= 1
        if not decision.retry:
            reason = job_values.text(error) or ""
            raise FailedJobError(f"Max. retries ({self.max_retries}) reached: {reason}") from error

    def on_fail(self, values):
        """Call the method that the job function names for a failed job, if any.

        :param values: dict ``exc_info exc_name exc_message``, its keyword arguments
        """
        name = self.job_config.on_fail_method_name
        if name:
            self._method(name)(**values)

    def run_now(self):
        """Run it in the current transaction, see ``run_now`` of ``queue.job``."""
        self.db_record().run_now()
        self.refresh()

    def lock(self):
        """Take the lock of the running job until the end of the transaction.

        :return: bool, true when the row is started by whom this job object says, and
            no other transaction holds the lock
        """
        return job_claim.lock(self)

    def add_lock_record(self):
        """Nothing to do: the lock needs no record. For callers of the old interface."""

    # -- dependencies

    @property
    def depends_on(self):
        """Set of the jobs that must be done before this one."""
        across = [barrier.parents for barrier in self._barriers_before]
        return self._with_others(self._parents(), across, "depends_on")

    @property
    def reverse_depends_on(self):
        """Set of the jobs that wait for this one."""
        across = [barrier.children for barrier in self._barriers_behind]
        return self._with_others(self._children(), across, "reverse_depends_on")

    def _parents(self):
        """:return: set, without those before a barrier"""
        self._depends_on |= self._load_pending(self._depends_on_uuids)
        return self._depends_on

    def _children(self):
        """:return: set, without those behind a barrier"""
        self._reverse_depends_on |= self._load_pending(self._reverse_depends_on_uuids)
        return self._reverse_depends_on

    def _with_others(self, jobs, across, kind):
        """:return: ``jobs``, with those beyond barriers where there are any"""
        if not (across or self._is_at_barrier):
            return jobs
        found = jobs.union(*across)
        if self._is_at_barrier:
            uuids = dependency.uuids_across_barriers(self.env, self._find_row_id())[kind]
            found |= self.load_many(self.env, uuids.difference(job.uuid for job in found))
        return found

    def _find_row_id(self):
        return self._row_id or self.db_record().id

    def _has_unfinished_parent(self):
        return (
            any(parent.state != DONE for parent in self._parents())
            or not all(barrier.is_open for barrier in self._barriers_before)
            or (self._is_at_barrier and dependency.is_held(self))
        )

    def _load_pending(self, uuids):
        if not uuids:
            return set()
        jobs = self.load_many(self.env, uuids)
        uuids.clear()
        return jobs

    def add_depends(self, jobs):
        """:raises ValueError: the job itself is among ``jobs``"""
        if self in jobs:
            raise ValueError(f"Job {self.uuid} cannot depend on itself.")
        self._parents().update(jobs)
        for parent in jobs:
            parent._children().add(self)
        if self.state in WAITING_STATES and any(parent.state != DONE for parent in jobs):
            self.state = WAIT_DEPENDENCIES

    def should_check_dependents(self):
        """Whether some job waits for this one."""
        return bool(
            self.has_dependents
            or self._reverse_depends_on
            or self._reverse_depends_on_uuids
            or self._barriers_behind
        )

    def enqueue_waiting(self):
        """Make those jobs pending whose last parent this one was."""
        dependency.release_dependents(self)

    def cancel_dependent_jobs(self):
        """Cancel the jobs that wait for this one, and those that wait for them."""
        dependency.cancel_dependents(self)

    # -- for the web client

    def related_action(self):
        """:return: action dict of what the job is about, or None"""
        config = self.job_config
        if not config.related_action_enable:
            return None
        name = config.related_action_func_name or "related_action_open_record"
        # with the rights of who opens it, whatever the function is
        record = self.db_record().with_env(self.env)
        if callable(name):
            return name(record, **config.related_action_kwargs)
        if not isinstance(name, str):
            raise ValueError(f"The related action of {self.job_function_name} has no name.")
        if name.startswith("__") or hasattr(models.BaseModel, name):
            raise ValueError(f"{name} is no related action: it is a method of every model.")
        return getattr(record, name)(**config.related_action_kwargs)
