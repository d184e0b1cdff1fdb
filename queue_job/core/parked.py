# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What runner and worker say to each other in a *parked request*: one that is there before its job.

When the last slot of a database has ended, the runner may send the head of another request. A worker takes it
as far as the route, says so, and waits for the body, which is the next job. Each of the worker's words is the
interim response by which HTTP asks for a body (RFC 9110, 15.2.1), so that it is no part of the answer::

    runner   POST /queue_job/runjob/park
    worker   100 Continue                   it waits; what is between the two lets it through
    runner   one space                      a job is coming
    worker   100 Continue                   it is alive
    runner   the job, filled up with spaces to :data:`BODY_SIZE`
    worker   the answer, as that to ``/queue_job/runjob``; or 204: it has run nothing

See ``docs/decisions/0024-parked-requests.rst``.
"""

from .slot import RUN_PATH

#: Below the other: a proxy that is closed for that one is closed for this one.
PATH = f"{RUN_PATH}/park"
#: Bytes of the body: those of the largest slot are fewer than half of it.
BODY_SIZE = 4096
CALL = b" "
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
#: Status of the answer when the worker has run nothing.
ENDED = 204
#: Seconds that a worker waits for a call, and for the job after it.
LONGEST = 5
CALL_LASTS = 0.5


def pack(query):
    """:param str query: parameters of ``/queue_job/runjob``
    :return: bytes, what follows the call; None: it is too long

    >>> len(CALL + pack("db=a&job_uuid=b")), pack("a" * BODY_SIZE)
    (4096, None)
    """
    body = query.encode()
    size = BODY_SIZE - len(CALL)
    return body.ljust(size) if len(body) <= size else None
