# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The channels of the engine by their names, and which of them a job is in."""

from ..exception import ChannelNotFound
from .channel import Channel
from .channel_config import ROOT, ROOT_CAPACITY, channel_path


class ChannelTree:
    """All channels that were declared, or that a job was in.

    >>> tree = ChannelTree()
    >>> tree.for_job("a.b").parent is tree.find("root.a")
    True
    """

    def __init__(self):
        self.root = Channel(ROOT, capacity=ROOT_CAPACITY)
        self._channels = {(): self.root}
        self._by_name = {}

    def __iter__(self):
        return iter(self._channels.values())

    def find(self, name, create=False):
        """The channel called ``name``, with or without ``root.``; empty: root.

        :param bool create: create it, and the channels between, without limits
        :raise ChannelNotFound: there is none, and it is not to be created
        """
        channel = self._by_name.get(name)
        if channel is None:
            channel = self._by_name[name] = self._find(name, create)
        return channel

    def for_job(self, name):
        """The channel in which a job runs: where it is not declared, under the nearest one that is."""
        return self.find(name, create=True)

    def configure(self, configs):
        """Make ``configs`` all limits that there are; root may run one job if it has none."""
        for channel in self:
            channel.set_limits()
        self.root.set_limits(capacity=ROOT_CAPACITY)
        self.apply(configs)

    def apply(self, configs):
        """Set the limits of these channels; the others stay as they are."""
        for config in configs:
            self.find(config.name, create=True).set_limits(
                config.capacity, config.sequential, config.throttle, config.paused
            )

    def _find(self, name, create):
        path = channel_path(name)
        if path in self._channels:
            return self._channels[path]
        if not create:
            raise ChannelNotFound(f"Channel {name!r} is not configured")
        return self._create(path)

    def _create(self, path):
        channel = self.root
        for depth, name in enumerate(path, start=1):
            known = channel.children.get(name)
            channel = known or Channel(name, parent=channel)
            self._channels[path[:depth]] = channel
        return channel
