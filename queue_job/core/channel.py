# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""One node of the tree of channels: its limits, and the next job below it.

Each channel keeps two answers for the subtree that it heads: ``offer``, the job that it
would start now, and ``wake``, the first moment at which that may change by itself. A
change in a channel is told upwards, and only as far as an answer changes; so a decision
costs a few heap operations for each level of the tree, however many jobs and channels
there are.

Below a sequential channel another rule holds: the channels there offer their first job
in strict order, whatever its eta and their limits, and the sequential channel (the
highest one, if they are nested) judges whether that job may start.
"""

from .channel_queue import ChannelQueue
from .priority_queue import PriorityQueue


class Channel:
    """A channel and its counts, which include all channels below it.

    :param str name: last part of the full name
    :param parent: :class:`Channel`; None for root
    :param capacity: int, how many jobs may run at once; 0 or None: no limit
    :param bool sequential: strictly one job after the other
    :param throttle: least seconds between two starts; 0: none
    :param bool paused: start nothing
    """

    __slots__ = (
        "_below_sequential",
        "_last_start",
        "_offers",
        "_wakes",
        "capacity",
        "children",
        "failed",
        "fullname",
        "name",
        "offer",
        "parent",
        "paused",
        "queue",
        "running",
        "sequential",
        "throttle",
        "wake",
    )

    def __init__(
        self, name, parent=None, capacity=None, sequential=False, throttle=0, paused=False
    ):
        self.name = name
        self.parent = parent
        self.fullname = f"{parent.fullname}.{name}" if parent else name
        self.children = {}
        #: Number of jobs in the subtree that take capacity.
        self.running = 0
        #: Number of failed jobs in the subtree.
        self.failed = 0
        #: The jobs that wait in this very channel.
        self.queue = ChannelQueue()
        #: The job that the subtree would start, None for none.
        self.offer = None
        #: When the answer may change by itself, None for never.
        self.wake = None
        self._offers = PriorityQueue()
        self._wakes = PriorityQueue()
        self._last_start = None
        self.set_limits(capacity, sequential, throttle, paused)
        self._follow_parent()
        if parent:
            parent.children[name] = self

    def set_limits(self, capacity=None, sequential=False, throttle=0, paused=False):
        """Replace all limits; they hold after the next :meth:`rebuild` of the tree."""
        self.capacity = capacity
        self.sequential = sequential
        self.throttle = throttle
        self.paused = paused

    @property
    def in_order(self):
        """Whether the jobs here start in strict order: sequential, or below such a one."""
        return self.sequential or self._below_sequential

    @property
    def is_judged_above(self):
        """Whether the limits here matter only to a sequential channel above.

        The first job here holds up that one's others, though it may not start itself.
        """
        return self._below_sequential

    @property
    def is_paced(self):
        """Whether each start of a job here has to be decided by itself."""
        return any(
            channel.sequential or channel.throttle or channel.paused for channel in self.path()
        )

    @property
    def has_room(self):
        """Whether its capacity and pause allow a start."""
        return not self.paused and not (self.capacity and self.running >= self.capacity)

    @property
    def is_closed(self):
        """Whether nothing may start here before something happens."""
        return not self.has_room or (self.sequential and self.failed > 0)

    def throttled_until(self, now):
        """End of the pause after the last start; None when there is none at ``now``."""
        if not self.throttle or self._last_start is None:
            return None
        end = self._last_start + self.throttle
        return end if end > now else None

    def path(self):
        """This channel and its ancestors, root last."""
        channel = self
        while channel is not None:
            yield channel
            channel = channel.parent

    def count(self, running=0, failed=0):
        """Add to the counts of this channel and of its ancestors."""
        for channel in self.path():
            channel.running += running
            channel.failed += failed

    def note_start(self, now):
        """A job of this channel was started at ``now``: begin the throttle's pause."""
        for channel in self.path():
            channel._last_start = now

    def refresh(self, now):
        """Answer again for this channel and tell the parent.

        :return: bool, whether an answer changed
        """
        offer, wake = self._answer(now)
        if offer is self.offer and wake == self.wake:
            return False
        self.offer, self.wake = offer, wake
        if self.parent:
            self.parent._hear(self)
        return True

    def competitors(self, below, now):
        """The best jobs that compete with those of a channel below for the capacity here.

        :param below: the child of this channel on the path to that one; None: it is this one
        :return: list of orders of jobs, for the first ones by kind
        """
        orders = [self._offers.first_rank_besides(below)]
        if below is not None:
            head = self.queue.head(now)
            orders.append(head and head.order)
        return [order for order in orders if order is not None]

    def rebuild(self, now):
        """Answer again for the whole subtree: limits changed, or time stepped back."""
        self._follow_parent()
        if self._last_start is not None:
            # a pause that would begin in the future begins now
            self._last_start = min(self._last_start, now)
        for child in self.children.values():
            child.rebuild(now)
        self.refresh(now)

    def __repr__(self):
        return (
            f"<Channel {self.fullname} capacity={self.capacity} waiting={len(self.queue)} "
            f"running={self.running} failed={self.failed}>"
        )

    def _follow_parent(self):
        self._below_sequential = self.parent is not None and self.parent.in_order
        self.queue.sequential = self.in_order

    def _hear(self, child):
        if child.offer is None:
            self._offers.remove(child)
        else:
            self._offers.add(child, child.offer.order)
        if child.wake is None:
            self._wakes.remove(child)
        else:
            self._wakes.add(child, child.wake)

    def _answer(self, now):
        if self._below_sequential:
            return self._first(now), None
        if self.is_closed:
            return None, None
        if self.sequential:
            return self._answer_in_order(now)
        self._refresh_due_children(now)
        offer = self._first(now)
        wake = _earliest(self.queue.next_eta(), self._wakes.first_rank())
        return self._hold_back(offer, wake, self.throttled_until(now))

    def _answer_in_order(self, now):
        job = self._first(now)
        start = None if job is None else self._earliest_start(job, now)
        if start is None:
            return None, None
        return (job, None) if start <= now else (None, start)

    def _earliest_start(self, job, now):
        start = now if job.is_due(now) else job.eta
        for channel in job.channel.path():
            if channel.is_closed:
                return None
            start = _latest(start, channel.throttled_until(now))
            if channel is self:
                break
        return start

    def _hold_back(self, offer, wake, until):
        if until is None:
            return offer, wake
        if offer is not None:
            return None, until
        return None, None if wake is None else max(wake, until)

    def _refresh_due_children(self, now):
        wake = self._wakes.first_rank()
        while wake is not None and wake <= now:
            self._wakes.first().refresh(now)
            wake = self._wakes.first_rank()

    def _first(self, now):
        """The first job of the subtree, as its channels offer it."""
        own, child = self.queue.head(now), self._offers.first()
        if child is None:
            return own
        if own is None or child.offer.order < own.order:
            return child.offer
        return own


def _earliest(moment, other):
    if moment is None or other is None:
        return moment if other is None else other
    return min(moment, other)


def _latest(moment, other):
    return moment if other is None else max(moment, other)
