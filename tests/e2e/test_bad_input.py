"""What can be wrong around a server: a line in its log that names it, and the server works on."""

import socket

import pytest

from counting import odoo_problems
from stack import StackError
from stack.ports import HOST, check_port
from stack.waiting import wait_until

CPU_TICKS = 100  # per second


def complaints(server):
    return "\n".join(odoo_problems(server.log_text()))


def cpu_seconds(pids):
    """Return the CPU time that the processes have used."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / CPU_TICKS


def test_channels_that_cannot_be_parsed(fresh_databases, start_server):
    server = start_server(fresh_databases(), channels="root:4,root.sale:many")
    server.wait_for_log("root.sale:many")
    assert "root.sale:many" in complaints(server)
    assert "Traceback" not in server.log_text()
    assert server.get("/web/login")[0] == 200


def test_a_database_without_the_addon(databases, fresh_databases, start_server):
    """It is named, and left alone until the addon is there."""
    server = start_server(fresh_databases(databases.base_template()))
    server.wait_for_log("jobrunner.*database connections ready")
    assert f"database {server.config.database} is not served" in complaints(server)
    assert "Traceback" not in server.log_text()
    assert_idle(server)


def test_a_runner_without_any_database(start_server, own_cluster):
    """It says so and waits for one to come."""
    server = start_server(None, places=own_cluster.places)
    server.wait_for_log("jobrunner.*no database", timeout=15)
    assert "Traceback" not in server.log_text()
    assert_idle(server)
    server.stop()


def assert_idle(server, seconds=3, limit=0.5):
    """Fail when the server's processes use much CPU for nothing."""
    pids = server.child.members()
    before = cpu_seconds(pids)
    clock = iter(range(int(seconds / 0.05)))
    wait_until(lambda: next(clock, None) is None, seconds * 2, "the time to look")
    assert cpu_seconds(pids) - before < limit


def test_a_port_in_use():
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        sock.listen()
        port = sock.getsockname()[1]
        with pytest.raises(StackError, match=f"port {port} is in use: choose another"):
            check_port(port, "choose another")
