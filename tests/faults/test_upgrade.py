"""Modules are installed and updated by another process while a live server has jobs."""

import threading
import time
from pathlib import Path

import pytest

from stack.odoo import OdooConfig, run_odoo
from stack.places import REPOSITORY

ADDONS = (REPOSITORY / "tests" / "addons",)
#: Seconds until the runner has noticed for sure, on a busy machine.
NOTICE = 4


class Upgrade:
    """Runs ``odoo … --stop-after-init`` in another process, and remembers when modules were to be something."""

    def __init__(self, stage, places, directory):
        self._stage = stage
        self._config = OdooConfig(places, stage.database, addons=ADDONS)
        self._directory = Path(directory)
        #: moments by PostgreSQL's clock, UTC
        self.moments = []

    def run(self, *arguments):
        ended = threading.Event()
        thread = threading.Thread(target=self._watch, args=(ended,), daemon=True)
        thread.start()
        try:
            status, log = run_odoo(
                self._config, [*arguments, "--no-http", "--stop-after-init"], self._directory
            )
        finally:
            ended.set()
            thread.join()
        assert status == 0, log.read_text()

    def _watch(self, ended):
        while not ended.wait(0.1):
            self.moments += self._stage.sql(
                "SELECT now() AT TIME ZONE 'UTC' FROM ir_module_module"
                " WHERE state LIKE 'to %%' LIMIT 1"
            )


@pytest.mark.parametrize(
    ("arguments", "waits"),
    [
        (("-u", "queue_job"), True),
        # Odoo tells nobody until it is done: one transaction, on tables that the jobs do not have
        (("-i", "queue_job_guide"), False),
        pytest.param(("-u", "base"), True, marks=pytest.mark.long),
    ],
    ids=["update", "install", "base"],
)
@pytest.mark.long
def test_a_live_server_is_upgraded(stage, cluster, judge, tmp_path, arguments, waits):
    """Nothing starts while it is going on, nothing fails of it, and all goes on by itself."""
    here = stage(workers=3, channels="root:3")
    uuids = here.delay("leave", 150, kwargs={"seconds": 0.3}, max_retries=1)
    here.wait_for("done", uuids, 3)
    upgrade = Upgrade(here, cluster.places, tmp_path)
    upgrade.run(*arguments)
    start = time.monotonic()
    done = here.count("done", uuids)
    assert done < len(uuids)
    more = here.delay("leave", 10, max_retries=1)
    here.wait_for("done", uuids, done + 1)
    judge(here, f"live server: {' '.join(arguments)}", time.monotonic() - start, timeout=240)
    assert {retry for (retry,) in here.rows([*uuids, *more], "retry")} == {1}
    if not waits:
        return
    started = [moment for (moment,) in here.rows([*uuids, *more], "date_started")]
    first, last = upgrade.moments[0][0], upgrade.moments[-1][0]
    meanwhile = [m for m in started if (m - first).total_seconds() > NOTICE and m < last]
    assert meanwhile == []
    assert any(moment < first for moment in started)
    assert any(moment > last for moment in started)
