# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Where groups and chains of calls begin and end, in any nesting.

An *element* is a single call, or something with ``members`` (a group) or ``steps``
(a chain), whose items are elements again. An element without a single call in it is
transparent: what stands before it is joined to what stands behind it.
"""

from itertools import chain, pairwise


def leaves(element):
    """:return: list of the single calls in ``element``"""
    parts = _parts(element)
    return [element] if parts is None else list(chain.from_iterable(map(leaves, parts)))


def entries(element):
    """:return: list of the calls of ``element`` that nothing in it precedes"""
    return _ends(element, entries, first=True)


def exits(element):
    """:return: list of the calls of ``element`` that nothing in it follows"""
    return _ends(element, exits, first=False)


def links(element):
    """Yield (parents, children) for each joint inside ``element``.

    Every call in ``parents`` comes before every one in ``children``; both are lists.
    A joint of a thousand and a thousand calls is one pair here.
    """
    for part in _parts(element) or ():
        yield from links(part)
    if hasattr(element, "steps"):
        for before, after in pairwise(_filled(element.steps)):
            yield exits(before), entries(after)


def _parts(element):
    return getattr(element, "members", getattr(element, "steps", None))


def _filled(elements):
    return [element for element in elements if leaves(element)]


def _ends(element, ends, first):
    parts = _parts(element)
    if parts is None:
        return [element]
    if hasattr(element, "steps"):
        filled = _filled(parts)
        parts = filled[:1] if first else filled[-1:]
    return list(chain.from_iterable(map(ends, parts)))
