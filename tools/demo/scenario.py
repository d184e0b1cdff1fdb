"""How each job of the demonstration is to end.

The jobs themselves are delayed by ``queue.job.demo`` of the addon ``demo/queue_job_demo``; the names are the same.
"""

from dataclasses import dataclass

CHANNELS = "root:4,root.demo:2,root.demo.single:1"
DELAY = 'env["queue.job.demo"].with_user(env.ref("base.user_admin")).delay_demonstration()\nenv.cr.commit()\n'


@dataclass(frozen=True)
class Expected:
    """The expected end of one job.

    :param tries: how often it was tried
    :param error: text that its error message holds
    :param after: names of the jobs that must be done before it starts
    :param alone: the name of a job that must not run at the same time
    :param has_eta: whether it must not start before its eta
    """

    name: str
    state: str = "done"
    channel: str = "root"
    tries: int = 1
    error: str = ""
    after: tuple = ()
    alone: str = ""
    has_eta: bool = False


PARTS = tuple(f"graph: part {number}" for number in range(1, 4))

EXPECTED = (
    Expected("a plain job"),
    Expected("an urgent job"),
    *(Expected(f"in channel demo, {number}", channel="root.demo") for number in range(1, 5)),
    Expected("one at a time, 1", channel="root.demo.single"),
    Expected("one at a time, 2", channel="root.demo.single", alone="one at a time, 1"),
    Expected("not before 4 seconds", has_eta=True),
    Expected("succeeds at the second try", tries=2),
    Expected("fails on purpose", state="failed", error="This job fails on purpose"),
    Expected("graph: prepare"),
    *(Expected(part, after=("graph: prepare",)) for part in PARTS),
    Expected("graph: report", after=PARTS),
)
