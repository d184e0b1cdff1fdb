from stack.fixtures import *  # noqa: F403
