"""Turns of the runner's loop for one database, without requests: what tests of the runner are made of."""

import select
import time

URL = "http://odoo"


def turn(served, now=None, patience=0.1):
    """One turn of the runner's loop, without sending: returns the uuids to request.

    :param patience: seconds to wait for notifications
    """
    select.select([served.database], [], [], patience)
    served.note_notifications()
    return [slot.uuid for slot in decide(served, now or time.time())]


def decide(served, now):
    served.look(now)
    served.refresh(now)
    for job in served.engine.get_jobs_to_run(now):
        served.choose(job)
    return [slot for slot, _url in served.start(now)]


def end(served, sql, uuid, state="done"):
    """What a worker does with a job, and its answer."""
    from odoo.addons.queue_job.jobrunner.dispatcher import Response

    sql("UPDATE queue_job SET state = %s WHERE uuid = %s", state, uuid)
    grant = served.in_flight[uuid].grant
    served.note_response(Response(served.name, uuid, url=URL, grant=grant), time.time())


def run_all(served, sql):
    order = []
    while jobs := turn(served, patience=0):
        order += jobs
        for uuid in jobs:
            end(served, sql, uuid)
    return order


def slots(served, now=None):
    """One turn of the runner's loop, without sending: returns the slots to request."""
    select.select([served.database], [], [], 0.1)
    served.note_notifications()
    return decide(served, now or time.time())


def answer(served, slot, problem=None, hints=None, was_refused=False):
    """Odoo's answer.

    :param hints: how many it has dealt with, None: it does not say
    """
    from odoo.addons.queue_job.jobrunner.dispatcher import Response

    response = Response(served.name, slot.uuid, problem, hints, URL, slot.grant, was_refused)
    served.note_response(response, time.time())


def hinted(slot):
    return [hint.uuid for hint in slot.hints]
