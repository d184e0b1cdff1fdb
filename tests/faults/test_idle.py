"""An hour in which nothing happens, and then a job. The clock of the runner is fast, that of PostgreSQL is not."""

import os
import re
import time
from pathlib import Path

import pytest
from faults.clock import fast_clock
from faults.runners import NO_RUNNER, RunnerProcess
from faults.stage import Stage

from stack.places import REPOSITORY
from stack.postgres import PORT, USER

#: More would make the runner impatient with a PostgreSQL that is as fast as ever.
RATE = 10
HOUR = 3600
#: Seconds by the runner's clock, after which it is as it will be.
WARM_UP = 300
PROMPT = 3


@pytest.fixture
def idle(database, start_server, cluster, tmp_path):
    """(a :class:`Stage` that is quiet but for its runner, that runner with a fast clock)"""
    addons = (REPOSITORY / "tests" / "addons",)
    server = start_server(
        database, environ=NO_RUNNER, addons=addons, options={"max_cron_threads": 0}
    )
    environ = {"ODOO_QUEUE_JOB_CHANNELS": "root:2", **fast_clock(RATE)}
    runner = RunnerProcess(server.directory / "odoo.conf", tmp_path, environ)
    runner.start()
    runner.wait_for_log(f"ready for db {database}")
    yield Stage(database, {"host": cluster.host, "port": PORT, "user": USER}, [server]), runner
    runner.stop()


class Usage:
    """What a runner has used so far."""

    def __init__(self, stage, runner):
        status = Path(f"/proc/{runner.pid}/status").read_text()
        self.kilobytes = _number(status, "VmRSS")
        tasks = Path(f"/proc/{runner.pid}/task").glob("*/status")
        self.wakeups = sum(_number(task.read_text(), "voluntary_ctxt_switches") for task in tasks)
        fields = Path(f"/proc/{runner.pid}/stat").read_text().rpartition(")")[2].split()
        self.cpu = sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
        # each of its statements is a transaction
        ((self.transactions,),) = stage.sql(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        )
        self.log = runner.log_text()

    def since(self, before):
        return {
            name: getattr(self, name) - getattr(before, name)
            for name in ("kilobytes", "wakeups", "cpu", "transactions")
        }


def _number(text, name):
    return int(re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE)[1])


@pytest.mark.long
def test_an_idle_hour(idle, judge, connect):
    """Less than two queries and three wake-ups a second; nothing grows; the next job starts at once."""
    here, runner = idle
    here.delay("leave", 20)
    here.wait_for_end()
    time.sleep(WARM_UP / RATE)
    listener = connect(here.database, autocommit=True)
    listener.cursor().execute("LISTEN queue_job_channel")
    before = Usage(here, runner)
    time.sleep(HOUR / RATE)
    after = Usage(here, runner)
    used = after.since(before)
    print(used)
    listener.poll()
    assert listener.notifies == []
    assert 0 < used["transactions"] < 2 * HOUR
    assert used["wakeups"] < 3 * HOUR
    assert used["cpu"] < 0.01 * HOUR
    assert used["kilobytes"] < 1024
    # a PostgreSQL that is slow for half a second gives no answer for five by that clock
    assert after.log.count("\n") - before.log.count("\n") <= 6
    uuids = here.delay("leave")
    recovery = here.wait_for("done", uuids, timeout=PROMPT)
    judge(here, "an idle hour, then a job", recovery)
