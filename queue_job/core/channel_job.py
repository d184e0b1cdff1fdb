# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What a channel knows about a job."""

from functools import total_ordering

from .states import PENDING


@total_ordering
class ChannelJob:
    """A job of a database in a channel, as far as its turn depends on it.

    Immutable but for ``state``, which belongs to the engine: a job whose priority, eta
    or channel changes is replaced. Equal only to itself. A job with an eta and one
    without are not comparable (``TypeError``), for which comes first depends on the time.

    :param db_name: name of the database
    :param channel: the :class:`.channel.Channel` it is in
    :param uuid: unique in its database only
    :param seq: id of the record, the last resort of the order
    :param date_created: any comparable
    :param priority: the smaller, the earlier
    :param eta: seconds since the epoch before which it must not start, None: at once
    """

    __slots__ = (
        "channel",
        "date_created",
        "db_name",
        "eta",
        "order",
        "priority",
        "seq",
        "state",
        "uuid",
    )

    def __init__(self, db_name, channel, uuid, seq, date_created, priority, eta):
        self.db_name = db_name
        self.channel = channel
        self.uuid = uuid
        self.seq = seq
        self.date_created = date_created
        self.priority = priority
        self.eta = eta
        self.state = PENDING
        #: Place among the jobs of a channel, its eta apart. Missing values come last, as
        #: PostgreSQL sorts NULL. Database and uuid make it the same order at every run.
        self.order = (
            priority is None,
            priority,
            date_created is None,
            date_created,
            seq,
            db_name,
            uuid,
        )

    def is_due(self, now):
        """Whether the eta, if there is one, allows a start at ``now``."""
        return self.eta is None or self.eta <= now

    def __lt__(self, other):
        if not isinstance(other, ChannelJob):
            return NotImplemented
        if self.eta is None and other.eta is None:
            return self.order < other.order
        if self.eta is None or other.eta is None:
            return NotImplemented
        return (self.eta, self.order) < (other.eta, other.order)

    def __repr__(self):
        return f"<ChannelJob {self.uuid}>"
