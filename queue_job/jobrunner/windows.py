# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The windows of one database: what of its waiting jobs is read, and when.

The engine is told of one job in each channel, the first one; as soon as the engine takes it,
of the next. Since it decides between the first jobs of channels, its decisions are those of
an engine that knows them all. The jobs behind the first one are plain rows in the windows.
"""

from collections import defaultdict
from math import inf

from ..core.window import Window
from .heads import Heads
from .reader import Reader

#: Seconds until a channel is read again whose first job could not be marked: somebody is
#: writing it.
DEFERMENT = 0.25


class Windows:
    """Feeds the engine from the waiting jobs of a database.

    Times are seconds of one clock, whichever.

    :param database: :class:`.database.Database`
    :param manager: :class:`~..core.channel_manager.ChannelManager`
    :param taken: :class:`~..core.taken.Taken`, the jobs that are in slots; shared with the slots
    """

    def __init__(self, database, manager, taken):
        self._name = database.db_name
        self._manager = manager
        self._taken = taken
        self._windows = {}
        self._reader = Reader(database, taken, self._windows)
        #: names of the channels to be read from their beginning
        self._stale = set()
        #: name of the channel -> when it becomes stale
        self._deferred = {}
        self._heads = Heads(self._name, manager)
        self._suspended_until = -inf
        #: name of the channel -> how often it was read from its beginning
        self._generations = defaultdict(int)

    # -- what happened

    def note_changed(self, channels):
        """Something that waits in these channels is new or has changed."""
        self._stale.update(channels)

    def note_heads(self, heads):
        """Compare with what the database says, in case a notification was lost.

        :param heads: list of (channel, its first job), of the jobs that are due
        """
        for channel, head in heads:
            if not self._is_known(channel, head.id):
                self._note_head(channel, head)
        # the moment of an eta is only as good as the clocks were when it was read
        self._stale.update(channel for channel in self._windows if self._is_in_order(channel))

    def _note_head(self, channel, head):
        """The first job of a channel is one that was not read."""
        is_new = channel not in self._windows and channel not in self._stale
        if not is_new or self._suspended_until > -inf or self._is_in_order(channel):
            self._stale.add(channel)
            return
        # at the start, of all channels: they need not be asked one by one
        window = self._windows[channel] = Window(channel)
        window.extend([head], 1)
        self._tell_next(window)

    def _is_known(self, channel, job_id):
        head = self._head(channel)
        return job_id in self._taken or (head is not None and head.id == job_id)

    def _head(self, channel):
        window = self._windows.get(channel)
        return None if window is None else window.head

    def note_ended(self, ids, channel):
        """Jobs of a channel are no longer in a slot: they may have come to wait again meanwhile."""
        self._taken.discard(ids)
        if self._reader.forget(ids) or self._is_in_order(channel):
            self._stale.add(channel)

    def withdraw(self, uuid, channel):
        """A job runs, though nobody here has started it."""
        window = self._heads.window(uuid)
        if window is not None:
            self._forget(window.channel)
        self._stale.add(channel)

    def defer(self, channel, now):
        """A job could not be marked. Read its channel again in a moment, and not before."""
        self._deferred[channel] = now + DEFERMENT
        self._stale.discard(channel)
        if self._is_in_order(channel):
            self._forget(channel)

    def hide(self):
        """Let the engine start none of what it knows of here: the database can't be asked now.

        Whatever was being done may be half done.
        """
        self._heads.hide()

    def show(self):
        """The end of :meth:`hide`: all is as it was before."""
        self._heads.show()

    # -- reading

    def suspend(self, until):
        """Tell the engine of no waiting job before that moment."""
        self._suspended_until = max(until, self._suspended_until)
        for channel in list(self._windows):
            self._forget(channel)
            del self._windows[channel]
            self._stale.add(channel)

    def restart(self):
        """Read all channels anew: their limits, and with them what there is to read, changed."""
        for channel in {*self._windows, *self._heads.channels_with_failed()}:
            self._forget(channel)
            self._windows.pop(channel, None)
            self._stale.add(channel)

    def refresh(self, now):
        """Read the stale channels as far as a job could start there."""
        if now < self._suspended_until:
            self._renew_failed()
            return
        self._suspended_until = -inf
        for channel, moment in list(self._deferred.items()):
            if moment <= now:
                del self._deferred[channel]
                self._stale.add(channel)
        while channels := self._readable():
            for channel in channels:
                self._stale.discard(channel)
                self._read_anew(channel, now)

    def _renew_failed(self):
        """What has failed here holds up other databases, too, whatever is suspended."""
        for channel in self._stale:
            if self._is_in_order(channel):
                self._forget(channel)
                self._tell_failed(channel)

    def _readable(self):
        if not self._stale:
            return []
        has_room = self._manager.has_room
        return [
            channel
            for channel in self._stale
            if channel not in self._deferred and has_room(channel, self._name)
        ]

    def _is_in_order(self, channel):
        return self._manager.is_in_order(channel, self._name)

    def _read_anew(self, channel, now):
        self._generations[channel] += 1
        self._forget(channel)
        window = self._windows.setdefault(channel, Window(channel))
        if self._is_in_order(channel):
            self._tell_failed(channel)
            self._reader.read_first_in_order(window, now)
        else:
            self._reader.read_first(window)
        self._tell_next(window)

    def _tell_failed(self, channel):
        failed = self._reader.some_failed(channel)
        if failed is not None:
            self._heads.tell_failed(channel, failed)

    def _forget(self, channel):
        """Have the engine forget what waits in a channel, and what has failed."""
        if channel in self._windows:
            self._heads.forget(self._windows[channel])
        self._heads.forget_failed(channel)

    def _tell_next(self, window):
        """Tell the engine of the first job of a window, which it does not know yet."""
        window.head = self._reader.pop(window)
        if window.head is None:
            del self._windows[window.channel]
            return
        outdated = self._heads.tell(window)
        if outdated is not None:
            self._stale.add(outdated)

    # -- taking

    def take_head(self, uuid):
        """The engine has started the job ``uuid``: tell it of the next.

        :return: str, the channel as the row has it
        """
        window = self._heads.start(uuid)
        self._taken.add(window.channel, [window.head.id])
        self._tell_next(window)
        return window.channel

    def take_hints(self, channel, count, part=1):
        """Take the jobs that come next in a channel: before all that wait elsewhere.

        None where each start is decided by itself.

        :param int count: so many at most
        :param float part: of what waits there, when that is all read
        :return: (list of :class:`~..core.window.Waiting`; int, the id of the job that waits behind
            them, for slots that release jobs themselves; 0: none does; None: each start is decided by
            itself there, or others wait for the same capacity, or it is not known)
        """
        if self._manager.is_paced(channel, self._name):
            return [], None
        rival = self._manager.rival(self._name, channel)
        hints = self._take_before(rival, channel, count, part)
        return hints, None if rival else self._next_in(channel)

    def _take_before(self, rival, channel, count, part):
        head = self._head(channel)
        if head is None or (rival is not None and head[:3] >= rival):
            return []
        window = self._windows[channel]
        self._reader.fill(window, count)
        if window.is_complete:
            count = min(count, int(window.size * part))
        if not count:
            return []
        self._forget(channel)
        hints = [head, *window.pop_before(rival, count - 1)]
        self._taken.add(channel, [hint.id for hint in hints])
        self._tell_next(window)
        return hints

    def _next_in(self, channel):
        is_read = channel not in self._stale and channel not in self._deferred
        if not is_read or self._suspended_until > -inf:
            return None
        head = self._head(channel)
        return 0 if head is None else head.id

    def generation(self, channel):
        """:return: int, for :meth:`give_back`"""
        return self._generations[channel]

    def give_back(self, channel, rows, generation):
        """Jobs that were hinted still wait: no slot has them any more.

        :param generation: of the channel when they were taken
        """
        if not rows:
            return
        ids = [row.id for row in rows]
        self._taken.discard(ids)
        self._reader.forget(ids)
        if self._suspended_until > -inf or generation != self._generations[channel]:
            # what was read meanwhile did without them, and they may have changed since
            self._stale.add(channel)
        if channel in self._stale:
            return
        window = self._windows.get(channel)
        if window is None:
            # all of it was read and taken, and nothing was notified since
            window = self._windows[channel] = Window(channel)
            window.is_complete = True
        head = window.head
        self._forget(channel)
        window.give_back(rows if head is None else [*rows, head])
        self._tell_next(window)

    # -- when

    def wakeup_times(self):
        """Yield the moments at which :meth:`refresh` has something to do."""
        if self._suspended_until > -inf:
            yield self._suspended_until
        else:
            yield from self._deferred.values()
            if self._readable():
                yield -inf
