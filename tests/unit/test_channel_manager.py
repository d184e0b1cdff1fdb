# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import importlib.util
from pathlib import Path
from time import perf_counter

import pytest

from odoo.addons.queue_job.core import states
from odoo.addons.queue_job.core.channel_config import ChannelConfig, parse_channels
from odoo.addons.queue_job.core.channel_manager import NOT_DONE, ChannelManager
from odoo.addons.queue_job.exception import ChannelNotFound


class Scenario:
    """A manager told about jobs by short calls; ``db:A`` is the job A of the database db."""

    def __init__(self, text):
        self.manager = ChannelManager()
        self.manager.simple_configure(text)
        self.seqs = {}

    def tell(self, job, channel="root", state=states.PENDING, *, priority=10, date=0, eta=None):
        db_name, uuid = job.split(":") if ":" in job else ("db", job)
        seq = self.seqs.setdefault(job, len(self.seqs))
        self.manager.notify(db_name, channel, uuid, seq, date, priority, eta, state)
        return self

    def start(self, now=0):
        """The uuids of the jobs that start now, in one string."""
        return "".join(job.uuid for job in self.manager.get_jobs_to_run(now))

    @property
    def wakeup(self):
        return self.manager.get_wakeup_time()


# Order


def test_order_is_priority_then_date_then_seq():
    scenario = Scenario("root:0")
    scenario.tell("D").tell("E").tell("C", date=-1).tell("B", priority=9).tell("A", priority=8)
    assert scenario.start() == "ABCDE"


def test_order_holds_over_channels():
    scenario = Scenario("root:0,a:0,b:0").tell("A", "a").tell("B", "b").tell("C", "a")
    assert scenario.start() == "ABC"


def test_order_of_two_databases_is_by_name_at_last():
    scenario = Scenario("root:0")
    scenario.manager.notify("z", "root", "B", 1, 0, 10, None, states.PENDING)
    scenario.manager.notify("a", "root", "A", 1, 0, 10, None, states.PENDING)
    assert scenario.start() == "AB"


def test_told_priority_is_the_one_that_counts():
    scenario = Scenario("root:0").tell("A").tell("B").tell("A", priority=11)
    assert scenario.start() == "BA"


# Capacity


def test_started_job_takes_capacity_until_it_is_done():
    scenario = Scenario("root:2").tell("A").tell("B").tell("C")
    assert scenario.start() == "AB"
    assert scenario.start() == ""
    assert scenario.tell("A", state=states.DONE).start() == "C"


@pytest.mark.parametrize("state", [states.ENQUEUED, states.STARTED])
def test_job_that_runs_already_takes_capacity(state):
    scenario = Scenario("root:1").tell("A", state=state).tell("B")
    assert scenario.start() == ""


@pytest.mark.parametrize(
    "state", [states.DONE, states.CANCELLED, states.FAILED, states.WAIT_DEPENDENCIES, "unknown"]
)
def test_job_that_runs_no_more_gives_its_capacity_back(state):
    scenario = Scenario("root:1").tell("A", state=states.STARTED).tell("B")
    assert scenario.tell("A", state=state).start() == "B"


def test_job_takes_capacity_in_each_ancestor():
    scenario = Scenario("root:3,a:2,a.b:1")
    scenario.tell("A", "a.b").tell("B", "a.b").tell("C", "a").tell("D", "a").tell("E")
    assert scenario.start() == "ACE"
    assert scenario.tell("A", "a.b", states.DONE).start() == "B"
    assert [scenario.manager.running(name) for name in ("root", "a", "a.b")] == [3, 2, 1]


@pytest.mark.parametrize("capacity", [0, None])
def test_capacity_zero_or_none_is_unlimited(capacity):
    scenario = Scenario("")
    scenario.manager.configure([ChannelConfig("root", capacity)])
    for uuid in "ABCDE":
        scenario.tell(uuid)
    assert scenario.start() == "ABCDE"


def test_root_runs_one_job_unless_configured():
    assert Scenario("a:5").tell("A", "a").tell("B", "a").start() == "A"


def test_full_channel_does_not_hold_up_its_siblings():
    scenario = Scenario("root:4,a:1,b:1")
    scenario.tell("A", "a", priority=1).tell("B", "a", priority=2).tell("C", "b", priority=3)
    assert scenario.start() == "AC"


def test_job_counts_from_the_moment_it_is_yielded():
    scenario = Scenario("root:2").tell("A").tell("B").tell("C")
    jobs = scenario.manager.get_jobs_to_run(0)
    assert scenario.manager.running("root") == 0
    assert next(jobs).uuid == "A"
    assert scenario.manager.running("root") == 1
    scenario.tell("Z", priority=1)
    assert [job.uuid for job in jobs] == ["Z"]


def test_job_moves_to_another_channel_while_it_runs():
    scenario = Scenario("root:4,a:1,b:1").tell("A", "a").tell("B", "b").tell("C", "a")
    assert scenario.start() == "AB"
    scenario.tell("B", "b", states.DONE).tell("A", "b", states.STARTED).tell("D", "b")
    assert scenario.start() == "C"


# Eta


def test_future_job_is_set_aside_then_competes():
    scenario = Scenario("root:1").tell("A", priority=1, eta=5).tell("B").tell("C")
    assert scenario.start(4) == "B"
    scenario.tell("B", state=states.DONE)
    assert scenario.start(5) == "A"


def test_due_job_starts_when_capacity_comes_later():
    scenario = Scenario("root:9,a:1").tell("A", "a").tell("B", "a", eta=5)
    assert scenario.start(1) == "A"
    assert scenario.start(6) == ""
    assert scenario.tell("A", "a", states.DONE).start(6) == "B"


def test_time_steps_back():
    scenario = Scenario("root:1").tell("A").tell("B", eta=5)
    assert scenario.start(6) == "A"
    scenario.tell("A", state=states.DONE)
    assert scenario.start(4) == ""
    assert scenario.wakeup == 5
    assert scenario.start(5) == "B"


# Sequential


def test_sequential_channel_waits_for_an_earlier_eta():
    scenario = Scenario("root:4,s:1:sequential").tell("A", "s", eta=5).tell("B", "s")
    assert scenario.start(4) == ""
    assert scenario.start(5) == "A"
    assert scenario.tell("A", "s", states.DONE).start(5) == "B"


def test_sequential_channel_does_not_wait_for_a_later_eta():
    scenario = Scenario("root:4,s:1:sequential").tell("A", "s").tell("B", "s", eta=5)
    assert scenario.start(4) == "A"


@pytest.mark.parametrize("state", [states.DONE, states.CANCELLED, states.WAIT_DEPENDENCIES])
def test_failed_job_blocks_a_sequential_channel_until_resolved(state):
    scenario = Scenario("root:4,s:1:sequential").tell("A", "s").tell("B", "s")
    assert scenario.start() == "A"
    assert scenario.tell("A", "s", states.FAILED).start() == ""
    assert scenario.tell("A", "s", state).start() == "B"


def test_requeued_job_is_the_next_of_a_sequential_channel():
    scenario = Scenario("root:4,s:1:sequential").tell("A", "s").tell("B", "s")
    scenario.tell("A", "s", states.FAILED)
    assert scenario.start() == ""
    assert scenario.tell("A", "s").start() == "A"


def test_deleted_failed_job_blocks_no_more():
    scenario = Scenario("root:4,s:1:sequential").tell("A", "s", states.FAILED).tell("B", "s")
    assert scenario.start() == ""
    scenario.manager.remove_job("A")
    assert scenario.start() == "B"


def test_failed_job_blocks_no_other_channel():
    scenario = Scenario("root:4,s:1:sequential,a:1").tell("A", "a", states.FAILED).tell("B", "a")
    assert scenario.start() == "B"


def test_sequential_holds_for_the_whole_subtree():
    scenario = Scenario("root:4,s:1:sequential,s.a:1,s.b:1")
    scenario.tell("A", "s.a", eta=5).tell("B", "s.b").tell("C", "s")
    assert scenario.start(0) == ""
    assert scenario.start(5) == "A"
    assert scenario.tell("A", "s.a", states.FAILED).start(5) == ""
    assert scenario.tell("A", "s.a", states.DONE).start(5) == "B"


def test_paused_channel_below_a_sequential_one_holds_it_up():
    scenario = Scenario("root:4,s:1:sequential,s.a:1:paused").tell("A", "s.a").tell("B", "s")
    assert scenario.start() == ""


def test_sequential_root():
    scenario = Scenario("root:1:sequential").tell("A", "a", eta=5).tell("B", "b")
    assert scenario.start(0) == ""
    assert scenario.wakeup == 5
    assert scenario.start(5) == "A"


@pytest.mark.parametrize(
    ("channel", "in_order"), [("root", False), ("s", True), ("s.a", True), ("root.other", False)]
)
def test_is_in_order(channel, in_order):
    assert Scenario("s:1:sequential").manager.is_in_order(channel) is in_order


# Throttle and pause


def test_throttled_channel_starts_one_job_each_period():
    scenario = Scenario("root:9,t:9:throttle=2").tell("A", "t").tell("B", "t").tell("C")
    assert scenario.start(10) == "AC"
    assert scenario.wakeup == 12
    assert scenario.start(11.9) == ""
    assert scenario.start(12) == "B"
    assert scenario.wakeup == 0


def test_throttle_holds_for_the_channels_below():
    scenario = Scenario("root:9,t:9:throttle=2,t.a:9").tell("A", "t.a").tell("B", "t")
    assert scenario.start(10) == "A"
    assert scenario.start(12) == "B"


def test_throttle_below_a_sequential_channel():
    scenario = Scenario("root:9,s:1:sequential,s.t:1:throttle=2").tell("A", "s.t").tell("B", "s.t")
    assert scenario.start(10) == "A"
    scenario.tell("A", "s.t", states.DONE)
    assert scenario.start(11) == ""
    assert scenario.wakeup == 12
    assert scenario.start(12) == "B"


def test_throttle_after_the_clock_stepped_back_far():
    scenario = Scenario("root:9:throttle=2").tell("A").tell("B")
    assert scenario.start(1000) == "A"
    assert scenario.start(10) == ""
    assert scenario.wakeup == 12
    assert scenario.start(12) == "B"


def test_paused_channel_starts_nothing():
    scenario = Scenario("root:9,p:9:paused").tell("A", "p").tell("B", "p.a").tell("C", eta=5)
    assert (scenario.start(), scenario.wakeup) == ("", 5)
    scenario.manager.simple_configure("p:1")
    assert scenario.start() == "A"


# Wake-up time


def test_no_wakeup_without_jobs():
    assert Scenario("root:1").wakeup == 0


def test_wakeup_is_the_earliest_eta():
    scenario = Scenario("root:1").tell("A", "a", eta=9).tell("B", "b", eta=5)
    assert scenario.wakeup == 5


def test_no_wakeup_for_a_full_channel():
    scenario = Scenario("root:9,a:1").tell("A", "a").tell("B", "a", eta=5).tell("C", eta=7)
    assert scenario.start(0) == "A"
    assert scenario.wakeup == 7
    scenario.tell("A", "a", states.DONE)
    assert scenario.wakeup == 5


def test_wakeup_of_a_sequential_channel_is_its_first_job():
    scenario = Scenario("s:1:sequential").tell("A", "s", eta=9).tell("B", "s", eta=5)
    assert scenario.wakeup == 9


def test_wakeup_is_the_later_one_of_eta_and_throttle():
    scenario = Scenario("root:9:throttle=3").tell("A").tell("B", eta=12).tell("C", eta=20)
    assert scenario.start(10) == "A"
    assert scenario.wakeup == 13
    scenario.manager.remove_job("B")
    assert scenario.wakeup == 20


# Databases


def test_two_databases_may_hold_the_same_uuid():
    scenario = Scenario("root:0").tell("db1:A").tell("db2:A")
    jobs = list(scenario.manager.get_jobs_to_run(0))
    assert [(job.db_name, job.uuid) for job in jobs] == [("db1", "A"), ("db2", "A")]


def test_state_of_one_database_says_nothing_of_the_other():
    scenario = Scenario("root:1").tell("db1:A", state=states.STARTED).tell("db2:A")
    scenario.tell("db2:A", state=states.DONE).tell("db2:B")
    assert scenario.start() == ""


def test_remove_job_in_one_or_all_databases():
    scenario = Scenario("root:0").tell("db1:A").tell("db2:A")
    scenario.manager.remove_job("A", db_name="db1")
    scenario.manager.remove_job("A", db_name="db3")
    assert scenario.manager.waiting("db2", "root") == 1
    scenario.tell("db1:A").manager.remove_job("A")
    assert scenario.start() == ""


def test_remove_unknown_job_is_no_error():
    Scenario("").manager.remove_job("A")


def test_remove_db_gives_all_back():
    scenario = Scenario("root:1,s:1:sequential")
    scenario.tell("db1:A", state=states.STARTED).tell("db1:B").tell("db1:C", "s", states.FAILED)
    scenario.tell("db2:D", "s")
    assert scenario.start() == ""
    scenario.manager.remove_db("db1")
    scenario.manager.remove_db("unknown")
    assert scenario.start() == "D"


# Windows


def test_waiting_jobs_of_a_database_in_a_channel():
    scenario = Scenario("root:1,a:1")
    scenario.tell("B", "a").tell("A", "a", priority=1, eta=9).tell("C", "a.b").tell("other:D", "a")
    manager = scenario.manager
    assert manager.waiting("db", "root.a") == 2
    assert [job.uuid for job in manager.waiting_jobs("db", "a")] == ["A", "B"]
    assert [job.uuid for job in manager.waiting_jobs("db", "a", limit=1)] == ["A"]
    assert manager.waiting("nobody", "a") == 0
    assert manager.waiting_jobs("nobody", "a") == []


def test_forget_waiting_keeps_what_runs():
    scenario = Scenario("root:2,a:2").tell("A", "a", states.STARTED).tell("B", "a")
    scenario.tell("C", "a.b").tell("other:D", "a")
    scenario.manager.forget_waiting("db", "a")
    assert scenario.manager.waiting("db", "a") == 0
    assert scenario.manager.running("a") == 1
    assert scenario.start() == "C"


# Names


@pytest.mark.parametrize("name", ["root", "", None])
def test_root_by_name(name):
    channel = ChannelManager().get_channel_by_name(name)
    assert (channel.name, channel.fullname, channel.parent) == ("root", "root", None)


def test_root_may_be_left_out():
    manager = Scenario("a.b:2").manager
    channel = manager.get_channel_by_name("root.a.b")
    assert channel is manager.get_channel_by_name("a.b")
    assert (channel.name, channel.fullname) == ("b", "root.a.b")
    assert (channel.capacity, channel.sequential) == (2, False)


def test_channels_between_have_no_limit():
    channel = Scenario("a.b:2").manager.get_channel_by_name("a")
    assert channel.capacity is None


def test_unknown_channel():
    manager = Scenario("a:1").manager
    with pytest.raises(ChannelNotFound, match="a.b"):
        manager.get_channel_by_name("a.b")


@pytest.mark.parametrize("option", ["autocreate", "parent_fallback"])
@pytest.mark.parametrize("name", ["a.b.c", "root.a.b.c"])
def test_undeclared_channel_is_below_its_declared_ancestor(option, name):
    manager = Scenario("a:1").manager
    channel = manager.get_channel_by_name(name, **{option: True})
    assert channel.fullname == "root.a.b.c"
    assert channel.parent.parent is manager.get_channel_by_name("a")
    assert channel.capacity is None
    assert manager.get_channel_by_name("a.b.c") is channel


def test_job_of_an_undeclared_channel_runs_under_its_ancestor():
    scenario = Scenario("root:9,a:1").tell("A", "a.x.y").tell("B", "root.a.z").tell("C", "new")
    assert scenario.start() == "AC"


def test_channel_that_is_told_first_and_declared_later():
    scenario = Scenario("root:9").tell("A", "a.b").tell("B", "a.b")
    scenario.manager.simple_configure("a:1")
    assert scenario.start() == "A"


def test_repr():
    scenario = Scenario("root:2").tell("A").tell("B").tell("C").tell("D", state=states.FAILED)
    scenario.start()
    channel = scenario.manager.get_channel_by_name("root")
    assert repr(channel) == "<Channel root capacity=2 waiting=1 running=2 failed=1>"


# Configuration


def test_parse_simple_config():
    assert ChannelManager.parse_simple_config("root:4, root.a:1:sequential, t:2:throttle=3") == [
        {"name": "root", "capacity": 4},
        {"name": "root.a", "capacity": 1, "sequential": True},
        {"name": "t", "capacity": 2, "throttle": 3},
    ]


def test_wrong_text_changes_nothing():
    scenario = Scenario("root:2").tell("A").tell("B").tell("C")
    with pytest.raises(ValueError, match="many"):
        scenario.manager.simple_configure("root:3,a:many")
    assert scenario.start() == "AB"


def test_last_entry_of_a_channel_wins():
    assert Scenario("root:1,root:2").tell("A").tell("B").tell("C").start() == "AB"


def test_simple_configure_keeps_the_other_channels():
    scenario = Scenario("root:2")
    scenario.manager.simple_configure("a:1")
    assert scenario.tell("A").tell("B").start() == "AB"


def test_configure_at_run_time_keeps_the_counts():
    scenario = Scenario("root:9,a:2").tell("A", "a").tell("B", "a").tell("C", "a").tell("D", "a")
    assert scenario.start() == "AB"
    scenario.manager.configure(parse_channels("root:9,a:1"))
    assert scenario.tell("A", "a", states.DONE).start() == ""
    assert scenario.tell("B", "a", states.DONE).start() == "C"
    scenario.manager.configure(parse_channels("root:9"))
    assert scenario.start() == "D"


def test_configure_without_root_gives_root_one_job():
    scenario = Scenario("root:9")
    scenario.manager.configure(parse_channels("a:9"))
    assert scenario.tell("A", "a").tell("B", "a").start() == "A"


def test_sequential_at_run_time():
    scenario = Scenario("root:9,a:9").tell("A", "a", eta=5).tell("B", "a")
    scenario.manager.simple_configure("a:1:sequential")
    assert scenario.start(0) == ""
    scenario.manager.simple_configure("a:1")
    assert scenario.start(0) == "B"


# The rest


def test_not_done_is_every_state_but_the_resolved_ones():
    all_states = {state for state, _label in states.STATES}
    assert set(NOT_DONE) == all_states - {states.DONE, states.CANCELLED}


def test_public_import_path():
    path = Path(__file__).resolve().parents[2] / "queue_job" / "jobrunner" / "channels.py"
    name = "odoo.addons.queue_job.jobrunner.channels"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    names = "ChannelManager Channel ChannelJob ChannelQueue PriorityQueue NOT_DONE"
    assert set(names.split()) <= set(module.__all__)
    assert (module.PENDING, module.DONE) == ("pending", "done")
    assert module.ChannelManager is ChannelManager


def test_cost_of_a_decision_does_not_grow_with_the_backlog():
    def seconds_for_100(backlog):
        scenario = Scenario("root:0")
        for number in range(backlog):
            scenario.tell(f"{number}", f"c{number % 100}", date=number)
        start = perf_counter()
        for _job, _number in zip(scenario.manager.get_jobs_to_run(0), range(100), strict=False):
            pass
        return perf_counter() - start

    small = min(seconds_for_100(200) for _try in range(3))
    large = min(seconds_for_100(20_000) for _try in range(3))
    assert large < 20 * small
