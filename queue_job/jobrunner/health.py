# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What a runner writes down about itself again and again, and what ``--health`` makes of it.

Imports the standard library alone: who asks every few seconds loads this file by its path, neither
the addon nor Odoo. Times are seconds of the monotonic clock, which all processes of a machine share.
"""

import configparser
import json
import os
import signal
import time
from dataclasses import asdict, dataclass, field

ENVIRONMENT = "ODOO_QUEUE_JOB_HEALTH_FILE"
#: Seconds without a sign of life after which a runner is taken for stalled. Its longest wait is
#: five seconds, and so is the longest for an answer of PostgreSQL.
LIMIT = 60


@dataclass(frozen=True)
class Health:
    """The runner's account of itself.

    :param int pid: its process
    :param str process: tells this process from a later one with the same pid
    :param float at: when it was written
    :param list served: names of the databases that it drives
    :param dict not_served: why, by the name of the database
    :param dict under_way: since when, by what a thread of the runner is at
    """

    pid: int
    process: str
    at: float
    served: list = field(default_factory=list)
    not_served: dict = field(default_factory=dict)
    under_way: dict = field(default_factory=dict)

    def write(self, path):
        """Replace the file: who reads it sees all of the old one, or all of the new one."""
        unfinished = f"{path}.{self.pid}"
        with open(unfinished, "w") as file:
            file.write(json.dumps(asdict(self)) + "\n")
        os.replace(unfinished, path)

    @classmethod
    def read(cls, path):
        """:raise OSError: :raise ValueError: it is not the account of a runner"""
        with open(path) as file:
            try:
                return cls(**json.load(file))
            except (TypeError, ValueError) as error:
                raise ValueError(f"{path} was not written by a job runner: {error}") from error

    def problems(self, now, limit):
        """What a restart of the runner may mend; not what is wrong with a database.

        :return: list of str
        """
        if not self.is_running():
            return ["its process is gone"]
        found = []
        if not 0 <= now - self.at <= limit:
            found.append(f"stalled: no sign of life for {now - self.at:.0f} s")
        found += [
            f"stalled: {what} has taken {now - since:.0f} s"
            for what, since in self.under_way.items()
            if now - since > limit
        ]
        return found

    def is_running(self):
        """Whether the process that has written it is still there."""
        return process_token(self.pid) == self.process

    def summary(self):
        """:return: str, what it serves and what not"""
        parts = [f"serves {', '.join(self.served) or 'no database'}"]
        parts += [f"{name}: {why}" for name, why in self.not_served.items()]
        return "; ".join(parts)


def configured_path(configuration_file, environ=os.environ):
    """:return: str, where the runner writes; None where it is not told to

    :raise OSError: :raise configparser.Error:
    """
    if path := environ.get(ENVIRONMENT):
        return path
    parser = configparser.RawConfigParser()
    if configuration_file:
        with open(configuration_file) as file:
            parser.read_file(file)
    return parser.get("queue_job", "health_file", fallback=None) or None


def check(path, limit=LIMIT, kill=False):
    """Print a line that says how the runner is.

    :param bool kill: end a stalled runner, for a supervisor that only starts anew what has ended
    :return: int, exit code: 0 when all is well
    """
    if not path:
        print(f"job runner: set health_file in [queue_job] of odoo.conf, or {ENVIRONMENT}")
        return 1
    try:
        health = Health.read(path)
    except FileNotFoundError:
        print(f"job runner: not running: there is no {path}")
        return 1
    except (OSError, ValueError) as error:
        print(f"job runner: {error}")
        return 1
    problems = health.problems(time.monotonic(), limit)
    print(f"job runner (pid {health.pid}): {'; '.join(problems) or health.summary()}")
    if problems and kill and health.is_running():
        os.kill(health.pid, signal.SIGKILL)
    return 1 if problems else 0


def is_option(argument):
    """Whether an argument of the command line is for :func:`main`."""
    return argument.partition("=")[0] in ("--health", "--kill-stalled")


def main(configuration_file, arguments):
    """What ``--health[=SECONDS] [--kill-stalled]`` does.

    :param arguments: list of str, those of :func:`is_option`
    :return: int, exit code
    """
    kill = "--kill-stalled" in arguments
    seconds = "".join(argument.partition("=")[2] for argument in arguments)
    try:
        limit = float(seconds) if seconds else LIMIT
        path = configured_path(configuration_file)
    except (OSError, ValueError, configparser.Error) as error:
        print(f"job runner: {' '.join(str(error).split())}")
        return 1
    return check(path, limit, kill)


def process_token(pid):
    """:return: str, the same for all the life of a process; None: there is no such process"""
    try:
        with open(f"/proc/{pid}/stat") as file:
            state, *fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    # the 22nd field is when it was started; a zombie has ended
    return None if state in "ZX" else fields[18]
