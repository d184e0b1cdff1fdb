# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The windows of one database: what of its waiting jobs is read, and when.

The engine is told of one job in each channel, the first one; as soon as the engine takes it,
of the next. Since it decides between the first jobs of channels, its decisions are those of
an engine that knows them all. The jobs behind the first one are plain rows in the windows.
"""

from collections import defaultdict
from math import inf

from ..core.states import FAILED, PENDING
from ..core.window import Window

#: Rows read at first, for a channel of which nothing is known; and at most.
FEW = 10
MANY = 1000
#: Rows read for each that is wanted, so that the next ones need no query.
PROVISION = 5
#: Rows that all windows of a database may hold in this way, besides a few each.
STOCK = 20_000
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
        self._database = database
        self._name = database.db_name
        self._manager = manager
        self._taken = taken
        self._windows = {}
        #: names of the channels to be read from their beginning
        self._stale = set()
        #: name of the channel -> when it becomes stale
        self._deferred = {}
        #: name of the channel -> uuid of the failed job that the engine knows
        self._failed = {}
        #: uuid of a job that the engine knows -> its window
        self._by_head = {}
        #: ids of jobs that were read while they were in slots
        self._passed_over = set()
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
        window = self._windows.get(channel)
        head = window and window.head
        return job_id in self._taken or (head is not None and head.id == job_id)

    def note_ended(self, ids, channel):
        """Jobs of a channel are no longer in a slot: they may have come to wait again meanwhile."""
        self._taken.discard(ids)
        passed_over = self._passed_over.intersection(ids)
        if passed_over or self._is_in_order(channel):
            self._passed_over -= passed_over
            self._stale.add(channel)

    def withdraw(self, uuid, channel):
        """A job runs, though nobody here has started it."""
        if uuid in self._by_head:
            self._forget(self._by_head[uuid].channel)
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
        for uuid in self._by_head:
            self._manager.remove_job(uuid, db_name=self._name)

    def show(self):
        """The end of :meth:`hide`: all is as it was before."""
        for window in self._by_head.values():
            self._tell(window)

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
        for channel in {*self._windows, *self._failed}:
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
        window.restart()
        if self._is_in_order(channel):
            self._read_in_order(window, now)
        else:
            # those in slots are read over again
            self._read_on(window, FEW + self._taken.count(channel))
        self._tell_next(window)

    def _read_on(self, window, limit):
        rows = self._database.first_jobs(window.channel, limit, window.after)
        if window.after is None:
            self._passed_over.update(row.id for row in rows if row.id in self._taken)
        window.extend(rows, limit, self._taken)

    def _provision(self, count, held=0):
        """How many rows to read where so many are wanted, and some of them are there."""
        spare = max(FEW, STOCK // len(self._windows))
        return min(count - held + min(count * (PROVISION - 1), spare), MANY)

    def _read_in_order(self, window, now):
        self._tell_failed(window.channel)
        row = self._database.first_in_order(window.channel)
        if row is not None:
            if row.eta is not None:
                row = row._replace(eta=now + row.eta if row.eta > 0 else None)
            window.extend([row], 1, self._taken)
        # one at a time: the end of each makes the channel stale
        window.is_complete = True

    def _tell_failed(self, channel):
        failed = self._database.some_failed(channel)
        if failed is not None:
            self._failed[channel] = failed
            self._manager.notify(self._name, channel, failed, 0, None, None, None, FAILED)

    def _forget(self, channel):
        """Have the engine forget what waits in a channel."""
        window = self._windows.get(channel)
        if window is not None and window.head is not None:
            del self._by_head[window.head.uuid]
            self._manager.remove_job(window.head.uuid, db_name=self._name)
            window.head = None
        failed = self._failed.pop(channel, None)
        # else it was moved to a channel that has been read since
        if failed is not None and failed not in self._failed.values():
            self._manager.remove_job(failed, db_name=self._name)

    def _tell_next(self, window):
        """Tell the engine of the first job of a window, which it does not know yet."""
        row = window.head = self._next_row(window)
        if row is None:
            del self._windows[window.channel]
            return
        outdated = self._by_head.get(row.uuid)
        if outdated is not None:
            # the job has changed its channel
            outdated.head = None
            self._stale.add(outdated.channel)
        self._by_head[row.uuid] = window
        self._tell(window)

    def _tell(self, window):
        row = window.head
        self._manager.notify(
            self._name,
            window.channel,
            row.uuid,
            row.id,
            row.date_created,
            row.priority,
            row.eta,
            PENDING,
        )

    def _next_row(self, window):
        limit = self._provision(FEW)
        while True:
            while window.needs_more(1):
                self._read_on(window, limit)
                # all of them are in slots: the others may be, too
                limit = FEW + self._taken.count(window.channel)
            row = window.pop()
            # a job that has changed its channel may be in a slot of the other one
            if row is None or row.id not in self._taken:
                return row

    # -- taking

    def take_head(self, uuid):
        """The engine has started the job ``uuid``: tell it of the next.

        :return: str, the channel as the row has it
        """
        window = self._by_head.pop(uuid)
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
        window = self._windows.get(channel)
        head = window and window.head
        if head is None or (rival is not None and head[:3] >= rival):
            return []
        if window.needs_more(count - 1):
            self._read_on(window, self._provision(count, len(window)))
        if window.is_complete:
            count = min(count, int(len(window) * part))
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
        window = self._windows.get(channel)
        return 0 if window is None or window.head is None else window.head.id

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
        self._passed_over.difference_update(ids)
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
