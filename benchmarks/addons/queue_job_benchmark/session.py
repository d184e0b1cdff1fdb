"""The other end of ``benchmarks/driver.py``: does what is asked for in a process with Odoo, one task after the other."""

import gc
import json
import socket
import traceback

from . import creation, floor, idle, slot

TASKS = {**creation.TASKS, **floor.TASKS, **idle.TASKS, **slot.TASKS}


def serve(env, path):
    """Do the tasks that come over the Unix socket ``path``, until it is closed.

    A task is a line ``{"task": name, …its arguments}``, its answer one with ``result`` or ``error``.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        with connection.makefile("r") as requests, connection.makefile("w") as answers:
            for line in requests:
                answers.write(json.dumps(_answer(env, **json.loads(line))) + "\n")
                answers.flush()


def _answer(env, task, **arguments):
    if task != "commit":
        _tidy(env)
    try:
        return {"result": TASKS[task](env, **arguments)}
    except Exception as error:
        env.cr.rollback()
        return {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}


def _tidy(env):
    """Let no task pay for what another one has left."""
    env.cr.rollback()
    env.transaction.clear()
    gc.collect()
