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
