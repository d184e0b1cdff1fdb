# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The connection of the runner, where several hosts are named."""

import psycopg2
import pytest
from faults.proxy import Mode, Proxy

from stack.ports import free_ports
from stack.postgres import PORT, USER

TIMEOUT = 1


@pytest.fixture
def connect_to(jobrunner, cluster, database):
    """A function that connects to the hosts, (address, port) each."""
    opened = []

    def run(*hosts):
        addresses, ports = zip(*hosts, strict=True)
        options = {"host": ",".join(addresses), "port": ",".join(map(str, ports))}
        connection = jobrunner.connection.Connection(
            {**options, "user": USER, "dbname": database}, TIMEOUT
        )
        opened.append(connection)
        return connection

    yield run
    for connection in opened:
        connection.close()


@pytest.fixture
def here(cluster):
    return cluster.host, PORT


@pytest.fixture
def nobody():
    return "127.0.0.1", free_ports(1)[0]


@pytest.fixture
def silent(cluster):
    """A host that takes everything and answers nothing, as a machine that is gone without a word."""
    with Proxy(f"{cluster.host}/.s.PGSQL.{PORT}") as proxy:
        proxy.mode = Mode.SWALLOW
        yield "127.0.0.1", proxy.port


@pytest.mark.parametrize("first", ["nobody", "silent"])
def test_the_next_host_is_tried(request, connect_to, here, first):
    connection = connect_to(request.getfixturevalue(first), here)
    assert connection.execute("SELECT 1") == [(1,)]


def test_none_of_them(jobrunner, connect_to, nobody, silent):
    with pytest.raises(psycopg2.OperationalError, match="refused"):
        connect_to(silent, nobody)
    with pytest.raises(jobrunner.connection.NoAnswer):
        connect_to(nobody, silent)


def test_hosts_and_ports_do_not_match(jobrunner, cluster, database):
    """An error as any other of a connection: the other databases are served."""
    options = {"host": f"{cluster.host},b,c", "port": f"{PORT},{PORT}"}
    with pytest.raises(psycopg2.OperationalError, match="one port for all hosts"):
        jobrunner.connection.Connection({**options, "user": USER, "dbname": database}, TIMEOUT)


def test_settings_are_those_of_a_session_of_its_own(runner_database):
    runner_database.query("SELECT 1")
    assert not runner_database.is_pooled
    setting = "SELECT current_setting('enable_seqscan')"
    assert runner_database.connection.execute(setting) == [("off",)]
