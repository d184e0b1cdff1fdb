# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The channel classes under their public import path; they and the states live in ``core``."""

from ..core.channel import Channel
from ..core.channel_job import ChannelJob
from ..core.channel_manager import NOT_DONE, ChannelManager
from ..core.channel_queue import ChannelQueue
from ..core.priority_queue import PriorityQueue
from ..core.states import (
    CANCELLED,
    DONE,
    ENQUEUED,
    FAILED,
    PENDING,
    STARTED,
    WAIT_DEPENDENCIES,
)

__all__ = [
    "CANCELLED",
    "DONE",
    "ENQUEUED",
    "FAILED",
    "NOT_DONE",
    "PENDING",
    "STARTED",
    "WAIT_DEPENDENCIES",
    "Channel",
    "ChannelJob",
    "ChannelManager",
    "ChannelQueue",
    "PriorityQueue",
]
