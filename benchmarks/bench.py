"""The stack on which both sides are measured."""

import contextlib
import itertools
import os
import traceback
from dataclasses import replace

import psycopg2

from stack import Cluster, Places, StackError
from stack.database import Databases
from stack.postgres import PORT

from .counters import StatementCounter
from .progress import say
from .results import Results
from .roles import HARNESS, RUNNER
from .side import Side
from .site import Site

#: Commits are to cost what they cost: unlike the tests' cluster, this one writes to the disk.
SETTINGS = {"fsync": "on", "full_page_writes": "on"}
STATEMENTS = "pg_stat_statements"
PREFIX = "qj_bench_"


class Bench:
    """A running cluster, the sides with their templates, and the results. Made by :meth:`prepared`.

    :param options: of the command
    :param directory: an existing directory for all files
    """

    WORKERS = 4
    CHANNELS = "root:4"

    def __init__(self, options, directory, cluster, sides, settings):
        self.sizes = options.sizes
        self.parts = options.parts
        self.directory = directory
        self.cluster = cluster
        self.databases = Databases(cluster, has_pages=False)
        self.sides = sides
        self.settings = settings
        self.results = Results([side.name for side in sides])
        self.templates = {}
        self._sites = {}
        self._numbers = itertools.count(1)

    @classmethod
    @contextlib.contextmanager
    def prepared(cls, options, directory):
        """Yield a bench whose cluster runs, with the databases to copy."""
        usual = Places.find()
        # databases, filestores and cluster of our own: the settings differ from those of the tests
        places = replace(
            usual, cache=usual.cache / "benchmark", postgres=usual.postgres / "benchmark"
        )
        places.cache.mkdir(parents=True, exist_ok=True)
        sides = [Side.checkout("ours")]
        if options.ours:
            sides.append(Side.checkout("other", options.ours))
        elif not options.is_alone:
            sides.append(Side.published(usual))
        settings = dict(SETTINGS)
        if (Cluster(places).libraries / f"{STATEMENTS}.so").exists():
            settings["shared_preload_libraries"] = STATEMENTS
        with Cluster(places, settings) as cluster:
            bench = cls(options, directory, cluster, sides, settings)
            bench._prepare()
            try:
                yield bench
            finally:
                bench.close_sites()

    def _prepare(self):
        for role in (RUNNER, HARNESS):
            if not self.cluster.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]):
                self.cluster.execute(f"CREATE ROLE {role} SUPERUSER LOGIN")
        if self.counts_statements:
            self.cluster.execute(f"CREATE EXTENSION IF NOT EXISTS {STATEMENTS}")
            with self.connect() as connection:
                StatementCounter(connection, None).stop()
        self._drop_abandoned()
        for side in self.sides:
            self.templates[side.name] = side.template(self.databases, self.directory)

    @property
    def counts_statements(self):
        """Whether PostgreSQL has pg_stat_statements here."""
        return "shared_preload_libraries" in self.settings

    @contextlib.contextmanager
    def connect(self, database="postgres"):
        """Yield an autocommit connection of our own role."""
        connection = psycopg2.connect(
            host=self.cluster.host, port=PORT, user=HARNESS, dbname=database
        )
        connection.autocommit = True
        try:
            yield connection
        finally:
            connection.close()

    # -- sites

    def site(self, side, is_running=False):
        """Return the side's site with or without a server, kept for the parts to come."""
        key = side.name, is_running
        if key not in self._sites:
            with contextlib.ExitStack() as stack:
                site = stack.enter_context(self.fresh_site(side))
                if is_running:
                    site.start_server()
                self._sites[key] = site, stack.pop_all()
        return self._sites[key][0]

    @contextlib.contextmanager
    def fresh_site(self, side):
        """Yield a :class:`.site.Site` with a new database."""
        number = next(self._numbers)
        name = f"{PREFIX}{os.getpid()}_{number}"
        directory = self.directory / str(number)
        directory.mkdir()
        with (
            self.databases.temporary(name, self.templates[side.name]),
            Site(self, side, name, directory) as site,
        ):
            yield site

    def close_site(self, side, is_running=False):
        """End a site that :meth:`site` has kept, if it has."""
        _site, stack = self._sites.pop((side.name, is_running), (None, contextlib.ExitStack()))
        stack.close()

    def close_sites(self):
        """End all that the parts before have left, so that nothing else runs."""
        with contextlib.ExitStack() as stack:
            for _site, site_stack in self._sites.values():
                stack.push(site_stack)
            self._sites.clear()

    def _drop_abandoned(self):
        query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
        for (name,) in self.cluster.execute(query, [PREFIX]):
            pid = name.removeprefix(PREFIX).partition("_")[0]
            if not os.path.exists(f"/proc/{pid}"):
                self.databases.drop(name)

    # -- turns

    def alternate(self, part, work, repetitions=None):
        """Call ``work(side)`` for one side after the other, again and again, each time in the opposite order.

        A side that fails is left out from then on; the others go on.

        :param repetitions: None for as many as the sizes say
        """
        left = list(self.sides)
        for _number in range(repetitions or self.sizes.repetitions):
            for side in list(left):
                if not self.guard(part, side, work, side):
                    left.remove(side)
            # what the one before leaves behind hits each of them
            left.reverse()

    def guard(self, part, side, work, *arguments):
        """Call ``work``, of the whole part with the bench; what goes wrong is among the results.

        :return: bool, whether it went well
        """
        try:
            work(*(arguments or (self,)))
        except Exception as error:
            text = str(error).strip() or type(error).__name__
            if not isinstance(error, StackError):
                # of our own making
                say(traceback.format_exc())
                text = f"{type(error).__name__}: {text}"
            self.results.add_problem(part, side and side.name, text)
            say(f"   {text}")
            return False
        return True
