# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What is done for one database, one thing after another, while the other databases go on.

The runner asks a database and goes on with the answer, in plain code. When an answer takes
longer than a moment, what waits for it is set aside as it is, with its stack (a greenlet), and
the loop goes on. Nothing else is done for that database until then. See
``docs/decisions/0017-lanes.rst``.
"""

import select
import time
from collections import deque
from contextlib import suppress

import psycopg2
from greenlet import GreenletExit, getcurrent, greenlet

#: Seconds that one thing may wait in all before it is set aside: with less the loop would turn for
#: each answer, more would be felt by the other databases.
PATIENCE = 0.02


def wait(file, events, deadline):
    """Wait until ``file`` is ready, at most until the deadline: in a lane, aside after a moment.

    :param int file: descriptor
    :param int events: of ``select.poll``
    :param float deadline: of the monotonic clock
    """
    worker = getcurrent()
    now = time.monotonic()
    if not isinstance(worker, _Worker):
        _poll(file, events, deadline - now)
        return
    is_ready = _poll(file, events, min(worker.patience, deadline - now))
    if not is_ready:
        worker.parent.switch(Wait(file, events, deadline))
        return
    worker.patience -= time.monotonic() - now


def _poll(file, events, seconds):
    poll = select.poll()
    poll.register(file, events)
    return bool(poll.poll(max(0, seconds) * 1000))


class Wait:
    """What is waited for aside.

    :ivar since: moment when it was set aside; the others are arguments of :func:`wait`
    """

    def __init__(self, file, events, deadline):
        self.file = file
        self.events = events
        self.deadline = deadline
        self.since = time.monotonic()

    def is_over(self):
        return time.monotonic() >= self.deadline or _poll(self.file, self.events, 0)


class _Worker(greenlet):
    """Does tasks, one after the other: a greenlet for each would cost more than most of them."""

    def __init__(self):
        super().__init__(_work)
        self.task = None
        #: of the last task; None: there was none
        self.error = None
        self.patience = 0


def _work():
    # nothing here keeps a task alive that is done, nor its error
    while True:
        _do_task(getcurrent())
        getcurrent().parent.switch()


def _do_task(worker):
    (function, *arguments), worker.task = worker.task, None
    worker.patience = PATIENCE
    try:
        function(*arguments)
    except Exception as error:
        worker.error = error


class Crew:
    """The workers of all lanes of a loop; they belong to its thread."""

    def __init__(self):
        self._idle = []

    def hire(self):
        return self._idle.pop() if self._idle else _Worker()

    def dismiss(self, worker):
        # more than one was needed only while some were set aside
        if not self._idle:
            self._idle.append(worker)


class Lane:
    """One thing after another.

    :param crew: :class:`Crew`
    :param set_aside: function, called when something was set aside
    :param go_on: function, called before it goes on
    """

    def __init__(self, crew, set_aside, go_on):
        self._crew = crew
        self._set_aside = set_aside
        self._go_on = go_on
        self._todo = deque()
        self._worker = None
        #: :class:`Wait` of what was set aside; None: nothing was, and there is nothing to do
        self.wait = None

    def do(self, function, *arguments):
        """Call ``function``: now, or when what was begun before has ended, such as the caller.

        What it returns is dropped. Its errors are raised by this method or, when it was set aside,
        by :meth:`resume`; what was to be done after it is dropped then.
        """
        self._todo.append((function, *arguments))
        if self._worker is None:
            self._work()

    def resume(self):
        """Go on with what was set aside, if what it waits for is there, or has taken too long."""
        if self.wait is None or not self.wait.is_over():
            return
        self.wait = None
        self._go_on()
        self._switch()
        self._work()

    def end(self):
        """Give up what was set aside, and what waits for that."""
        self._todo.clear()
        self.wait = None
        worker, self._worker = self._worker, None
        if worker is not None:
            with suppress(GreenletExit, psycopg2.Error):
                worker.throw()

    def _work(self):
        while self._todo and self._worker is None:
            self._worker = self._crew.hire()
            self._worker.task = self._todo.popleft()
            self._switch()

    def _switch(self):
        try:
            wait = self._worker.switch()
        except BaseException:
            # the process is to end
            self._worker = None
            raise
        if isinstance(wait, Wait):
            self.wait = wait
            self._set_aside()
            return
        worker, self._worker = self._worker, None
        error, worker.error = worker.error, None
        self._crew.dismiss(worker)
        if error is not None:
            self._todo.clear()
            try:
                raise error
            finally:
                # its traceback has this frame
                del error
