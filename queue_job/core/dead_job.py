# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""A job whose worker is gone, killed for instance, while it ran.

Each such end costs a try. After the last one the job runner gives the job back once more,
marked with this name, and the worker that gets it lets it fail instead of running it: so
that followers are told and the failure hook is called, as with any other failure.
"""

#: ``exc_name`` of the job.
FOUND_DEAD = "JobFoundDead"
MESSAGE = "The worker that ran the job is gone, at its last try."
INFORMATION = (
    "The worker that ran the job is gone: killed, or stopped for its memory or time limits."
    " It was tried as often as it may be; see the log of Odoo."
)


def must_fail(exc_name, retry, max_retries):
    """Whether a job that is to be run was found dead at its last try.

    :param exc_name: str or None, of the job
    :param int retry: how often it was tried
    :param int max_retries: how often it may be, 0 for ever
    """
    return exc_name == FOUND_DEAD and 0 < max_retries <= retry
