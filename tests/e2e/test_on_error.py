# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Jobs that run when another one has failed, on a real server with several workers."""

import pytest

from stack.waiting import wait_until


@pytest.fixture(scope="module")
def server(start_ready):
    return start_ready(workers=3, channels="root:3")


@pytest.fixture
def database(server):
    return server.config.database


@pytest.fixture
def wait_for(database, job_row):
    """A function that waits until the jobs are in these states, and returns their rows."""

    def wait(uuids, expected):
        def rows_when_so():
            rows = [job_row(database, uuid) for uuid in uuids]
            return rows if [row["state"] for row in rows] == expected else None

        return wait_until(rows_when_so, 40, f"{expected} of {uuids}")

    return wait


#: What a script may use: calls that succeed or fail after some seconds.
CALLS = """
from odoo.addons.queue_job.delay import chain, group
model = env["queue.job"]

def works(seconds=0, **options):
    return model.delayable(**options)._test_job(job_duration=seconds)

def fails(**options):
    return model.delayable(**options)._test_job(failure_rate=1)

def delayed(*calls):
    calls[0].delay()
    return [call._generated_job for call in calls]
"""


def test_while_another_job_that_it_watches_still_runs(database, delay, wait_for):
    """One fails in one worker while the other one is at work in another process."""
    uuids, _pid = delay(
        database,
        f"""{CALLS}
one, other, handler, after = works(4), fails(), works(), works()
group(one, other).on_error(chain(handler, after))
jobs = delayed(one, other, handler, after)
""",
    )
    wait_for(uuids, ["started", "failed", "done", "done"])
    rows = wait_for(uuids, ["done", "failed", "done", "done"])
    assert rows[2]["date_done"] < rows[0]["date_done"]
    assert rows[0]["worker_pid"] != rows[1]["worker_pid"]


def test_what_depends_on_the_failed_one_waits(database, delay, wait_for):
    uuids, _pid = delay(
        database,
        f"""{CALLS}
first, second, last, handler = works(), fails(), works(), works()
chain(first, second, last).on_error(handler)
jobs = delayed(first, second, last, handler)
""",
    )
    wait_for(uuids, ["done", "failed", "wait_dependencies", "done"])


def test_cancelled_when_all_succeed(database, delay, wait_for):
    """Jobs that end at the same moment, in several processes, do not see each other end."""
    uuids, _pid = delay(
        database,
        f"""{CALLS}
work = [works(0.2) for _number in range(6)]
handler, after = works(), works()
group(*work).on_error(chain(handler, after))
jobs = delayed(*work, handler, after)
""",
    )
    rows = wait_for(uuids, ["done"] * 6 + ["cancelled"] * 2)
    assert "has not failed" in rows[-1]["result"]


def test_not_before_the_last_try(database, delay, wait_for):
    uuids, _pid = delay(
        database,
        f"""{CALLS}
work = model.delayable(max_retries=2)._test_job(failure_rate=1, failure_retry_seconds=1)
handler = works()
work.on_error(handler)
jobs = delayed(work, handler)
""",
    )
    rows = wait_for(uuids, ["failed", "done"])
    assert rows[0]["retry"] == 2
    assert rows[1]["date_started"] >= rows[0]["eta"]


REQUEUE = """
env["queue.job"].search([("uuid", "=", %r)]).requeue()
env.cr.commit()
"""


def test_requeued(database, delay, wait_for, shell, connect):
    """The handler has run for the first failure, and does not run for the next one."""
    uuids, _pid = delay(
        database,
        f"{CALLS}\nwork, handler = fails(), works()\nwork.on_error(handler)\njobs = delayed(work, handler)",
    )
    rows = wait_for(uuids, ["failed", "done"])
    with connect(database, autocommit=True).cursor() as cursor:
        shell(database, REQUEUE % uuids[0])
        wait_until(
            lambda: _started_after(cursor, uuids[0], rows[0]["date_started"]), 20, "the next try"
        )
    assert wait_for(uuids, ["failed", "done"])[1] == rows[1]


def _started_after(cursor, uuid, moment):
    cursor.execute(
        "SELECT FROM queue_job WHERE uuid = %s AND state = 'failed' AND date_started > %s",
        [uuid, moment],
    )
    return cursor.rowcount
