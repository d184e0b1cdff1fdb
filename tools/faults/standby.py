"""A primary that is lost with its machine, and the standby that takes its place."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from stack.places import Places
from stack.postgres import PORT, USER, Cluster
from stack.waiting import wait_until

from .proxy import HOST, Proxy


class Pair:
    """Two clusters, the second one a streaming standby. Use it as a context manager.

    A commit returns when the standby has it, except for those that ask not to wait. The stream goes through
    ``stream``, a :class:`Proxy` that can swallow it.

    :param fill: function that is called with the primary before the standby is made
    """

    def __init__(self, fill):
        self._fill = fill
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.primary = stack.enter_context(Cluster(self._places(stack)))
            self._fill(self.primary)
            self.stream = stack.enter_context(Proxy(f"{self.primary.host}/.s.PGSQL.{PORT}"))
            places = self._places(stack)
            self.standby = Cluster(places)
            if places.is_root:
                subprocess.run(["chown", "postgres", places.postgres], check=True)
            self.primary._postgres_program(
                "pg_basebackup", "-h", HOST, "-p", self.stream.port, "-U", USER, "-D", self.standby.data,
                "-R", "-X", "stream", "-c", "fast",
            )  # fmt: skip
            stack.enter_context(self.standby)
            self.primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            self.primary.execute("SELECT pg_reload_conf()")
            wait_until(self._is_synchronous, 20, "a synchronous standby")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info):
        self._stack.close()

    def kill_primary(self):
        """End all of its processes at once, as its machine would by losing power."""
        postmaster = self.primary.postmaster_pid
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for pid in [postmaster, *map(int, children)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def promote(self):
        self.standby._postgres_program("pg_ctl", "-D", self.standby.data, "-w", "promote")

    def _is_synchronous(self):
        query = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
        return self.primary.execute(query)

    def _places(self, stack):
        # not below pytest's own directory, which the user that PostgreSQL runs as can't enter
        root = Path(tempfile.mkdtemp(prefix="qj_pg_"))
        stack.callback(shutil.rmtree, root)
        root.chmod(0o755)
        return replace(Places.find(), postgres=root)
