"""The slot of a worker without a request and without a runner: what a job costs in Odoo and in PostgreSQL alone."""

import cProfile
import io
import math
import pstats
import time

from odoo.addons.queue_job.controllers.main import RunJobController

#: Jobs of a slot, as many as the runner hints at once.
HINTS = 50
SHOWN = 40


def slot(env, is_profiled=False):
    """Run all jobs that are pending.

    :return: dict with ``cpu`` (seconds that this process was busy) and ``profile``: a text, the
        functions in which most of the time was spent, where it is asked for
    """
    env.cr.execute("SELECT id, uuid FROM queue_job WHERE state = 'pending' ORDER BY id")
    rows = env.cr.fetchall()
    profiler = cProfile.Profile() if is_profiled else None
    cpu = time.process_time()
    for start in range(0, len(rows), HINTS):
        _run(env, rows[start : start + HINTS], profiler)
    return {"cpu": time.process_time() - cpu, "profile": profiler and _text(profiler)}


def _run(env, rows, profiler):
    (first, uuid), *hinted = rows
    env.cr.execute("UPDATE queue_job SET state = 'enqueued', lease = NULL WHERE id = %s", [first])
    env.cr.commit()
    arguments = env.registry, uuid, None, [row_id for row_id, _uuid in hinted], math.inf
    if profiler:
        profiler.runcall(RunJobController._run_slot, *arguments)
    else:
        RunJobController._run_slot(*arguments)


def _text(profiler):
    stream = io.StringIO()
    statistics = pstats.Stats(profiler, stream=stream).strip_dirs()
    statistics.sort_stats("tottime").print_stats(SHOWN)
    return stream.getvalue()


TASKS = {"slot": slot}
