"""A server of several databases, of which one is sick; and one of twenty."""

import time

import pytest
from faults.stage import Stage

from stack.places import REPOSITORY
from stack.postgres import PORT, USER
from stack.waiting import wait_until

TEST_ADDONS = REPOSITORY / "tests" / "addons"
#: Seconds until a job is done beside a sick database, on a busy machine. Such a one is waited for for
#: five seconds, and again at each attempt to serve it.
AT_MOST = 3


@pytest.fixture
def stages(fresh_databases, start_server, cluster):
    """A function that starts one server of so many databases, and returns a :class:`Stage` for each."""
    options = {"host": cluster.host, "port": PORT, "user": USER}

    def make(count, **config):
        names = [fresh_databases() for _number in range(count)]
        server = start_server(",".join(names), addons=(TEST_ADDONS,), **config)
        made = [Stage(name, options, [server]) for name in names]
        for one in made:
            wait_until(lambda one=one: f"ready for db {one.database}" in one.log(), 60, "a runner")
        return made

    return make


class Together:
    """The stages of a server as one, for the judge."""

    def __init__(self, stages):
        self._stages = stages
        self.expected = {uuid: end for stage in stages for uuid, end in stage.expected.items()}

    def wait_for_end(self, timeout):
        for stage in self._stages:
            stage.wait_for_end(timeout)

    def verdict(self):
        verdicts = [stage.verdict() for stage in self._stages]
        return [sum((list(uuids) for uuids in kind), []) for kind in zip(*verdicts, strict=True)]

    def rows(self, uuids, *columns):
        return [row for stage in self._stages for row in stage.rows(uuids, *columns)]


def test_the_table_of_another_database_is_locked(stages, connect, judge):
    """As while the addon is upgraded in it, or by VACUUM FULL."""
    sick, well = stages(2, workers=2, channels="root:2")
    for stage in (sick, well):
        # the workers know the database
        stage.delay("leave", 4)
        stage.wait_for_end()
    locking = connect(sick.database)
    locking.cursor().execute("LOCK TABLE queue_job IN ACCESS EXCLUSIVE MODE")
    slowest = 0
    until = time.monotonic() + 12
    while time.monotonic() < until:
        slowest = max(slowest, well.wait_for("done", well.delay("leave")))
    locking.rollback()
    sick.delay("leave", 5)
    judge(Together([sick, well]), "table locked in another database", slowest)
    assert slowest < AT_MOST


@pytest.mark.long
def test_twenty_databases(stages, judge):
    """They share two units of capacity."""
    many = stages(20, workers=2, channels="root:2")
    start = time.monotonic()
    for stage in many:
        stage.delay("leave", 10)
    judge(Together(many), "twenty databases on two workers", time.monotonic() - start, timeout=300)
