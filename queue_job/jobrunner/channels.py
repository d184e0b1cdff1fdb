# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The channel classes under their public import path; they live in ``core``."""

from ..core.channel import Channel
from ..core.channel_job import ChannelJob
from ..core.channel_manager import NOT_DONE, ChannelManager
from ..core.channel_queue import ChannelQueue
from ..core.priority_queue import PriorityQueue

__all__ = [
    "NOT_DONE",
    "Channel",
    "ChannelJob",
    "ChannelManager",
    "ChannelQueue",
    "PriorityQueue",
]
