# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Requests that a server has accepted and does not begin: it is frozen, or one of its workers is.

Its kernel accepts connections all the same, and nothing tells it from a server whose workers are
busy. So a request is only given up when it has waited for long and somebody else is likely to
begin it. See ``docs/decisions/0021-stuck-requests.rst``.
"""

import logging
from itertools import groupby
from operator import attrgetter

from ..core.states import ENQUEUED

_logger = logging.getLogger(__name__)

#: Seconds after which a request that was not begun is looked at. Loading the registry in a new
#: worker takes less, and Odoo's prefork server has not yet killed a worker that hangs (120).
STUCK_AFTER = 60
#: So many requests may be given up and open at once: each has a thread of the dispatcher.
MOST_GIVEN_UP = 100


class StuckRequests:
    """Takes jobs from requests that are stuck, so that they are offered again.

    That exceeds no capacity: without its grant a request runs nothing, nor its hints.

    :param database: :class:`.database.Database`
    :param slots: :class:`.slots.Slots`
    :param pool: :class:`~..core.server_pool.ServerPool`
    """

    def __init__(self, database, slots, pool):
        self._database = database
        self._slots = slots
        self._pool = pool

    def take_back(self, rows, now):
        """
        :param rows: iterable of :class:`.database.InProgress`, all that is in progress
        """
        waiting = [
            slot
            for row in rows
            if row.state == ENQUEUED
            and (slot := self._slots.in_flight.get(row.uuid)) is not None
            and slot.grant == row.lease
        ]
        urls = {slot.url for slot in waiting}
        stuck = [
            slot
            for slot in sorted(waiting, key=attrgetter("url", "sent_at"))
            if now - slot.sent_at >= STUCK_AFTER and self._helps(slot, urls, now)
        ][: max(0, MOST_GIVEN_UP - len(self._slots.given_up))]
        if stuck:
            taken = self._database.take_back([slot.id for slot in stuck])
            for url, of_url in groupby(stuck, attrgetter("url")):
                self._give_up(url, [slot for slot in of_url if slot.id in taken], now)

    def _helps(self, slot, waiting, now):
        return self._pool.has_overtaken(slot.url, slot.sent_at) or self._pool.has_better(
            slot.url, slot.sent_at, waiting, now
        )

    def _give_up(self, url, slots, now):
        if not slots:
            return
        is_alive = self._pool.has_overtaken(url, slots[0].sent_at)
        if not is_alive:
            self._pool.note_stuck(url)
        for slot in slots:
            self._slots.give_up(slot, now)
        _logger.warning(
            "Odoo at %s has not begun %s in database %s for %s s: offered again%s",
            url,
            f"job {slots[0].uuid}" if len(slots) == 1 else f"{len(slots)} jobs",
            self._database.db_name,
            STUCK_AFTER,
            "" if is_alive else "; it gets no more until it answers",
        )
