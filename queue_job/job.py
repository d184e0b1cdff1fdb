# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The job: a call of a method on records, its options, its state."""

import inspect
import random
import time
import uuid
from datetime import date, datetime, timedelta, timezone

from odoo import fields, models

from .argument_type import Undecodable, register_argument_type, whitelist_unpickle_global
from .core.identity import identity_exact, identity_exact_hasher
from .core.result import result_json
from .core.retry import retry_seconds
from .core.states import (
    CANCELLED,
    DONE,
    ENQUEUED,
    FAILED,
    PENDING,
    STARTED,
    STATES,
    WAIT_DEPENDENCIES,
)
from .core.time_limit import check_timeout
from .declaration import job, related_action
from .job_call import Call
from .job_links import Links
from .job_moves import Moves
from .job_row import Row
from .job_try import Try

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


def _naive_utc(value):
    """:return: naive datetime :raises TypeError: ``value`` is no moment"""
    if isinstance(value, str) or (isinstance(value, date) and not hasattr(value, "tzinfo")):
        # of a date: its midnight
        value = fields.Datetime.to_datetime(value)
    # No isinstance(): tests replace the name datetime.
    if not hasattr(value, "tzinfo"):
        raise TypeError(f"An eta is a datetime, a timedelta or int seconds, not {value!r}.")
    return value.astimezone(timezone.utc).replace(tzinfo=None) if value.tzinfo else value


class Job(Call, Row, Moves, Try, Links):
    """A call that runs later, or is running, or has run.

    It lives in memory; :meth:`store` writes it to its row of ``queue.job``. Its parts have
    nothing in common but the attributes that are here.

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

    #: Whether its transaction began with its lock, of a claimed job; None: it has not begun.
    is_locked = None

    #: Whether it has to wait for another job, where that was looked up for many at once.
    is_held = None

    #: As of the last :meth:`lock`: of the first row that depends on its row the id, whether it depends on no
    #: other, and whether it is the only one, and might be next in the channel; None: there is none. And whether
    #: others do behind a barrier.
    first_child = None
    is_before_barrier = False
    #: :class:`.core.slot.Successor`, which of the jobs that it releases its slot may run next.
    successor = None
    #: Id of that job, once it is released.
    next_id = None
    #: Whether those that wait for it may be released on the way of its commit; then
    #: :func:`.dependency.release_statement` has had these rows.
    releases_at_commit = False
    released = None
    #: :class:`.next_claim.NextClaim`, the claim that may go with its commit.
    next_claim = None

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
        # what is undecodable is a dict as well, and has to stay what it is
        is_plain = isinstance(kwargs, dict) and not isinstance(kwargs, Undecodable)
        self.kwargs = dict(kwargs) if is_plain else kwargs or {}
        self._depends_on = set()
        self._reverse_depends_on = set()
        # uuids of dependencies that are in the database and not loaded yet
        self._depends_on_uuids = set()
        self._reverse_depends_on_uuids = set()
        # barriers between this job and others in memory
        self._barriers_before = ()
        self._barriers_behind = ()

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

    # -- the clock

    def _clock(self):
        return datetime.now()

    def _now(self):
        """By PostgreSQL's clock in a job that was claimed: this machine's may be wrong, or jump."""
        if self._claimed_at is None:
            return self._clock()
        moment, read_at = self._claimed_at
        return moment + timedelta(seconds=time.monotonic() - read_at)

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

    def set_identity_scope(self, scope=None):
        """Say while which other jobs with its identity key this one is not created.

        :param str scope: ``waiting`` or ``started``; None: as the job function says
        """
        scope = scope or self._functions.identity_scope_of(self.job_function_name)
        self.identity_scope = scope if scope == STARTED else None

    @property
    def retry_policy(self):
        """:class:`.core.retry.RetryPolicy` of its job function, as of the begin of the try.

        When a try has failed, its transaction may be aborted: nothing can be looked up then.
        """
        if self._retry_policy is None:
            self._retry_policy = self._functions.retry_policy(self.job_function_name)
        return self._retry_policy

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
