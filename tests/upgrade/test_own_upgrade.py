# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What ``-u queue_job`` makes of a database of an earlier version of this addon, and of one of its own."""

import pytest
from addon_catalogue import SCHEMA

#: What DDL changes in the catalogue of PostgreSQL: each row has the transaction that has written it.
#: Not here: what statements about rows write in place, such as statistics.
VERSIONS = {
    "relations": """
        SELECT oid::regclass::text, relfilenode, xmin::text, ctid::text FROM pg_class
         WHERE relname LIKE 'queue%'""",
    "columns": """
        SELECT attrelid::regclass::text, attnum, xmin::text FROM pg_attribute
         WHERE attrelid::regclass::text LIKE 'queue%'""",
    "constraints": """
        SELECT oid::text, conname::text, xmin::text FROM pg_constraint
         WHERE conrelid::regclass::text LIKE 'queue%'""",
    "triggers": """
        SELECT oid::text, tgname::text, xmin::text FROM pg_trigger
         WHERE tgrelid::regclass::text LIKE 'queue%'""",
    "functions": """
        SELECT oid::text, proname::text, xmin::text FROM pg_proc WHERE proname LIKE 'queue%'""",
    "rewrite rules": """
        SELECT oid::text, xmin::text FROM pg_rewrite WHERE ev_class::regclass::text LIKE 'queue%'""",
}


@pytest.fixture(scope="module")
def older(as_older):
    """The name of a database with what an earlier version has left."""
    return as_older("older", "older.sql")


@pytest.fixture(scope="module")
def upgraded(older, copies, update):
    return update(copies(older, "from_older"))


@pytest.fixture(scope="module")
def versions(cluster):
    """A function that returns who has written the catalogue of a database."""

    def read(database):
        return {
            part: sorted(cluster.execute(query, database=database), key=repr)
            for part, query in VERSIONS.items()
        }

    return read


def test_the_update_says_nothing_to_worry_about(upgraded):
    assert upgraded.problems == []
    assert upgraded.status == 0


@pytest.mark.parametrize(
    "part", ["columns", "indexes", "triggers", "functions", "views of the database", "sequences"]
)
def test_it_was_another_one(part, older, addon_template, schema):
    """What the comparison stands on."""
    assert schema(older)[part] != schema(addon_template)[part]


@pytest.mark.parametrize("part", SCHEMA)
def test_as_in_a_new_database(part, upgraded, addon_template, schema):
    found, new = schema(upgraded.database)[part], schema(addon_template)[part]
    assert [row for row in found if row not in new] == []
    assert [row for row in new if row not in found] == []


def test_a_second_update_changes_nothing(upgraded, copies, update, versions, schema):
    """Nothing is made anew that is there: DDL would wait for whoever has used a table."""
    database = copies(upgraded.database, "from_older_again")
    before, catalogue = versions(database), schema(database)
    again = update(database)
    assert again.problems == []
    assert again.status == 0
    assert schema(database) == catalogue
    after = versions(database)
    for part in before:
        assert after[part] == before[part], part
