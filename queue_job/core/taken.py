# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The jobs of one database that slots have, or that are hinted for nobody else."""


class Taken:
    """Ids of jobs, and how many of them were taken from which channel.

    >>> taken = Taken()
    >>> taken.add("root", [5, 6])
    >>> taken.discard([6, 7])
    >>> 5 in taken, 6 in taken, taken.count("root"), taken.count("root.a")
    (True, False, 1, 0)
    """

    __slots__ = ("_channels", "_counts")

    def __init__(self):
        #: id -> the channel from which it was taken: the job may be in another one meanwhile
        self._channels = {}
        self._counts = {}

    def add(self, channel, ids):
        """Jobs are taken from a channel; those that are taken already stay as they are."""
        for job_id in ids:
            if job_id not in self._channels:
                self._channels[job_id] = channel
                self._counts[channel] = self.count(channel) + 1

    def discard(self, ids):
        """Jobs are free again; no error if they were not taken."""
        for job_id in ids:
            channel = self._channels.pop(job_id, None)
            if channel is not None:
                self._counts[channel] -= 1
                if not self._counts[channel]:
                    del self._counts[channel]

    def count(self, channel):
        """:return: int, how many jobs were taken from the channel"""
        return self._counts.get(channel, 0)

    def __contains__(self, job_id):
        return job_id in self._channels
