"""Where it was measured."""

import os
import platform
import time
from pathlib import Path

COMMITS = 200


def describe(bench):
    """Return lines: the machine and what runs on it, and with which settings."""
    version = bench.cluster.execute("SHOW server_version")[0][0].split()[0]
    settings = ", ".join(f"{name} = {value}" for name, value in sorted(bench.settings.items()))
    return [
        f"{os.cpu_count()} cores ({_processor()}), {_memory()} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}, PostgreSQL {version}, load at the start {os.getloadavg()[0]:.1f}",
        f"PostgreSQL: {settings}; else its defaults; a commit takes {_commit(bench):.2f} ms here",
        f"Odoo: prefork, workers = {bench.WORKERS}, channels = {bench.CHANNELS}; else its defaults",
    ]


def _processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory():
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _commit(bench):
    """Return the milliseconds of a transaction that inserts a row: mostly waiting for the disk."""
    with bench.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS written (number int)")
        start = time.perf_counter()
        for number in range(COMMITS):
            cursor.execute("INSERT INTO written VALUES (%s)", [number])
        seconds = time.perf_counter() - start
        cursor.execute("DROP TABLE written")
    return seconds / COMMITS * 1000
