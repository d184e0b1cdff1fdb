"""How much is measured."""

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True)
class Sizes:
    """Numbers of jobs where nothing else is said. Those of the published addon are smaller where it takes minutes."""

    repetitions: int = 3
    #: seconds that one measurement may take
    limit: int = 180
    create: int = 1000
    #: a group of so many before another one
    pair: int = 1000
    drain: int = 4000
    drain_published: int = 1000
    sleeping: int = 400
    floor: int = 2000
    slot: int = 2000
    latency: int = 300
    graph: int = 300
    chain: int = 500
    #: waiting jobs: 10 to the power of 3 … this
    backlog_power: int = 5
    #: the largest size of a growth
    growth: int = 4000
    growth_pair: int = 800
    growth_published: int = 1000
    #: jobs of the simulated engine: 10 to the power of 5 … this
    engine_power: int = 6

    def updated(self, assignments):
        """Return other sizes.

        :param assignments: texts ``name=number``
        :raise ValueError: says what can't be understood
        """
        values = {}
        for text in assignments:
            name, _equals, value = text.partition("=")
            if name not in NAMES:
                raise ValueError(f"there is no size {name!r}: choose from {', '.join(NAMES)}")
            if not value.isdecimal() or not int(value):
                raise ValueError(f"{text!r} is no size: write {name}=NUMBER, above 0")
            values[name] = int(value)
        return replace(self, **values)


NAMES = [field.name for field in fields(Sizes)]

FULL = Sizes()
QUICK = Sizes(
    repetitions=1,
    limit=60,
    create=300,
    pair=150,
    drain=1000,
    drain_published=300,
    sleeping=100,
    floor=500,
    slot=500,
    latency=80,
    graph=30,
    chain=50,
    backlog_power=3,
    growth=1000,
    growth_pair=200,
    growth_published=500,
    engine_power=5,
)
