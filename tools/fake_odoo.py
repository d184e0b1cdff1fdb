# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""A stand-in for Odoo's workers, for tests of the job runner with many databases: jobs are done as soon as requested."""

import contextlib
import http.server
import threading
import time
from urllib.parse import parse_qs, urlsplit

CLAIM = """
    UPDATE queue_job SET state = 'done', date_done = now() AT TIME ZONE 'UTC'
     WHERE (uuid = %s AND lease = %s AND state = 'enqueued')
        OR (id = ANY(%s) AND state = 'pending')
"""


class _Server(http.server.ThreadingHTTPServer):
    #: With the default of five, connections of many requests at once would be dropped, and tried again after
    #: one or three seconds.
    request_queue_size = 256


class FakeOdoo:
    """Listens on a free port of 127.0.0.1.

    :param connect: function that returns a connection to the database that it is given the name of
    """

    def __init__(self, connect):
        #: (moment, database, uuid), of each request in their order
        self.requests = []
        #: seconds that a request takes
        self.seconds = 0
        #: whether it begins what it accepts, as soon as it is set
        self.is_awake = threading.Event()
        self.is_awake.set()
        self._connect = connect
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self.is_awake.set()
        self._server.shutdown()
        self._server.server_close()

    def seen(self, name, uuid):
        """:return: moment when a job was requested; None: it was not yet"""
        return next((at for at, *job in list(self.requests) if job == [name, uuid]), None)

    def _handler(self):
        odoo = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                query = {
                    name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()
                }
                hints = odoo._work(**query) if "job_uuid" in query else 0
                self.send_response(200)
                self.send_header("X-Queue-Job-Hints", str(hints))
                self.end_headers()

            def log_message(self, *arguments):
                pass

        return Handler

    def _work(self, db, job_uuid, grant, hints="", **_more):
        """:return: int, how many hints were dealt with"""
        self.requests.append((time.monotonic(), db, job_uuid))
        self.is_awake.wait()
        ids = [int(hint) for hint in hints.split(",") if hint]
        with contextlib.closing(self._connect(db)) as connection, connection.cursor() as cursor:
            time.sleep(self.seconds)
            cursor.execute(CLAIM, [job_uuid, grant, ids])
            connection.commit()
        return len(ids)
