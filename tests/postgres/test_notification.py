# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What the triggers tell, and what they keep to themselves."""

import select

import pytest

CHANNEL = "queue_job_channel"


@pytest.fixture
def heard(database, connect):
    """A function that returns the payloads that came since the last call."""
    connection = connect(database, autocommit=True)
    connection.cursor().execute(f"LISTEN {CHANNEL}")

    def take():
        # The server sends what is pending together with the answer to a statement.
        connection.cursor().execute("SELECT 1")
        select.select([connection], [], [], 0.05)
        connection.poll()
        payloads = [notification.payload for notification in connection.notifies]
        connection.notifies.clear()
        return payloads

    return take


def test_the_name_is_that_of_the_core(jobrunner):
    from odoo.addons.queue_job.core.notification import NOTIFY_CHANNEL

    assert NOTIFY_CHANNEL == CHANNEL


def test_a_new_job_tells_its_channel(insert, heard):
    insert(channel="root.mail")
    assert heard() == ["root.mail"]


def test_ten_thousand_new_jobs_are_one_notification(sql, heard):
    sql(
        "INSERT INTO queue_job (uuid, state, channel, priority, date_created)"
        " SELECT n::text, 'pending', 'root', 10, now() FROM generate_series(1, 10000) n"
    )
    assert heard() == ["root"]


def test_a_transaction_with_many_statements_is_one_notification(database, connect, heard):
    connection = connect(database)
    with connection.cursor() as cursor:
        for number in range(20):
            cursor.execute(
                "INSERT INTO queue_job (uuid, state, channel, priority, date_created)"
                " VALUES (%s, 'pending', 'root', 10, now())",
                [str(number)],
            )
    assert heard() == []
    connection.commit()
    assert heard() == ["root"]


@pytest.mark.parametrize("state", ["wait_dependencies", "done", "failed", "started"])
def test_jobs_that_can_not_start_are_silent(insert, heard, state):
    insert(state=state)
    assert heard() == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("pending", "enqueued"),
        ("enqueued", "started"),
        ("started", "done"),
        ("started", "failed"),
        ("wait_dependencies", "cancelled"),
    ],
)
def test_moves_of_runner_and_worker_are_silent(sql, insert, heard, before, after):
    job = insert(state=before)
    heard()
    sql("UPDATE queue_job SET state = %s WHERE uuid = %s", after, job)
    assert heard() == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("failed", "pending"),
        ("started", "pending"),
        ("wait_dependencies", "pending"),
        ("failed", "done"),
        ("pending", "cancelled"),
    ],
)
def test_what_lets_a_job_start_is_told(sql, insert, heard, before, after):
    job = insert(state=before)
    heard()
    sql("UPDATE queue_job SET state = %s WHERE uuid = %s", after, job)
    assert heard() == ["root"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("eta = now()", ["root", ":eta"]),
        ("priority = 1", ["root"]),
        ("channel = 'root.x'", ["root.x", "root"]),
    ],
)
def test_changes_of_a_pending_job_are_told(sql, insert, heard, change, told):
    job = insert()
    heard()
    sql(f"UPDATE queue_job SET {change} WHERE uuid = %s", job)
    assert heard() == told


def test_jobs_with_an_eta_are_told_once_more(sql, heard):
    sql(
        "INSERT INTO queue_job (uuid, state, channel, eta)"
        " SELECT n::text, 'pending', 'root', CASE WHEN n > 50 THEN now() END"
        "   FROM generate_series(1, 100) n"
    )
    assert heard() == ["root", ":eta"]


def test_an_eta_of_what_does_not_wait_is_not_told(insert, heard):
    insert(state="wait_dependencies", eta="2030-01-01")
    assert heard() == []


def test_a_failed_job_that_moves_to_another_channel_is_told(sql, insert, heard):
    job = insert(state="failed")
    heard()
    sql("UPDATE queue_job SET channel = 'root.x' WHERE uuid = %s", job)
    assert heard() == ["root.x", "root"]


def test_other_changes_are_silent(sql, insert, heard):
    job = insert()
    heard()
    sql("UPDATE queue_job SET name = 'x', result = 'y' WHERE uuid = %s", job)
    assert heard() == []


def test_a_deleted_job_is_told(sql, insert, heard):
    job = insert()
    heard()
    sql("DELETE FROM queue_job WHERE uuid = %s", job)
    assert heard() == ["root"]


def test_installing_again_changes_nothing(sql, database, shell):
    query = (
        "SELECT oid, xmin::text FROM pg_trigger WHERE tgname LIKE 'queue_job%%'"
        " UNION ALL SELECT oid, xmin::text FROM pg_proc WHERE proname LIKE 'queue_job%%'"
        " ORDER BY 1"
    )
    before = sql(query)
    names = sql("SELECT proname FROM pg_proc WHERE proname LIKE 'queue_job%%' ORDER BY 1")
    assert ["queue_job_lock"] in map(list, names)
    shell(database, "env['queue.job'].init(); env.cr.commit()")
    assert sql(query) == before


def test_the_published_trigger_is_dropped(sql, database, shell, insert):
    sql(
        "CREATE FUNCTION queue_job_notify() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'called'; END $$"
    )
    sql(
        "CREATE TRIGGER queue_job_notify AFTER INSERT ON queue_job"
        " FOR EACH ROW EXECUTE FUNCTION queue_job_notify()"
    )
    shell(database, "env['queue.job'].init(); env.cr.commit()")
    assert insert()
    assert sql("SELECT 1 FROM pg_proc WHERE proname = 'queue_job_notify'") == []
