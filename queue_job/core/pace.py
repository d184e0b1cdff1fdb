# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""How often to do something that may be asked for much more often."""


class Pace:
    """At once after some quiet, then once in a while.

    >>> pace = Pace(interval=10, burst=2)
    >>> pace.note(now=100), pace.note(now=100), pace.next_time()
    (None, None, 100)
    >>> pace.note(now=100), pace.next_time()
    (None, 110)

    :param interval: seconds between two times in the long run
    :param int burst: how many more times may follow each other at once
    """

    def __init__(self, interval, burst):
        self._interval = interval
        self._lead = interval * burst
        self._due = float("-inf")

    def note(self, now):
        """It was done at ``now``."""
        self._due = max(self._due, now) + self._interval

    def next_time(self):
        """:return: the moment from which on it may be done again"""
        return self._due - self._lead
