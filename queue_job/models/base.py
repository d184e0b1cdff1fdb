# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What the job queue adds to every model."""

import functools

from odoo import api, models

from ..core.options import given, merge_eta
from ..declaration import declared_function
from ..delay import Delayable, DelayableRecordset
from ..utils import must_run_without_delay


class Base(models.AbstractModel):
    _inherit = "base"

    # A delayed call goes past the rules of RPC, to any method: Python code says which one.

    @api.private
    def with_delay(
        self,
        priority=None,
        eta=None,
        max_retries=None,
        description=None,
        channel=None,
        identity_key=None,
        scheduled_at=None,
        identity_scope=None,
        timeout=None,
    ):
        """Delay the method that is called on the result: ``records.with_delay().method()``.

        The job is created in the current transaction and starts after its commit.

        :param int priority: the smaller, the sooner; 10 by default
        :param eta: not before: datetime (naive UTC), timedelta or int seconds from now
        :param int max_retries: how often it is tried; 0 for ever; 5 by default
        :param str description: shown to people
        :param str channel: complete name of the channel, instead of that of the method
        :param identity_key: str, or a callable that gets the job and returns one: no job
            is created while another one with the same key waits
        :param scheduled_at: another name of ``eta``
        :param str identity_scope: ``started``: nor while such a job runs; ``waiting`` by
            default, or what the job function says
        :param timeout: seconds that a try may take; 0: as long as it likes; by default what
            the job function says
        :return: :class:`~odoo.addons.queue_job.delay.DelayableRecordset`
        """
        return DelayableRecordset(
            self,
            priority=priority,
            eta=merge_eta(eta, scheduled_at),
            max_retries=max_retries,
            description=description,
            channel=channel,
            identity_key=identity_key,
            **given(identity_scope=identity_scope, timeout=timeout),
        )

    @api.private
    def delayable(
        self,
        priority=None,
        eta=None,
        max_retries=None,
        description=None,
        channel=None,
        identity_key=None,
        scheduled_at=None,
        identity_scope=None,
        timeout=None,
    ):
        """Prepare a call to be delayed, alone or in a graph.

        ``records.delayable().method().on_done(…).delay()``; for the parameters see
        :meth:`with_delay`.

        :return: :class:`~odoo.addons.queue_job.delay.Delayable`
        """
        return Delayable(
            self,
            priority=priority,
            eta=merge_eta(eta, scheduled_at),
            max_retries=max_retries,
            description=description,
            channel=channel,
            identity_key=identity_key,
            **given(identity_scope=identity_scope, timeout=timeout),
        )

    def _patch_job_auto_delay(self, method_name, context_key=None):
        """Make calls of a method delay it; to be called in ``_register_hook``::

            def _register_hook(self):
                self._patch_job_auto_delay("export", context_key="auto_delay_export")
                return super()._register_hook()

        The job options come from ``<method_name>_job_options(*args, **kwargs)``, a method
        with the arguments of the call that returns a dict, if there is one. Inside a job,
        and where nothing is to be delayed, the method runs.

        :param str method_name: method to patch, in the class of the registry
        :param str context_key: delay only when this key is true in the context; None:
            always
        :return: the patched method, with the original as its attribute ``origin``
        """
        origin = getattr(type(self), method_name)
        setattr(type(self), method_name, _auto_delayed(origin, method_name, context_key))
        # Another one: some put it in the class themselves, as a wrapper of what is there.
        return _auto_delayed(origin, method_name, context_key)

    def _run_job_function(self, path, *args, **kwargs):
        """Call a function declared with ``@job``; the method of its jobs.

        :param str path: dotted
        :raises JobError: it is not declared, or its addon is not installed
        """
        return declared_function(path, self.env)(self.env, self._name, *args, **kwargs)

    @api.model
    def _job_store_values(self, job):
        """Values of fields that the model adds to ``queue.job``, at each store.

        :param job: :class:`~odoo.addons.queue_job.job.Job`, in its new state
        :return: dict; a method ``_job_store_values_for_<method>`` goes before it
        """
        return {}

    @api.model
    def _job_prepare_context_before_enqueue_keys(self):
        """:return: tuple of the context keys that are kept in jobs"""
        return ("tz", "lang", "allowed_company_ids", "force_company", "active_test")

    def _job_prepare_context_before_enqueue(self):
        """:return: dict, the context that is kept with a recordset in a job"""
        keys = self._job_prepare_context_before_enqueue_keys()
        return {key: value for key, value in self.env.context.items() if key in keys}


def _auto_delayed(origin, method_name, context_key):
    options_name = f"{method_name}_job_options"

    @functools.wraps(origin)
    def auto_delay(self, *args, **kwargs):
        context = self.env.context
        if (
            context.get("job_uuid")
            or (context_key and not context.get(context_key))
            or must_run_without_delay(self.env)
        ):
            return origin(self, *args, **kwargs)
        get_options = getattr(self, options_name, None)
        options = get_options(*args, **kwargs) if get_options else {}
        return getattr(self.with_delay(**options), method_name)(*args, **kwargs)

    auto_delay.origin = origin
    return auto_delay
