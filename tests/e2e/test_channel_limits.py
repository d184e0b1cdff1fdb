# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Limits that are set in the web clients of two databases, on two servers that each have a runner."""

import itertools
import time

import pytest
import requests

from stack.waiting import wait_until

CAPACITY = 4
#: Seconds of a job that others have to be seen beside.
DURATION = 1
_numbers = itertools.count(1)


class WebClient:
    """A browser of the administrator: asks the server what the web client asks it."""

    def __init__(self, url, database):
        self.database = database
        self._url = url
        self._session = requests.Session()
        account = {"db": database, "login": "admin", "password": "admin"}
        self._post("/web/session/authenticate", account)

    def call(self, model, method, *arguments, **keywords):
        path = f"/web/dataset/call_kw/{model}/{method}"
        parameters = {"model": model, "method": method, "args": arguments, "kwargs": keywords}
        return self._post(path, parameters)

    def delay(self, channel, duration=0, failure_rate=0):
        """:return: str, the uuid of a new job"""
        parameters = {
            "channel": channel,
            "job_duration": duration,
            "failure_rate": failure_rate,
        }
        answer = self._session.get(
            f"{self._url}/queue_job/create_test_job", params=parameters, timeout=60
        )
        answer.raise_for_status()
        return answer.text.removeprefix("job uuid: ")

    def create_channel(self, name):
        """:return: str, its complete name, and the list of its id"""
        ((root, _name),) = self.call("queue.job.channel", "name_search", "root", limit=1)
        (row,) = self.call(
            "queue.job.channel",
            "web_save",
            [],
            {"name": name, "parent_id": root},
            specification={"complete_name": {}},
        )
        return row["complete_name"], [row["id"]]

    def save(self, channel_ids, **values):
        """What the button *Save* of the form does."""
        self.call("queue.job.channel", "web_save", channel_ids, values, specification={})

    def _post(self, path, parameters):
        request = {"jsonrpc": "2.0", "method": "call", "params": parameters}
        answer = self._session.post(f"{self._url}{path}", json=request, timeout=60).json()
        if "error" in answer:
            raise Refused(answer["error"]["data"]["name"], answer["error"]["data"]["message"])
        return answer["result"]


class Refused(Exception):
    """The server has answered with an error: its class and its text."""


@pytest.fixture(scope="module")
def names(fresh_databases):
    return [fresh_databases(), fresh_databases()]


@pytest.fixture(scope="module")
def leader(start_server, names):
    """The server whose runner serves both databases."""
    server = start_server(",".join(names), workers=CAPACITY + 2, channels=f"root:{CAPACITY}")
    for name in names:
        server.wait_for_log(f"queue job runner ready for db {name}")
    return server


@pytest.fixture(scope="module")
def standby(start_server, names, leader):
    """The server whose runner waits for the other one to go."""
    server = start_server(",".join(names), workers=CAPACITY + 2, channels=f"root:{CAPACITY}")
    for name in names:
        server.wait_for_log(f"database {name} is not served: .*another")
    return server


@pytest.fixture(scope="module")
def clients(names, standby):
    # of the server without the leading runner: limits hold wherever they are set
    return [WebClient(standby.url, name) for name in names]


@pytest.fixture
def channel(clients):
    """A new channel in both databases: its name, and a list of its id for each."""
    name = f"mail{next(_numbers)}"
    (complete_name, ids), (_same, other_ids) = [client.create_channel(name) for client in clients]
    return complete_name, ids, other_ids


@pytest.fixture
def rows(connect):
    """A function that returns columns of jobs of a client's database, in the order of their ids."""
    connections = {}

    def read(client, uuids, columns):
        name = client.database
        connections[name] = connections.get(name) or connect(name, autocommit=True)
        with connections[name].cursor() as cursor:
            cursor.execute(
                f"SELECT {columns} FROM queue_job WHERE uuid = ANY(%s) ORDER BY id", [uuids]
            )
            return cursor.fetchall()

    return read


@pytest.fixture
def count(rows):
    def run(client, uuids, state):
        return sum(row == (state,) for row in rows(client, uuids, "state"))

    return run


def test_a_mistake_is_refused(clients, channel):
    client, _other = clients
    _name, ids, _other_ids = channel
    for values, text in (
        ({"capacity": -1}, "capacity"),
        ({"capacity": 2, "sequential": True}, "sequential"),
        ({"rate": -1}, "rate"),
    ):
        with pytest.raises(Refused, match=f"ValidationError.*{text}"):
            client.save(ids, has_limits=True, **values)
    (row,) = client.call("queue.job.channel", "read", ids, ["has_limits", "capacity"])
    assert (row["has_limits"], row["capacity"]) == (False, 1)


def assert_paused(clients, name, ids, count):
    """The jobs of a channel wait in the first database, until it is resumed, and only they."""
    client, other = clients
    paused = [client.delay(name) for _number in range(5)]
    others = [other.delay(name) for _number in range(5)]
    wait_until(lambda: count(other, others, "done") == 5, 60, "the other database's jobs")
    # long enough for what is not held back
    going_on = client.delay("root")
    wait_until(lambda: count(client, [going_on], "done"), 30, "the job of another channel")
    assert count(client, paused, "pending") == 5
    client.call("queue.job.channel", "action_resume", ids)
    wait_until(lambda: count(client, paused, "done") == 5, 30, "the jobs of the channel")


def test_pause_and_resume(clients, channel, count):
    client, _other = clients
    name, ids, _other_ids = channel
    client.call("queue.job.channel", "action_pause", ids)
    assert_paused(clients, name, ids, count)


def test_capacity(clients, channel, count):
    client, other = clients
    name, ids, _other_ids = channel
    client.save(ids, has_limits=True, capacity=1)
    uuids = [client.delay(name, DURATION) for _number in range(3)]
    others = [other.delay(name, DURATION) for _number in range(9)]
    seen = set()

    def look():
        seen.add((count(client, uuids, "started"), count(other, others, "started")))
        return count(client, uuids, "done") == 3 and count(other, others, "done") == 9

    wait_until(look, 60, "all jobs")
    assert max(number for number, _other in seen) == 1
    assert max(number for _number, number in seen) == CAPACITY - 1
    assert (1, CAPACITY - 1) in seen


def test_rate(clients, channel, rows, count):
    client, other = clients
    name, ids, _other_ids = channel
    client.save(ids, has_limits=True, capacity=0, rate=30, rate_unit="minute")
    begin = time.monotonic()
    uuids = [client.delay(name) for _number in range(3)]
    others = [other.delay(name) for _number in range(3)]
    wait_until(lambda: count(other, others, "done") == 3, 30, "the other database's jobs")
    wait_until(lambda: count(client, uuids, "done") == 3, 30, "the jobs")
    assert time.monotonic() - begin >= 4
    starts = [start for (start,) in rows(client, uuids, "date_started")]
    pauses = [(after - before).total_seconds() for before, after in itertools.pairwise(starts)]
    # a worker takes a moment, now shorter than before
    assert min(pauses) > 1.5
    starts = [start for (start,) in rows(other, others, "date_started")]
    assert (starts[-1] - starts[0]).total_seconds() < sum(pauses)


def test_sequential(clients, channel, rows, count):
    name, ids, _other_ids = channel
    clients[0].save(ids, has_limits=True, capacity=1, sequential=True)
    failing = [client.delay(name, failure_rate=1) for client in clients]
    for client, uuid in zip(clients, failing, strict=True):
        wait_until(lambda c=client, u=uuid: count(c, [u], "failed"), 30, "the failure")
    behind, other_behind = [client.delay(name) for client in clients]
    wait_until(lambda: count(clients[1], [other_behind], "done"), 30, "the other database's job")
    going_on = clients[0].delay("root")
    wait_until(lambda: count(clients[0], [going_on], "done"), 30, "the job of another channel")
    assert count(clients[0], [behind], "pending")
    ((failed,),) = rows(clients[0], failing[:1], "id")
    clients[0].call("queue.job", "button_done", [failed])
    wait_until(lambda: count(clients[0], [behind], "done"), 30, "the job behind")


def test_the_runner_that_takes_over_has_them_too(clients, channel, leader, standby, names, count):
    """They come last: the first server is gone after them."""
    client, _other = clients
    name, ids, _other_ids = channel
    client.call("queue.job.channel", "action_pause", ids)
    leader.child.kill()
    for database in names:
        standby.wait_for_log(f"queue job runner ready for db {database}", 60)
    assert_paused(clients, name, ids, count)
