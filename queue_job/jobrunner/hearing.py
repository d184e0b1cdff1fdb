# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Whether notifications arrive: a pooler of transactions breaks them, and the locks of sessions."""

import select
from contextlib import closing, suppress

import psycopg2

from ..core.notification import ECHO_CHANNEL

#: Seconds in which a notification has to arrive.
PATIENCE = 3

_NOTIFY = "SELECT pg_notify(%(channel)s, 'heard')"


def deafness(database):
    """Send a notification from one session to another.

    From a session to itself would not do: it may be both at the pooler's end.

    :param database: :class:`.database.Database`
    :return: str, what is wrong; None: it arrives, or need not in poll-only mode
    :raise psycopg2.Error: it can't be reached
    """
    if database.is_poll_only:
        return None
    with closing(database.another()) as listening:
        listening.query(f"LISTEN {ECHO_CHANNEL}")
        try:
            database.query(_NOTIFY, channel=ECHO_CHANNEL)
            select.select([listening], [], [], PATIENCE)
            listening.notified_channels()
        finally:
            # a pooler gives the session to somebody else
            with suppress(psycopg2.Error):
                listening.query(f"UNLISTEN {ECHO_CHANNEL}")
        if listening.take_echo() is not None:
            return None
    return "notifications do not come through: with a pooler of transactions, set poll_only"
