# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The job runner: hands out the pending jobs of all databases to Odoo's workers.

One thread, one loop: ``run_once()`` takes what the databases and the workers have told,
lets the engine decide, sends requests, and waits for more. What may run is decided in
``core``; this module and its neighbours only carry it out. See
``docs/architecture.rst``.
"""

import functools
import logging
import math
import os
import select
import time
import weakref
from contextlib import contextmanager, suppress

import psycopg2

from ..core.channel_config import parse_channels
from ..core.channel_limits import in_effect
from ..core.channel_manager import ChannelManager
from ..core.pace import Pace
from ..core.runner_config import RunnerConfig
from . import settings
from .candidate import FIRST_RETRY
from .database import Database
from .discovery import Discovery, first_line
from .dispatcher import MAX_THREADS, Dispatcher
from .errands import Errands
from .heartbeat import HealthFile, Heartbeat
from .lane import Crew
from .leadership import LeadershipLost
from .served_database import ServedDatabase

_logger = logging.getLogger(__name__)

#: Seconds to wait after an unexpected error before the loop starts again.
ERROR_RECOVERY_DELAY = 5
#: Seconds to wait for the databases at the start.
INITIAL_PATIENCE = 10
#: Seconds between two looks at notifications that stream in, and how many looks may follow
#: each other at once after some quiet.
NOTIFICATION_INTERVAL = 0.02
NOTIFICATION_BURST = 5
#: Seconds in which the databases are told at the end that others may take over.
FAREWELL = 5
#: Seconds of waiting, at most: so often is ``is_abandoned`` asked.
LONGEST_WAIT = 5


class MasterElectionLost(Exception):
    """Another runner drives the database."""


class QueueJobRunner:
    """Serves the databases until it is stopped.

    :param config: :class:`~..core.runner_config.RunnerConfig`
    """

    def __init__(self, config=None):
        self.config = config or RunnerConfig()
        self.channel_manager = ChannelManager()
        self.channel_manager.simple_configure(self.config.channels)
        self._configured = parse_channels(self.config.channels)
        self._applied, _own = in_effect(self._configured, {})
        self._served = {}
        self._crew = Crew()
        self._discovery = Discovery(functools.partial(_make_database, self.config))
        #: beats as long as the loop goes on
        self.heartbeat = Heartbeat()
        self._health_file = None
        if self.config.health_file:
            self._health_file = HealthFile(self.config.health_file, self._describe)
            self.heartbeat.add(self._health_file.write)
        self._pace = Pace(NOTIFICATION_INTERVAL, NOTIFICATION_BURST)
        self._stop = False
        self._dispatcher = None
        self._stop_pipe = os.pipe()
        weakref.finalize(self, _close, self._stop_pipe)

    @classmethod
    def from_environ_or_config(cls):
        """A runner configured by the environment, odoo.conf and Odoo's options.

        :raise ValueError: with one line for each thing that is wrong there
        """
        return cls(settings.load())

    def is_abandoned(self):
        """Whether the runner should end because the server that started it is gone."""
        return False

    def get_db_names(self):
        """:return: list of the names of the databases to serve"""
        return settings.database_names()

    # -- the loop

    def run(self):
        """Serve the databases until :meth:`stop`, whatever goes wrong meanwhile."""
        _logger.info("starting")
        while not self._stop:
            try:
                self.initialize_databases()
                _logger.info("database connections ready")
                while not self._stop:
                    self.run_once()
            except (KeyboardInterrupt, SystemExit):
                self.stop()
            except MasterElectionLost as error:
                _logger.info("%s; trying again in %s s", error, ERROR_RECOVERY_DELAY)
                self._recover()
            except Exception:
                _logger.exception("unexpected error; again in %s s", ERROR_RECOVERY_DELAY)
                self._recover()
        self.close_databases()
        if self._health_file is not None:
            self._health_file.remove()
        _logger.info("stopped")

    def run_once(self):
        """One turn of the loop: take, look, decide, send, wait."""
        self.heartbeat.beat()
        self.find_databases()
        self.resume_databases()
        self.process_responses()
        self.process_notifications()
        self.apply_limits()
        self.look_after_jobs()
        self.run_jobs()
        self.wait_notification()
        if self.is_abandoned():
            _logger.info("the server is gone")
            self.stop()

    def stop(self):
        """End the loop soon; may be called by signal handlers and other threads."""
        self._stop = True
        with suppress(OSError):
            os.write(self._stop_pipe[1], b".")

    def _describe(self):
        """What :class:`.health.Health` tells of the databases."""
        waits = [(name, served.lane.wait) for name, served in self._served.items()]
        under_way = {f"an answer of {name}": wait.since for name, wait in waits if wait}
        under_way |= self._discovery.under_way()
        ready = sorted(name for name, served in self._served.items() if served.is_ready)
        return ready, self._discovery.not_served(), under_way

    def _recover(self):
        self.close_databases()
        self._wait([], ERROR_RECOVERY_DELAY)

    # -- databases

    def initialize_databases(self):
        """Connect to the databases and take the lead in those that no other runner has.

        Those that do not answer for long are left for later.
        """
        self._discovery.start()
        deadline = time.monotonic() + INITIAL_PATIENCE
        self.find_databases()
        while (left := deadline - time.monotonic()) > 0 and not self._stop:
            waits = self._waits()
            if not self._discovery.is_waiting and not waits:
                break
            self.heartbeat.beat()
            self._wait([self._discovery], min([left, *_seconds_left(waits)]), waits)
            self.find_databases()
            self.resume_databases()

    def find_databases(self):
        """Serve the databases that came, let go of those that went; without waiting for any."""
        gone, led = self._discovery.look(self._served, self.get_db_names)
        for candidate in led:
            self._serve(candidate)
        for name in self._served.keys() & gone:
            self._lose(name, "it is not there any more")

    def _serve(self, candidate):
        served = ServedDatabase(
            candidate.database,
            self.channel_manager,
            self.config.urls,
            candidate.leadership,
            self._crew,
            candidate.reached_since,
        )
        self._served[served.name] = served
        self._do(served, self._take_over, served)

    def _take_over(self, served):
        served.take_over(time.monotonic())
        self._discovery.note_served(served.name)
        served.is_ready = True
        _logger.info("queue job runner ready for db %s", served.name)

    def _lose(self, name, reason):
        if self._served[name].is_ready:
            _logger.warning("database %s is no longer served: %s", name, reason)
        else:
            self._discovery.report(name, reason)
        self._let_go(name)

    def _let_go(self, name):
        self._served.pop(name).close()
        if self._dispatcher is not None:
            self._dispatcher.leave(name)
        self.channel_manager.remove_db(name)

    def _do(self, served, function, *arguments):
        """Do something for a database, at once or after what it is being waited for."""
        with self._guarding(served):
            served.lane.do(function, *arguments)

    @contextmanager
    def _guarding(self, served):
        """An error of one database ends serving it, until it is found again."""
        try:
            yield
        except (psycopg2.Error, OSError, LeadershipLost) as error:
            self._lose(served.name, first_line(error))
            # a moment later: it may be only the connection
            was_lost = not isinstance(error, LeadershipLost)
            self._discovery.add(served.name, time.monotonic() + FIRST_RETRY, was_lost)
        except Exception as error:
            # something is in its rows that nobody has thought of: the others go on
            _logger.exception("unexpected error in database %s", served.name)
            self._lose(served.name, f"{type(error).__name__}: {first_line(error)}")
            self._discovery.add(served.name, time.monotonic() + ERROR_RECOVERY_DELAY)

    def _idle(self):
        """:return: list of the databases of which no answer is being waited for"""
        return [served for served in self._served.values() if served.lane.wait is None]

    def _waits(self):
        """:return: list of :class:`.lane.Wait`"""
        return [served.lane.wait for served in self._served.values() if served.lane.wait]

    def close_databases(self):
        self._leave_leased()
        for name in list(self._served):
            self._let_go(name)
        self._discovery.close()

    def _leave_leased(self):
        """A lease would keep other runners out for a while: end it, where that is soon done."""
        leaving = {served for served in self._served.values() if served.is_leased}
        errands = Errands()
        for served in leaving:
            errands.send(served, served.leave)
        deadline = time.monotonic() + FAREWELL
        while leaving and (left := deadline - time.monotonic()) > 0:
            select.select([errands], [], [], left)
            leaving.difference_update(served for served, _none, _error in errands.results())

    # -- the steps

    def resume_databases(self):
        """Go on where an answer of PostgreSQL took long, and is there."""
        for served in list(self._served.values()):
            with self._guarding(served):
                served.lane.resume()

    def process_responses(self):
        """Take the answers of Odoo: capacity is free again, or Odoo is out of reach."""
        for response in self._dispatcher.responses() if self._dispatcher else ():
            served = self._served.get(response.db_name)
            if served is not None:
                self._do(served, served.note_response, response, time.monotonic())

    def process_notifications(self):
        """Take what the databases have notified."""
        for served in self._idle():
            self._do(served, self._take_notifications, served)

    def _take_notifications(self, served):
        if served.note_notifications():
            self._pace.note(time.monotonic())

    def apply_limits(self):
        """Let the limits hold that were set in the web clients of the databases."""
        limits = {name: served.limits for name, served in self._served.items()}
        configs, own = in_effect(self._configured, limits)
        changed = [name for name in own if self.channel_manager.limit_database(name, own[name])]
        for name in changed:
            _logger.info("channels of database %s: %s", name, _text(own[name]) or "no own limits")
        if configs != self._applied:
            self._applied = configs
            self.channel_manager.configure(configs)
            _logger.info("channels: %s", _text(configs))
            changed = list(self._served)
        for served in [self._served[name] for name in changed]:
            self._do(served, served.note_limits, time.monotonic())

    def look_after_jobs(self):
        """Find what nobody notifies, and read what was notified."""
        for served in self._idle():
            self._do(served, served.look_after_jobs, time.monotonic())

    def run_jobs(self):
        """Have all jobs run that the engine lets run now."""
        now = time.monotonic()
        for job in self.channel_manager.get_jobs_to_run(now):
            served = self._served[job.db_name]
            self._do(served, served.choose, job)
        for served in self._idle():
            self._do(served, self._request_jobs, served, now)

    def _request_jobs(self, served, now):
        if served.has_chosen:
            self._request_chosen(served, now)
        url = served.quiet_server(now)
        if url is not None:
            self._get_dispatcher().park(served.name, url)

    def _request_chosen(self, served, now):
        dispatcher = self._get_dispatcher()
        # on its way while they are marked
        dispatcher.call(served.name)
        slots = served.start(now)
        for slot, url in slots:
            dispatcher.submit(served.name, slot, url)
        if not slots:
            dispatcher.leave(served.name)

    def _get_dispatcher(self):
        if self._dispatcher is None:
            # the capacity of root, which can change, limits them further
            self._dispatcher = Dispatcher(self.config, MAX_THREADS)
        return self._dispatcher

    def wait_notification(self):
        """Wait until something happens or is due."""
        now = time.monotonic()
        times = [self._discovery.wakeup_time(), now + LONGEST_WAIT]
        idle, waits = self._idle(), self._waits()
        times += [served.wakeup_time() for served in idle]
        times += [wait.deadline for wait in waits]
        times += filter(None, [self.channel_manager.get_wakeup_time()])
        if any(served.database.has_notifications() for served in idle):
            times.append(self._pace.next_time())
        deadline = max(now, min(times))
        urgent = [self._discovery, *filter(None, [self._dispatcher])]
        databases = [served.database for served in idle]
        # notifications may wait a moment, so that one look takes many of them
        quiet_until = min(self._pace.next_time(), deadline)
        if quiet_until > now and self._wait(urgent, quiet_until - now, waits):
            return
        self._wait([*urgent, *databases], max(0, deadline - time.monotonic()), waits)

    def _wait(self, files, seconds, waits=()):
        """Wait for one of the files to be readable, :meth:`stop`, or the time.

        :param waits: list of :class:`.lane.Wait`, to wait for as well
        :return: bool, whether something is there
        """
        try:
            poll = select.poll()
            for file in [self._stop_pipe[0], *files]:
                poll.register(file, select.POLLIN)
            for wait in waits:
                poll.register(wait.file, wait.events)
            # rounded up: a turn that comes too early has nothing to do, again and again
            return bool(poll.poll(math.ceil(seconds * 1000)))
        except (OSError, ValueError, psycopg2.Error):
            # A connection is gone. Its next step says so, and serving it ends there.
            _logger.debug("waiting was cut short", exc_info=True)
            return True


def _close(descriptors):
    for descriptor in descriptors:
        with suppress(OSError):
            os.close(descriptor)


def _seconds_left(waits):
    now = time.monotonic()
    return [max(0, wait.deadline - now) for wait in waits]


def _text(configs):
    """Channels as they are written in the configuration."""
    return ", ".join(map(str, configs))


def _make_database(config, name):
    return Database(name, config.database, config.poll_only)
