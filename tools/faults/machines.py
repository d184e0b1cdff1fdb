"""Several machines with an Odoo server each, and PostgreSQL on one of its own, joined by cables that can be pulled.

They are network namespaces, joined by a switch within another one: nothing of them is seen outside. Where these can't
be made, machines are process groups of this one, which lose their power instead of their cable; then they can't be cut
off from each other alone, nor come back with what they had under way.
"""

import contextlib
import ctypes
import functools
import os
import shutil
import subprocess
from pathlib import Path

from stack.ports import HOST, free_ports
from stack.postgres import Cluster

PREFIX = "qj"
HUB = "hub"
HTTP_PORT = 8069
#: A private network, that of the last number is PostgreSQL's.
ADDRESS = "10.213.7.{}"
CLONE_NEWNET = 0x40000000


@functools.cache
def why_no_namespaces():
    """:return: str, why network namespaces can't be made here; None: they can"""
    if os.geteuid():
        return "network namespaces take root"
    if not shutil.which("ip"):
        return "Debian's package iproute2 is missing"
    name = _name("try")
    try:
        _ip("netns", "add", name)
        try:
            _ip("-n", name, "link", "add", "name", "switch", "type", "bridge")
            _ip("-n", name, "link", "add", "one", "type", "veth", "peer", "name", "other")
        finally:
            _ip("netns", "del", name)
    except subprocess.CalledProcessError as error:
        return (error.stderr or "network namespaces can't be made").strip()
    return None


class Machine:
    """One of them, with the server that was given to it.

    :param str name: begins the application names of its connections to PostgreSQL
    """

    def __init__(self, name, address, port, entered):
        self.name = name
        self.address = address
        self.port = port
        #: context manager: what is started and connected inside is on this machine
        self.entered = entered
        self.server = None

    @property
    def is_running(self):
        return self.server.is_running

    def start(self):
        with self.entered():
            self.server.start()

    def stop(self):
        self.server.stop()


class Namespaces:
    """Machines that are network namespaces. Use it as a context manager.

    :param names: of the machines
    """

    can_part = True

    def __init__(self, names):
        self.database_host = ADDRESS.format(1)
        self.machines = [
            Machine(name, ADDRESS.format(number), HTTP_PORT, lambda name=name: _entered(name))
            for number, name in enumerate(names, start=2)
        ]
        self._made = []

    def __enter__(self):
        _sweep()
        try:
            self._make(HUB)
            _in(HUB, "link", "add", "name", "switch", "type", "bridge")
            _in(HUB, "address", "add", f"{self.database_host}/24", "dev", "switch")
            _in(HUB, "link", "set", "switch", "up")
            for machine in self.machines:
                self._connect(machine)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info):
        for name in reversed(self._made):
            _ip("netns", "del", _name(name))

    @contextlib.contextmanager
    def cluster(self, places):
        """Inside it, PostgreSQL runs on its machine, for the others to connect without a password."""
        cluster = Cluster(places, {"listen_addresses": self.database_host})
        with _entered(HUB):
            cluster.__enter__()
        try:
            with (cluster.data / "pg_hba.conf").open("a") as file:
                file.write(f"host all all {ADDRESS.format(0)}/24 trust\n")
            cluster.execute("SELECT pg_reload_conf()")
            yield cluster
        finally:
            cluster.__exit__()

    def unplug(self, machine):
        """Pull its cable: nothing comes or goes, and nobody is told."""
        _in(HUB, "link", "set", machine.name, "nomaster")

    def plug(self, machine):
        _in(HUB, "link", "set", machine.name, "master", "switch")
        _in(HUB, "link", "set", machine.name, "up")

    def part(self):
        """Let the machines see PostgreSQL, but not each other."""
        self._isolate("on")

    def join(self):
        self._isolate("off")

    def _isolate(self, value):
        for machine in self.machines:
            _in(HUB, "link", "set", machine.name, "type", "bridge_slave", "isolated", value)

    def _make(self, name):
        _ip("netns", "add", _name(name))
        self._made.append(name)
        _in(name, "link", "set", "lo", "up")

    def _connect(self, machine):
        name = machine.name
        self._make(name)
        _in(HUB, "link", "add", name, "type", "veth", "peer", "name", "wire", "netns", _name(name))
        self.plug(machine)
        _in(name, "address", "add", f"{machine.address}/24", "dev", "wire")
        _in(name, "link", "set", "wire", "up")


class ProcessGroups:
    """Machines that are process groups: the same, but for what the module says."""

    can_part = False

    def __init__(self, names):
        self.database_host = None
        self.machines = [
            Machine(name, HOST, port, contextlib.nullcontext)
            for name, port in zip(names, free_ports(len(names)), strict=True)
        ]

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        pass

    @contextlib.contextmanager
    def cluster(self, places):
        with Cluster(places) as cluster:
            self.database_host = cluster.host
            yield cluster

    def unplug(self, machine):
        """End all of its processes at once."""
        machine.server.child.kill()

    def plug(self, machine):
        if not machine.is_running:
            machine.start()

    def join(self):
        """They always see each other."""


# -- namespaces


def _name(name):
    return f"{PREFIX}{os.getpid()}-{name}"


def _ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


def _in(name, *arguments):
    _ip("-n", _name(name), *arguments)


@contextlib.contextmanager
def _entered(name):
    """Have this thread, and what it starts, in a namespace; a socket stays where it was made."""
    with open("/proc/thread-self/ns/net") as before, open(f"/run/netns/{_name(name)}") as there:
        _set_namespace(there)
        try:
            yield
        finally:
            _set_namespace(before)


def _set_namespace(file):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(file.fileno(), CLONE_NEWNET):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def _sweep():
    """Remove what was left by runs that were killed."""
    directory = Path("/run/netns")
    for path in directory.glob(f"{PREFIX}*-*") if directory.exists() else ():
        pid = path.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            _ip("netns", "del", path.name)
