# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The channel classes as the tests of other addons use them, under their public path."""

import pytest


@pytest.fixture
def channels(addon):
    return addon("jobrunner.channels")


@pytest.fixture
def manager(channels):
    return channels.ChannelManager()


@pytest.fixture
def job(channels):
    """A function that makes a job of a channel that nobody asks for."""

    def make(uuid="A", seq=1, date_created=0, priority=10, eta=None):
        return channels.ChannelJob("db", None, uuid, seq, date_created, priority, eta)

    return make


def uuids(jobs):
    return [job.uuid for job in jobs]


# -- priority queue


def test_priority_queue(channels):
    queue = channels.PriorityQueue()
    assert queue.pop() is None
    for number in (2, 3, 1):
        queue.add(number)
    assert (len(queue), queue[0], 3 in queue, 4 in queue) == (3, 1, True, False)
    queue.remove(1)
    queue.remove(4)
    assert [queue.pop() for _number in range(3)] == [2, 3, None]


def test_priority_queue_takes_jobs(channels, job):
    queue = channels.PriorityQueue()
    late, early = job("A", seq=2), job("B", seq=1)
    queue.add(late)
    queue.add(early)
    assert queue[0] is early


# -- jobs


def test_job(job):
    one = job("A", seq=3, date_created=5, priority=7, eta=9)
    assert repr(one) == "<ChannelJob A>"
    assert (one.db_name, one.channel, one.uuid, one.seq) == ("db", None, "A", 3)
    assert (one.date_created, one.priority, one.eta) == (5, 7, 9)


def test_a_job_is_equal_to_itself_only(job):
    one = job()
    assert one == one
    assert one != job()
    assert len({one, job()}) == 2


@pytest.mark.parametrize("first", [{"priority": 1}, {"date_created": -1}, {"seq": 0}])
def test_order_of_jobs(job, first):
    assert job(**first) < job()
    assert job() > job(**first)


def test_order_of_jobs_with_eta(job):
    assert job(eta=1) < job(eta=2, priority=1)
    assert job(eta=2, priority=1) < job(eta=2)


def test_jobs_with_and_without_eta_are_not_comparable(job):
    with pytest.raises(TypeError):
        job(eta=1) < job()  # noqa: B015
    with pytest.raises(TypeError):
        job() < job(eta=1)  # noqa: B015


# -- queue of a channel


def test_a_job_with_eta_is_set_aside_until_it_is_due(channels, job):
    queue = channels.ChannelQueue()
    urgent, plain = job("urgent", priority=1, eta=10), job("plain")
    queue.add(urgent)
    queue.add(plain)
    assert queue.pop(now=1) is plain
    assert queue.pop(now=2) is None
    assert queue.get_wakeup_time() == 10
    assert queue.pop(now=10) is urgent
    assert queue.get_wakeup_time() == 0


def test_a_due_job_competes_by_priority(channels, job):
    queue = channels.ChannelQueue()
    plain, urgent = job("plain"), job("urgent", priority=1, eta=10)
    queue.add(plain)
    queue.add(urgent)
    assert queue.pop(now=11) is urgent


def test_a_sequential_queue_waits_for_the_first(channels, job):
    queue = channels.ChannelQueue(sequential=True)
    first, second = job("first", priority=1, eta=10), job("second")
    queue.add(second)
    queue.add(first)
    assert queue.pop(now=1) is None
    assert queue.get_wakeup_time() == 10
    assert queue.pop(now=10) is first
    queue.remove(second)
    assert queue.pop(now=10) is None


# -- configuration


def test_parse(channels):
    text = " root : 4 ,\n\n root.sub : 1 : sequential , other:2:throttle=3,,"
    assert channels.ChannelManager.parse_simple_config(text) == [
        {"name": "root", "capacity": 4},
        {"name": "root.sub", "capacity": 1, "sequential": True},
        {"name": "other", "capacity": 2, "throttle": 3},
    ]


@pytest.mark.parametrize("text", ["root:x", "root:1:k=", "root:2:sequential", "a..b:1"])
def test_wrong_texts(channels, manager, text):
    with pytest.raises(ValueError) as error:
        manager.simple_configure(text)
    assert text.split(":")[-1] in str(error.value) or text in str(error.value)


def test_channels_by_name(channels, addon, manager):
    manager.simple_configure("root:4,sub.deep:1:sequential")
    root = manager.get_channel_by_name("root")
    assert (root.name, root.fullname, root.capacity) == ("root", "root", 4)
    assert not root.sequential
    deep = manager.get_channel_by_name("root.sub.deep")
    assert deep is manager.get_channel_by_name("sub.deep")
    assert (deep.name, deep.fullname, deep.capacity, deep.sequential) == (
        "deep", "root.sub.deep", 1, True
    )  # fmt: skip
    assert not manager.get_channel_by_name("sub").capacity
    with pytest.raises(addon("exception").ChannelNotFound, match="nowhere"):
        manager.get_channel_by_name("nowhere")
    made = manager.get_channel_by_name("sub.new", autocreate=True)
    assert made.fullname == "root.sub.new"
    assert isinstance(made, channels.Channel)


# -- the manager


def test_capacity_counts_in_each_ancestor(manager):
    manager.simple_configure("root:2,a:1,b:2")
    for seq, channel in enumerate(["a", "a", "b", "b"], start=1):
        manager.notify("db", channel, f"{channel}{seq}", seq, 0, 10, None, "pending")
    assert uuids(manager.get_jobs_to_run(now=1)) == ["a1", "b3"]
    manager.notify("db", "b", "b3", 3, 0, 10, None, "done")
    assert uuids(manager.get_jobs_to_run(now=1)) == ["b4"]
    manager.remove_job("a1")
    assert uuids(manager.get_jobs_to_run(now=1)) == ["a2"]


@pytest.mark.parametrize("text", ["root:0", "root:0,a:0"])
def test_capacity_0_is_no_limit(manager, text):
    manager.simple_configure(text)
    for seq in range(20):
        manager.notify("db", "a", str(seq), seq, 0, 10, None, "pending")
    assert len(list(manager.get_jobs_to_run(now=1))) == 20


def test_an_undeclared_channel_runs_under_its_nearest_ancestor(manager):
    manager.simple_configure("root:4,a:1")
    for seq, channel in enumerate(["a.x", "a.y.z", "new"]):
        manager.notify("db", channel, channel, seq, 0, 10, None, "pending")
    jobs = list(manager.get_jobs_to_run(now=1))
    assert uuids(jobs) == ["a.x", "new"]
    assert jobs[0].db_name == "db"


def test_throttle(manager):
    manager.simple_configure("root:4,a:4:throttle=5")
    for seq in (1, 2):
        manager.notify("db", "a", str(seq), seq, 0, 10, None, "pending")
    assert uuids(manager.get_jobs_to_run(now=100)) == ["1"]
    assert manager.get_wakeup_time() == 105
    assert uuids(manager.get_jobs_to_run(now=104)) == []
    assert uuids(manager.get_jobs_to_run(now=105)) == ["2"]
    assert manager.get_wakeup_time() == 0


def test_sequential(manager):
    manager.simple_configure("root:4,a:1:sequential")
    for seq in (1, 2):
        manager.notify("db", "a", str(seq), seq, 0, 10, None, "pending")
    assert uuids(manager.get_jobs_to_run(now=1)) == ["1"]
    manager.notify("db", "a", "1", 1, 0, 10, None, "failed")
    assert uuids(manager.get_jobs_to_run(now=1)) == []
    manager.notify("db", "a", "1", 1, 0, 10, None, "done")
    assert uuids(manager.get_jobs_to_run(now=1)) == ["2"]


def test_paused(manager):
    manager.simple_configure("root:4,a:4:paused")
    manager.notify("db", "a", "1", 1, 0, 10, None, "pending")
    assert uuids(manager.get_jobs_to_run(now=1)) == []


def test_a_database_that_goes(manager):
    manager.simple_configure("root:4")
    for database in ("one", "two"):
        manager.notify(database, "root", "same", 1, 0, 10, None, "pending")
    manager.remove_db("one")
    assert [job.db_name for job in manager.get_jobs_to_run(now=1)] == ["two"]
