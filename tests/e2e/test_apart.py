"""Jobs of several users in one request: what one leaves behind is of no concern to the next."""

import json

import pytest
import requests

from stack.places import REPOSITORY

ADDONS = (REPOSITORY / "tests" / "addons",)

DELAY = """
company = env["res.company"].search([("name", "=", "Second")]) or env["res.company"].create({{"name": "Second"}})
users = []
for login, own in (("qj_first", env.company), ("qj_second", company)):
    users += env["res.users"].search([("login", "=", login)]) or env["res.users"].create(
        {{"name": login, "login": login, "company_id": own.id, "company_ids": [(6, 0, own.ids)]}}
    )
records = env["queue.job.litter"]
first, second = (records.with_user(user).with_company(user.company_id) for user in users)
jobs = [{jobs}]
"""


@pytest.fixture(scope="module")
def server(databases, fresh_databases, start_server):
    template = databases.addon_template(
        ("queue_job", "queue_job_testing"), addons=ADDONS, label="testing"
    )
    return start_server(fresh_databases(template), channels="root:0", workers=1, addons=ADDONS)


@pytest.fixture
def database(server):
    return server.config.database


@pytest.fixture
def run_slot(server, database, shell, connect):
    """A function that delays jobs, runs them in one request, and returns (state, result) of each."""
    connection = connect(database, autocommit=True)
    cursor = connection.cursor()
    report = "\nenv.cr.commit()\nimport json\nprint(json.dumps([job.uuid for job in jobs]))"

    def run(*jobs):
        # the budget of a slot may end before all have run, on a machine that is busy
        for _attempt in range(5):
            rows = run_once(*jobs)
            if all(state != "pending" for state, _result in rows):
                return rows
        raise AssertionError(rows)

    def run_once(*jobs):
        script = DELAY.format(jobs=", ".join(jobs)) + report
        uuids = json.loads(shell(database, script, addons=ADDONS).splitlines()[-1])
        cursor.execute(
            "UPDATE queue_job SET state = 'enqueued', lease = 'token' WHERE uuid = %s", [uuids[0]]
        )
        cursor.execute("SELECT id FROM queue_job WHERE uuid = ANY(%s) ORDER BY id", [uuids])
        hints = ",".join(str(job_id) for (job_id,) in cursor.fetchall()[1:])
        response = requests.get(
            f"{server.url}/queue_job/runjob",
            params={"job_uuid": uuids[0], "grant": "token", "hints": hints},
            headers={"X-Odoo-Database": database},
            timeout=60,
        )
        assert response.status_code == 200
        cursor.execute(
            "SELECT state, result_json FROM queue_job WHERE uuid = ANY(%s) ORDER BY id",
            [uuids],
        )
        return [(state, result and json.loads(result)) for state, result in cursor.fetchall()]

    return run


LOOK = "second.with_delay().look()"


@pytest.mark.parametrize("how", ["", "fail=True", "hook=True"], ids=["done", "failed", "hook"])
def test_what_a_job_leaves_behind(run_slot, how):
    litter = f"first.with_delay().litter({how})"
    (_done, clean), (_also, again) = run_slot("first.with_delay().look()", LOOK)
    assert (_done, _also) == ("done", "done")
    assert clean["environment"] != again["environment"]
    rows = run_slot("first.with_delay().look()", litter, LOOK)
    state = "failed" if "fail" in how else "done"
    assert [row[0] for row in rows] == ["done", state, "done"]
    for name, value in again.items():
        assert rows[2][1][name] == value, name
