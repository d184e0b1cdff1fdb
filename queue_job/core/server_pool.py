# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The Odoo servers that run jobs: which one gets the next request.

It goes to the one with the fewest open requests. A server that could not be reached is left
out for a while, longer each time.
"""

from dataclasses import dataclass

#: Seconds for which a server is left out: the first time, and at most.
FIRST_REST = 0.5
LONGEST_REST = 30


@dataclass
class _Server:
    url: str
    requests: int = 0
    rest: float = 0
    rests_until: float = 0


class ServerPool:
    """See above. Times are seconds of one clock, whichever.

    >>> pool = ServerPool(["http://a", "http://b"])
    >>> pool.choose(now=1), pool.choose(now=1), pool.choose(now=1)
    ('http://a', 'http://b', 'http://a')
    >>> pool.note_end("http://a", reached=False, now=1)
    0.5
    >>> pool.choose(now=1), pool.choose(now=1)
    ('http://b', 'http://b')
    """

    def __init__(self, urls):
        self._servers = {url: _Server(url) for url in urls}

    def choose(self, now):
        """:return: URL of the server for a request that begins now; None: all are left out"""
        ready = [server for server in self._servers.values() if server.rests_until <= now]
        if not ready:
            return None
        server = min(ready, key=lambda server: server.requests)
        server.requests += 1
        return server.url

    def note_end(self, url, reached, now):
        """A request has ended.

        :param bool reached: whether the server was there
        :return: for how many seconds it is left out; None when that is not new
        """
        server = self._servers.get(url)
        if server is None:
            # from before this database was found again, with other servers
            return None
        server.requests -= 1
        if reached:
            server.rest = 0
            return None
        if now < server.rests_until:
            # of the same burst
            return None
        server.rest = min(max(server.rest * 2, FIRST_REST), LONGEST_REST)
        server.rests_until = now + server.rest
        return server.rest

    def rests_until(self):
        """:return: when the first server that is left out may be asked again"""
        return min(server.rests_until for server in self._servers.values())
