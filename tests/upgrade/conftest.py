# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""A database made and filled by the published addon, and what ``-u queue_job`` of ours makes of it.

Only the addons path changes in between.
"""

import contextlib
import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from addon_catalogue import SCHEMA

from counting import odoo_problems
from stack import OdooConfig, StackError, run_script
from stack.database import content_key
from stack.errors import last_complaint
from stack.fixtures import *  # noqa: F403
from stack.odoo import run_odoo
from stack.places import REPOSITORY
from stack.published import Published, PublishedConfig

#: Lines of a log that have nothing to do with the update.
HARMLESS = re.compile(r"Running as user 'root' is a security risk")

HERE = Path(__file__).parent
TEST_ADDONS = REPOSITORY / "tests" / "addons"
EXTENSION = "queue_job_extension"
UPDATE = ("-u", "queue_job", "--no-http", "--stop-after-init")


def script(name):
    """Return the text that runs the function ``name`` of the file ``name``.py in ``odoo shell``."""
    return (HERE / f"{name}.py").read_text() + f"\n\n{name}(env)\n"


@pytest.fixture(scope="session")
def published(cluster):
    """The published addon, and the environment with the packages it needs."""
    try:
        return Published.fetch(cluster.places)
    except StackError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def published_config(cluster, published):
    """A function that returns the configuration of a database with the published addon."""

    def make(database):
        return PublishedConfig(cluster.places, database, addons=(TEST_ADDONS,), published=published)

    return make


@pytest.fixture(scope="session")
def our_config(cluster):
    """A function that returns the configuration of a database with our addon."""

    def make(database, **options):
        return OdooConfig(cluster.places, database, addons=(TEST_ADDONS,), **options)

    return make


@pytest.fixture(scope="session")
def filled(databases, published, published_config, tmp_path_factory):
    """The name of a database in which the published addon has left jobs of all kinds."""
    directory = tmp_path_factory.mktemp("published")

    def fill(name):
        config = published_config(name)
        install = ["-i", EXTENSION, "--no-http", "--stop-after-init"]
        with pytest.MonkeyPatch.context() as patch:
            for variable, value in published.environ.items():
                patch.setenv(variable, value)
            status, log = run_odoo(config, install, directory)
            if status or databases.missing_modules(name, ["queue_job", EXTENSION]):
                raise StackError(
                    f"the published queue_job can't be installed ({last_complaint(log)})",
                    f"see {log}",
                )
            run_script(config, script("fill"), directory)

    parts = [published.key, script("fill"), content_key([TEST_ADDONS / EXTENSION])]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:10]
    return databases.filled_template("published", key, fill, "filling a database of before")


@dataclass
class Upgrade:
    """What an update did: its exit status and the text of its log."""

    database: str
    status: int
    log: str

    @property
    def problems(self):
        """The lines of the log that are to be worried about."""
        return [line for line in odoo_problems(self.log) if not HARMLESS.search(line)]


@pytest.fixture(scope="session")
def update(our_config, tmp_path_factory):
    """A function that runs ``-u queue_job`` with our addon."""

    def run(database):
        directory = tmp_path_factory.mktemp("update")
        status, log = run_odoo(our_config(database), UPDATE, directory)
        return Upgrade(database, status, log.read_text(errors="replace"))

    return run


@pytest.fixture(scope="session")
def copies(databases):
    """A function that makes a copy of a database for the session."""
    with contextlib.ExitStack() as stack:

        def make(template, suffix):
            name = f"qj_pytest_{os.getpid()}_{suffix}"
            return stack.enter_context(databases.temporary(name, template))

        yield make


@pytest.fixture(scope="session")
def as_older(addon_template, copies, cluster):
    """A function that makes a database with what an earlier version of ours has left, by a script here."""

    def make(suffix, script):
        database = copies(addon_template, suffix)
        cluster.execute((HERE / script).read_text(), database=database)
        return database

    return make


@pytest.fixture(scope="session")
def upgrade(filled, copies, update):
    """The first update; nobody changes its database."""
    return update(copies(filled, "upgraded"))


@pytest.fixture(scope="session")
def describe(tmp_path_factory):
    """A function that returns what the addon of a configuration says about its database."""

    def ask(config, environ=None):
        directory = tmp_path_factory.mktemp("describe")
        return json.loads(run_script(config, script("describe"), directory, environ))

    return ask


@pytest.fixture(scope="session")
def before(filled, published, published_config, describe):
    """What the published addon says about its database."""
    return describe(published_config(filled), published.environ)


@pytest.fixture(scope="session")
def after(upgrade, our_config, describe):
    """What our addon says about the same database after the update."""
    return describe(our_config(upgrade.database))


@pytest.fixture(scope="session")
def schema(cluster):
    """A function that returns what a database knows of the addon, without the extension's part."""

    def read(database):
        return {
            name: [
                row
                for row in sorted(cluster.execute(query, database=database), key=repr)
                if "extension" not in repr(row[:2]) and "extension_note" not in repr(row)
            ]
            for name, query in SCHEMA.items()
        }

    return read
