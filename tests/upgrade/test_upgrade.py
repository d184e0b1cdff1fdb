# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What ``-u queue_job`` makes of a database of the published addon, before anything runs in it."""

import json
import re

import pytest
from addon_catalogue import SCHEMA

from stack import run_script

TABLES = """
    SELECT table_name::text FROM information_schema.tables
     WHERE table_name LIKE 'queue%' ORDER BY 1
"""
ROWS = {
    "messages": "SELECT * FROM mail_message WHERE model LIKE 'queue%' ORDER BY id",
    "followers": "SELECT * FROM mail_followers WHERE res_model LIKE 'queue%' ORDER BY id",
    "activities": "SELECT * FROM mail_activity WHERE res_model LIKE 'queue%' ORDER BY id",
    "external ids": """
        SELECT module, name, model, res_id, noupdate FROM ir_model_data
         WHERE module LIKE 'queue%' ORDER BY id""",
    "members": """
        SELECT * FROM res_groups_users_rel
         WHERE gid IN (SELECT res_id FROM ir_model_data
                        WHERE module = 'queue_job' AND model = 'res.groups') ORDER BY 1, 2""",
}


@pytest.fixture(scope="session")
def rows(cluster):
    """A function that returns all rows of the addon."""

    def read(database):
        found = {name: cluster.execute(query, database=database) for name, query in ROWS.items()}
        for (table,) in cluster.execute(TABLES, database=database):
            found[table] = sorted(
                cluster.execute(f"SELECT * FROM {table}", database=database), key=repr
            )
        return found

    return read


def test_the_update_says_nothing_to_worry_about(upgrade):
    assert upgrade.problems == []
    assert upgrade.status == 0


def test_jobs_are_what_they_were(before, after):
    assert len(before["jobs"]) > 35
    assert set(after["jobs"]) == set(before["jobs"])
    states = {job["state"] for job in before["jobs"].values()}
    assert len(states) == 7
    changed = {
        (name, key): (value, after["jobs"][name][key])
        for name, job in before["jobs"].items()
        for key, value in job.items()
        if after["jobs"][name][key] != value
    }
    # without "root." it is the same channel, which has one name from now on
    short = ("extension.slow", "root.extension.slow")
    assert changed == {("short channel", "channel"): short}


def test_channels_and_functions_are_what_they_were(before, after):
    assert len(before["functions"]) == 6
    assert after["functions"] == before["functions"]
    assert after["channels"] == before["channels"]


def test_history_was_there_to_be_kept(before):
    """What the comparison of the jobs stands on."""
    job = before["jobs"]["failed"]
    assert "<p>I look at it</p>" in [message[1] for message in job["messages"]]
    assert {name for name, _subtypes in job["followers"]} == {"Administrator", "one"}
    assert job["activities"] == ["Mend it"]
    assert job["extension_note"] == "fail_unless_mended is failed"


@pytest.mark.parametrize("part", SCHEMA)
def test_as_in_a_new_database(part, upgrade, addon_template, schema):
    upgraded, new = schema(upgrade.database)[part], schema(addon_template)[part]
    assert new or part == "crons"
    assert [row for row in upgraded if row not in new] == []
    assert [row for row in new if row not in upgraded] == []


def test_what_is_old_was_there(filled, cluster):
    """And is not, after the update: see the comparison with a new database."""

    def names(query):
        return [row[0] for row in cluster.execute(query, database=filled)]

    assert "queue_job_notify" in names("SELECT tgname FROM pg_trigger")
    assert "queue_job_notify" in names("SELECT proname FROM pg_proc")
    assert "queue_job_lock" in names("SELECT relname FROM pg_class")
    assert len(names("SELECT id FROM ir_cron WHERE cron_name LIKE 'ir_cron%queue_job%'")) == 2


def test_crons_are_gone(upgrade, cluster):
    query = "SELECT name FROM ir_act_server WHERE name->>'en_US' LIKE 'ir_cron%queue_job%'"
    assert cluster.execute(query, database=upgrade.database) == []
    query = "SELECT id FROM ir_cron WHERE cron_name LIKE 'ir_cron%queue_job%'"
    assert cluster.execute(query, database=upgrade.database) == []


def test_dependencies_are_rows(before, upgrade, cluster):
    expected = {(parent, name) for name, job in before["jobs"].items() for parent in job["parents"]}
    expected |= {(name, child) for name, job in before["jobs"].items() for child in job["children"]}
    assert ("extended 2", "extended 3") in expected
    query = """
        SELECT parent.name, child.name FROM queue_job_dependency
          JOIN queue_job parent ON parent.id = parent_id
          JOIN queue_job child ON child.id = child_id
    """
    assert set(cluster.execute(query, database=upgrade.database)) == expected


CHECK_VIEWS = """
import json
views = env["ir.ui.view"].search([("model", "=like", "queue.%")])
views._check_xml()
types = {"queue.job": "form list search pivot graph"}
arches = {}
for model in ("queue.job", "queue.job.channel", "queue.job.function"):
    for kind in types.get(model, "form list search").split():
        arches[f"{model} {kind}"] = env[model].get_view(view_type=kind)["arch"]
print(json.dumps([views.filtered("inherit_id").mapped("name"), arches]))
"""


def test_views_of_the_extension(upgrade, our_config, tmp_path):
    names, arches = json.loads(run_script(our_config(upgrade.database), CHECK_VIEWS, tmp_path))
    assert len([name for name in names if name.endswith(".extension")]) == 10
    for kind in ("form", "list", "search", "pivot", "graph"):
        assert "extension_note" in arches[f"queue.job {kind}"]
    assert arches["queue.job form"].count('name="extension_note"') == 7


SAME_KEY = """
record = env["queue.job.extension"].create({"name": "same again"})
job = record.with_delay(identity_key="key of keyed").write_down()
print(job._name, job.name)
"""


def test_a_key_that_two_waiting_jobs_share(upgrade, our_config, tmp_path):
    output = run_script(our_config(upgrade.database), SAME_KEY, tmp_path)
    assert output.strip() in ("queue.job keyed", "queue.job keyed again")


def test_a_second_update_changes_nothing(upgrade, copies, update, schema, rows, cluster):
    """Nor does it when the migration scripts run again."""
    database = copies(upgrade.database, "again")
    cluster.execute(
        "UPDATE ir_module_module SET latest_version = '19.0.2.4.0' WHERE name = 'queue_job'",
        database=database,
    )
    again = update(database)
    assert again.problems == []
    assert again.status == 0
    assert "queue_job" in re.findall(r"module (\w+): Running migration", again.log)
    assert schema(database) == schema(upgrade.database)
    old, new = rows(upgrade.database), rows(database)
    assert set(old) == set(new)
    for name in old:
        assert old[name] == new[name], name
