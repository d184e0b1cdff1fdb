# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The states of a job and the legal moves between them.

Everything that needs to know a state or a move derives it from here: ``Job``, the
buttons, the SQL of the runner, the channel engine and the diagram in
``docs/state_machine.rst``.
"""

WAIT_DEPENDENCIES = "wait_dependencies"
PENDING = "pending"
ENQUEUED = "enqueued"
STARTED = "started"
DONE = "done"
CANCELLED = "cancelled"
FAILED = "failed"

STATES = [
    (WAIT_DEPENDENCIES, "Wait Dependencies"),
    (PENDING, "Pending"),
    (ENQUEUED, "Enqueued"),
    (STARTED, "Started"),
    (DONE, "Done"),
    (CANCELLED, "Cancelled"),
    (FAILED, "Failed"),
]

#: A job in one of these states has not begun its (next) try.
WAITING_STATES = (WAIT_DEPENDENCIES, PENDING, ENQUEUED)

#: A job in one of these states stays as it is until somebody requeues it.
FINAL_STATES = (DONE, CANCELLED, FAILED)

#: ``state -> states it may move to``.
TRANSITIONS = {
    # wait_dependencies -> started: inside a slot, with the end of its only parent
    WAIT_DEPENDENCIES: {PENDING, STARTED, DONE, CANCELLED},
    # pending -> started: inside a slot, without a dispatch of its own
    PENDING: {ENQUEUED, STARTED, DONE, CANCELLED, WAIT_DEPENDENCIES},
    # enqueued -> pending: the dispatch failed, or its runner is gone
    ENQUEUED: {PENDING, STARTED, DONE, CANCELLED, FAILED},
    # started -> pending: retry, or the infrastructure failed
    STARTED: {DONE, FAILED, PENDING, CANCELLED, WAIT_DEPENDENCIES},
    # requeueing a job whose parents are not done makes it wait again
    DONE: {PENDING, WAIT_DEPENDENCIES},
    CANCELLED: {PENDING, WAIT_DEPENDENCIES},
    FAILED: {PENDING, WAIT_DEPENDENCIES, DONE, CANCELLED},
}

#: From which states the buttons of an admin work.
REQUEUABLE_STATES = (FAILED, DONE, CANCELLED)
CLOSABLE_STATES = (WAIT_DEPENDENCIES, PENDING, ENQUEUED, FAILED)
