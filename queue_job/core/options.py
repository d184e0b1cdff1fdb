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


def check_options(options):
    """:raises ValueError: naming each key of ``options`` that is not a job option"""
    unknown = [name for name in options if name not in OPTION_NAMES]
    if unknown:
        raise ValueError(
            f"Unknown job option: {', '.join(map(str, unknown))}. "
            f"The options are: {', '.join(OPTION_NAMES)}."
        )


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
