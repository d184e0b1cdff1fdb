"""nginx between the runner and Odoo, with less patience than a job needs."""

from pathlib import Path

from stack.places import Places
from stack.ports import HOST, free_ports
from stack.process import Child
from stack.waiting import wait_until

CONF = """
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log;
{user}
events {{}}

http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    upstream odoo {{ {servers} }}
    server {{
        listen {host}:{port};
        proxy_read_timeout {patience}s;
        location / {{ proxy_pass http://odoo; }}
    }}
}}
"""


class Gateway:
    """Shares requests among servers; after its patience it asks the next one, or answers 504.

    Use it as a context manager.

    :param ports: of the servers
    :param patience: seconds to wait for an answer
    :param directory: an existing one, for its files
    """

    def __init__(self, ports, patience, directory):
        self.places = Places.find()
        self.directory = Path(directory)
        (self.port,) = free_ports(1)
        self._conf = CONF.format(
            user="user root;" if self.places.is_root else "",
            directory=directory,
            servers=" ".join(f"server {HOST}:{port};" for port in ports),
            host=HOST,
            port=self.port,
            patience=patience,
        )

    def __enter__(self):
        conf = self.directory / "nginx.conf"
        conf.write_text(self._conf)
        log = self.directory / "nginx.log"
        argv = [self.places.nginx, "-p", self.directory, "-c", conf, "-e", log]
        self.child = Child(argv, log)
        wait_until((self.directory / "nginx.pid").exists, 10, "nginx's start")
        return self

    def __exit__(self, *exc_info):
        self.child.stop()
