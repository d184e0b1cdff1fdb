"""Shows the jobs: a table that is redrawn in place on a terminal, else a line for each change."""

import contextlib
import shutil
import sys

COLOURS = {"done": 32, "failed": 31, "started": 33, "enqueued": 33}
CLEAR_BELOW = "\x1b[J"


class Board:
    """Call :meth:`show` as often as there may be something new.

    :param stream: where to write; a closed one is no error, since a terminal may be hung up at any time
    """

    def __init__(self, stream=sys.stdout):
        self.stream = stream
        self.in_place = stream.isatty()
        self._height = 0
        self._shown = {}

    def show(self, jobs):
        with contextlib.suppress(OSError):
            if self.in_place:
                self._redraw(jobs)
            else:
                self._print_changes(jobs)
            self.stream.flush()

    def _redraw(self, jobs):
        columns = shutil.get_terminal_size().columns - 1
        lines = [HEADER, *map(line, jobs)]
        up = f"\x1b[{self._height}A\r" if self._height else ""
        states = [None, *(job.state for job in jobs)]
        drawn = [
            _coloured(text[:columns], state) for text, state in zip(lines, states, strict=True)
        ]
        self.stream.write(up + CLEAR_BELOW + "\n".join(drawn) + "\n")
        self._height = len(lines)

    def _print_changes(self, jobs):
        if jobs and not self._shown:
            self.stream.write(f"{HEADER} (a line for each change)\n")
        for job in jobs:
            if self._shown.get(job.name) != (job.state, job.tries):
                self._shown[job.name] = (job.state, job.tries)
                self.stream.write(line(job) + "\n")


HEADER = f"{'state':<18} {'channel':<17} {'try':>3} {'seconds':>7}  job"


def line(job):
    """Return one job as a line of the table."""
    seconds = f"{(job.done - job.started).total_seconds():.2f}" if job.done and job.started else ""
    error = f"  ({job.error})" if job.state == "failed" else ""
    return f"{job.state:<18} {job.channel:<17} {job.tries:>3} {seconds:>7}  {job.name}{error}"


def _coloured(text, state):
    if state not in COLOURS:
        return text
    width = len(state)
    return f"\x1b[{COLOURS[state]}m{text[:width]}\x1b[0m{text[width:]}"
