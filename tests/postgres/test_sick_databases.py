# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""A database that is locked, slow or cut off: the jobs of the others start as fast as without it."""

import threading
import time

import pytest

from stack.waiting import wait_until

LIMIT = 30  # seconds, against hanging
#: Seconds for which jobs come in: a sick database is given up and sought again meanwhile.
DURATION = 7
INTERVAL = 0.05
#: Seconds from a commit to the request, at most, beyond those without a sick database. That one is
#: waited for for five seconds.
AT_MOST = 1.5


class Sickness:
    """Ways to make a database sick, and well again.

    :param proxy: :class:`DatabaseProxy`, between the runner and all databases
    :param connect: the fixture
    """

    def __init__(self, proxy, connect):
        self._proxy = proxy
        self._connect = connect
        self._locking = None

    def locked(self, name):
        """As while the addon is upgraded in it."""
        self._locking = self._connect(name)
        self._locking.cursor().execute("LOCK TABLE queue_job IN ACCESS EXCLUSIVE MODE")

    def cut_off(self, name):
        self._proxy.swallowed.add(name)

    def slow(self, name):
        self._proxy.late[name] = 2

    def end(self):
        self._proxy.swallowed.clear()
        self._proxy.late.clear()
        if self._locking is not None:
            self._locking.rollback()


@pytest.fixture(scope="module")
def pair(fresh_databases):
    return sorted([fresh_databases(), fresh_databases()])


@pytest.fixture
def sickness(proxy, connect):
    sickness = Sickness(proxy, connect)
    yield sickness
    sickness.end()


def seconds_to_start(fake_odoo, connect, name, duration):
    """Insert a job every now and then. :return: sorted list of the seconds until each was requested"""
    cursor = connect(name, autocommit=True).cursor()
    inserted = {}
    start = time.monotonic()
    for number in range(int(duration / INTERVAL)):
        time.sleep(max(0, start + number * INTERVAL - time.monotonic()))
        cursor.execute(
            "INSERT INTO queue_job (uuid, state, channel, priority, date_created)"
            " VALUES (gen_random_uuid()::text, 'pending', 'root', 10, now()) RETURNING uuid"
        )
        inserted[cursor.fetchone()[0]] = time.monotonic()
    wait_until(lambda: all_done(cursor), LIMIT, "the end of the jobs")
    # those that were hinted were begun without a request of their own, earlier than the next one
    moments = {uuid: at for at, db, uuid in fake_odoo.requests if db == name}
    return sorted(moments[uuid] - at for uuid, at in inserted.items() if uuid in moments)


def all_done(cursor):
    cursor.execute("SELECT count(*) FROM queue_job WHERE state <> 'done'")
    return cursor.fetchone() == (0,)


def feed(connect, name, ended):
    """Let jobs come into the sick database, too, until ``ended``."""
    connection = connect(name, autocommit=True)
    with connection.cursor() as cursor:
        # it may be locked
        cursor.execute("SET statement_timeout = '300ms'")
        while not ended.wait(0.1):
            try:
                cursor.execute(
                    "INSERT INTO queue_job (uuid, state, channel, priority, date_created)"
                    " SELECT gen_random_uuid()::text, 'pending', 'root.sick.' || n, 1, now()"
                    "   FROM generate_series(1, 5) n"
                )
            except Exception:
                if connection.closed:
                    return


@pytest.mark.parametrize(
    ("way", "poll_only"), [("locked", False), ("cut_off", False), ("slow", False), ("locked", True)]
)
def test_the_jobs_of_another_database(
    pair, serve_all, ready, fake_odoo, connect, sickness, way, poll_only
):
    sick, well = pair
    serve_all(pair, channels="root:50,root.sick:8", poll_only=poll_only)
    for name in pair:
        ready(name)
    without = seconds_to_start(fake_odoo, connect, well, 2)
    ended = threading.Event()
    feeder = threading.Thread(target=feed, args=[connect, sick, ended], daemon=True)
    feeder.start()
    getattr(sickness, way)(sick)
    beside = seconds_to_start(fake_odoo, connect, well, DURATION)
    ended.set()
    feeder.join()
    assert len(beside) > DURATION / INTERVAL / 2
    # with polls many jobs come at once, and the machine may be slow
    assert beside[-1] < without[-1] + AT_MOST, (without, beside)
    sickness.end()
    cursor = connect(sick, autocommit=True).cursor()
    wait_until(lambda: all_done(cursor), LIMIT, "the jobs of the sick one, which is well again")


def test_a_row_that_nothing_can_be_made_of(pair, serve_all, ready, fake_odoo, connect, caplog):
    """Python has no such year. The other database goes on, and this one does without the row."""
    sick, well = pair
    serve_all(pair, channels="root:50")
    for name in pair:
        ready(name)
    cursor = connect(sick, autocommit=True).cursor()
    cursor.execute(
        "INSERT INTO queue_job (uuid, state, channel, priority, date_created)"
        " VALUES ('of-the-future', 'pending', 'root', 10, '20000-01-01')"
    )
    text = f"unexpected error in database {sick}"
    wait_until(lambda: text in caplog.text, LIMIT, "the error")
    assert seconds_to_start(fake_odoo, connect, well, 1)
    cursor.execute("DELETE FROM queue_job")
    assert seconds_to_start(fake_odoo, connect, sick, 1)
