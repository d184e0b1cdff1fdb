# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""A server of this version on a database that an earlier one has left, before and after ``-u``."""

import pytest

from stack import run_script
from stack.waiting import wait_until

#: The runner polls every 30 seconds, and when it begins.
PATIENCE = 15

DELAY = "env['res.users'].with_delay(eta=2).search_count([]); env.cr.commit()"


@pytest.fixture(scope="module")
def database(as_older):
    return as_older("older_triggers", "older_triggers.sql")


@pytest.fixture(scope="module")
def config(our_config, database):
    return our_config(database)


@pytest.fixture(scope="module")
def server(start_server, database):
    server = start_server(database)
    server.wait_for_log(f"queue job runner ready for db {database}")
    return server


@pytest.fixture
def run_later(server, config, cluster, tmp_path):
    """A function that delays a job with an eta and waits for it."""

    def run(count):
        run_script(config, DELAY, tmp_path)
        query = "SELECT state FROM queue_job"
        done = [("done",)] * count
        wait_until(
            lambda: cluster.execute(query, database=config.database) == done, PATIENCE, "the job"
        )

    return run


def test_a_job_with_an_eta_is_not_forgotten(run_later, update, database):
    run_later(1)
    upgrade = update(database)
    assert (upgrade.status, upgrade.problems) == (0, [])
    run_later(2)
