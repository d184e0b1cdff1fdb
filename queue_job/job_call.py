# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What a job calls: a method, on records that know their company and that they are in a job."""

from odoo import models

from .argument_type import first_undecodable
from .core.secret import shown
from .declaration import function_name
from .exception import JobError


def default_description(method):
    """:return: str, first line of the docstring of ``method``, else ``model.method``"""
    docstring = (method.__doc__ or "").strip()
    if docstring:
        return docstring.splitlines()[0].strip()
    return f"{method.__self__._name}.{method.__name__}"


class Call:
    """The part of :class:`.job.Job` about its method, and what is declared of that."""

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
        # without a choice of companies all of the user's were allowed
        others = [id_ for id_ in records.env.companies.ids if id_ != self.company_id]
        return records.with_context(allowed_company_ids=[self.company_id, *others])

    def _is_company_of_user(self, env):
        if self._user_company_id and env.uid == self.user_id:
            return self._user_company_id == self.company_id
        return env.company.id == self.company_id

    @property
    def func_string(self):
        arguments = [shown(arg) for arg in self.args]
        arguments += [f"{key}={shown(value, key)}" for key, value in self.kwargs.items()]
        return f"{self.recordset!r}.{self.method_name}({', '.join(arguments)})"

    @property
    def description(self):
        if not self._description:
            self._description = default_description(getattr(self.recordset, self.method_name))
        return self._description

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

    def _check_call(self):
        """:raises JobError: the row, which somebody has changed, holds no call"""
        if not isinstance(self.args, tuple) or not isinstance(self.kwargs, dict):
            raise JobError(
                f"The arguments in the row of job {self.uuid} are not a list and a dict:"
                f" {self.args!r}, {self.kwargs!r}. Cancel the job and delay the method again."
            )
        if self.recordset._name != self.model_name:
            raise JobError(
                f"The records in the row of job {self.uuid} are not of the model"
                f" {self.model_name}, or nothing can be made of them. Cancel the job and delay"
                " the method again."
            )
        if self.method_name.startswith("__"):
            raise JobError(f"{self.method_name} of job {self.uuid} is none that can be delayed.")
        undecodable = first_undecodable(self.args) or first_undecodable(self.kwargs)
        if undecodable:
            raise JobError(
                f"Nothing can be made of an argument of job {self.uuid}: {dict(undecodable)!r}:"
                f" {undecodable.reason}."
            )

    def on_fail(self, values):
        """Call the method that the job function names for a failed job, if any.

        :param values: dict ``exc_info exc_name exc_message``, its keyword arguments
        """
        name = self.job_config.on_fail_method_name
        if name:
            self._method(name)(**values)

    def related_action(self):
        """
        :return: action dict of what the job is about, or None
        :raise JobError: its job function names none that could be called
        """
        config = self.job_config
        if not config.related_action_enable:
            return None
        name = config.related_action_func_name or "related_action_open_record"
        # with the rights of who opens it, whatever the function is
        record = self.db_record().with_env(self.env)
        if callable(name):
            return name(record, **config.related_action_kwargs)
        if not isinstance(name, str):
            raise JobError(f"The related action of {self.job_function_name} has no name.")
        if name.startswith("__") or hasattr(models.BaseModel, name):
            raise JobError(f"{name} is no related action: it is a method of every model.")
        if not hasattr(record, name):
            raise JobError(
                f"The related action of {self.job_function_name} is {name}: queue.job has no such method."
            )
        return getattr(record, name)(**config.related_action_kwargs)
