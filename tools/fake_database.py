"""A stand-in for the job runner's ``Database``: the same answers, from rows in memory.

``tests/postgres/test_fake_database.py`` compares the two. It names no module of the addon, which is there only after a
fixture.
"""

import itertools
import types


class FakeLeadership:
    """Leads without asking."""

    listens = True
    epoch = 1

    def __init__(self):
        #: What is learnt at each sign of life.
        self.standing = types.SimpleNamespace(
            is_closed=False, modules_to_do=0, has_jobs_in_progress=True
        )

    def keep(self, now):
        return self.standing

    def leave(self):
        pass


class FakeDatabase:
    """Rows are dicts; etas are moments of ``clock``.

    :param clock: function that returns the time in seconds
    :param waiting: class of the jobs that are returned, ``core.window.Waiting``
    :param in_progress: class of the jobs that are returned, ``jobrunner.database.InProgress``
    """

    tells_etas = True

    def __init__(self, db_name, clock, waiting, in_progress):
        self.db_name = db_name
        self.rows = {}
        #: ids of the jobs that a connection holds the lock of
        self.locked = set()
        self._clock = clock
        self._waiting = waiting
        self._in_progress = in_progress
        self._notified = set()

    # -- what others do, and what the triggers tell of it

    def insert(self, **row):
        self.rows[row["id"]] = {"eta": None, "eta_passed": None, "lease": None, **row}
        if row["state"] == "pending":
            self._notified.add(row["channel"])
            self._tell_of_eta(self.rows[row["id"]])

    def _tell_of_eta(self, row):
        if row["state"] == "pending" and row["eta"] is not None:
            self._notified.add(":eta")

    def update(self, job_id, **values):
        row = self.rows[job_id]
        before, channel = row["state"], row["channel"]
        row.update(values)
        is_let_go = before in ("pending", "failed") and row["state"] in ("done", "cancelled")
        is_moved = before == "failed" and channel != row["channel"]
        if not values.keys().isdisjoint({"state", "eta", "priority", "channel"}) and (
            row["state"] == "pending" or is_let_go or is_moved
        ):
            self._notified.update({row["channel"], channel})
            self._tell_of_eta(row)

    def delete(self, job_id):
        row = self.rows.pop(job_id)
        if row["state"] in ("pending", "failed"):
            self._notified.add(row["channel"])

    # -- what the runner asks

    def fileno(self):
        raise AssertionError("nobody waits for a fake")

    def notified_channels(self):
        notified, self._notified = self._notified, set()
        return notified

    def settle_handlers(self, after, limit):
        """There are none."""

    def channel_limits(self):
        return []

    def heads(self):
        return self._heads(self._due)

    def heads_not_due(self):
        return self._heads(self._not_due)

    def _heads(self, condition):
        rows = sorted(filter(condition, self.rows.values()), key=lambda r: (r["channel"], *_key(r)))
        groups = itertools.groupby(rows, key=lambda row: row["channel"])
        return [(channel, self._to_waiting(next(group))) for channel, group in groups]

    def first_jobs(self, channel, limit, after=None):
        rows = [
            self._to_waiting(row)
            for row in self._in_channel(channel, self._due)
            if after is None or _key(row) > after[:3]
        ]
        return rows[:limit]

    def first_in_order(self, channel):
        for row in self._in_channel(channel, lambda row: row["state"] == "pending"):
            eta = row["eta"]
            return self._to_waiting(row)._replace(eta=eta and eta - self._clock())
        return None

    def some_failed(self, channel):
        rows = self._in_channel(channel, lambda row: row["state"] == "failed")
        return rows[0]["uuid"] if rows else None

    def next_eta(self):
        etas = [row["eta"] for row in self.rows.values() if self._not_due(row)]
        return min(etas) - self._clock() if etas else None

    def mark_due(self, limit):
        passed = [r for r in self.rows.values() if self._not_due(r) and r["eta"] <= self._clock()]
        passed.sort(key=lambda row: row["eta"])
        for row in passed[:limit]:
            row["eta_passed"] = row["eta"]
        return [row["channel"] for row in passed[:limit]]

    def stopped(self, ids):
        return set()

    def jobs_in_progress(self):
        return [
            self._in_progress(
                row["uuid"],
                row["id"],
                row["channel"],
                row["state"],
                row["lease"],
                None,
                row["id"] not in self.locked,
            )  # fmt: skip
            for row in self.rows.values()
            if row["state"] in ("enqueued", "started")
        ]

    def set_enqueued(self, jobs, grant):
        confirmed = set()
        for job_id, channel in jobs:
            row = self.rows.get(job_id)
            if (
                row
                and (row["state"], row["channel"]) == ("pending", channel)
                and self._is_past(row)
            ):
                row.update(state="enqueued", lease=grant)
                confirmed.add(job_id)
        return confirmed

    def take_back(self, ids):
        found = {i for i in ids if i in self.rows and self.rows[i]["state"] == "enqueued"}
        for job_id in found:
            self.update(job_id, state="pending", lease=None)
        return found

    def take_all_back(self):
        self.take_back(list(self.rows))

    def release_ready(self, after, limit):
        """No job of a fake depends on another."""
        return None, 0

    def requeue_dead(self, tries, reached_since=None):
        dead = [
            row
            for row in self.rows.values()
            if (row["uuid"], row["lease"] or "") in tries
            and row["state"] in ("enqueued", "started")
            and row["id"] not in self.locked
        ]
        for row in dead:
            self.update(row["id"], state="pending", lease=None)
        return {row["uuid"] for row in dead}

    # -- details

    def _in_channel(self, channel, condition):
        rows = [r for r in self.rows.values() if r["channel"] == channel and condition(r)]
        return sorted(rows, key=_key)

    def _is_past(self, row):
        return row["eta"] is None or row["eta"] <= self._clock()

    @staticmethod
    def _due(row):
        return row["state"] == "pending" and (row["eta"] is None or row["eta"] == row["eta_passed"])

    def _not_due(self, row):
        return row["state"] == "pending" and not self._due(row)

    def _to_waiting(self, row):
        return self._waiting(*_key(row), row["uuid"])


def _key(row):
    return row["priority"], row["date_created"], row["id"]
