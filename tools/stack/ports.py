"""TCP ports of 127.0.0.1."""

import socket

from .errors import StackError

HOST = "127.0.0.1"


def free_ports(count):
    """Return ``count`` different ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for sock in sockets:
            sock.bind((HOST, 0))
        return [sock.getsockname()[1] for sock in sockets]
    finally:
        for sock in sockets:
            sock.close()


def check_port(port, way_out):
    """Raise a ``StackError`` with ``way_out`` unless ``port`` can be listened on."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, port))
        except PermissionError:
            raise StackError(f"port {port} may not be opened by this user", way_out) from None
        except (OSError, OverflowError):
            raise StackError(f"port {port} is in use", way_out) from None
