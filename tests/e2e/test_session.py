"""What a session of PostgreSQL keeps from one request with jobs to the next: plans, and nothing else."""

import json

import pytest

from stack import OdooConfig
from stack.odoo import run_script

SCRIPT = """
import json, threading
from odoo.addons.queue_job.slot_cursor import own_cursor
from odoo.addons.queue_job.session import reset_of

def elsewhere(query):
    with env.registry.cursor() as cr:
        cr.execute(query)

elsewhere('''
    CREATE SEQUENCE probe_planned;
    -- an immutable function is called when a statement is planned
    CREATE FUNCTION probe_plan() RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS
        'BEGIN PERFORM nextval(''probe_planned''); RETURN true; END';
    CREATE FUNCTION probe() RETURNS void LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS
        'BEGIN PERFORM id FROM res_users WHERE probe_plan() LIMIT 1; END';
    CREATE ROLE qj_probe;
''')
elsewhere(f"ALTER DATABASE {env.cr.dbname} SET DateStyle = 'SQL, DMY'")
for pool_connection in list(env.cr._Cursor__pool._connections):
    if pool_connection is not env.cr._cnx:
        pool_connection.close()

def query(cr, text):
    cr.execute(text)
    return cr.fetchone()[0]

def look(cr):
    query(cr, "SELECT probe()")
    return {
        "pid": query(cr, "SELECT pg_backend_pid()"),
        "plans": query(cr, "SELECT last_value FROM probe_planned"),
        "now": str(query(cr, "SELECT timestamp '2026-02-03 04:05:06'")),
        "role": query(cr, "SELECT current_user = session_user"),
        "search_path": query(cr, "SHOW search_path"),
        "isolation": query(cr, "SHOW transaction_isolation"),
        "locks": query(cr, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711"),
        "listening": query(cr, "SELECT count(*) FROM pg_listening_channels()"),
        "prepared": query(cr, "SELECT count(*) FROM pg_prepared_statements"),
        "cursors": query(cr, "SELECT count(*) FROM pg_cursors WHERE is_holdable"),
        "table": query(cr, "SELECT to_regclass('pg_temp.probe_table')"),
    }

def leave(cr):
    cr.execute("SET ROLE qj_probe; RESET ROLE; SET search_path = pg_catalog")
    cr.execute("SELECT pg_advisory_lock(4711)")
    cr.execute("LISTEN probe; PREPARE probe AS SELECT 1; CREATE TEMPORARY TABLE probe_table ()")
    cr.execute("DECLARE probe CURSOR WITH HOLD FOR SELECT 1")
    cr.execute("SET SESSION AUTHORIZATION qj_probe")
    cr._cnx.commit()

results = {}
with own_cursor(env.registry) as cr:
    results["first"] = look(cr)
with own_cursor(env.registry) as cr:
    results["again"] = look(cr)
    leave(cr)
    pid = cr._cnx.get_backend_pid()
results["left"] = query(env.cr, f"SELECT count(*) FROM pg_locks WHERE objid = 4711 AND pid = {pid}")
env.cr.rollback()
with own_cursor(env.registry) as cr:
    results["second"] = look(cr)
    own = cr._cnx
    own.commit()
# what is no job gets it from Odoo's pool as ever
with env.registry.cursor() as cr:
    results["other"] = look(cr)
with own_cursor(env.registry) as cr:
    elsewhere(f"SELECT pg_terminate_backend({cr._cnx.get_backend_pid()})")
with own_cursor(env.registry) as cr:
    results["after_a_loss"] = look(cr)
query(env.cr, f"SELECT pg_terminate_backend({results['after_a_loss']['pid']}, 5000)")
env.cr.rollback()
with own_cursor(env.registry) as cr:
    results["after_another"] = look(cr)
    results["reset"] = reset_of(cr)
elsewhere(f"ALTER DATABASE {env.cr.dbname} RESET DateStyle")
own = cr._cnx
own.close()
with own_cursor(env.registry) as cr:
    results["by_default"] = look(cr)
    results["reset_by_default"] = reset_of(cr)
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def results(cluster, fresh_databases, tmp_path_factory):
    config = OdooConfig(cluster.places, fresh_databases())
    try:
        output = run_script(config, SCRIPT, tmp_path_factory.mktemp("session"))
    finally:
        cluster.execute("DROP ROLE IF EXISTS qj_probe")
    return json.loads(output.splitlines()[-1])


def test_plans_are_kept(results):
    assert results["again"] == results["first"]


def test_nothing_else_is(results):
    for name, value in results["second"].items():
        # temporary tables change what names mean
        assert name == "plans" or value == results["first"][name], name
    assert results["second"]["now"] == "2026-02-03 04:05:06"


def test_other_cursors_get_it_without_plans(results):
    second, other = results["second"], results["other"]
    assert other["pid"] == second["pid"]
    assert other["plans"] > second["plans"]


def test_a_session_that_is_gone_is_replaced(results):
    """Lost while it was used, or in the pool, where it is clean already."""
    pids = [results[name]["pid"] for name in ("first", "after_a_loss", "after_another")]
    assert len(set(pids)) == 3


def test_it_is_clean_before_somebody_needs_it(results):
    assert results["left"] == 0


def test_dates_are_set_where_the_server_has_another_default(results):
    assert "DateStyle" in results["reset"]
    assert results["reset_by_default"] == "RESET ALL;"
    assert results["by_default"]["now"] == "2026-02-03 04:05:06"
