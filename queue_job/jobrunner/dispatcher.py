# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Requests to Odoo: one for each job that is to run, open until the job has ended."""

import os
import queue
import threading
from contextlib import suppress
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy

import requests

#: Seconds to wait for a connection. The answer is waited for without limit: a job may
#: take hours, and a worker that dies closes the connection.
CONNECT_TIMEOUT = 10
MAX_THREADS = 256


@dataclass(frozen=True)
class Response:
    """How a request ended.

    :param str db_name: database of the job
    :param str uuid: job
    :param problem: str; None: Odoo has answered, the job's request was dealt with
    """

    db_name: str
    uuid: str
    problem: str | None = None


class Dispatcher:
    """A bounded set of threads that send requests and wait for their answers.

    :param config: :class:`~..core.runner_config.RunnerConfig`
    :param int threads: how many requests are open at once
    """

    def __init__(self, config, threads):
        self._url = f"{config.url}/queue_job/runjob"
        self._auth = (config.user, config.password or "") if config.user else None
        self._requests = queue.SimpleQueue()
        self._threads_left = max(1, min(threads, MAX_THREADS))
        self._idle = threading.Semaphore(0)
        self._responses = queue.SimpleQueue()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)

    def fileno(self):
        """Readable when there are responses to take."""
        return self._wake_read

    def submit(self, db_name, uuid, hints=()):
        """Have a job run: its response will be among :meth:`responses`.

        :param hints: uuids of the jobs to run after it in the same request
        """
        self._requests.put((db_name, uuid, hints))
        if not self._idle.acquire(blocking=False) and self._threads_left:
            self._threads_left -= 1
            # Daemons: the end of the process does not wait for a job that takes hours.
            threading.Thread(target=self._work, name="queue_job.dispatcher", daemon=True).start()

    def responses(self):
        """:return: list of the :class:`Response` that came since the last call"""
        with suppress(BlockingIOError):
            while os.read(self._wake_read, 4096):
                pass
        responses = []
        with suppress(queue.Empty):
            while True:
                responses.append(self._responses.get_nowait())
        return responses

    def __del__(self):
        for descriptor in (self._wake_read, self._wake_write):
            with suppress(OSError):
                os.close(descriptor)

    def _work(self):
        with requests.Session() as session:
            session.auth = self._auth
            # Odoo is asked directly, and never as a user with a session.
            session.trust_env = False
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            while True:
                db_name, uuid, hints = self._requests.get()
                problem = self._request(session, db_name, uuid, hints)
                self._responses.put(Response(db_name, uuid, problem))
                self._idle.release()
                # a full pipe is readable already
                with suppress(OSError):
                    os.write(self._wake_write, b".")

    def _request(self, session, db_name, uuid, hints):
        """:return: str, what went wrong, or None"""
        try:
            response = session.get(
                self._url,
                params={"db": db_name, "job_uuid": uuid, "hints": ",".join(hints) or None},
                headers={"X-Odoo-Database": db_name},
                timeout=(CONNECT_TIMEOUT, None),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            return f"{type(error).__name__}: {error}"
        if response.status_code != 200:
            return f"Odoo answered {response.status_code} {response.reason}"
        return None
