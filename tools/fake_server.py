"""A server that does with each connection what a test wants it to."""

import contextlib
import socket
import threading


class FakeServer:
    """Listens from the beginning; each connection has a thread.

    :ivar str url: where
    :ivar int connections: how many there were
    """

    def __init__(self):
        self.connections = 0
        self.sockets = [socket.create_server(("127.0.0.1", 0))]
        self.url = f"http://127.0.0.1:{self.sockets[0].getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def serve(self, connection):
        """Called with each connection; an ``OSError`` ends it."""
        raise NotImplementedError

    def close(self):
        for sock in self.sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _address = self.sockets[0].accept()
                self.connections += 1
                self.sockets.append(connection)
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError):
            self.serve(connection)
