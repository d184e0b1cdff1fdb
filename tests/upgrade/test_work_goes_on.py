# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What our server makes of the jobs that the published addon has left."""

import datetime
import re

import pytest

from stack import run_script
from stack.waiting import wait_until

CHANNELS = "root:4,root.extension:2"

#: Before the server starts. The jobs that were interrupted have the same tries then, also where the cluster was
#: restarted since the database was filled.
PREPARE = """
env["queue.job.extension"].search([("name", "=", "to be tried again")]).name = "mended"
env.cr.execute("UPDATE queue_job SET date_started = now() AT TIME ZONE 'UTC' WHERE state = 'started'")
env.cr.commit()
"""

REQUEUE = """
jobs = env["queue.job"].search(
    [("name", "in", ["failed", "failed of two", "failed graph 1", "no graph 1"])]
)
for job in jobs:
    job.records.sudo().name = "mended"
jobs.requeue()
env["queue.job"].search([("name", "=", "last try")]).requeue()
env["queue.job"].search([("name", "=", "future eta")]).eta = False
env.cr.commit()
"""

UNFINISHED = """
    SELECT name FROM queue_job
     WHERE state IN ('pending', 'enqueued', 'started') AND name <> 'future eta'
        OR state = 'wait_dependencies' AND name NOT IN ('failed graph 2', 'failed graph 3', 'no graph 2')
"""
OPEN = "SELECT name FROM queue_job WHERE state NOT IN ('done', 'failed', 'cancelled')"

CANCELLED = {"cancelled", "cancelled graph 1", "cancelled graph 2"}
FAILED = {
    "failed", "failed of two", "last try", "started last try", "failed graph 1", "no graph 1"
}  # fmt: skip
WAITING = {"failed graph 2", "failed graph 3", "no graph 2"}
FAILED_AGAIN = {"last try", "started last try"}


@pytest.fixture(scope="module")
def working(upgrade, copies, our_config, tmp_path_factory):
    """A copy of the updated database, to work in."""
    database = copies(upgrade.database, "working")
    run_script(our_config(database), PREPARE, tmp_path_factory.mktemp("prepare"))
    return database


@pytest.fixture(scope="module")
def sql(cluster, working):
    return lambda query: cluster.execute(query, database=working)


@pytest.fixture(scope="module")
def server(working, start_server, our_config):
    server = start_server(working, channels=CHANNELS, addons=our_config(working).addons)
    server.wait_for_log(f"queue job runner ready for db {working}")
    return server


@pytest.fixture(scope="module")
def jobs(server, sql, our_config, describe):
    """What became of the jobs that were left."""
    wait_until(lambda: sql(UNFINISHED) == [], 60, "the end of the jobs that were left")
    return describe(our_config(server.config.database))["jobs"]


@pytest.fixture(scope="module")
def requeued(jobs, server, sql, our_config, describe, tmp_path_factory):
    """What became of all jobs, after those that had failed were requeued."""
    config = our_config(server.config.database)
    run_script(config, REQUEUE, tmp_path_factory.mktemp("requeue"))
    wait_until(lambda: sql(OPEN) == [], 60, "the end of all jobs")
    return describe(config)["jobs"]


@pytest.fixture(scope="module")
def logs(requeued, sql):
    """What the jobs have written, by their description."""
    return dict(
        sql(
            "SELECT job.name, record.log FROM queue_job job JOIN queue_job_extension record"
            " ON job.func_string LIKE 'queue.job.extension(' || record.id || ',%'"
        )
    )


def names_in_state(jobs, *states):
    return {name for name, job in jobs.items() if job["state"] in states}


def test_what_waited_ran(jobs):
    assert names_in_state(jobs, "failed") == FAILED
    assert names_in_state(jobs, "cancelled") == CANCELLED
    assert names_in_state(jobs, "pending") == {"future eta"}
    assert names_in_state(jobs, "wait_dependencies") == WAITING


def test_what_ended_before_is_as_it_was(before, jobs):
    ended = names_in_state(before["jobs"], "done", "cancelled", "failed")
    assert len(ended) > 10
    assert {name: jobs[name] for name in ended} == {name: before["jobs"][name] for name in ended}


def test_what_was_interrupted(jobs):
    assert (jobs["started"]["state"], jobs["started"]["retry"]) == ("done", 2)
    assert (jobs["enqueued"]["state"], jobs["enqueued"]["retry"]) == ("done", 1)
    assert jobs["started last try"]["exc_name"] == "JobFoundDead"


def test_the_field_of_the_extension_is_stored(before, jobs):
    ran = names_in_state(jobs, "done") - names_in_state(before["jobs"], "done")
    assert len(ran) > 20
    for name in ran:
        assert jobs[name]["extension_note"] == f"{jobs[name]['method_name']} is done"


def test_arguments(logs, sql):
    assert logs["early"] == "('early',) {'key': [1, {'two': None}]}\n"
    (late,) = sql("SELECT id FROM queue_job_extension WHERE name = 'late'")
    assert logs["values"] == (
        "(datetime.datetime(2026, 1, 2, 3, 4, 5, 6), datetime.date(2026, 1, 2),"
        f" queue.job.extension({late[0]},)) {{'text': 'ü', 'none': None}}\n"
    )


def test_users_companies_and_contexts(logs, before):
    company = before["jobs"]["late"]["company"]
    assert logs["of one"] == f"one {company} Europe/Paris en_US"
    assert logs["of two"] == "two Second Company Asia/Tokyo en_US"


def test_both_of_one_key_ran(logs):
    assert logs["keyed"] == logs["keyed again"] == "('key',) {}\n"


def test_a_job_that_commits(logs):
    assert logs["committing"] == "('first',) {}\n('second',) {}\n"


def test_parents_end_first(requeued):
    pairs = [(parent, name) for name, job in requeued.items() for parent in job["parents"]]
    pairs = [pair for pair in pairs if requeued[pair[1]]["state"] == "done"]
    assert len(pairs) > 12
    late = [
        (parent, child)
        for parent, child in pairs
        if seconds(requeued[parent]["date_done"]) > seconds(requeued[child]["date_started"])
    ]
    assert late == []


def test_what_was_requeued(requeued, before):
    assert names_in_state(requeued, "failed") == FAILED_AGAIN
    assert names_in_state(requeued, "cancelled") == CANCELLED
    assert names_in_state(requeued, "done") == set(before["jobs"]) - FAILED_AGAIN - CANCELLED


def test_history_stays(requeued, before):
    for name in FAILED - FAILED_AGAIN:
        for kept in ("messages", "followers", "activities"):
            assert requeued[name][kept] == before["jobs"][name][kept], (name, kept)


def test_a_job_that_fails_again_says_so(requeued, before, logs):
    old, new = before["jobs"]["last try"]["messages"], requeued["last try"]["messages"]
    assert new[: len(old)] == old
    assert [message[2] for message in new[len(old) :]].count("Job failed") == 1
    assert requeued["last try"]["followers"] == before["jobs"]["last try"]["followers"]
    assert logs["last try"] == "ValueError: not mended"


def test_a_child_that_its_parent_does_not_know_starts_at_once(jobs):
    """It is not found by the look at all waiting jobs that comes every half a minute."""
    pause = seconds(jobs["extended 3"]["date_started"]) - seconds(jobs["extended 2"]["date_done"])
    assert pause < 10


def seconds(text):
    """Return the seconds since the epoch of the text that describes a datetime."""
    return datetime.datetime(*map(int, re.findall(r"\d+", text))).timestamp()


def test_only_failures_are_errors_in_the_log(requeued, server):
    problems = [
        line for line in server.log_text().splitlines() if " ERROR " in line or " CRITICAL " in line
    ]
    failed = {requeued[name]["uuid"] for name in FAILED_AGAIN}
    # Odoo logs conflicts between two jobs that write the same record; they are tried again.
    expected = (*failed, "odoo.sql_db: bad query")
    assert [line for line in problems if not any(text in line for text in expected)] == []
