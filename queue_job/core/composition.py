# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Where groups and chains of calls begin and end, in any nesting.

An *element* is a single call, or composed of others: then its class has an attribute
``in_sequence`` (true for a chain, false for a group) and it has ``members``, elements
again. A member without a single call in it is transparent: in a chain, what stands
before it is joined to what stands behind it.
"""

from itertools import chain, pairwise


def is_composed(element):
    # Asked of the class: an instance may answer for any name.
    return hasattr(type(element), "in_sequence")


def leaves(element):
    """:return: list of the single calls in ``element``"""
    if not is_composed(element):
        return [element]
    return list(chain.from_iterable(map(leaves, element.members)))


def entries(element):
    """:return: list of the calls of ``element`` that nothing in it precedes"""
    return _ends(element, entries, slice(1))


def exits(element):
    """:return: list of the calls of ``element`` that nothing in it follows"""
    return _ends(element, exits, slice(-1, None))


def joints(element):
    """Yield (parents, children) for each joint between members of ``element``.

    Every call in ``parents`` comes before every one in ``children``; both are lists.
    A joint of a thousand and a thousand calls is one pair here. Members that are
    composed themselves have joints of their own.
    """
    if getattr(type(element), "in_sequence", False):
        for before, after in pairwise(_filled(element)):
            yield exits(before), entries(after)


def _filled(element):
    return [member for member in element.members if leaves(member)]


def _ends(element, ends, end_of_chain):
    if not is_composed(element):
        return [element]
    members = _filled(element)
    if element.in_sequence:
        members = members[end_of_chain]
    return list(chain.from_iterable(map(ends, members)))
