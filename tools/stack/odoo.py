"""Odoo: its configuration file, a running server, and scripts run in it."""

import contextlib
import http.client
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from .errors import StackError, last_complaint
from .places import REPOSITORY
from .ports import HOST, free_ports
from .postgres import PORT as POSTGRES_PORT
from .postgres import USER as POSTGRES_USER
from .process import Child, Logged
from .waiting import wait_until

# What a developer's shell may hold and would change what is being looked at. Without bytecode, each start of Odoo
# would compile all of it again.
STRIPPED = re.compile(r"ODOO_|QUEUE_JOB__|TEST_QUEUE_JOB|PG|PYTHONDONTWRITEBYTECODE$")


def clean_environ(extra=None):
    """Return our environment without the product's variables, with ``extra``."""
    kept = {key: value for key, value in os.environ.items() if not STRIPPED.match(key)}
    return {**kept, **(extra or {})}


@dataclass
class OdooConfig:
    """The content of an odoo.conf; ``options`` and ``queue_job`` add to its two sections or replace what is there
    (``None`` leaves a line out).

    :param database: None for all that the cluster has
    :param addons: directories added to the addons path; the repository, which holds ``queue_job``, comes first
    :param channels: the runner's channels, None to load no runner
    """

    places: object
    database: str | None
    workers: int = 0
    channels: str | None = None
    addons: tuple = ()
    options: dict = field(default_factory=dict)
    queue_job: dict = field(default_factory=dict)
    http_port: int = 0
    gevent_port: int = 0

    def text(self):
        sections = [_section("options", self._options())]
        if self.channels is not None:
            sections.append(_section("queue_job", {"channels": self.channels, **self.queue_job}))
        return "\n".join(sections)

    def write(self, path):
        Path(path).write_text(self.text())
        return Path(path)

    def _options(self):
        wide = "base,rpc,web" if self.channels is None else "base,rpc,web,queue_job"
        return {
            "addons_path": ",".join(map(str, [*self._own_addons(), *_odoo_addons(), *self.addons])),
            "db_host": self.places.postgres,
            "db_port": POSTGRES_PORT,
            "db_user": POSTGRES_USER,
            "db_name": self.database,
            "data_dir": self.places.data,
            "http_interface": HOST,
            "http_port": self.http_port,
            "gevent_port": self.gevent_port,
            "list_db": False,
            "workers": self.workers,
            "max_cron_threads": 1,
            "server_wide_modules": wide,
            **self.options,
        }

    def _own_addons(self):
        # Odoo refuses a path without a single addon
        return [REPOSITORY] if (REPOSITORY / "queue_job" / "__manifest__.py").exists() else []


def _section(name, options):
    lines = [f"{key} = {value}\n" for key, value in options.items() if value is not None]
    return "".join([f"[{name}]\n", *lines])


def _odoo_addons():
    """Return the addons directory that a source checkout has beside its package; a package has all in one place."""
    parent = os.environ.get("QUEUE_JOB_ODOO")
    return (
        [Path(parent, "addons").absolute()]
        if parent and Path(parent, "addons", "web").exists()
        else []
    )


class OdooServer(Logged):
    """A real Odoo server as a child process. Use it as a context manager: inside, it answers.

    :param config: an :class:`OdooConfig`; ports that are 0 are chosen here
    :param directory: an existing directory for its configuration file and its log
    :param environ: variables of the server's environment beside our own
    """

    START_TIMEOUT = 120

    def __init__(self, config, directory, environ=None):
        self.config = config
        self.directory = Path(directory)
        self.environ = environ or {}
        self.log = self.directory / "odoo.log"
        ports = free_ports(2)
        config.http_port = config.http_port or ports[0]
        config.gevent_port = config.gevent_port or ports[1]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc_info):
        self.stop()

    @property
    def url(self):
        return f"http://{HOST}:{self.config.http_port}"

    def start(self):
        """Start the server and wait until it answers."""
        conf = self.config.write(self.directory / "odoo.conf")
        self.child = Child(
            [self.config.places.odoo, "-c", conf], self.log, env=clean_environ(self.environ)
        )
        try:
            wait_until(self._is_up, self.START_TIMEOUT, "Odoo's start")
        except BaseException:
            self.stop()
            raise

    def stop(self, patience=2):
        """Stop the server: in order for ``patience`` seconds, then without waiting for its workers.

        They end their work at once, but then tidy up for seconds before they are gone.
        """
        if self.child:
            self.child.stop(patience, 10)

    def wait_for_log(self, pattern, timeout=30):
        """Return the match of the regular expression ``pattern`` in the log once it is there."""
        return wait_until(
            lambda: re.search(pattern, self.log_text()), timeout, f"{pattern!r} in {self.log}"
        )

    def get(self, path, headers=None, timeout=30):
        """Return (status, body) of a GET request."""
        connection = http.client.HTTPConnection(HOST, self.config.http_port, timeout=timeout)
        with contextlib.closing(connection):
            connection.request("GET", path, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.read()

    def _is_up(self):
        if not self.is_running:
            raise StackError(
                f"Odoo ended while starting ({last_complaint(self.log)})", f"see {self.log}"
            )
        try:
            return self.get("/web/health", timeout=5)[0] == 200
        except (OSError, http.client.HTTPException):
            return False


def run_odoo(config, arguments, directory, log=None, program=None, environ=None):
    """Run Odoo's server with ``arguments`` until it ends; return its exit status and the path of its log.

    :param program: another script to start Odoo with
    :param environ: variables of Odoo's environment beside our own
    """
    directory = Path(directory)
    log = Path(log or directory / "run.log")
    conf = config.write(directory / "run.conf")
    with Child(
        [program or config.places.odoo, "-c", conf, *arguments], log, env=clean_environ(environ)
    ) as child:
        return child.process.wait(), log


def run_script(config, script, directory, environ=None):
    """Run the Python text ``script`` in ``odoo shell``, in a process of its own; return what it printed.

    As in the shell, ``env`` is there, and nothing is kept without ``env.cr.commit()``.
    """
    directory = Path(directory)
    log = directory / "shell.log"
    conf = config.write(directory / "shell.conf")
    (directory / "shell.py").write_text(script)
    argv = [config.places.odoo, "shell", "-c", conf, "--no-http"]
    with (directory / "shell.py").open() as stdin, (directory / "shell.out").open("w+") as stdout:
        with Child(argv, log, env=clean_environ(environ), stdin=stdin, stdout=stdout) as child:
            if child.process.wait():
                raise StackError(
                    f"the script in odoo shell failed ({last_complaint(log)})", f"see {log}"
                )
        stdout.seek(0)
        return stdout.read()
