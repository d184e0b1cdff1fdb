# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Identity of a job: two jobs with the same key do the same work."""

import hashlib

#: How long another transaction that is taking the same key is waited for. Then the caller
#: gets a conflict, as of any lock, which Odoo's requests and jobs try again.
PATIENCE = "1s"


def identity_exact_hasher(job):
    """A sha1 hash fed with all that makes the call of ``job``.

    Use it in an identity function of your own, to add to what is hashed.

    :param job: anything with ``model_name method_name recordset args kwargs``
    :return: a :mod:`hashlib` object
    """
    hasher = hashlib.sha1(usedforsecurity=False)
    for part in (
        job.model_name,
        job.method_name,
        str(sorted(job.recordset.ids)),
        str(job.args),
        str(sorted(job.kwargs.items())),
    ):
        hasher.update(part.encode("utf-8"))
    return hasher


def identity_exact(job):
    """Identity key of a call on exactly the same records with the same arguments.

    :return: str, sha1 in hexadecimal
    """
    return identity_exact_hasher(job).hexdigest()
