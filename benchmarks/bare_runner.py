"""What no runner of jobs can do with less."""

import contextlib
import os
import select
import threading

CHANNEL = "queue_job_benchmark"
PATH = "/queue_job_benchmark/start/{}"


class BareRunner:
    """Asks Odoo to note a start for each notification, and knows nothing of jobs. Use it as a context manager.

    What comes on the way of a job beside a notification, a request and a transaction is a queue's: that the
    job is in a channel, is begun by one worker only, and is not lost whatever is killed.

    :param site: a :class:`.site.Site` with a server
    """

    def __init__(self, site):
        self._site = site
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            connection = stack.enter_context(self._site.bench.connect(self._site.database))
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
            stop, end = os.pipe()
            stack.callback(os.close, stop)
            thread = threading.Thread(target=self._run, args=(connection, stop), daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(os.close, end)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info):
        self._stack.close()

    def _run(self, connection, stop):
        while stop not in select.select([connection, stop], [], [])[0]:
            connection.poll()
            while connection.notifies:
                number = connection.notifies.pop(0).payload
                headers = {"X-Odoo-Database": self._site.database}
                self._site.server.get(PATH.format(number), headers)
