"""What many measured values say together."""

import math


def percentile(values, percent):
    """Return the value that ``percent`` of the ``values`` do not exceed, between two of them as need be.

    >>> percentile([3, 1, 2], 50), percentile([0, 10], 90)
    (2.0, 9.0)

    :raise ValueError: there are no values
    """
    if not values:
        raise ValueError("there are no values")
    ordered = sorted(values)
    position = (len(ordered) - 1) * percent / 100
    below, above = ordered[math.floor(position)], ordered[math.ceil(position)]
    return below + (above - below) * (position - math.floor(position))


def median(values):
    return percentile(values, 50)
