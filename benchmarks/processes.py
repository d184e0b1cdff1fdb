"""What processes use, as Linux counts it."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
RUNNER_TITLE = b"WorkerJobRunner"


def cpu_seconds(pid, with_ended_children=False):
    """Return the seconds that a process was busy, in user and kernel mode; 0 for one that is gone.

    :param with_ended_children: count also those children that ended and were waited for
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # after the name in parentheses, which may hold anything: state is field 3, utime 14 … cstime 17
    fields = stat.rpartition(")")[2].split()
    times = fields[11:15] if with_ended_children else fields[11:13]
    return sum(map(int, times)) / TICKS


def children(pid):
    """Return the ids of the living children of a process."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def find_runner(pids):
    """Return that of the processes in which Odoo's prefork server has the job runner; None when there is none.

    It is known by its title (setproctitle).
    """
    for pid in pids:
        try:
            if RUNNER_TITLE in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        except OSError:
            continue
    return None


def memory(pid):
    """Return dict ``rss`` and ``pss`` of a process, in MiB: all its memory; its share of it."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    found = dict(line.split(":") for line in lines if line.startswith(("Rss:", "Pss:")))
    return {key.lower(): int(value.split()[0]) / 1024 for key, value in found.items()}


class Meter:
    """The busy seconds of a server's processes: ``odoo``, ``runner``, and ``postgres``.

    :param server: a running :class:`stack.OdooServer`, or None
    :param cluster: a running :class:`stack.Cluster`
    :param ignored: ids of processes of PostgreSQL that belong to the benchmark itself
    """

    def __init__(self, server, cluster, ignored=()):
        self._server = server
        self._postmaster = cluster.postmaster_pid
        self._ignored = set(ignored)

    def read(self):
        """Return dict name -> seconds since the processes started."""
        return {**self._read_server(), "postgres": self._read_postgres()}

    def _read_server(self):
        if self._server is None:
            return {}
        pids = self._server.child.members()
        runner = find_runner(pids)
        master = self._server.pid
        workers = [pid for pid in pids if pid not in (runner, master)]
        odoo = cpu_seconds(master, with_ended_children=True) + sum(map(cpu_seconds, workers))
        return {"odoo": odoo, "runner": cpu_seconds(runner)}

    def _read_postgres(self):
        backends = set(children(self._postmaster)) - self._ignored
        return cpu_seconds(self._postmaster, True) + sum(map(cpu_seconds, backends))


def difference(before, after):
    """Return dict of what was used between two readings."""
    return {name: after[name] - before[name] for name in after}
