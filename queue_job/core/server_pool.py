# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The Odoo servers that run jobs: which one gets the next request.

It goes to the one with the fewest open requests. A server that could not be reached is left
out for a while, longer each time; one that is stuck, until one of its requests ends.
"""

from dataclasses import dataclass
from math import inf

#: Seconds for which a server is left out: the first time, and at most.
FIRST_REST = 0.5
LONGEST_REST = 30


@dataclass
class _Server:
    url: str
    requests: int = 0
    rest: float = 0
    rests_until: float = 0
    #: it accepts requests and begins none, while others would
    is_stuck: bool = False
    #: when the latest one of those requests that it has answered was sent
    answered: float = -inf

    def is_ready(self, now):
        return not self.is_stuck and self.rests_until <= now


class ServerPool:
    """See above. Times are seconds of one clock, whichever.

    >>> pool = ServerPool(["http://a", "http://b"])
    >>> pool.choose(now=1), pool.choose(now=1), pool.choose(now=1)
    ('http://a', 'http://b', 'http://a')
    >>> pool.next(now=1)
    'http://b'
    >>> pool.note_end("http://a", reached=False, now=1)
    0.5
    >>> pool.choose(now=1), pool.choose(now=1)
    ('http://b', 'http://b')
    """

    def __init__(self, urls):
        self._servers = {url: _Server(url) for url in urls}

    def choose(self, now):
        """:return: URL of the server for a request that begins now; None: all are left out"""
        server = self._next(now)
        if server is None:
            return None
        server.requests += 1
        return server.url

    def next(self, now):
        """:return: URL of the server that a request will go to if nothing else happens; None: all are left out"""
        server = self._next(now)
        return server and server.url

    def _next(self, now):
        ready = [server for server in self._servers.values() if server.is_ready(now)]
        return min(ready, key=lambda server: server.requests, default=None)

    def note_end(self, url, reached, now, sent_at=-inf):
        """A request has ended.

        :param bool reached: whether the server was there
        :param sent_at: when it was sent
        :return: for how many seconds it is left out; None when that is not new
        """
        server = self._servers.get(url)
        if server is None:
            # from before this database was found again, with other servers
            return None
        server.requests -= 1
        server.is_stuck = False
        if reached:
            server.rest = 0
            server.answered = max(server.answered, sent_at)
            return None
        if now < server.rests_until:
            # of the same burst
            return None
        server.rest = min(max(server.rest * 2, FIRST_REST), LONGEST_REST)
        server.rests_until = now + server.rest
        return server.rest

    def rests_until(self):
        """:return: when the first server that is left out may be asked again"""
        return min(server.rests_until for server in self._servers.values() if not server.is_stuck)

    # -- requests that are not begun

    def has_overtaken(self, url, sent_at):
        """Whether the server has answered a request that was sent after that moment."""
        return self._servers[url].answered > sent_at

    def has_better(self, url, sent_at, waiting, now):
        """Whether another server is likely to begin what this one does not.

        :param sent_at: when this one was asked
        :param waiting: set of the URLs at which requests wait to be begun
        """
        return any(
            other.url not in waiting or other.answered > sent_at
            for other in self._servers.values()
            if other.url != url and other.is_ready(now)
        )

    def note_stuck(self, url):
        """Leave a server out until one of its requests ends, while there is a better one."""
        self._servers[url].is_stuck = True

    def is_stuck(self, url):
        return url in self._servers and self._servers[url].is_stuck
