"""How a cost grows with a size."""

import math


def growth_exponent(points):
    """Return e of the curve cost = c × size ** e that is nearest to ``points``, by least squares of the logarithms.

    0: the size does not matter; 1: twice the size, twice the cost; 2: four times.

    >>> round(growth_exponent([(10, 5), (20, 20), (40, 80)]), 6)
    2.0

    :param points: (size, cost), all above 0
    :raise ValueError: fewer than two sizes
    """
    logarithms = [(math.log(size), math.log(cost)) for size, cost in points]
    if len({size for size, _cost in logarithms}) < 2:
        raise ValueError("a growth needs two sizes")
    middle_size = sum(size for size, _cost in logarithms) / len(logarithms)
    middle_cost = sum(cost for _size, cost in logarithms) / len(logarithms)
    covariance = sum((size - middle_size) * (cost - middle_cost) for size, cost in logarithms)
    return covariance / sum((size - middle_size) ** 2 for size, _cost in logarithms)
