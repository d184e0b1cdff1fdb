# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The options with which a call can be delayed."""

#: Order matters: messages of the test helpers print the options in this order.
OPTION_NAMES = (
    "priority",
    "max_retries",
    "eta",
    "description",
    "channel",
    "identity_key",
)


#: Other names of options, as job_worker has them.
ALIASES = {"scheduled_at": "eta"}


def check_options(options):
    """:raises ValueError: naming each key of ``options`` that is not a job option"""
    unknown = [name for name in options if name not in OPTION_NAMES]
    if unknown:
        raise ValueError(
            f"Unknown job option: {', '.join(map(str, unknown))}. "
            f"The options are: {', '.join(OPTION_NAMES)}."
        )


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
