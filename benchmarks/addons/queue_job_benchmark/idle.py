"""Tasks for a system that has nothing else to do."""

import random
import time

from .creation import targets


def spaced(env, count, spacing):
    """Delay ``note_start`` of one record ``count`` times, a commit and about ``spacing`` seconds each.

    The pauses are random, so that they don't fall in step with anything that asks at intervals.

    :return: list of the moments at which each commit had returned, in seconds since the epoch
    """
    (record,) = targets(env, 1)
    moments = []
    for number in range(count):
        record.with_delay().note_start(number)
        env.cr.commit()
        moments.append(time.time())
        time.sleep(spacing * random.uniform(0.5, 1.5))
    return moments


TASKS = {"spaced": spaced}
