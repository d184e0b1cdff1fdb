"""See ``stack.fixtures``: a fresh database with the addon, connections, real servers."""

from stack.fixtures import *  # noqa: F403
