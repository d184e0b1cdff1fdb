# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What is around a job in its process, and is the same for the next one in the same request.

Jobs of several users and companies run one after the other in one thread. What a job leaves in
the thread, in the request or in a context variable is of no concern to the next. Environment,
cache and hooks are those of a transaction, and end with it: see ``execution``.
"""

import contextvars
import threading

from odoo.http import request

#: Counters of the thread, which go on.
COUNTERS = frozenset(("query_count", "query_time"))


def run_apart(function, *args):
    """Call a function, and put back what it has changed around it.

    :return: what it returns
    """
    thread = threading.current_thread()
    attributes = dict(vars(thread))
    env, session = (request.env, dict(request.session)) if request else (None, None)
    try:
        # of the context variables, decimal's precision is one
        return contextvars.copy_context().run(function, *args)
    finally:
        _restore(vars(thread), attributes)
        if request:
            _restore_request(env, session)


def _restore(attributes, before):
    if attributes == before:
        return
    for name in attributes.keys() - before.keys() - COUNTERS:
        del attributes[name]
    attributes.update({name: before[name] for name in before.keys() - COUNTERS})


def _restore_request(env, session):
    if request.env is not env:
        request.env = env
        env.transaction.default_env = env
    if dict(request.session) != session:
        request.session.clear()
        request.session.update(session)
