"""What becomes of the records that addons declare, and of the database, when addons are uninstalled."""

import pytest

from stack.odoo import OdooConfig, run_odoo, run_script

DATA = """<odoo>
    <record id="channel" model="queue.job.channel">
        <field name="name">declared</field>
        <field name="parent_id" ref="queue_job.channel_root" />
    </record>
    <record id="function" model="queue.job.function">
        <field name="name">&lt;res.partner&gt;.address_get</field>
        <field name="channel_id" ref="channel" />
    </record>
</odoo>
"""
DECLARING = ("queue_job_one", "queue_job_two")
UNINSTALL = 'env["ir.module.module"].search([("name", "=", "{}")]).button_immediate_uninstall()'
COUNT = """
SELECT (SELECT count(*) FROM queue_job_channel WHERE complete_name = 'root.declared'),
       (SELECT count(*) FROM queue_job_function WHERE name = '<res.partner>.address_get')
"""
# Of our making; what there is of Odoo's own (models, fields, views, access) it removes by itself.
LEFT = {
    "relations": "SELECT relname::text FROM pg_class WHERE relname LIKE 'queue%'",
    "functions": "SELECT proname::text FROM pg_proc WHERE proname LIKE 'queue%'",
    "triggers": "SELECT tgname::text FROM pg_trigger WHERE tgname LIKE 'queue%'",
    "types": "SELECT typname::text FROM pg_type WHERE typname LIKE 'queue%'",
    "external ids": "SELECT name FROM ir_model_data WHERE module = 'queue_job'",
    "models": "SELECT model FROM ir_model WHERE model LIKE 'queue%'",
    "fields": "SELECT name FROM ir_model_fields WHERE ttype = 'job_serialized'",
    "crons": "SELECT cron_name FROM ir_cron WHERE cron_name ILIKE '%queue%job%'",
    "messages": "SELECT id FROM mail_message WHERE model LIKE 'queue.job%'",
    "followers": "SELECT id FROM mail_followers WHERE res_model LIKE 'queue.job%'",
}


@pytest.fixture
def uninstall(cluster, database, tmp_path):
    """A function that uninstalls an addon; two others declare the same channel and function."""
    for name in DECLARING:
        directory = tmp_path / "addons" / name
        directory.mkdir(parents=True)
        (directory / "__init__.py").touch()
        (directory / "data.xml").write_text(DATA)
        manifest = {
            "name": name,
            "depends": ["queue_job"],
            "data": ["data.xml"],
            "license": "LGPL-3",
        }
        (directory / "__manifest__.py").write_text(repr(manifest))
    config = OdooConfig(cluster.places, database, addons=(tmp_path / "addons",))
    arguments = ["-i", ",".join(DECLARING), "--no-http", "--stop-after-init"]
    status, log = run_odoo(config, arguments, tmp_path)
    assert status == 0, log.read_text()
    return lambda name: run_script(config, UNINSTALL.format(name), tmp_path)


def test_the_last_addon_takes_what_it_declares_with_it(uninstall, cluster, database):
    def declared():
        return cluster.execute(COUNT, database=database)

    one, two = DECLARING
    assert declared() == [(1, 1)]
    uninstall(one)
    assert declared() == [(1, 1)]
    uninstall(two)
    assert declared() == [(0, 0)]


MAKE_JOBS = """
from odoo.addons.queue_job.delay import chain
partner = env["res.partner"]
chain(partner.delayable().address_get(), partner.delayable().address_get()).delay()
env["queue.job"].search([], limit=1).write({"state": "failed"})
env.cr.commit()
"""


def test_nothing_is_left_of_the_addon(uninstall, cluster, database, shell):
    shell(database, MAKE_JOBS)
    assert cluster.execute(LEFT["functions"], database=database)
    uninstall("queue_job")
    left = {
        name: rows
        for name, query in LEFT.items()
        if (rows := cluster.execute(query, database=database))
    }
    assert left == {}
