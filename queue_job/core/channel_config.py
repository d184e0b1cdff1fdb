# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The channel text of the configuration, parsed into values.

``name[:capacity[:key[=value]…]]``, separated by commas or newlines, as in::

    root:4, root.mail:2
    root.erp:1:sequential
    root.shop:1:throttle=0.5
"""

import math
import re
from dataclasses import dataclass

ROOT = "root"
#: What root may run at once when the configuration does not say it.
ROOT_CAPACITY = 1
KEYS = ("sequential", "throttle", "paused")
TRUE = ("", "1", "true", "yes", "on")
FALSE = ("0", "false", "no", "off")


@dataclass(frozen=True)
class ChannelConfig:
    """What the administrator says about one channel.

    :param str name: dotted, as written: ``root.`` may be missing
    :param int capacity: how many jobs may run at once in it and below it; 0: no limit
    :param bool sequential: strictly one after the other
    :param throttle: int or float, least seconds between two starts; 0: none
    :param bool paused: start nothing
    """

    name: str
    capacity: int = 1
    sequential: bool = False
    throttle: float = 0
    paused: bool = False

    @property
    def path(self):
        """Names from below root down to the channel; empty for root itself."""
        return channel_path(self.name)

    def __str__(self):
        """As it is written in the configuration."""
        throttle = f"throttle={self.throttle:g}" if self.throttle else ""
        keys = ["sequential" * self.sequential, throttle, "paused" * self.paused]
        return ":".join([self.name, str(self.capacity), *filter(None, keys)])

    def as_dict(self):
        """``name``, ``capacity`` and, of the other keys, those that are set."""
        keys = {key: getattr(self, key) for key in KEYS if getattr(self, key)}
        return {"name": self.name, "capacity": self.capacity, **keys}


def channel_path(name):
    """Names from below root down to the channel ``name``; empty for root itself.

    >>> channel_path("root.mail.out"), channel_path("mail.out"), channel_path("root")
    (('mail', 'out'), ('mail', 'out'), ())

    :param name: str, with or without ``root.``; None and empty: root
    :return: tuple of str
    """
    names = tuple(filter(None, (part.strip() for part in (name or "").split("."))))
    return names[1:] if names[:1] == (ROOT,) else names


def complete_name(name):
    """The name of a channel from root on.

    >>> complete_name("mail"), complete_name("root.mail"), complete_name(None)
    ('root.mail', 'root.mail', 'root')
    """
    return ".".join((ROOT, *channel_path(name)))


def parse_channels(text):
    """The channels that ``text`` configures, in its order.

    A channel written twice is there twice; whoever applies them lets the last one win.

    :return: list of :class:`ChannelConfig`
    :raise ValueError: with one line for each entry that is wrong
    """
    channels, errors = [], []
    for entry in _entries(text):
        try:
            channels.append(_parse_entry(entry))
        except ValueError as error:
            errors.append(f"channel {entry!r}: {error}")
    if errors:
        raise ValueError("Invalid channel configuration:\n" + "\n".join(errors))
    return channels


def runner_enabled(text):
    """Whether a runner should run here: not when root is given the capacity 0.

    :raise ValueError: as :func:`parse_channels`
    """
    capacities = [config.capacity for config in parse_channels(text) if not config.path]
    return not capacities or capacities[-1] > 0


def _entries(text):
    entries = (entry.strip() for entry in re.split(r"[,\n]", text or ""))
    return [entry for entry in entries if entry]


def _parse_entry(entry):
    name, *rest = (part.strip() for part in entry.split(":"))
    _check_name(name)
    capacity = _parse_capacity(rest[0]) if rest else 1
    config = ChannelConfig(name, capacity, **_parse_keys(rest[1:]))
    if config.sequential and config.capacity != 1:
        raise ValueError(
            f"a sequential channel runs one job at a time, not {capacity}: "
            "write the capacity 1, or leave out 'sequential'"
        )
    return config


def _check_name(name):
    if not name:
        raise ValueError("the name is missing: write name:capacity, for instance root:4")
    if not all(part.strip() for part in name.split(".")):
        raise ValueError(f"the name {name!r} has an empty part: write one dot between two names")


def _parse_capacity(text):
    try:
        capacity = int(text)
    except ValueError:
        capacity = -1
    if capacity < 0:
        raise ValueError(
            f"the capacity {text!r} is not a whole number: write how many jobs may run at "
            "once, 0 for no limit (root:0 for no runner), or leave out all after the name"
        )
    return capacity


def _parse_keys(parts):
    keys = {}
    for part in parts:
        key, value = _parse_key(part)
        if key in keys:
            raise ValueError(f"{key!r} is there twice: leave out one")
        keys[key] = value
    return keys


def _parse_key(part):
    key, _separator, value = (text.strip() for text in part.partition("="))
    if key not in KEYS:
        raise ValueError(f"{part!r} is unknown: use {', '.join(KEYS)}")
    return key, _parse_throttle(value) if key == "throttle" else _parse_flag(key, value)


def _parse_throttle(text):
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ValueError(
            f"the throttle {text!r} is not a number of seconds above 0: write for "
            "instance throttle=2, or leave it out"
        )
    return int(seconds) if seconds.is_integer() else seconds


def _parse_flag(key, text):
    if text.lower() not in TRUE + FALSE:
        raise ValueError(f"{text!r} is no value of {key!r}: write just {key}")
    return text.lower() in TRUE
