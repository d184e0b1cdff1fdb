"""The jobs of the demonstration as the database has them, and what is wrong with them."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

FINAL_STATES = ("done", "failed", "cancelled")

JOBS = """
    SELECT name, state, channel, retry, eta, date_created, date_started, date_done, exc_message
      FROM queue_job ORDER BY id
"""
EFFECTS = "SELECT name, count(*) FROM queue_job_demo GROUP BY name"


@dataclass(frozen=True)
class Job:
    """A row of ``queue_job``."""

    name: str
    state: str
    channel: str
    tries: int
    eta: datetime | None
    created: datetime | None
    started: datetime | None
    done: datetime | None
    error: str | None

    @property
    def is_final(self):
        return self.state in FINAL_STATES


def are_final(jobs, expected):
    """Whether every expected job is there and nothing more will happen to any."""
    return len(jobs) >= len(expected) and all(job.is_final for job in jobs)


def find_problems(jobs, effects, expected):
    """Return a list of sentences, one for each thing that is not as expected; empty when all is well.

    :param effects: how many records the job of each name left, as a dict
    """
    counts = Counter(job.name for job in jobs)
    by_name = {job.name: job for job in jobs}
    problems = [f"'{name}' is there {count} times" for name, count in counts.items() if count > 1]
    names = {one.name for one in expected}
    problems += [f"'{name}' was not expected" for name in counts if name not in names]
    for one in expected:
        job = by_name.get(one.name)
        found = _job_problems(one, job, by_name, effects) if job else ["is missing"]
        problems += [f"'{one.name}' {problem}" for problem in found]
    return problems


def _job_problems(expected, job, by_name, effects):
    if job.state != expected.state:  # whatever else is wrong follows from it
        yield f"is {job.state}, not {expected.state}" + (f" ({job.error})" if job.error else "")
        return
    yield from _end_problems(expected, job)
    left = effects.get(job.name, 0)
    if left != (expected.state == "done"):
        yield f"left {left} records"
    if expected.has_eta and not (job.eta and job.started and job.started >= job.eta):
        yield f"started at {job.started}, its eta is {job.eta}"
    for name in expected.after:
        before = by_name.get(name)
        if not (before and before.done and job.started and before.done <= job.started):
            yield f"did not start after the end of '{name}'"
    if expected.alone and not _are_apart(job, by_name.get(expected.alone)):
        yield f"ran at the same time as '{expected.alone}'"


def _end_problems(expected, job):
    if job.channel != expected.channel:
        yield f"is in channel {job.channel}, not {expected.channel}"
    if job.tries != expected.tries:
        yield f"was tried {job.tries} times, not {expected.tries}"
    if expected.error not in (job.error or ""):
        yield f"says {job.error!r}, not {expected.error!r}"


def _are_apart(job, other):
    if not (other and job.started and job.done and other.started and other.done):
        return False
    return job.done <= other.started or other.done <= job.started
