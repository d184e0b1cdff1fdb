"""A child process that does not outlive us."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from .waiting import wait_until


class Child:
    """A program in a session of its own, so that a Ctrl-C in our terminal reaches us alone and we end it in order.

    The kernel sends it SIGTERM when we die without having stopped it. Start it from the main thread: that signal
    follows the thread that forked.
    """

    def __init__(self, argv, log, env=None, cwd=None, stdin=None, stdout=None):
        """Start ``argv``; its output is added to the file ``log``, or goes where ours goes for ``None``."""
        with Path(log).open("ab") if log else contextlib.nullcontext() as stream:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", *map(str, argv)],
                stdin=stdin or subprocess.DEVNULL,
                stdout=stdout or stream,
                stderr=stream,
                env=env,
                cwd=cwd,
                start_new_session=True,
            )
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.stop()

    @property
    def is_running(self):
        return self.process.poll() is None

    def members(self):
        """Return the ids of all living processes of the child's session."""
        return sorted(pid for pid in _process_ids() if _session(pid) == self.pid)

    def stop(self, *grace):
        """Ask the child to end; ask again after each number of seconds in ``grace``; then end all of its session."""
        for seconds in grace or (15,):
            if not self.is_running:
                break
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def kill(self):
        """End all of the child's session at once."""
        for pid in self.members():
            _signal(pid, signal.SIGKILL)
        self.process.wait()
        wait_until(lambda: not self.members(), 10, f"the end of all processes of {self.pid}")


class Logged:
    """What runs as a child process, or does not, with a log: the attributes ``child`` and ``log``."""

    child = None

    @property
    def pid(self):
        return self.child.pid

    @property
    def is_running(self):
        return self.child is not None and self.child.is_running

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""


def _process_ids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _session(pid):
    """Return the session of a living process, None for one that is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # the second field is the program's name in parentheses and may hold anything
    state, _parent, _group, session = stat.rpartition(")")[2].split()[:4]
    return None if state in "ZX" else int(session)


def _signal(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
