# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Finding databases to serve, and those that are not there any more; without waiting for any."""

import logging
import math
import time

import psycopg2

from . import settings
from .candidate import Candidate
from .errands import Errands

_logger = logging.getLogger(__name__)

#: Seconds between two searches for databases that came or went.
DISCOVERY_INTERVAL = 10
#: What asks for the names of the databases.
LISTING = object()


class Discovery:
    """Lists the databases, and has those that are not served tried now and then.

    :param make_database: function that returns the :class:`.database.Database` of a name
    """

    def __init__(self, make_database):
        self._make_database = make_database
        self._errands = Errands()
        #: name -> :class:`.candidate.Candidate`
        self._candidates = {}
        #: name -> why it is not served; "": why no names are known
        self._reported = {}
        self._next_listing = 0

    def start(self):
        """List the databases at the next look."""
        self._next_listing = 0

    def close(self):
        for candidate in self._candidates.values():
            candidate.database.close()
        self._candidates.clear()

    def fileno(self):
        """Readable when there is something for :meth:`look`."""
        return self._errands.fileno()

    @property
    def is_waiting(self):
        """Whether something is under way."""
        return bool(self._errands)

    def wakeup_time(self):
        """:return: when :meth:`look` has something to begin"""
        candidates = self._candidates.values()
        attempts = [one.next_attempt for one in candidates if not one.is_under_way]
        return min([self._next_listing, *attempts])

    def look(self, served, list_names):
        """Take what was found, and begin what is due.

        :param served: names of the databases that are served
        :param list_names: function that returns the names of all that are to be served
        :return: (list of the names of those that are gone, list of the :class:`.candidate.Candidate`
            that this runner leads from now on; the same may be in both)
        """
        results = self._errands.results()
        led = [
            candidate
            for candidate, problem, error in results
            if candidate is not LISTING and self._end_attempt(candidate, problem, error)
        ]
        known = {*served, *(candidate.database.db_name for candidate in led)}
        gone = []
        for errand, names, error in results:
            if errand is LISTING:
                gone = self._note_names(names, error, known)
        self._begin(time.monotonic(), list_names)
        return gone, led

    def _begin(self, now, list_names):
        if now >= self._next_listing:
            # until the answer is there
            self._next_listing = math.inf
            self._errands.send(LISTING, list_names)
        for candidate in self._candidates.values():
            if now >= candidate.next_attempt and not candidate.is_under_way:
                candidate.is_under_way = True
                self._errands.send(candidate, candidate.attempt)

    def _note_names(self, names, error, known):
        """:return: list of the names of those that are known to be served, and not there any more"""
        self._next_listing = time.monotonic() + DISCOVERY_INTERVAL
        if error is not None:
            if not isinstance(error, (psycopg2.Error, OSError)):
                raise error
            self.report("", f"can't list the databases: {first_line(error)}")
            return []
        if names:
            self._reported.pop("", None)
        else:
            self.report("", "there is no database to serve: create one, or set db_name")
        for name in set(self._candidates).difference(names):
            self._candidates.pop(name).database.close()
        for name in set(self._reported).difference(names, [""]):
            # should it come back, that is news
            del self._reported[name]
        for name in names:
            if name not in known and name not in self._candidates:
                self.add(name, 0)
        return sorted(known.difference(names))

    def add(self, name, next_attempt, was_lost=False):
        """Try to serve a database from that moment on; see :class:`.candidate.Candidate`."""
        self._candidates[name] = Candidate(self._make_database(name), next_attempt, was_lost)

    def _end_attempt(self, candidate, problem, error):
        """:return: bool, whether this runner leads the database now"""
        name = candidate.database.db_name
        if self._candidates.get(name) is not candidate:
            candidate.database.close()
            return False
        if error is None and problem is None:
            del self._candidates[name]
            return True
        if error is not None:
            if not isinstance(error, (psycopg2.Error, OSError)):
                raise error
            self.report(name, f"can't connect: {first_line(error)}")
        else:
            self.report(name, problem)
        candidate.note_end(problem, time.monotonic())
        return False

    # -- what is told

    def report(self, name, problem):
        """Say once what is wrong; louder where the configuration names the database."""
        if self._reported.get(name) == problem:
            return
        self._reported[name] = problem
        level = logging.WARNING if settings.are_databases_named() or not name else logging.INFO
        subject = f"database {name} is not served: " if name else ""
        _logger.log(level, "%s%s", subject, problem)

    def note_served(self, name):
        """Whatever was wrong with the database is over."""
        self._reported.pop(name, None)

    def not_served(self):
        """:return: dict name -> why"""
        return {name or "databases": why for name, why in self._reported.items()}

    def under_way(self):
        """:return: dict what -> since when a thread is at it"""
        return {
            "listing the databases"
            if errand is LISTING
            else f"an attempt at {errand.database.db_name}": since
            for errand, since in self._errands.under_way()
        }


def first_line(error):
    """The first line of an error's text: PostgreSQL's go on with hints."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
