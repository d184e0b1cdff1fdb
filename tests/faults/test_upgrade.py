"""Modules are installed and updated while a live server has jobs: by another process, or in the web client."""

import contextlib
import threading
import time
from pathlib import Path

import pytest

from stack.database import OF_THIS_DATABASE
from stack.errors import StackError
from stack.odoo import OdooConfig, run_odoo
from stack.places import REPOSITORY
from stack.waiting import wait_until

ADDONS = REPOSITORY / "tests" / "addons"
#: Two addons, the second one on top of the first; how long each of them is being installed.
SLOW = ("queue_job_slow", "queue_job_slower")
SECONDS = 4
HOOK = f"""import select


def work(env):
    select.select([], [], [], {SECONDS})
"""
#: Class of the advisory lock that is the gate; see queue_job/core/lock.py.
GATE_LOCK_CLASS = 0x71756576
#: Seconds that a slot may go on after modules were marked and committed.
BUDGET = 2.5


@pytest.fixture
def slow_addons(tmp_path):
    """The directory of the two addons."""
    for name, parent in zip(SLOW, ("queue_job", SLOW[0]), strict=True):
        directory = tmp_path / "addons" / name
        directory.mkdir(parents=True)
        (directory / "__init__.py").write_text(HOOK)
        manifest = {
            "name": name,
            "depends": [parent],
            "post_init_hook": "work",
            "license": "LGPL-3",
        }
        (directory / "__manifest__.py").write_text(repr(manifest))
    return tmp_path / "addons"


@pytest.fixture
def start(stage, slow_addons):
    """A function that starts a server with many jobs, some of which are done."""

    def run():
        here = stage(workers=3, channels="root:2", addons=(ADDONS, slow_addons))
        uuids = here.delay("leave", 150, kwargs={"seconds": 0.3}, max_retries=1)
        here.wait_for("done", uuids, 3)
        return here

    return run


class Watch:
    """Looks again and again, inside it, what an upgrade shows of itself to others."""

    def __init__(self, stage):
        self._stage = stage
        #: (moment by PostgreSQL's clock, UTC; whether the gate is closed; whether modules are marked)
        self.looks = []

    def __enter__(self):
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc_info):
        self._ended.set()
        self._thread.join()

    def _watch(self):
        while not self._ended.wait(0.1):
            self.looks += self._stage.sql(
                f"""
                SELECT clock_timestamp() AT TIME ZONE 'UTC',
                       EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted
                                  AND {OF_THIS_DATABASE}
                                  AND classid = %s AND mode = 'ExclusiveLock'),
                       EXISTS (SELECT FROM ir_module_module WHERE state LIKE 'to %%')
                """,
                GATE_LOCK_CLASS,
            )

    def assert_nothing_began(self):
        """Between two looks at a closed gate; or at marked modules, a moment after the first one."""
        rows = self._stage.sql("SELECT date_started FROM queue_job WHERE date_started IS NOT NULL")
        started = sorted(moment for (moment,) in rows)
        closed = _spans([moment if gate else None for moment, gate, _marked in self.looks], 0)
        marked = _spans([moment if states else None for moment, _g, states in self.looks], BUDGET)
        assert closed or marked
        inside = [m for m in started for begin, end in [*closed, *marked] if begin < m < end]
        assert inside == []
        begin, end = self.looks[0][0], self.looks[-1][0]
        assert any(moment < begin for moment in started)
        assert any(moment > end for moment in started)
        return closed, marked


def _spans(moments, grace):
    """:return: list of (begin, end), of the moments that follow each other without None"""
    spans, current = [], []
    for moment in [*moments, None]:
        if moment is not None:
            current.append(moment)
            continue
        late = [m for m in current if (m - current[0]).total_seconds() > grace]
        if len(late) > 1:
            spans.append((late[0], late[-1]))
        current = []
    return spans


def longest(spans):
    return max(((end - begin).total_seconds() for begin, end in spans), default=0)


def go_on(here, judge, fault):
    """All goes on by itself, and no job has noticed."""
    start = time.monotonic()
    done = here.count("done")
    assert done < len(here.expected)
    here.delay("leave", 10, max_retries=1)
    here.wait_for("done", here.expected, done + 1)
    recovery = time.monotonic() - start
    judge(here, f"live server: {fault}", recovery, timeout=240)
    assert {retry for (retry,) in here.rows(here.expected, "retry")} == {1}


@pytest.mark.parametrize(
    "arguments",
    [("-u", "queue_job"), ("-i", SLOW[-1]), ("-u", "base")],
    ids=["update", "install", "base"],
)
@pytest.mark.long
def test_another_process_changes_modules(start, slow_addons, cluster, judge, tmp_path, arguments):
    """Odoo commits the marks of the modules with the first of them; until then the gate is closed."""
    here = start()
    config = OdooConfig(cluster.places, here.database, addons=(ADDONS, slow_addons))
    with Watch(here) as watch:
        arguments = [*arguments, "--no-http", "--stop-after-init"]
        status, log = run_odoo(config, arguments, Path(tmp_path))
    assert status == 0, log.read_text()
    go_on(here, judge, " ".join(arguments[:2]))
    closed, marked = watch.assert_nothing_began()
    if SLOW[-1] in arguments:
        assert longest(closed) > SECONDS - 1
        assert longest(marked) > 1


@pytest.mark.long
def test_modules_are_installed_in_the_web_client(start, judge):
    """Marked and committed first, then installed by the worker that was asked."""
    here = start()
    here.call("ir.module.module", "update_list", [])
    ((module,),) = here.sql("SELECT id FROM ir_module_module WHERE name = %s", SLOW[-1])

    def install():
        # a cron that runs at that moment forbids it
        with contextlib.suppress(StackError):
            here.call("ir.module.module", "button_immediate_install", [[module]])
        return here.sql(
            "SELECT 1 FROM ir_module_module WHERE id = %s AND state = 'installed'", module
        )

    with Watch(here) as watch:
        wait_until(install, 60, "an installed module", 1)
    go_on(here, judge, "button in Apps")
    _closed, marked = watch.assert_nothing_began()
    assert longest(marked) > SECONDS
