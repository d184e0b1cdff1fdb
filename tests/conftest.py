"""What all tiers share. Each tier is a pytest session of its own (``bin/test TIER``)."""

import os
import re
import signal

import pytest

# Variables that would change what is tested.
PRODUCT = re.compile(r"ODOO_QUEUE_JOB_|QUEUE_JOB__|TEST_QUEUE_JOB_")


def pytest_configure(config):
    for name in [name for name in os.environ if PRODUCT.match(name)]:
        del os.environ[name]
    # Whoever ends us by SIGTERM gets the same teardown as by Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_finish(session):
    """The unit tier stands in for Odoo, the others need the real one: never both in one process."""
    tests = session.config.rootpath / "tests"
    tiers = {
        item.path.relative_to(tests).parts[0]
        for item in session.items
        if tests in item.path.parents
    }
    if "unit" in tiers and len(tiers) > 1:
        raise pytest.UsageError(
            f"one tier at a time, not {' and '.join(sorted(tiers))}: see bin/test"
        )
