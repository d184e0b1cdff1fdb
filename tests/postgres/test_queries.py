# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Every statement of the runner is one that the schema knows."""

import re

import pytest


def statements(jobrunner):
    from odoo.addons.queue_job.jobrunner import check_queries

    found = {
        name: value
        for module in (jobrunner.queries, jobrunner.leader_queries, check_queries)
        for name, value in vars(module).items()
        if name.isupper() and re.match(r"\s*(SELECT|UPDATE|WITH) ", str(value))
    }
    found["requeue_dead_jobs()"] = jobrunner.queries.requeue_dead_jobs()
    return found


@pytest.fixture
def prepare(sql):
    def prepare_statement(statement):
        parameters = sorted(set(re.findall(r"%\((\w+)\)s", statement)))
        for index, name in enumerate(parameters, start=1):
            statement = statement.replace(f"%({name})s", f"${index}")
        sql(f"PREPARE checked AS {statement}")
        sql("DEALLOCATE checked")

    return prepare_statement


def test_every_query_can_be_prepared(jobrunner, prepare):
    found = statements(jobrunner)
    assert len(found) > 10
    for statement in found.values():
        prepare(statement)


def test_a_wrong_query_would_be_noticed(jobrunner, prepare):
    with pytest.raises(Exception, match="no_such_column"):
        prepare("SELECT no_such_column FROM queue_job")


def test_contract_query_has_no_parameters(jobrunner, runner_database, insert, sql):
    dead = insert(state="started", lease="x")
    rows = sql(runner_database._query_requeue_dead_jobs())
    assert rows == [(dead,)]


def test_what_is_planned_once_does_not_depend_on_how_small_the_table_was(runner_database, sql):
    """As a join with a small table it would go through all jobs of the large one."""
    more = (
        "INSERT INTO queue_job (uuid, state, channel, priority, date_created)"
        " SELECT number, 'pending', 'root', 10, now() FROM generate_series(1, %s) AS number"
    )
    sql(more, 30)
    sql("VACUUM ANALYZE queue_job")
    first, *_others = runner_database.first_jobs("root", 10)
    assert runner_database.set_enqueued([(first.id, "root")], "grant") == {first.id}
    sql(more, 20_000)
    for call in (
        "first_jobs('root', 10)",
        "next_jobs('root', 10, 1, now()::timestamp, 1)",
        "set_enqueued('{1}', '{root}', 'x')",
    ):
        if call.startswith("next"):
            runner_database.first_jobs("root", 10, after=first)
        rows = runner_database.query(f"EXPLAIN EXECUTE {call}")
        plan = "\n".join(row[0] for row in rows)
        assert "Index" in plan
        assert not re.search("Seq Scan|Merge|Hash|Sort|Bitmap", plan), plan


def test_a_pooler_gets_no_prepared_statement(runner_database, insert):
    insert()
    runner_database.is_poll_only = True
    (first,) = runner_database.first_jobs("root", 10)
    assert runner_database.set_enqueued([(first.id, "root")], "grant") == {first.id}
    assert not runner_database.query("SELECT name FROM pg_prepared_statements")
