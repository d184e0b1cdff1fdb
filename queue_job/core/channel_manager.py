# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The engine: which jobs may start now, and when to look again.

It knows what it was told and what it answered, nothing else: no database, no clock.
"""

from heapq import nsmallest
from math import inf

from .allowance import Allowance
from .channel_config import parse_channels
from .channel_job import ChannelJob
from .channel_tree import ChannelTree
from .states import ENQUEUED, FAILED, PENDING, STARTED, WAIT_DEPENDENCIES

#: The states of a job that is still to be worked on, or to be looked after.
NOT_DONE = (WAIT_DEPENDENCIES, PENDING, ENQUEUED, STARTED, FAILED)

#: The states that take a unit of capacity in the channel and in each ancestor.
RUNNING = (ENQUEUED, STARTED)

#: The states that the engine remembers a job in; in any other it has nothing to decide.
KNOWN = (PENDING, *RUNNING, FAILED)

#: What holds for the databases without limits of their own.
UNLIMITED = Allowance({})


class ChannelManager:
    """The tree of channels with the jobs of all databases.

    Feed it with :meth:`notify`, then iterate over :meth:`get_jobs_to_run`. The next job is
    always the first by (priority, date_created, seq, database) of those that are due and
    whose channel has, with all its ancestors, room for it.

    Times are seconds since the epoch. Failed jobs matter to sequential channels only (see
    :meth:`is_in_order`); elsewhere they need not be told.

    >>> manager = ChannelManager()
    >>> manager.simple_configure("root:2, mail:1")
    >>> manager.notify("db", "mail", "A", 1, 0, 10, None, "pending")
    >>> manager.notify("db", "mail", "B", 2, 0, 10, None, "pending")
    >>> manager.notify("db", "root", "C", 3, 0, 10, 50, "pending")
    >>> list(manager.get_jobs_to_run(now=1)), manager.get_wakeup_time()
    ([<ChannelJob A>], 50)
    >>> manager.notify("db", "mail", "A", 1, 0, 10, None, "done")
    >>> list(manager.get_jobs_to_run(now=50))
    [<ChannelJob B>, <ChannelJob C>]
    """

    def __init__(self):
        self._tree = ChannelTree()
        self._root = self._tree.root
        self._for_job = self._tree.for_job
        self._jobs = {}
        #: (name of the database, channel) -> its waiting jobs. Those that compete for a start are
        #: in the queue of the channel; the limits of their database hold back the others.
        self._waiting = {}
        #: name of the database -> :class:`.allowance.Allowance`, of those with limits of their own
        self._allowances = {}
        self._now = -inf

    # Configuration

    @staticmethod
    def parse_simple_config(text):
        """The configured channels as dicts: ``name``, ``capacity`` and the set keys.

        :raise ValueError: with all that is wrong in ``text``
        """
        return [config.as_dict() for config in parse_channels(text)]

    def simple_configure(self, text):
        """Configure the channels that ``text`` names; the others stay as they are.

        :raise ValueError: with all that is wrong in ``text``; nothing is changed then
        """
        self._tree.apply(parse_channels(text))
        self._root.rebuild(self._now)

    def configure(self, configs):
        """Make ``configs`` the whole configuration, at any time, keeping all jobs.

        Channels that are not in it lose their limits (root: may run one job).

        :param configs: iterable of :class:`.channel_config.ChannelConfig`; the last one
            wins where a channel is there twice
        """
        self._tree.configure(configs)
        self._root.rebuild(self._now)

    def limit_database(self, db_name, configs):
        """Make ``configs`` all that limits the jobs of this database only, at any time.

        They hold beside the configuration, for the number, order and pace of its own jobs. What
        they hold back stops no job of another database.

        :param configs: iterable of :class:`.channel_config.ChannelConfig`; empty: no limits
        :return: bool, whether that is new
        """
        before = self._allowance(db_name)
        limits = {self._for_job(config.name): config for config in configs}
        if limits == before.limits:
            return False
        allowance = Allowance(limits, before.last_starts)
        for job in self._jobs.get(db_name, {}).values():
            if job.state != PENDING:
                allowance.count(job.channel, **_units(job))
            elif not allowance.wait(job):
                self._compete(job)
        self._allowances.pop(db_name, None)
        if limits:
            self._allowances[db_name] = allowance
        return True

    def get_channel_by_name(self, name, autocreate=False, parent_fallback=False):
        """The channel called ``name``, with or without ``root.``; empty: root.

        :param bool autocreate: create it, and the channels between, without limits
        :param bool parent_fallback: as ``autocreate``, for a job: in the created channel
            it runs under the nearest declared ancestor, whose limits hold for it
        :raise ChannelNotFound: there is none, and it is not to be created
        """
        return self._tree.find(name, create=autocreate or parent_fallback)

    def is_in_order(self, channel_name, db_name=None):
        """Whether the channel or an ancestor is sequential, for the jobs of a database.

        Such a channel needs to be told of failed jobs and of those with a future eta.
        """
        channel = self._for_job(channel_name)
        return channel.in_order or self._allowance(db_name).is_in_order(channel)

    def has_order(self, db_name=None):
        """Whether there is a sequential channel, for the jobs of a database."""
        return (
            any(channel.sequential for channel in self._tree)
            or self._allowance(db_name).has_order()
        )

    # What happened

    def notify(self, db_name, channel_name, uuid, seq, date_created, priority, eta, state):
        """A job is new or changed; telling the same again does nothing.

        :param channel_name: str; undeclared: it runs under its nearest declared ancestor
        :param eta: seconds since the epoch, None: at once
        :param str state: pending jobs wait, enqueued and started ones run, failed ones
            block a sequential channel, in any other state the job is forgotten
        """
        channel = self._for_job(channel_name)
        job = ChannelJob(db_name, channel, uuid, seq, date_created, priority, eta)
        job.state = state
        known = self._jobs.get(db_name, {}).get(uuid)
        if known is not None:
            if _is_same(known, job):
                known.state = state
                return
            self._forget(known)
        if state in KNOWN:
            self._learn(job)

    def remove_job(self, uuid, *, db_name=None):
        """Forget a job, unknown ones included.

        :param db_name: its database; None: whichever databases have that uuid
        """
        databases = list(self._jobs) if db_name is None else [db_name]
        for name in databases:
            job = self._jobs.get(name, {}).get(uuid)
            if job is not None:
                self._forget(job)

    def remove_db(self, db_name):
        """Forget all jobs of a database, and the limits of its own."""
        self._allowances.pop(db_name, None)
        for job in list(self._jobs.get(db_name, {}).values()):
            self._forget(job)

    def forget_waiting(self, db_name, channel_name):
        """Forget the waiting jobs of a database in this very channel; the others stay."""
        for job in list(self._waiting_in(db_name, channel_name)):
            self._forget(job)

    # What is to be done

    def get_jobs_to_run(self, now):
        """Iterate over the jobs to start at ``now``, the first one first.

        A job counts as running (enqueued) from the moment it is yielded. Each step
        decides anew, so the caller may notify, or stop iterating, between two jobs.
        """
        while True:
            self._advance(now)
            job = self._root.offer
            if job is None:
                return
            self._start(job)
            yield job

    def get_wakeup_time(self):
        """When a job may start that can't now, if nothing else happens; 0 for never.

        The earliest eta or end of a throttle of which this is true, later than the last
        ``now``. Jobs that could start at once are not waited for: ask after exhausting
        :meth:`get_jobs_to_run`. It may be too early for a database with limits of its own, of
        which each end of a throttle counts.
        """
        self._settle()
        wakes = [self._root.wake, *(allowance.wake for allowance in self._allowances.values())]
        return min((wake for wake in wakes if wake is not None), default=0)

    # Counts

    def waiting(self, db_name, channel_name):
        """Number of waiting jobs of a database in this very channel."""
        return len(self._waiting_in(db_name, channel_name))

    def waiting_jobs(self, db_name, channel_name, *, limit=None):
        """The waiting jobs of a database in this very channel, also those not due.

        :param limit: at most so many, None: all
        :return: list of :class:`.channel_job.ChannelJob` by priority, date_created, seq
        """
        jobs = self._waiting_in(db_name, channel_name)
        return nsmallest(len(jobs) if limit is None else limit, jobs, key=_order)

    def is_paced(self, channel_name, db_name=None):
        """Whether each start there has to be decided by itself.

        The channel or an ancestor is sequential, throttled or paused, for the jobs of a database.
        """
        channel = self._for_job(channel_name)
        return channel.is_paced or self._allowance(db_name).is_paced(channel)

    def has_room(self, channel_name, db_name=None):
        """Whether what waits in the channel matters now.

        The capacities and pauses of the channel and its ancestors allow a start of a job of the
        database, or a job that may not start holds up others.
        """
        allowance = self._allowance(db_name)
        has_room = True
        for channel in self._for_job(channel_name).path():
            # what is full below a channel that is sequential for the database holds up its others
            has_room = has_room or allowance.is_sequential(channel)
            has_room = has_room and (channel.has_room or channel.is_judged_above)
            has_room = has_room and allowance.has_room(channel)
        return has_room

    def rival(self, db_name, channel_name):
        """The first due job that waits elsewhere for the same capacity as this channel.

        Elsewhere is: another channel below an ancestor of it, or another database. It may be one
        that waits for what the limits of its own database give.

        :return: its order, (priority, date_created, seq); None when there is none
        """
        channel = self._for_job(channel_name)
        self._settle()
        orders = [job.order for job in self._of_other_databases(db_name, channel)]
        orders += [job.order for job in self._allowance(db_name).rivals(channel, self._now)]
        below = None
        for ancestor in channel.path():
            orders += ancestor.competitors(below, self._now)
            below = ancestor
        if not orders:
            return None
        _no_priority, priority, _no_date, date_created, seq, *_rest = min(orders)
        return priority, date_created, seq

    def _of_other_databases(self, db_name, channel):
        for other in self._jobs:
            waiting = () if other == db_name else self._waiting.get((other, channel), ())
            yield from (job for job in waiting if job.is_due(self._now) and job in channel.queue)

    def running(self, channel_name):
        """Number of running jobs of all databases in a channel and below it."""
        return self._for_job(channel_name).running

    def _waiting_in(self, db_name, channel_name):
        return self._waiting.get((db_name, self._for_job(channel_name)), ())

    def _learn(self, job):
        self._jobs.setdefault(job.db_name, {})[job.uuid] = job
        if job.state == PENDING:
            self._wait(job)
        else:
            self._count(job, 1)

    def _forget(self, job):
        _discard(self._jobs, job.db_name, job.uuid)
        if job.state == PENDING:
            self._stop_waiting(job)
            self._bubble(job.channel)
        else:
            self._count(job, -1)

    def _wait(self, job):
        self._waiting.setdefault((job.db_name, job.channel), {})[job] = True
        allowance = self._allowances.get(job.db_name)
        if allowance is None or not allowance.wait(job):
            self._line_up(job)

    def _line_up(self, job):
        job.channel.queue.add(job)
        self._bubble(job.channel)

    def _compete(self, job):
        if job not in job.channel.queue:
            self._line_up(job)

    def _hold_back(self, job):
        if job in job.channel.queue:
            job.channel.queue.remove(job)
            self._bubble(job.channel)

    def _stop_waiting(self, job):
        _discard(self._waiting, (job.db_name, job.channel), job)
        job.channel.queue.remove(job)
        allowance = self._allowances.get(job.db_name)
        if allowance is not None:
            allowance.stop_waiting(job)

    def _start(self, job):
        self._stop_waiting(job)
        job.state = ENQUEUED
        job.channel.note_start(self._now)
        self._count(job, 1)
        allowance = self._allowances.get(job.db_name)
        if allowance is not None:
            allowance.note_start(job.channel, self._now)

    def _count(self, job, number):
        units = _units(job, number)
        job.channel.count(**units)
        allowance = self._allowances.get(job.db_name)
        if allowance is not None:
            allowance.count(job.channel, **units)
        self._refresh_path(job.channel)

    def _allowance(self, db_name):
        return self._allowances.get(db_name, UNLIMITED)

    def _settle(self):
        """Let those jobs compete that the limits of their own databases let start now."""
        for allowance in self._allowances.values():
            if not allowance.is_settled(self._now):
                for job, competes in allowance.settle(self._now):
                    (self._compete if competes else self._hold_back)(job)

    def _advance(self, now):
        if now < self._now:
            self._now = now
            self._root.rebuild(now)
            for allowance in self._allowances.values():
                allowance.note_time(now)
        self._now = now
        if self._allowances:
            self._settle()
        if self._root.wake is not None and self._root.wake <= now:
            self._root.refresh(now)

    def _bubble(self, channel):
        for ancestor in channel.path():
            if not ancestor.refresh(self._now):
                return

    def _refresh_path(self, channel):
        for ancestor in channel.path():
            ancestor.refresh(self._now)


def _is_same(job, other):
    return (
        job.channel is other.channel
        and job.order == other.order
        and job.eta == other.eta
        and (job.state == other.state or (job.state in RUNNING and other.state in RUNNING))
    )


def _units(job, number=1):
    return {"failed" if job.state == FAILED else "running": number}


def _order(job):
    return job.order


def _discard(index, key, item):
    """Take ``item`` out of the dict ``index[key]``, which goes when it is empty."""
    index[key].pop(item)
    if not index[key]:
        del index[key]
