"""What became of each fault: written by the tests, read by ``bin/faults``."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

HEADER = ("fault", "jobs", "lost", "wrong effects", "recovery (s)")


@dataclass
class Entry:
    """One fault.

    :param int jobs: how many were there
    :param int lost: how many did not end, or not as they had to
    :param int wrong: how many took effect not at all or more than once
    :param recovery: seconds until work went on, None where nothing stopped
    """

    fault: str
    jobs: int
    lost: int
    wrong: int
    recovery: float | None = None


def append(path, entry):
    if path:
        with Path(path).open("a") as file:
            file.write(json.dumps(asdict(entry)) + "\n")


def read(path):
    """:return: list of :class:`Entry`"""
    lines = Path(path).read_text().splitlines() if Path(path).exists() else []
    return [Entry(**json.loads(line)) for line in lines]


def table(entries):
    """:return: str"""
    rows = [HEADER, *map(_row, entries)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _row(entry):
    recovery = "" if entry.recovery is None else f"{entry.recovery:.1f}"
    return (entry.fault, str(entry.jobs), str(entry.lost), str(entry.wrong), recovery)
