"""PgBouncer, with the lines that we publish for it."""

import re
import shutil
import tempfile
from pathlib import Path

import psycopg2

from stack.errors import StackError, last_line
from stack.places import REPOSITORY
from stack.ports import HOST, free_ports
from stack.postgres import PORT, USER
from stack.process import Child
from stack.waiting import wait_until

PUBLISHED = REPOSITORY / "jobrunner" / "deploy" / "pgbouncer.ini"


class Pooler:
    """PgBouncer before a cluster. Use it as a context manager: inside, it listens on ``port`` of 127.0.0.1.

    :param cluster: a running :class:`stack.Cluster`
    """

    def __init__(self, cluster):
        self._cluster = cluster
        (self.port,) = free_ports(1)
        self.directory = Path(tempfile.mkdtemp(prefix="qj_pgbouncer_"))
        self.log = self.directory / "log"
        self.child = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc_info):
        self.child.stop()
        shutil.rmtree(self.directory)

    @property
    def is_running(self):
        return self.child is not None and self.child.is_running

    def start(self):
        # As root it refuses to run; PostgreSQL's user can read no directory of root's own.
        self.directory.chmod(0o755)
        conf = self.directory / "pgbouncer.ini"
        conf.write_text(self.text())
        program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
        as_user = ["runuser", "-u", "postgres", "--"] if self._cluster.places.is_root else []
        self.child = Child([*as_user, program, conf], self.log)
        try:
            wait_until(self._is_up, 10, "PgBouncer's start")
        except StackError as error:
            self.child.stop()
            raise StackError(
                f"PgBouncer did not start ({last_line(self.log)})", "see it"
            ) from error

    def text(self):
        """The published lines, with the addresses of the cluster, and its trust in everybody."""
        text = PUBLISHED.read_text()
        for pattern, replacement in (
            (r"host=127\.0\.0\.1 port=5432", f"host={self._cluster.host} port={PORT}"),
            (r"listen_port = 6432", f"listen_port = {self.port}"),
            (r"auth_type = .*", "auth_type = any"),
            (r"auth_file = .*\n", ""),
        ):
            text, count = re.subn(pattern, replacement, text)
            assert count, pattern
        return text.replace(f"port={PORT}", f"port={PORT} user={USER}")

    def _is_up(self):
        try:
            psycopg2.connect(host=HOST, port=self.port, user=USER, dbname="postgres").close()
        except psycopg2.OperationalError:
            return False
        return True
