# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What the runner has others do, so that it need not wait: connecting, above all."""

import collections
import os
import queue
import threading
import time
from contextlib import suppress

MAX_THREADS = 8


class Errands:
    """Runs functions in a few threads, which end when there is nothing to do."""

    def __init__(self):
        self._todo = collections.deque()
        self._done = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        #: what a thread is at -> since when
        self._under_way = {}
        self._outstanding = 0
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)

    def fileno(self):
        """Readable when there are results to take."""
        return self._wake_read

    def __len__(self):
        """Number of errands whose results were not taken."""
        return self._outstanding

    def under_way(self):
        """:return: list of (key, the moment when a thread has begun with it)"""
        with self._lock:
            return list(self._under_way.items())

    def send(self, key, function, *arguments):
        """Have ``function`` called: (key, its result, its error) will be among the results."""
        self._outstanding += 1
        with self._lock:
            self._todo.append((key, function, arguments))
            if self._threads == MAX_THREADS:
                return
            self._threads += 1
        threading.Thread(target=self._work, name="queue_job.errand", daemon=True).start()

    def results(self):
        """:return: list of (key, result, error) that came since the last call"""
        with suppress(BlockingIOError):
            while os.read(self._wake_read, 4096):
                pass
        results = []
        with suppress(queue.Empty):
            while True:
                results.append(self._done.get_nowait())
        self._outstanding -= len(results)
        return results

    def __del__(self):
        for descriptor in (self._wake_read, self._wake_write):
            with suppress(OSError):
                os.close(descriptor)

    def _work(self):
        while True:
            with self._lock:
                if not self._todo:
                    self._threads -= 1
                    return
                key, function, arguments = self._todo.popleft()
                self._under_way[key] = time.monotonic()
            result = error = None
            try:
                result = function(*arguments)
            except Exception as caught:
                error = caught
            with self._lock:
                del self._under_way[key]
            # the thread itself keeps nothing alive
            del function, arguments
            self._done.put((key, result, error))
            del result, error
            with suppress(OSError):
                os.write(self._wake_write, b".")
