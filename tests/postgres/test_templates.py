"""The databases that tests and benchmarks copy."""

import os

import pytest

from stack.database import KEPT_TEMPLATES


@pytest.fixture
def make(databases):
    """A function that returns the template of a key, made if it is not there."""
    made = set()

    def make(key):
        name = databases.filled_template(f"kept{os.getpid()}", key, lambda name: None, "copying")
        made.add(name)
        return name

    yield make
    for name in made:
        databases.drop(name)


def test_one_that_is_in_use_is_kept_however_long_ago_it_was_made(databases, make):
    """A benchmark asks for two, and the second one may have to be made."""
    first, second, *_others = [make(str(number)) for number in range(KEPT_TEMPLATES)]
    assert make("0") == first
    make("another")
    assert databases.exists(first)
    assert not databases.exists(second)
