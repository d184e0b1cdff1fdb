"""Runs simulated jobs through the scheduler: ``simulation.py ADDONS JOBS SLOTS CHANNELS LIMIT [HINTS]``.

Prints a JSON object: ``jobs`` that were run, ``decisions`` (slots given to workers), ``seconds`` of CPU,
``mebibytes`` by which the process grew at the most.

The scheduler is the runner's own: engine, windows and slots. Only the database is made up, and the workers, who do all that
their slots hold: the first job, and what was hinted with it, so many jobs at most. With 0, each job is a decision.
"""

import json
import random
import sys
import time
import types
from pathlib import Path

PACKAGE = "odoo.addons.queue_job"
#: Of the packages, those whose ``__init__`` imports Odoo.
PACKAGES = {
    "odoo": [],
    "odoo.addons": [],
    PACKAGE: ["queue_job"],
    f"{PACKAGE}.jobrunner": ["queue_job", "jobrunner"],
}
#: Slots that end in the same turn, at most.
ENDING = 100
#: Seconds from one turn to the next, by the simulated clock: no hint expires.
TURN = 1e-6


def import_scheduler(addons):
    """:return: namespace of the scheduler's parts, of the addon in the directory ``addons``, without Odoo"""
    for name, path in PACKAGES.items():
        module = types.ModuleType(name)
        module.__path__ = [str(Path(addons, *path))] if path else []
        sys.modules[name] = module
    from odoo.addons.queue_job.core.channel_manager import ChannelManager
    from odoo.addons.queue_job.core.taken import Taken
    from odoo.addons.queue_job.core.window import Waiting
    from odoo.addons.queue_job.jobrunner import slots
    from odoo.addons.queue_job.jobrunner.windows import Windows

    return types.SimpleNamespace(
        ChannelManager=ChannelManager, Taken=Taken, Waiting=Waiting, Windows=Windows, slots=slots
    )


class Backlog:
    """What the runner asks its database, of jobs that are made up when they are asked for.

    :param waiting: class of the jobs
    """

    db_name = "db"

    def __init__(self, waiting, jobs, channels):
        self._waiting = waiting
        bounds = [jobs * number // channels for number in range(channels + 1)]
        self._numbers = {
            f"root.c{index}": range(start, end)
            for index, (start, end) in enumerate(zip(bounds, bounds[1:], strict=False))
        }

    @property
    def channels(self):
        return list(self._numbers)

    def heads(self):
        return [
            (name, self._make(name, numbers[0]))
            for name, numbers in self._numbers.items()
            if numbers
        ]

    def first_jobs(self, channel, limit, after):
        numbers = self._numbers[channel]
        behind = after.id + 1 - numbers.start
        return [self._make(channel, number) for number in numbers[behind : behind + limit]]

    def _make(self, channel, number):
        numbers = self._numbers[channel]
        priority = 10 + 3 * (number - numbers.start) // len(numbers)
        return self._waiting(priority, float(number), number, f"{number:036}")


class Runner:
    """The scheduler of one database and its workers.

    :param parts: of :func:`import_scheduler`
    :param int hints: in a slot, at most; None: as many as there are otherwise
    """

    def __init__(self, parts, jobs, slots, channels, hints=None, seed=0):
        if hints is not None:
            parts.slots.MAX_HINTS = hints
        self._manager = parts.ChannelManager()
        self._backlog = Backlog(parts.Waiting, jobs, channels)
        taken = parts.Taken()
        self.windows = parts.Windows(self._backlog, self._manager, taken)
        self.slots = parts.slots.Slots(self._backlog.db_name, self._manager, self.windows, taken)
        self._jobs = jobs
        self._dice = random.Random(seed)
        self._open = []
        self._now = 0
        self.jobs = self.decisions = 0
        capacity = max(1, 2 * slots // channels)
        limits = [f"{name}:{capacity}" for name in self._backlog.channels]
        self._manager.simple_configure(",".join([f"root:{slots}", *limits]))

    def run(self, limit=None):
        """Run all jobs, or as many as it does in ``limit`` seconds."""
        deadline = None if limit is None else time.monotonic() + limit
        self.windows.note_heads(self._backlog.heads())
        while self.jobs < self._jobs and (deadline is None or time.monotonic() < deadline):
            self.turn()

    def turn(self):
        """One turn of the runner's loop: what ended, and what may start then."""
        self._now += TURN
        for _number in range(min(ENDING, len(self._open))):
            self._end(self._pick())
        self.slots.free_expired_hints(self._now)
        self.windows.refresh(self._now)
        chosen = [
            (job.uuid, job.seq, self.windows.take_head(job.uuid))
            for job in self._manager.get_jobs_to_run(self._now)
        ]
        self._open += self.slots.grant(chosen, "grant", self._now)
        self.decisions += len(chosen)
        min([self.slots.next_expiry(), *self.windows.wakeup_times()])

    def _pick(self):
        index = self._dice.randrange(len(self._open))
        self._open[index], self._open[-1] = self._open[-1], self._open[index]
        return self._open.pop()

    def _end(self, slot):
        self.slots.end(self.slots.close(slot.uuid), len(slot.hints))
        self.jobs += 1 + len(slot.hints)


def memory(name):
    """:return: MiB of this process, by ``/proc``: ``VmRSS`` what it takes, ``VmHWM`` what it took at the most"""
    # not getrusage: its peak may be that of the process that started this one
    lines = Path("/proc/self/status").read_text().splitlines()
    (size,) = [line.split()[1] for line in lines if line.startswith(f"{name}:")]
    return int(size) / 1024


def main(addons, *numbers):
    jobs, slots, channels, limit, *hints = map(int, numbers)
    parts = import_scheduler(addons)
    before, start = memory("VmRSS"), time.process_time()
    runner = Runner(parts, jobs, slots, channels, *hints)
    runner.run(limit)
    outcome = {
        "jobs": runner.jobs,
        "decisions": runner.decisions,
        "seconds": time.process_time() - start,
        "mebibytes": memory("VmHWM") - before,
    }
    print(json.dumps(outcome))


if __name__ == "__main__":
    main(*sys.argv[1:])
