# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Questions about the circumstances in which jobs are delayed and run."""

import logging
import os
from contextlib import contextmanager

from odoo.modules import module
from odoo.tools import str2bool

_logger = logging.getLogger(__name__)

#: The second of each is the name that series 14 had.
ENVIRONMENT_VARIABLES = ("QUEUE_JOB__NO_DELAY", "TEST_QUEUE_JOB_NO_DELAY")
CONTEXT_KEYS = ("queue_job__no_delay", "test_queue_job_no_delay")

COMMIT_IS_FORBIDDEN = (
    "A job must not commit: its effects and its end are one commit of the job"
    " queue. Set 'Allow Commit' on its job function, or use a cursor of your own."
)


def in_test_mode():
    """Whether one of Odoo's tests is running in this process."""
    return bool(module.current_test)


def can_open_test_cursors():
    """Whether new cursors see what the running test has written and not committed."""
    return getattr(module.current_test, "_registry_patched", False)


@contextmanager
def commit_forbidden(cr, after_rollback=None):
    """Inside it, to commit or close ``cr`` raises :class:`RuntimeError`.

    :param after_rollback: callable, called after each rollback
    """
    methods = {"commit": _refuse_to_commit, "close": _refuse_to_close}
    if after_rollback:
        methods["rollback"] = _one_after_the_other(cr.rollback, after_rollback)
    # Somebody outside, such as a test, may have put other functions there.
    outer = {name: vars(cr)[name] for name in methods if name in vars(cr)}
    vars(cr).update(methods)
    try:
        yield
    finally:
        for name in methods:
            vars(cr).pop(name, None)
        vars(cr).update(outer)


def _refuse_to_commit():
    raise RuntimeError(COMMIT_IS_FORBIDDEN)


def _refuse_to_close():
    raise RuntimeError("A job must not close its cursor: it is that of the job queue.")


def _one_after_the_other(*functions):
    def call():
        for function in functions:
            function()

    return call


def must_run_without_delay(env):
    """Whether delayed calls run at once instead of becoming jobs.

    :param env: environment of the recordset that is delayed; its context is looked at
    """
    for name in ENVIRONMENT_VARIABLES:
        value = os.getenv(name)
        if value and str2bool(value, default=True):
            _tell(logging.WARNING, "environment variable", name)
            return True
    for name in CONTEXT_KEYS:
        if env.context.get(name):
            _tell(logging.INFO, "context key", name)
            return True
    return False


def _tell(level, kind, name):
    if not in_test_mode():
        _logger.log(level, "The %s %s is set: jobs run at once, not delayed.", kind, name)
