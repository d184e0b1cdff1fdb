"""nginx before a prefork Odoo: its HTTP port has no websocket, which lives on the gevent port."""

import string
from pathlib import Path

from .errors import StackError, last_line
from .ports import HOST
from .process import Child
from .waiting import wait_until

TEMPLATE = Path(__file__).with_name("nginx.conf")


class Nginx:
    """Use it as a context manager: inside, ``port`` serves all of ``server``.

    :param server: a running :class:`OdooServer`
    :param port: where nginx listens
    :param directory: an existing directory for its files
    """

    def __init__(self, server, port, directory):
        self.server = server
        self.port = port
        self.directory = Path(directory)
        self.log = self.directory / "nginx.log"
        self.child = None

    @property
    def url(self):
        return f"http://{HOST}:{self.port}"

    def __enter__(self):
        places = self.server.config.places
        conf = self.directory / "nginx.conf"
        conf.write_text(self._conf(places))
        argv = [places.nginx, "-p", self.directory, "-c", conf, "-e", self.log]
        self.child = Child(argv, self.log)
        try:
            wait_until(self._is_up, 10, "nginx's start")
        except BaseException:
            self.child.stop()
            raise
        return self

    def __exit__(self, *exc_info):
        self.child.stop()

    def _conf(self, places):
        return string.Template(TEMPLATE.read_text()).substitute(
            # the files are in a directory of ours, which root's default user for nginx could not read
            user="user root;" if places.is_root else "",
            directory=self.directory,
            host=HOST,
            port=self.port,
            http_port=self.server.config.http_port,
            gevent_port=self.server.config.gevent_port,
        )

    def _is_up(self):
        if not self.child.is_running:
            raise StackError(f"nginx did not start ({last_line(self.log)})", f"see {self.log}")
        return (self.directory / "nginx.pid").exists()
