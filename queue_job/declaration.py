# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What code declares about jobs with decorators, as in the old ``connector`` and until series 13.

On methods they are deprecated: records of ``queue.job.function`` say the same, and go before
what is declared here. Plain functions have no other way to be jobs.
"""

import functools
import warnings
from dataclasses import dataclass, replace

from .core.channel_config import complete_name
from .core.options import take_options
from .core.retry import check_retry_pattern
from .core.time_limit import check_timeout
from .dotted_path import addon_of, is_installed, path_of
from .exception import JobError

#: Attribute of what is decorated.
_ATTRIBUTE = "_queue_job_declaration"

#: Method of every model that calls a declared function, named by the first argument of its job.
RUN_FUNCTION = "_run_job_function"

#: dotted path -> function declared with :func:`job`
_functions = {}


@dataclass(frozen=True)
class Declaration:
    """Defaults of a method without a job function; None: nothing is declared.

    :param str channel: complete name
    :param dict retry_pattern: as that of job functions
    :param timeout: seconds that a try may take, 0 for no limit
    :param tuple related_action: the name of a method of ``queue.job``, or a callable, or None
        for no action at all; and a dict of its keyword arguments
    """

    channel: str | None = None
    retry_pattern: dict | None = None
    related_action: tuple | None = None
    timeout: int | None = None


def job(func=None, default_channel="root", retry_pattern=None, timeout=None):
    """Declare that a method or a function runs in jobs.

    Of a method it gives the defaults where no job function says otherwise; deprecated, since
    every method can be delayed. A function of a module gets a method :func:`delay`::

        @job(default_channel="root.shop")
        def import_order(env, model_name, number):
            env[model_name].create({"name": number})

        import_order.delay(env, "shop.order", "42", priority=5)

    :param str default_channel: complete name; ``root.`` may be left out
    :param dict retry_pattern: as that of job functions
    :param timeout: seconds that a try may take; 0 or None: as long as it likes
    :raises ValueError: wrong retry pattern or timeout
    """
    if func is None:
        return functools.partial(
            job, default_channel=default_channel, retry_pattern=retry_pattern, timeout=timeout
        )
    _declare(
        func,
        channel=complete_name(default_channel),
        retry_pattern=check_retry_pattern(retry_pattern or {}),
        timeout=None if timeout is None else check_timeout(timeout),
    )
    if _is_of_module(func):
        _functions[path_of(func)] = func
        func.delay = functools.partial(delay, func)
    else:
        _deprecate("@job", "channel, retry pattern and time limit")
    return func


def related_action(action=None, **kwargs):
    """Declare what opens from the jobs of a method or function.

    :param action: name of a method of ``queue.job``, or a callable that gets the record of
        the job; None: nothing opens
    :param kwargs: keyword arguments of the action
    """

    def declare(func):
        _declare(func, related_action=(action, kwargs))
        if not _is_of_module(func):
            _deprecate("@related_action", "related action")
        return func

    return declare


def _declare(func, **values):
    setattr(func, _ATTRIBUTE, replace(getattr(func, _ATTRIBUTE, Declaration()), **values))


def _is_of_module(func):
    return "." not in func.__qualname__


def _deprecate(decorator, what):
    warnings.warn(
        f"{decorator} on a method is deprecated: declare its {what} in a record of"
        " queue.job.function, or leave it out.",
        DeprecationWarning,
        stacklevel=3,
    )


# -- plain functions


def delay(func, env, model_name, *args, **kwargs):
    """Delay ``func(env, model_name, *args, **kwargs)``.

    :param kwargs: the options of ``with_delay()``, and those of ``func``
    :return: as that of ``with_delay().method()``
    :raises JobError: ``func`` is not declared in an installed addon
    """
    path = path_of(func)
    declared_function(path, env)
    options = take_options(kwargs)
    options["description"] = options.get("description") or describe(func)
    recordset = env[model_name].with_delay(**options)
    return getattr(recordset, RUN_FUNCTION)(path, *args, **kwargs)


def describe(func):
    """:return: str, the first line of its docstring, else its path"""
    docstring = (func.__doc__ or "").strip()
    return docstring.splitlines()[0].strip() if docstring else path_of(func)


def declared_function(path, env):
    """:return: the function :raises JobError: none is declared, or its addon not installed"""
    func = _functions.get(path) if isinstance(path, str) else None
    if func is None:
        raise JobError(f"{path!r} is no function that an addon has declared with @job.")
    if not addon_of(path) or not is_installed(path, env):
        raise JobError(f"The addon of the function {path} is not installed.")
    return func


def function_name(method_name, args):
    """:return: str, path of the function that a job calls, or None: it calls a method"""
    is_call = method_name == RUN_FUNCTION and args and isinstance(args, (list, tuple))
    return args[0] if is_call and isinstance(args[0], str) else None


# -- reading


def of_function(path):
    """:return: :class:`Declaration`, maybe an empty one"""
    return getattr(_functions.get(path), _ATTRIBUTE, Declaration())


def of_method(cls, name):
    """What is declared nearest to a class; an override need not declare it again.

    :return: :class:`Declaration`, maybe an empty one
    """
    found = Declaration()
    for base in cls.__mro__:
        declared = vars(getattr(vars(base).get(name), _ATTRIBUTE, Declaration()))
        missing = {key: value for key, value in declared.items() if getattr(found, key) is None}
        found = replace(found, **missing)
    return found
