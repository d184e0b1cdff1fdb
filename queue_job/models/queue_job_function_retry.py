# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Retries of a job function, beside its pattern: growing waits, and which errors are retried."""

from odoo import api, fields, models, tools
from odoo.exceptions import ValidationError

from ..core.retry import Backoff, RetryPolicy, class_name, parse_exceptions
from ..dotted_path import loaded, may_be_loaded


class QueueJobFunction(models.Model):
    _inherit = "queue.job.function"

    backoff_base = fields.Float(
        string="First Wait",
        help="Seconds after the first try; each wait is longer than the one before. "
        "0: the retry pattern says how long.",
    )
    backoff_factor = fields.Float(
        string="Factor",
        default=2,
        help="Each wait is so many times the one before: 1 or more.",
    )
    backoff_cap = fields.Float(
        string="Longest Wait", default=3600, help="Seconds: no wait is longer."
    )
    backoff_jitter = fields.Float(
        string="Random Part",
        help="From 0 to 1: which part of a wait is random, so that jobs that failed together "
        "are not tried again together.",
    )
    retried_exceptions = fields.Text(
        string="Retry on",
        help="Names of exception classes, one a line, such as "
        "requests.exceptions.ConnectionError: a job that ends with one of them, or a subclass, "
        "is tried again.",
    )
    never_retried_exceptions = fields.Text(
        string="Never Retry on",
        help="Names of exception classes, one a line: a job that ends with one of them, or a "
        "subclass, fails at once. Of two classes that are named the nearer one counts.",
    )

    @api.constrains(
        "backoff_base", "backoff_factor", "backoff_cap", "backoff_jitter", "retry_pattern"
    )
    def _check_backoff(self):
        for function in self.filtered("backoff_base"):
            problems = function._backoff().problems()
            if function.retry_pattern:
                problems.append(
                    self.env._("Give a retry pattern or a first wait, not both: one has to count.")
                )
            if problems:
                raise ValidationError("\n".join(problems))

    @api.constrains("retried_exceptions", "never_retried_exceptions")
    def _check_exceptions(self):
        for function in self:
            try:
                policy = function._retry_policy()
            except ValueError as error:
                raise ValidationError(str(error)) from error
            problems = [
                self._problem_of_class(name)
                for name in sorted(policy.retried | policy.never_retried)
            ]
            both = policy.retried & policy.never_retried
            if both:
                problems.append(
                    self.env._(
                        "An error is retried, or it never is, not both: %s",
                        ", ".join(sorted(both)),
                    )
                )
            if any(problems):
                raise ValidationError("\n".join(filter(None, problems)))

    def _problem_of_class(self, name):
        """:return: str, why no error is of the class with this name, or None

        Of a module that is not loaded yet only its absence is known: a name that somebody
        has typed must not run code.
        """
        cls = loaded(name)
        if cls is None:
            if may_be_loaded(name):
                return None
            return self.env._("There is no class %s.", name)
        if not (isinstance(cls, type) and issubclass(cls, BaseException)):
            return self.env._("%s is no class of exceptions.", name)
        if class_name(cls) != name:
            return self.env._("%(name)s is %(own)s: write that.", name=name, own=class_name(cls))
        return None

    def _backoff(self):
        return Backoff(
            self.backoff_base, self.backoff_factor, self.backoff_cap, self.backoff_jitter
        )

    def _retry_policy(self):
        return RetryPolicy(
            backoff=self._backoff() if self.backoff_base else None,
            retried=parse_exceptions(self.retried_exceptions),
            never_retried=parse_exceptions(self.never_retried_exceptions),
        )

    @api.private
    @tools.ormcache("name")
    def retry_policy(self, name):
        """:return: :class:`~odoo.addons.queue_job.core.retry.RetryPolicy` of a job function"""
        function = self.sudo().search([("name", "=", name)], limit=1)
        return function._retry_policy() if function else RetryPolicy()
