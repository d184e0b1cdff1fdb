# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Before PostgreSQL: connections to one database that go bad, while those to others do not."""

import contextlib
import socket
import threading
import time


class DatabaseProxy:
    """It can swallow what goes to and comes from a database, without a word, or pass it on late.

    Names of databases can be added to ``swallowed``, and seconds to ``late`` by name, at any time.

    :param path: of PostgreSQL's socket
    """

    def __init__(self, path):
        self._path = path
        self.swallowed = set()
        self.late = {}
        self._sockets = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        for sock in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client):
        server = socket.socket(socket.AF_UNIX)
        self._sockets += [client, server]
        server.connect(self._path)
        # asked for encryption first, PostgreSQL says no
        name = None
        with contextlib.suppress(OSError):
            while part := client.recv(65536):
                if name is None and b"database\0" in part:
                    name = part.split(b"database\0")[1].split(b"\0")[0].decode()
                    back = threading.Thread(target=self._back, args=[server, client, name])
                    back.daemon = True
                    back.start()
                if name is None:
                    server.sendall(part)
                    client.sendall(server.recv(1))
                elif name not in self.swallowed:
                    server.sendall(part)
        server.close()

    def _back(self, server, client, name):
        with contextlib.suppress(OSError):
            while part := server.recv(65536):
                time.sleep(self.late.get(name, 0))
                if name not in self.swallowed:
                    client.sendall(part)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
