# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Where threads leave what the runner's loop is to know."""

import os
import queue
from contextlib import suppress


class Mailbox:
    """A queue that can be waited for together with sockets: by its file.

    The file is closed with the last reference.
    """

    def __init__(self):
        self._items = queue.SimpleQueue()
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)

    def fileno(self):
        """Readable when there is something to take."""
        return self._read

    def put(self, item):
        self._items.put(item)
        # a full pipe is readable already
        with suppress(OSError):
            os.write(self._write, b".")

    def take(self):
        """:return: list of what has been put in since the last call"""
        with suppress(BlockingIOError):
            while os.read(self._read, 4096):
                pass
        items = []
        with suppress(queue.Empty):
            while True:
                items.append(self._items.get_nowait())
        return items

    def __del__(self):
        for descriptor in (self._read, self._write):
            with suppress(OSError):
                os.close(descriptor)
