# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Limits of channels that were set in the web client, and what they make of the configuration."""

from dataclasses import dataclass, replace
from math import inf

from .channel_config import ROOT, ChannelConfig


@dataclass(frozen=True)
class ChannelLimits:
    """What a database says about one channel.

    :param str name: complete name
    :param bool overrides: capacity, sequential and throttle replace the configured ones
    :param int capacity: how many jobs may run at once; 0: no limit
    :param throttle: least seconds between two starts; 0: none
    :param bool paused: start nothing
    """

    name: str
    overrides: bool = False
    capacity: int = 1
    sequential: bool = False
    throttle: float = 0
    paused: bool = False

    def problems(self):
        """:return: list of str, what is wrong with it"""
        problems = []
        if not self.overrides:
            return problems
        if self.capacity < 0:
            problems.append("The capacity is a number of jobs, 0 for no limit.")
        if self.name == ROOT and self.capacity == 0:
            problems.append("The root channel has a limit: give it a capacity of 1 or more.")
        if self.sequential and self.capacity != 1:
            problems.append("A sequential channel runs one job at a time: give it the capacity 1.")
        if not 0 <= self.throttle < inf:
            problems.append("The rate is a number of jobs, 0 for no limit.")
        return problems


def limited(configs, limits_by_database):
    """The configuration with what databases say about its channels.

    The limits of the only database replace those of the configuration. Of several databases,
    which share the channels, none can take more than the configuration gives: the strictest
    limits hold, for all of them.

    :param configs: iterable of :class:`.channel_config.ChannelConfig`
    :param limits_by_database: list of lists of :class:`ChannelLimits`, one for each database
    :return: list of :class:`.channel_config.ChannelConfig`
    """
    by_path = {config.path: config for config in configs}
    apply = _override if len(limits_by_database) == 1 else _narrow
    for limits in limits_by_database:
        for limit in limits:
            path = ChannelConfig(limit.name).path
            base = by_path.get(path) or ChannelConfig(limit.name, capacity=1 if not path else 0)
            by_path[path] = apply(base, limit)
    return list(by_path.values())


def _override(config, limits):
    if not limits.overrides:
        return replace(config, paused=config.paused or limits.paused)
    return ChannelConfig(
        config.name, limits.capacity, limits.sequential, limits.throttle, limits.paused
    )


def _narrow(config, limits):
    config = replace(config, paused=config.paused or limits.paused)
    if not limits.overrides:
        return config
    capacities = [capacity for capacity in (config.capacity, limits.capacity) if capacity]
    return replace(
        config,
        capacity=min(capacities, default=0),
        sequential=config.sequential or limits.sequential,
        throttle=max(config.throttle, limits.throttle),
    )
