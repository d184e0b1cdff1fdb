"""What the answer to a request with hints says to the runner; here nobody but the test asks."""

import pytest
import requests

HINTS_HEADER = "X-Queue-Job-Hints"


@pytest.fixture(scope="module")
def server(fresh_databases, start_server):
    return start_server(fresh_databases(), channels="root:0")


@pytest.fixture
def database(server):
    return server.config.database


@pytest.fixture
def connection(database, connect):
    return connect(database, autocommit=True)


@pytest.fixture
def jobs(database, delay, connection):
    """Rows (uuid, id) of jobs, the first of which is enqueued with the grant ``token``."""
    uuids, _pid = delay(
        database, "jobs = [env['res.partner'].with_delay().search_count([]) for _n in range(4)]"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE queue_job SET state = 'enqueued', lease = 'token' WHERE uuid = %s", [uuids[0]]
        )
        cursor.execute("SELECT uuid, id FROM queue_job WHERE uuid = ANY(%s) ORDER BY id", [uuids])
        return cursor.fetchall()


@pytest.fixture
def ask(server, database, jobs):
    def run(grant):
        hints = ",".join(str(job_id) for _uuid, job_id in jobs[1:])
        # one that is None is left out
        parameters = {"job_uuid": jobs[0][0], "grant": grant, "hints": hints}
        return requests.get(
            f"{server.url}/queue_job/runjob",
            params=parameters,
            headers={"X-Odoo-Database": database},
            timeout=60,
        )

    return run


@pytest.fixture
def states(connection, jobs):
    def read():
        with connection.cursor() as cursor:
            ids = [job_id for _uuid, job_id in jobs]
            cursor.execute("SELECT state FROM queue_job WHERE id = ANY(%s) ORDER BY id", [ids])
            return [state for (state,) in cursor.fetchall()]

    return read


def test_all_hints_are_run_and_counted(ask, states):
    response = ask("token")
    assert (response.status_code, response.text) == (200, "")
    assert response.headers[HINTS_HEADER] == "3"
    assert states() == ["done"] * 4


def test_who_does_not_know_the_grant_gets_nothing(ask, states):
    response = ask("guessed")
    assert (response.status_code, response.text) == (200, "")
    assert response.headers["X-Queue-Job-Refused"]
    assert states() == ["enqueued", "pending", "pending", "pending"]


def test_a_hint_that_is_locked_for_a_moment_is_not_said_to_be_dealt_with(
    ask, states, jobs, database, connect
):
    """Else the runner would forget it until it looks for what was lost."""
    holder = connect(database)
    with holder.cursor() as cursor:
        cursor.execute("SELECT FROM queue_job WHERE id = %s FOR UPDATE", [jobs[2][1]])
        response = ask("token")
    holder.rollback()
    assert response.status_code == 200
    assert HINTS_HEADER not in response.headers
    assert states() == ["done", "done", "pending", "done"]


@pytest.fixture
def chained(database, delay, connection):
    """Ids of the jobs of a chain, the first of which is enqueued with the grant ``token``; and its uuid."""
    uuids, _pid = delay(
        database,
        "from odoo.addons.queue_job.delay import chain;"
        "calls = [env['res.partner'].delayable().search_count([]) for _n in range(4)];"
        "chain(*calls).delay(); jobs = [call._generated_job for call in calls]",
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE queue_job SET state = 'enqueued', lease = 'token' WHERE uuid = %s", [uuids[0]]
        )
        cursor.execute("SELECT id FROM queue_job WHERE uuid = ANY(%s) ORDER BY id", [uuids])
        return [job_id for (job_id,) in cursor.fetchall()], uuids[0]


def run_chained(server, chained, connection, **parameters):
    ids, uuid = chained
    response = requests.get(
        f"{server.url}/queue_job/runjob",
        params={"job_uuid": uuid, "grant": "token", **parameters},
        headers={"X-Odoo-Database": server.config.database},
        timeout=60,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT state, split_part(lease, ':', 1) FROM queue_job WHERE id = ANY(%s) ORDER BY id",
            [ids],
        )
        rows = cursor.fetchall()
    return response.headers.get(HINTS_HEADER), [state for state, _slot in rows], rows


def test_a_slot_goes_on_with_what_its_jobs_release(server, chained, connection):
    count, states, rows = run_chained(server, chained, connection, next="0")
    assert (count, states) == ("0", ["done"] * 4)
    # whose they were, for the runner, which knew nothing of them
    assert [slot for _state, slot in rows[1:]] == [chained[1]] * 3


@pytest.mark.parametrize("parameters", [{}, {"next": "x"}], ids=["not said", "no number"])
def test_a_slot_that_may_not(server, chained, connection, parameters):
    assert (
        run_chained(server, chained, connection, **parameters)[1][2:] == ["wait_dependencies"] * 2
    )


def test_a_hint_that_comes_first(server, chained, connection, jobs):
    """It was created before: the rest of the chain is for the runner, which is told of it."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE queue_job SET priority = 1 WHERE id = %s", [jobs[1][1]])
    count, states, _rows = run_chained(server, chained, connection, next="0", hints=jobs[1][1])
    assert count == "1"
    assert states[2:] == ["wait_dependencies"] * 2


SET_PARAMETER = """
env["ir.config_parameter"].set_param("queue_job.allow_old_style_calls", "{}")
env.cr.commit()
env.registry.signal_changes()
"""


@pytest.fixture
def old_style(connection, jobs, shell, database):
    """The first job has been enqueued by somebody who leaves no token; a function that sets the parameter."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE queue_job SET lease = NULL WHERE id = %s", [jobs[0][1]])

    def allow(value):
        shell(database, SET_PARAMETER.format(value))

    yield allow
    allow(False)


def test_a_call_that_brings_no_token_runs_nothing(ask, states, old_style):
    for grant in (None, "", "guessed"):
        response = ask(grant)
        assert (response.status_code, response.text) == (200, "")
    assert states() == ["enqueued"] + ["pending"] * 3


def test_old_style_calls_that_are_allowed(ask, states, old_style):
    """They run the job they name, and no other."""
    old_style("True")
    assert ask("guessed").status_code == 200
    assert states() == ["enqueued"] + ["pending"] * 3
    assert ask(None).status_code == 200
    assert states() == ["done"] + ["pending"] * 3


def test_old_style_calls_know_no_token(ask, states, old_style, connection, jobs):
    old_style("True")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE queue_job SET lease = 'token' WHERE id = %s", [jobs[0][1]])
    assert ask(None).status_code == 200
    assert states() == ["enqueued"] + ["pending"] * 3
