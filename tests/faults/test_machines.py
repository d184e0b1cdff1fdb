"""Several machines with an Odoo server and a runner each, and PostgreSQL on one of its own: cables are pulled."""

import contextlib
import os
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from faults.machines import Namespaces, ProcessGroups, why_no_namespaces
from faults.runners import Supervisor
from faults.stage import Stage

from stack.database import OF_THIS_DATABASE
from stack.fixtures import showing_log
from stack.odoo import OdooConfig, OdooServer
from stack.places import REPOSITORY, Places
from stack.postgres import PORT, USER
from stack.waiting import wait_until

DATABASE = "qj_machines"
NAMES = ("one", "two")
CAPACITY = 3
#: Seconds until all that hangs on a machine is free, though nobody says that it is gone: PostgreSQL
#: finds out after eleven, a runner that stands by after eight and its next look.
DETECTION = 25
#: Seconds until what a machine had under way is done elsewhere, and until it takes part again.
PATIENCE = 60


class Machines(Stage):
    """The stage on all machines; its requests come from the machine itself that is asked."""

    def __init__(self, network, cluster):
        options = {"host": cluster.host, "port": PORT, "user": USER}
        super().__init__(DATABASE, options, [machine.server for machine in network.machines])
        self.network = network
        self.asked = network.machines[0]

    def call(self, model, method, arguments):
        with self.asked.entered():
            self.servers.sort(key=lambda server: server is not self.asked.server)
            return super().call(model, method, arguments)

    def leader(self):
        """:return: the machine whose runner leads; None: nobody does"""
        rows = self.sql(
            "SELECT application_name FROM queue_job_leader"
            "  JOIN pg_stat_activity USING (pid, backend_start)"
        )
        return next((machine for (name,) in rows if (machine := self._by_name(name))), None)

    def other(self, machine):
        (other,) = (one for one in self.network.machines if one is not machine)
        return other

    def jobs_of(self, machine):
        """:return: list of the uuids of the jobs that run there"""
        rows = self.sql(
            "SELECT queue_job.uuid, application_name FROM queue_job"
            "  JOIN pg_locks ON locktype = 'advisory' AND objsubid = 2 AND objid = queue_job.id"
            f"  JOIN pg_stat_activity USING (pid) WHERE queue_job.state = 'started' AND {OF_THIS_DATABASE}"
        )
        return [uuid for uuid, name in rows if self._by_name(name) is machine]

    def busy(self, machine):
        """:return: list of the uuids of the jobs that run there, as soon as there are some"""
        return wait_until(
            lambda: self.jobs_of(machine), PATIENCE, f"a job on machine {machine.name}"
        )

    def _by_name(self, application_name):
        name = application_name.partition("-")[0]
        return next((machine for machine in self.network.machines if machine.name == name), None)


@pytest.fixture(scope="module")
def machines(cluster, addon_template, copy_database, tmp_path_factory):
    """The :class:`Machines` of all tests of the module."""
    root = Path(tempfile.mkdtemp(prefix="qj_pg_"))
    root.chmod(0o755)
    network = (ProcessGroups if why_no_namespaces() else Namespaces)(NAMES)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, root)
        stack.enter_context(network)
        places = replace(Places.find(), postgres=root)
        lone = stack.enter_context(network.cluster(places))
        lone.execute(f"CREATE DATABASE {DATABASE}")
        copy_database(cluster, addon_template, lone, DATABASE)
        hosts = ", ".join(f"{machine.address}:{machine.port}" for machine in network.machines)
        for machine in network.machines:
            directory = tmp_path_factory.mktemp(machine.name)
            config = config_of(machine, network, places, hosts, directory)
            machine.server = OdooServer(config, directory)
            stack.enter_context(showing_log(machine.server))
            stack.callback(machine.stop)
            machine.start()
        yield Machines(network, lone)


def config_of(machine, network, places, hosts, directory):
    """As docs/operating.rst says; the machines have no file in common."""
    options = {
        "db_host": network.database_host,
        "db_app_name": f"{machine.name}-{{pid}}",
        "http_interface": "0.0.0.0" if network.can_part else machine.address,
        "data_dir": directory / "data",
    }
    return OdooConfig(
        places,
        DATABASE,
        workers=3,
        channels=f"root:{CAPACITY}",
        addons=(REPOSITORY / "tests" / "addons",),
        options=options,
        queue_job={"host": hosts},
        http_port=machine.port,
    )


@pytest.fixture
def here(machines):
    """The machines, both of which have run jobs a moment ago; nothing else is left of the test before."""
    machines.expected.clear()
    machines.sql("DELETE FROM queue_job")
    machines.sql("DELETE FROM queue_job_effect")
    wait_until(machines.leader, PATIENCE, "a leader")
    yield machines
    for machine in machines.network.machines:
        machines.network.plug(machine)
    machines.network.join()


def work(here, count=40, **options):
    """Delay jobs of half a second, and wait until both machines are at some.

    :return: list of uuids
    """
    uuids = here.delay("leave", count, kwargs={"seconds": 0.5}, **options)
    for machine in here.network.machines:
        here.busy(machine)
    return uuids


def seconds_until(condition, timeout, what):
    start = time.monotonic()
    wait_until(condition, timeout, what)
    return time.monotonic() - start


def assert_tried_once(here, but=0):
    """No job but so many was tried a second time, and none a third time."""
    tries = [retry for (retry,) in here.rows(here.expected, "retry")]
    assert max(tries) <= 2
    assert tries.count(2) <= but


def comes_back(here, judge, machine, fault):
    """Plug a machine: it takes part again."""
    here.network.plug(machine)
    supervisor = Supervisor(*here.network.machines)
    start = time.monotonic()

    def is_busy():
        if not here.count("pending"):
            here.delay("leave", 2 * CAPACITY, kwargs={"seconds": 0.4}, max_retries=1)
        return here.jobs_of(machine)

    supervisor.wait_until(is_busy, PATIENCE, "a job on the machine")
    judge(here, fault, time.monotonic() - start)


@pytest.mark.long
def test_a_machine_is_cut_off(here, judge):
    """Its jobs run again elsewhere, the others do not notice; and it comes back."""
    leader = here.leader()
    cut = here.other(leader)
    here.asked = leader
    with here.watching_capacity() as numbers:
        work(here)
        gone = here.busy(cut)
        here.network.unplug(cut)
        recovery = here.wait_for("done", gone, timeout=DETECTION + PATIENCE)
        judge(here, "machine cut off in mid-job", recovery)
        assert_tried_once(here, CAPACITY)
        assert here.leader() is leader
        comes_back(here, judge, cut, "machine plugged in again")
    assert max(numbers) <= CAPACITY


def test_the_machine_of_the_leader_is_cut_off(here, judge):
    """The runner of the other one takes the lead; when the first one comes back, it stands by."""
    cut = here.leader()
    other = here.other(cut)
    here.asked = other
    with here.watching_capacity() as numbers:
        work(here)
        here.network.unplug(cut)
        recovery = seconds_until(lambda: here.leader() is other, DETECTION, "another leader")
        judge(here, "machine of the leader cut off", recovery)
        assert_tried_once(here, CAPACITY)
        comes_back(here, judge, cut, "machine of the former leader plugged in again")
        assert here.leader() is other
    assert max(numbers) <= CAPACITY


@pytest.mark.long
@pytest.mark.namespaces
def test_all_machines_are_cut_off(here, judge):
    """As when the switch fails: it is no fault of the jobs."""
    work(here, max_retries=1)
    for machine in here.network.machines:
        here.network.unplug(machine)
    time.sleep(20)
    for machine in here.network.machines:
        here.network.plug(machine)
    done = here.count("done")
    supervisor = Supervisor(*here.network.machines)
    start = time.monotonic()
    supervisor.wait_until(lambda: here.count("done") > done, PATIENCE, "a job done")
    judge(here, "all machines cut off for 20 s", time.monotonic() - start)
    assert_tried_once(here)


@pytest.mark.long
@pytest.mark.namespaces
def test_the_machines_do_not_see_each_other(here, judge):
    """Both see PostgreSQL. What the leader has begun on the other one ends there, and is not run twice."""
    leader = here.leader()
    other = here.other(leader)
    here.asked = leader
    with here.watching_capacity() as numbers:
        uuids = here.delay("leave", 12, kwargs={"seconds": 4}, max_retries=1)
        far = here.busy(other)
        here.network.part()
        recovery = here.wait_for("done", far, timeout=PATIENCE)
        here.wait_for("done", uuids, timeout=120)
        judge(here, "runner and Odoo do not see each other", recovery)
        assert_tried_once(here)
        assert here.leader() is leader
        here.network.join()
        comes_back(here, judge, other, "runner and Odoo see each other again")
    assert max(numbers) <= CAPACITY


def test_nothing_is_left_of_runs_that_were_killed():
    """The next run removes what they have left."""
    if why_no_namespaces():
        assert not os.path.exists(f"/run/netns/qj{os.getpid()}-hub")
        return
    from faults import machines

    machines._ip("netns", "add", "qj99999999-hub")
    machines._sweep()
    assert not os.path.exists("/run/netns/qj99999999-hub")
