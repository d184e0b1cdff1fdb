"""Results as text."""

import math

MISSING = "–"


def number(value):
    """Return ``value`` with three digits that mean something.

    >>> [number(value) for value in (None, 0, 0.01234, 1.5, 61.234, 1234.5, 1234567)]
    ['–', '0', '0.0123', '1.50', '61.2', '1,234', '1,234,567']
    """
    if value is None:
        return MISSING
    if not value:
        return "0"
    digits = 2 - math.floor(math.log10(abs(value)))
    return f"{value:,.{max(0, digits)}f}"


def table(results):
    """Return the lines of a table: a figure a line, a side a column, and the ratio of the first two sides."""
    rows = [["part", "figure", "unit", *results.sides, "ratio"]]
    part = None
    for figure in results.values:
        values = [number(results.value(side, figure)) for side in results.sides]
        ratio = results.ratio(figure)
        shown = "" if figure.part == part else figure.part
        times = f"{number(ratio)} ×" if ratio else ""
        rows.append([shown, figure.name, figure.unit, *values, times])
        part = figure.part
    if len(results.sides) < 2:
        rows = [row[:-1] for row in rows]
    return _align(rows, left=3)


def _align(rows, left):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]
