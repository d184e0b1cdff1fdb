# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""A runner on a database that is not updated yet: its triggers do not tell of etas."""

import select
import time

import pytest

from stack.places import REPOSITORY

OLDER = REPOSITORY / "tests" / "upgrade" / "older_triggers.sql"
PAST = "2026-01-01"


@pytest.fixture
def served(sql, serve):
    """Such a database, at which the runner has had its first looks."""
    sql(OLDER.read_text())
    served = serve()
    served.look_after_jobs(time.time())
    return served


def hear(served):
    """Take the notifications that came, and do what is due a moment later."""
    select.select([served.database], [], [], 5)
    served.note_notifications()
    served.look_after_jobs(time.time() + 1)


@pytest.fixture
def update(database, connect, sql):
    """A function that does what ``-u`` does with triggers and the states of modules."""
    from odoo.addons.queue_job.sql import triggers

    def run():
        sql("UPDATE ir_module_module SET state = 'to upgrade' WHERE name = 'queue_job'")
        connection = connect(database)
        with connection.cursor() as cursor:
            triggers.install(cursor)
            cursor.execute(
                "UPDATE ir_module_module SET state = 'installed' WHERE name = 'queue_job'"
            )
        connection.commit()

    return run


@pytest.mark.parametrize("state", ["pending", "failed"])
def test_etas_are_looked_for_after_each_notification(served, insert, sql, state):
    job = insert(eta=PAST, state=state)
    if state == "failed":
        sql("UPDATE queue_job SET state = 'pending' WHERE uuid = %s", job)
    hear(served)
    assert served.engine.waiting(served.name, "root") == 1


def test_after_the_update_only_when_there_are_some(served, update, insert, monkeypatch):
    update()
    hear(served)
    looks = []
    mark_due = served.database.mark_due
    monkeypatch.setattr(
        served.database, "mark_due", lambda limit: looks.append(limit) or mark_due(limit)
    )
    insert()
    hear(served)
    assert looks == []
    insert(eta=PAST)
    hear(served)
    assert len(looks) == 1
