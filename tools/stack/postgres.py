"""PostgreSQL: one cluster for all that runs at the same time, on a Unix socket only.

Everybody who uses the cluster holds a shared lock on the file ``users``; who is the last one to leave stops it. For
users that end without leaving (the kernel releases their lock all the same) whoever starts the cluster also starts a
keeper, a ``flock`` that waits until it has the file alone and then stops the cluster. A cluster without a keeper was
started by other means and is left running.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
from pathlib import Path

import psycopg2

from .errors import StackError, last_line

USER = "odoo"
PORT = 5432
LONGEST_SOCKET_PATH = 107
# The databases are scratch ones: a crash of the machine may take them. Sockets are for every local user, since
# PostgreSQL may run as another one than Odoo.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0777",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
}


class Cluster:
    """Use it as a context manager: inside, PostgreSQL runs.

    :param settings: dict of settings of PostgreSQL that add to ``SETTINGS`` or replace what is there
    """

    def __init__(self, places, settings=None):
        self.places = places
        self.settings = {**SETTINGS, **(settings or {})}
        self.root = places.postgres
        self.data = self.root / "data"
        self.log = self.root / "log"
        self._users = None
        self._keeper_file = self.root / "keeper.pid"

    def __enter__(self):
        self._make_root()
        with (self.root / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._users = (self.root / "users").open("a")
            fcntl.flock(self._users, fcntl.LOCK_SH)
            try:
                self._initialise()
                if not self.is_running:
                    self._start()
            except BaseException:
                self._users.close()
                raise
        return self

    def __exit__(self, *exc_info):
        with self._users:
            if self._is_last_user() and (keeper := self._keeper()):
                self._postgres_program(
                    "pg_ctl", "-D", self.data, "-m", "fast", "-w", "-s", "stop", check=False
                )
                with contextlib.suppress(ProcessLookupError):
                    os.kill(keeper, signal.SIGTERM)

    @property
    def host(self):
        return str(self.root)

    @property
    def environ(self):
        """The variables with which PostgreSQL's own programs find the cluster."""
        return {"PGHOST": self.host, "PGPORT": str(PORT), "PGUSER": USER}

    @property
    def is_running(self):
        return (
            self._postgres_program("pg_ctl", "-D", self.data, "status", check=False).returncode == 0
        )

    @contextlib.contextmanager
    def connect(self, database="postgres"):
        """Yield an autocommit psycopg2 connection and close it."""
        connection = psycopg2.connect(host=self.host, port=PORT, user=USER, dbname=database)
        connection.autocommit = True
        try:
            yield connection
        finally:
            connection.close()

    def execute(self, query, parameters=None, database="postgres"):
        """Run one statement on a connection of its own; return its rows, None when it has none."""
        with self.connect(database) as connection, connection.cursor() as cursor:
            cursor.execute(query, parameters)
            return cursor.fetchall() if cursor.description else None

    # -- starting and stopping

    def _make_root(self):
        if len(f"{self.root}/.s.PGSQL.{PORT}") > LONGEST_SOCKET_PATH:
            raise StackError(
                f"{self.root} is too long a path for PostgreSQL's socket",
                "set QUEUE_JOB_PG to a shorter one",
            )
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            (self.root / "lock").touch()
        except OSError as error:
            raise StackError(
                f"{self.root} can't be written ({error.strerror})", "set QUEUE_JOB_PG"
            ) from None

    def _initialise(self):
        if (self.data / "PG_VERSION").exists():
            return
        if self.places.is_root:
            subprocess.run(["chown", "postgres", self.root], check=True)
        result = self._postgres_program(
            "initdb",
            "-D",
            self.data,
            "-U",
            USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            check=False,
        )
        if result.returncode:
            raise StackError(
                f"PostgreSQL's cluster could not be made ({_last(result)})", f"see to {self.root}"
            )

    def _start(self):
        options = " ".join(f"-c {key}={value}" for key, value in self.settings.items())
        result = self._postgres_program(
            "pg_ctl", "-D", self.data, "-l", self.log, "-w", "-s", "start", "-o",
            f"-k {self.root} -p {PORT} {options}", check=False,
        )  # fmt: skip
        if result.returncode:
            raise StackError(f"PostgreSQL did not start ({last_line(self.log)})", f"see {self.log}")
        self._start_keeper()

    def _start_keeper(self):
        stop = self._postgres_command("pg_ctl", "-D", self.data, "-m", "fast", "-s", "stop")
        script = 'echo $$ >"$0"; exec "$@"'
        keeper = ["flock", "--exclusive", self.root / "users", *stop]
        subprocess.run(
            ["setsid", "--fork", "sh", "-c", script, self._keeper_file, *keeper],
            check=True,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _keeper(self):
        """Return the keeper's process id, None when there is none."""
        try:
            pid = int(self._keeper_file.read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if str(self.root / "users").encode() in command else None

    def _is_last_user(self):
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    # -- PostgreSQL's programs

    @property
    def libraries(self):
        """The directory of what PostgreSQL can load."""
        return self._programs().parent / "lib"

    @property
    def postmaster_pid(self):
        return int((self.data / "postmaster.pid").read_text().split("\n")[0])

    def _postgres_program(self, *arguments, check=True):
        return subprocess.run(
            self._postgres_command(*arguments),
            check=check,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _postgres_command(self, program, *arguments):
        command = [str(self._programs() / program), *map(str, arguments)]
        return ["runuser", "-u", "postgres", "--", *command] if self.places.is_root else command

    def _programs(self):
        """Return the directory of the programs that fit the cluster, the newest for a new one."""
        found = sorted(
            Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
        )
        directories = {path.parts[-3]: path.parent for path in found}
        version_file = self.data / "PG_VERSION"
        if not directories:
            raise StackError(
                "PostgreSQL's programs are missing", "install Debian's package postgresql"
            )
        if not version_file.exists():
            return list(directories.values())[-1]
        version = version_file.read_text().strip()
        if version not in directories:
            raise StackError(
                f"{self.data} is of PostgreSQL {version}, which is not installed",
                "install it, or remove that directory",
            )
        return directories[version]


def _last(result):
    lines = [line for line in result.stdout.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"


def is_alive(connection):
    """Whether the session of a psycopg2 connection is still there."""
    try:
        connection.cursor().execute("SELECT 1")
    except psycopg2.OperationalError:
        return False
    return True
