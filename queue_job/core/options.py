# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The options with which a call can be delayed."""

from .time_limit import check_timeout

#: Order matters: messages of the test helpers print the options in this order.
OPTION_NAMES = (
    "priority",
    "max_retries",
    "eta",
    "description",
    "channel",
    "identity_key",
)


#: Options that came later: they are handed on only where they are given.
MORE_OPTION_NAMES = ("identity_scope", "timeout")

#: While which jobs with the same identity key no other is created: those that wait, as ever;
#: or also those that run.
IDENTITY_SCOPES = ("waiting", "started")

#: Other names of options, as job_worker has them.
ALIASES = {"scheduled_at": "eta"}


def check_options(options):
    """:raises ValueError: naming each key of ``options`` that is not a job option, or a value
    that it can't have
    """
    known = OPTION_NAMES + MORE_OPTION_NAMES
    unknown = [name for name in options if name not in known]
    if unknown:
        raise ValueError(
            f"Unknown job option: {', '.join(map(str, unknown))}. "
            f"The options are: {', '.join(known)}."
        )
    scope = options.get("identity_scope")
    if scope is not None and scope not in IDENTITY_SCOPES:
        raise ValueError(
            f"The identity scope is one of {', '.join(IDENTITY_SCOPES)}, not {scope!r}."
        )
    if options.get("timeout") is not None:
        check_timeout(options["timeout"])


def resolve_aliases(options):
    """Give the options their own names.

    :return: dict
    :raises ValueError: an option is given under both names, and differs
    """
    if not ALIASES.keys() & options.keys():
        return options
    resolved = {name: value for name, value in options.items() if name not in ALIASES}
    eta = merge_eta(options.get("eta"), options.get("scheduled_at"))
    return {**resolved, "eta": eta}


def merge_eta(eta, scheduled_at):
    """``scheduled_at`` is another name of ``eta``.

    :return: the one that is given
    :raises ValueError: both are given, and differ
    """
    if scheduled_at is None or eta == scheduled_at:
        return eta
    if eta is None:
        return scheduled_at
    raise ValueError(
        f"eta and scheduled_at are two names of one option, given as {eta!r} and {scheduled_at!r}."
    )


def given(**options):
    """:return: dict of those options that are not None"""
    return {name: value for name, value in options.items() if value is not None}
