"""Runs simulated jobs through the engine: ``simulation.py ADDONS JOBS SLOTS CHANNELS LIMIT``.

Prints a JSON object: ``decisions`` (jobs run), ``seconds`` that they took, ``mebibytes`` of memory at the most.

The engine is fed as the runner feeds it: it knows the first jobs of each channel only, and more when it has few left.
"""

import json
import random
import resource
import sys
import time
import types
from pathlib import Path

WINDOW = 500
LOW_WATER = WINDOW // 4
#: Jobs that end at the same moment, at most.
ENDING = 100
DATABASE = "db"


def import_engine(addons):
    """Return the class of the engine, of the addon in the directory ``addons``, without Odoo."""
    for name, path in (("odoo", []), ("odoo.addons", []), ("odoo.addons.queue_job", ["queue_job"])):
        module = types.ModuleType(name)
        module.__path__ = [str(Path(addons, part)) for part in path]
        sys.modules[name] = module
    from odoo.addons.queue_job.core.channel_manager import ChannelManager

    return ChannelManager


class Source:
    """The jobs that wait in one channel, in their order.

    :param uuids: a range of numbers that name them; they are made up when they are asked for
    """

    def __init__(self, channel, uuids):
        self.channel = channel
        self._uuids = uuids
        self._next = 0
        self.known = 0  # in the engine, waiting

    def feed(self, manager):
        """Tell the engine of the next jobs, if it has few left."""
        if self.known >= LOW_WATER:
            return
        chunk = self._uuids[self._next : self._next + WINDOW - self.known]
        for number in chunk:
            priority = 10 + 3 * (number - self._uuids.start) // len(self._uuids)
            manager.notify(
                DATABASE, self.channel, f"{number:036}", number, number, priority, None, "pending"
            )
        self._next += len(chunk)
        self.known += len(chunk)


def simulate(manager, jobs, slots, channels, limit=None, seed=0):
    """Run ``jobs`` jobs through the engine, or as many as it does in ``limit`` seconds; return how many.

    :param manager: a ChannelManager without jobs; it is configured here
    """
    names = [f"root.c{number}" for number in range(channels)]
    capacity = max(1, 2 * slots // channels)
    manager.simple_configure(",".join([f"root:{slots}", *(f"{name}:{capacity}" for name in names)]))
    share, rest = divmod(jobs, channels)
    sources, start = {}, 0
    for index, name in enumerate(names):
        end = start + share + (index < rest)
        sources[name] = Source(name, range(start, end))
        start = end
    for source in sources.values():
        source.feed(manager)
    return _run(manager, sources, jobs, limit, random.Random(seed))


def _run(manager, sources, jobs, limit, dice):
    running, ended, now = [], 0, 0
    deadline = None if limit is None else time.monotonic() + limit
    while ended < jobs and (deadline is None or time.monotonic() < deadline):
        now += 1
        for job in manager.get_jobs_to_run(now):
            running.append(job)
            source = sources[job.channel.fullname]
            source.known -= 1
            source.feed(manager)
        if not running:
            raise RuntimeError(f"nothing runs, though {jobs - ended} jobs are left")
        for _number in range(min(ENDING, len(running))):
            index = dice.randrange(len(running))
            running[index], running[-1] = running[-1], running[index]
            manager.remove_job(running.pop().uuid)
            ended += 1
    return ended


def main(addons, *numbers):
    jobs, slots, channels, limit = map(int, numbers)
    manager = import_engine(addons)()
    start = time.perf_counter()
    decisions = simulate(manager, jobs, slots, channels, limit)
    outcome = {
        "decisions": decisions,
        "seconds": time.perf_counter() - start,
        "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(outcome))


if __name__ == "__main__":
    main(*sys.argv[1:])
