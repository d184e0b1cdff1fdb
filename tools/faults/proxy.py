"""A TCP proxy that misbehaves on demand."""

import contextlib
import socket
import struct
import threading
import time
from enum import Enum

HOST = "127.0.0.1"
SIZE = 65536
RESET = struct.pack("ii", 1, 0)
FAILURE = (
    b"HTTP/1.1 500 INTERNAL SERVER ERROR\r\nContent-Length: 4\r\nConnection: close\r\n\r\nsick"
)


class Mode(Enum):
    """What the proxy does with what it is sent; it can be changed at any time."""

    #: Pass everything on.
    PASS = "passes"
    #: Take everything and pass nothing on, in both directions, for new connections too.
    SWALLOW = "swallows"
    #: Reset new connections.
    REFUSE = "refuses"
    #: Answer new HTTP requests with status 500, without asking the server.
    FAIL = "answers 500"
    #: Pass the request on, and close in the middle of the answer's first line.
    TRUNCATE = "truncates"
    #: Pass the request on, and a byte of the answer each second.
    TRICKLE = "trickles"


class Proxy:
    """Listens on a free port of 127.0.0.1. Use it as a context manager.

    :param target: a port of 127.0.0.1, or the path of a Unix socket
    """

    def __init__(self, target):
        self.mode = Mode.PASS
        self._target = target
        self._listener = socket.create_server((HOST, 0))
        self.port = self._listener.getsockname()[1]
        self._sockets = set()
        self._mute = set()

    def __enter__(self):
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def __exit__(self, *exc_info):
        # A thread that still waits in accept() would go on with whoever gets the same descriptor.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        for one in list(self._sockets):
            _close(one)

    def drop(self):
        """Reset all open connections."""
        for one in list(self._sockets):
            with contextlib.suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            _close(one)

    def move(self, target):
        """Let the address belong to another server from now on."""
        self._target = target
        self.drop()

    def mute(self):
        """Swallow from now on what comes over the connections that are open; new ones pass."""
        self._mute |= self._sockets

    # -- threads: one that accepts, two for each connection

    def _accept(self):
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, client)

    def _serve(self, client):
        self._sockets.add(client)
        if self.mode is Mode.REFUSE:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self._end(client)
            return
        if self.mode is Mode.FAIL:
            with contextlib.suppress(OSError):
                client.recv(SIZE)
                client.sendall(FAILURE)
            self._end(client)
            return
        try:
            server = self._connect()
        except OSError:
            self._end(client)
            return
        self._sockets.add(server)
        self._start(self._pump, client, server, False)
        self._pump(server, client, True)

    def _connect(self):
        if isinstance(self._target, int):
            return socket.create_connection((HOST, self._target))
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(self._target))
        except OSError:
            server.close()
            raise
        return server

    def _pump(self, source, sink, is_answer):
        with contextlib.suppress(OSError):
            while data := source.recv(SIZE):
                if self._swallows(source, sink):
                    continue
                if is_answer and self.mode is Mode.TRUNCATE:
                    sink.sendall(data[:8])
                    break
                if is_answer and self.mode is Mode.TRICKLE:
                    _trickle(sink, data)
                    continue
                sink.sendall(data)
        if self._swallows(source, sink):
            # the end is swallowed, too; both stay open until the proxy is closed
            return
        self._end(source)
        self._end(sink)

    def _swallows(self, source, sink):
        return self.mode is Mode.SWALLOW or source in self._mute or sink in self._mute

    def _end(self, one):
        self._sockets.discard(one)
        _close(one)

    def _start(self, target, *args):
        threading.Thread(target=target, args=args, daemon=True).start()


def _trickle(sink, data):
    for number in range(len(data)):
        sink.sendall(data[number : number + 1])
        time.sleep(1)


def _close(one):
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
