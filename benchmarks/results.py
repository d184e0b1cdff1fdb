"""The measured figures."""

from dataclasses import dataclass, field

from .quantile import median

MORE, LESS = "more", "less"


@dataclass(frozen=True)
class Figure:
    """A line of the table.

    :param part: what it belongs to
    :param name: what is measured
    :param unit: of its values
    :param better: ``MORE`` or ``LESS``, None where neither is
    """

    part: str
    name: str
    unit: str
    better: str | None = None


@dataclass
class Results:
    """Values and problems, of each figure and side, in the order in which they came."""

    sides: list
    values: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)
    texts: list = field(default_factory=list)
    problems: list = field(default_factory=list)

    def add(self, side, figure, value):
        self.values.setdefault(figure, {}).setdefault(side, []).append(value)

    def add_problem(self, part, side, text):
        """Something could not be measured."""
        self.problems.append(f"{part} of {side}: {text}" if side else f"{part}: {text}")

    def add_note(self, text):
        """Something to know beside the table."""
        if text not in self.notes:
            self.notes.append(text)

    def add_text(self, text):
        """Something to show below the table."""
        self.texts.append(text)

    def value(self, side, figure):
        """Return the median of the values, None when there are none."""
        values = self.values.get(figure, {}).get(side)
        return median(values) if values else None

    def ratio(self, figure):
        """Return how many times better the first side is than the second; None when that can't be said."""
        first, second = ([*(self.value(side, figure) for side in self.sides), None, None])[:2]
        if not first or not second or figure.better is None:
            return None
        return first / second if figure.better == MORE else second / first

    def as_json(self):
        """Return all of it as lists and dicts."""
        return {
            "sides": self.sides,
            "figures": [
                {
                    "part": figure.part,
                    "name": figure.name,
                    "unit": figure.unit,
                    "better": figure.better,
                    "values": values,
                    "medians": {side: self.value(side, figure) for side in values},
                    "ratio": self.ratio(figure),
                }
                for figure, values in self.values.items()
            ],
            "notes": self.notes,
            "texts": self.texts,
            "problems": self.problems,
        }
