# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Limits of channels that were set in the web client, and what they make of the configuration."""

from dataclasses import dataclass, replace
from math import inf

from .channel_config import ROOT, ROOT_CAPACITY, ChannelConfig, channel_path


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

    def as_config(self):
        """:return: :class:`.channel_config.ChannelConfig`, its limits and no others"""
        return self.override(ChannelConfig(self.name, capacity=0))

    def override(self, config):
        """:return: :class:`.channel_config.ChannelConfig`, ``config`` with what is set here"""
        if not self.overrides:
            return replace(config, paused=config.paused or self.paused)
        return ChannelConfig(
            config.name, self.capacity, self.sequential, self.throttle, self.paused
        )


def in_effect(configs, limits_by_database):
    """What limits all jobs of a job runner, and what those of each of its databases besides.

    The limits of the only database replace those of the configuration. Several databases share
    its channels: there, the limits of each hold for its own jobs, within the configuration.

    :param configs: iterable of :class:`.channel_config.ChannelConfig`
    :param limits_by_database: dict, name -> list of :class:`ChannelLimits`
    :return: (list of :class:`.channel_config.ChannelConfig`, dict name -> list of them)
    """
    by_path = {config.path: config for config in configs}
    if len(limits_by_database) != 1:
        own = {
            name: [limit.as_config() for limit in limits]
            for name, limits in limits_by_database.items()
        }
        return list(by_path.values()), own
    ((name, limits),) = limits_by_database.items()
    for limit in limits:
        path = channel_path(limit.name)
        base = by_path.get(path) or ChannelConfig(limit.name, capacity=0 if path else ROOT_CAPACITY)
        by_path[path] = limit.override(base)
    return list(by_path.values()), {name: []}
