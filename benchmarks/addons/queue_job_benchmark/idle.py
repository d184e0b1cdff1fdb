"""Tasks for a system that has nothing else to do."""

import random
import time

from .creation import targets


def spaced(env, count, spacing):
    """Delay ``note_start`` of one record ``count`` times, see :func:`_spaced`."""
    (record,) = targets(env, 1)
    return _spaced(env, count, spacing, lambda number: record.with_delay().note_start(number))


def spaced_notifications(env, count, spacing, channel):
    """Send ``count`` notifications to a channel of PostgreSQL, each with its number, see :func:`_spaced`."""

    def notify(number):
        env.cr.execute("SELECT pg_notify(%s, %s)", [channel, str(number)])

    return _spaced(env, count, spacing, notify)


def _spaced(env, count, spacing, do):
    """Call ``do(number)`` ``count`` times, a commit and about ``spacing`` seconds each.

    The pauses are random, so that they don't fall in step with anything that asks at intervals.

    :return: list of the moments at which each commit had returned, in seconds since the epoch
    """
    moments = []
    for number in range(count):
        do(number)
        env.cr.commit()
        moments.append(time.time())
        time.sleep(spacing * random.uniform(0.5, 1.5))
    return moments


TASKS = {"spaced": spaced, "spaced_notifications": spaced_notifications}
