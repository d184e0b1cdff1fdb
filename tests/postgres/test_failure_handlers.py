# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Jobs that are requeued while what handles their failure is about to run."""

import psycopg2.errors
import pytest
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ

REQUEUE = "UPDATE queue_job SET state = 'pending' WHERE uuid = %s"
CLAIM = """
    SELECT queue_job_claim_pending(id, 'root', NULL, 1, 'lease') FROM queue_job WHERE uuid = %s
"""


@pytest.fixture
def handled(insert, sql):
    """Two jobs that have failed, and the pending handler of both."""
    jobs = [insert(state="failed", has_failure_handler=True) for _number in range(2)]
    handler = insert()
    for job in jobs:
        sql(
            "INSERT INTO queue_job_failure_handler SELECT job.id, handler.id"
            " FROM queue_job job, queue_job handler WHERE job.uuid = %s AND handler.uuid = %s",
            *(job, handler),
        )
    return *jobs, handler


@pytest.fixture
def request_cursor(connect, database):
    """A function that returns a connection as that of a request, and its cursor."""

    def begin():
        connection = connect(database)
        connection.set_isolation_level(ISOLATION_LEVEL_REPEATABLE_READ)
        cursor = connection.cursor()
        cursor.execute("SELECT count(*) FROM queue_job")
        return connection, cursor

    return begin


def test_both_are_requeued_at_the_same_moment(handled, request_cursor, state_of):
    """Each sees the other one failed; the second one conflicts, and is repeated."""
    one, two, handler = handled
    (first, first_cursor), (second, second_cursor) = request_cursor(), request_cursor()
    first_cursor.execute(REQUEUE, [one])
    first.commit()
    assert state_of(handler) == "pending"
    with pytest.raises(psycopg2.errors.SerializationFailure):
        second_cursor.execute(REQUEUE, [two])
    second.rollback()
    second_cursor.execute(REQUEUE, [two])
    second.commit()
    assert state_of(handler) == "wait_dependencies"


def test_the_handler_starts_before(handled, request_cursor, sql, state_of):
    """The request does not see that: it conflicts, and then leaves the handler alone."""
    one, two, handler = handled
    sql(REQUEUE, one)
    connection, cursor = request_cursor()
    assert sql(CLAIM, handler)[0][0]
    with pytest.raises(psycopg2.errors.SerializationFailure):
        cursor.execute(REQUEUE, [two])
    connection.rollback()
    cursor.execute(REQUEUE, [two])
    connection.commit()
    assert state_of(handler) == "started"


def test_the_handler_would_start_meanwhile(handled, request_cursor, sql, state_of):
    one, two, handler = handled
    sql(REQUEUE, one)
    connection, cursor = request_cursor()
    cursor.execute(REQUEUE, [two])
    assert sql(CLAIM, handler) == [(None,)]
    connection.commit()
    assert sql(CLAIM, handler) == [(None,)]
    assert state_of(handler) == "wait_dependencies"
