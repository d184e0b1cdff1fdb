"""Tasks that do without a queue what the jobs do: the least it can cost."""

import os
import time

from odoo import api

from .creation import targets


def floor(env, method, count):
    """Call a method of ``count`` records, each with a cursor, an environment and a commit of its own.

    Of a method that writes nothing, the fact that it was done is: one UPDATE of one row.

    :return: dict with ``seconds`` and ``cpu``, those that this process was busy
    """
    ids = [record.id for record in targets(env, count)]
    registry, uid, context = env.registry, env.uid, env.context
    call = {"do_nothing": _do_nothing, "write_number": _write_number}[method]
    env.cr.commit()
    start, cpu = time.perf_counter(), _cpu()
    for record_id in ids:
        with registry.cursor() as cursor:
            record = api.Environment(cursor, uid, context)["queue.job.benchmark"].browse(record_id)
            call(record)
            cursor.commit()
    return {"seconds": time.perf_counter() - start, "cpu": _cpu() - cpu}


def _do_nothing(record):
    record.do_nothing()
    record.env.cr.execute(
        "UPDATE queue_job_benchmark SET number = %s WHERE id = %s", [record.id, record.id]
    )


def _write_number(record):
    record.write_number(record.id)
    record.env.flush_all()


def _cpu():
    times = os.times()
    return times.user + times.system


TASKS = {"floor": floor}
