# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""A slot: a unit of capacity, in which a worker may run many short jobs in one request.

With the first job of a slot go *hints*: the jobs that are next in the same channel. Nothing
is promised by a hint. The worker claims each by itself when its turn comes, as long as the
budget lasts, and what it did not begin may be hinted again. So a long job behaves as if it
had been sent alone, and the order is exact but for one budget.
"""

from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

#: Route of the request for a slot.
RUN_PATH = "/queue_job/runjob"
#: Seconds during which a worker begins another job in the same request.
BUDGET = 1.0
#: Seconds after which the jobs hinted in a slot may be given to others.
PATIENCE = BUDGET + 0.5
#: Jobs hinted in a slot, at most.
MAX_HINTS = 100
#: A uuid that no job has: ``--check`` asks for it, to see that Odoo answers.
NO_JOB = "check"
#: The largest number in a column of PostgreSQL's type integer.
MAX_ID = 2**31 - 1
#: Header of the answer: how many of the hints, from the first on, were dealt with. The others
#: are pending as before. It is missing when one could not be claimed: then the runner reads the
#: channel again, since that one may be pending, too.
HINTS_HEADER = "X-Queue-Job-Hints"
#: Header of the answer where the job of the request was not there to be claimed. Perhaps another
#: request has claimed it and runs it: what is between runner and Odoo may send one twice.
REFUSED_HEADER = "X-Queue-Job-Refused"


class Successor(NamedTuple):
    """What a slot may go on with when a job of it releases others: the best of them, if it comes next.

    A chain need not go back to the runner for each step. The other ones are for any slot.

    :param str channel: it is in that very channel
    :param tuple before: ids of jobs that it comes before: those that would be next without it
    """

    channel: str
    before: tuple = ()


def parse_successor(text, channel, hints):
    """What the parameter ``next`` of a request says: the job that waits behind the hints.

    :param text: id, "0": no job waits there; None or no number: nothing but hints may be run
    :param hints: ids of the hints that are left
    :return: :class:`Successor` or None

    >>> parse_successor("0", "root", [5, 6]), parse_successor("9", "root", [])
    (Successor(channel='root', before=(5,)), Successor(channel='root', before=(9,)))
    >>> parse_successor(None, "root", [5, 6])
    """
    if not isinstance(text, str) or not _is_id(text):
        return None
    behind = [int(text)] if int(text) else []
    # the hints are in order, and come before all others
    return Successor(channel, tuple([*hints, *behind][:1]))


def successor_lease(slot_uuid, lease):
    """The lease of a job that a slot went on with tells whose it is: the runner did not know it."""
    return f"{slot_uuid}:{lease}"


def slot_of_lease(lease):
    """:return: str, uuid of the first job of the slot; None: the lease is another job's

    >>> slot_of_lease(successor_lease("a:b", "fe2a")), slot_of_lease("fe2a"), slot_of_lease(None)
    ('a:b', None, None)
    """
    slot_uuid, colon, _rest = (lease or "").rpartition(":")
    return slot_uuid if colon else None


def parse_hints(text):
    """:return: list of int, the ids in the text of a request; what is no id is left out

    >>> parse_hints("12,5,x,,7,99999999999"), parse_hints(None)
    ([12, 5, 7], [])
    """
    parts = text.split(",") if isinstance(text, str) else []
    return [int(part) for part in parts if _is_id(part)]


def _is_id(text):
    # not int() of any length: it refuses thousands of digits
    return text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) <= MAX_ID


@dataclass
class Slot:
    """A unit of capacity that a request holds until it is answered.

    :param str uuid: the first job, for which the engine counts the unit
    :param int id: of the first job
    :param str channel: of the first job, as its row has it
    :param str grant: token in the row of the first job, with which a worker may claim it
    :param list hints: :class:`.window.Waiting` of the jobs to run after it
    :param float expires: when the hints are free for others
    :param bool reserves: whether the hints are still for nobody else
    :param int generation: of the window from which the hints were taken
    :param next: int, the job that waits behind the hints, 0: none; the slot may go on with jobs
        that it releases and that come before that one. None: with hints only
    :param set successors: ids of such jobs that were seen to run
    :param str url: of the server that is asked
    :param float sent_at: when the request was sent, by the monotonic clock
    :param float given_up_at: when nobody waited any more for the request to be begun, by that
        clock; None: it is waited for
    """

    uuid: str
    id: int
    channel: str
    grant: str = ""
    hints: list = field(default_factory=list)
    expires: float = 0
    reserves: bool = False
    generation: int = 0
    next: int | None = None
    successors: set = field(default_factory=set)
    url: str = ""
    sent_at: float = inf
    given_up_at: float | None = None

    @property
    def may_go_on(self):
        """Whether other jobs may run in it after the first one."""
        return bool(self.hints) or self.next is not None

    def ids(self):
        """Yield the ids of the jobs that may be running in this slot."""
        yield self.id
        for hint in self.hints:
            yield hint.id
        yield from self.successors


def share(followers, count):
    """Share the jobs that are next among so many slots.

    >>> share("abcde", 2)
    [['a', 'c', 'e'], ['b', 'd']]
    """
    return [list(followers[start::count])[:MAX_HINTS] for start in range(count)]
