# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The moves of a job from state to state: what else of it changes with the state."""

import os
import secrets
from datetime import timedelta

from .core.slot import successor_lease
from .core.states import CANCELLED, DONE, ENQUEUED, FAILED, PENDING, STARTED, WAIT_DEPENDENCIES


class Moves:
    """The part of :class:`.job.Job` that changes its state; nothing is written."""

    def set_pending(self, result=None, reset_retry=True):
        """Ready to run, or waiting while a job it depends on is not done."""
        ready = not self.has_unfinished_parent()
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
        self.date_enqueued = self._clock()
        self.date_started = None
        self.worker_pid = None
        # that of a try before; the runner leaves a token of its own in the row
        self.lease = None

    def set_started(self):
        self.state = STARTED
        self.date_started = self._clock()
        self._assign(self.start_values())

    @staticmethod
    def start_values(slot=None):
        """:param slot: uuid of the first job of the slot, for a job that the runner has not hinted
        :return: dict of what a claim writes for a try of this process
        """
        # whoever has claimed the job knows it
        lease = secrets.token_hex(8)
        return {
            "worker_pid": os.getpid(),
            "lease": lease if slot is None else successor_lease(slot, lease),
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
        self.date_cancelled = self._clock()
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
