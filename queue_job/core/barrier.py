# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""One barrier in place of many dependencies.

Where each of n jobs comes before each of m jobs, the n·m dependencies are n + m places at a
barrier: it opens when all that stand before it are done.
"""

from .states import DONE, WAIT_DEPENDENCIES, WAITING_STATES

#: From how many dependencies on a barrier takes their place.
LEAST_DEPENDENCIES = 100


class Barrier:
    """
    :param parents: calls or jobs, each once
    :param children: calls or jobs that come after all parents
    """

    #: In the database, once it is stored.
    id = None

    def __init__(self, parents, children):
        self.parents = list(dict.fromkeys(parents))
        self.children = list(dict.fromkeys(children))

    @staticmethod
    def is_worth(parents, children):
        """Whether a barrier is less than the dependencies that it stands for."""
        return min(len(parents), len(children)) > 1 and (
            len(parents) * len(children) >= LEAST_DEPENDENCIES
        )

    @property
    def is_open(self):
        """Whether all parents, which are jobs, are done."""
        return all(parent.state == DONE for parent in self.parents)

    def put(self):
        """Put it between its parents and children, which are jobs, unless it is there."""
        if any(self._is_same(other) for other in self.children[0]._barriers_before):
            return
        for job in self.parents:
            job._barriers_behind = (*job._barriers_behind, self)
        is_open = self.is_open
        for job in self.children:
            job._barriers_before = (*job._barriers_before, self)
            if job.state in WAITING_STATES and not is_open:
                job.state = WAIT_DEPENDENCIES

    def _is_same(self, other):
        return set(self.parents) == set(other.parents) and set(self.children) == set(other.children)
