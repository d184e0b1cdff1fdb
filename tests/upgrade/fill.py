# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Fills a database that has the published addon; run in ``odoo shell``, by its public names alone.

Each job is called by its description, and so is the record it works on.
"""

from datetime import date, datetime, timedelta

from odoo import Command
from odoo.addons.queue_job.controllers.main import RunJobController
from odoo.addons.queue_job.delay import chain, group
from odoo.addons.queue_job.job import Job, identity_exact

OLD_CRONS = ("ir_cron_queue_job_garbage_collector", "ir_cron_autovacuum_queue_jobs")


def fill(env):
    make_users(env)
    make_channels_and_functions(env)
    make_waiting_jobs(env)
    make_jobs_of_users(env)
    make_ended_jobs(env)
    make_interrupted_jobs(env)
    make_graphs(env)
    make_old_crons(env)
    env.cr.commit()


def record(env, name):
    return env["queue.job.extension"].create({"name": name})


def delay(env, name, **options):
    """Return what delays a call on a new record of the same name."""
    return record(env, name).with_delay(description=name, **options)


def prepare(env, name, **options):
    return record(env, name).delayable(description=name, **options)


def acquire(env, job):
    """Do with a job what a worker does before it runs it."""
    job.set_enqueued()
    job.store()
    env.cr.commit()
    return RunJobController._acquire_job(env, job.uuid)


def run(env, job):
    """Do with a job what a worker does."""
    acquired = acquire(env, job)
    try:
        RunJobController._runjob(env, acquired)
    except ValueError:
        pass
    env.cr.commit()


# -- users, channels, functions


def make_users(env):
    company = env["res.company"].create({"name": "Second Company"})
    groups = [Command.link(env.ref("base.group_user").id)]
    for login, companies in (("one", env.company), ("two", company)):
        env["res.users"].create(
            {
                "name": login,
                "login": login,
                "email": f"{login}@example.com",
                "company_id": companies.id,
                "company_ids": [Command.set((env.company | companies).ids)],
                "group_ids": groups,
            }
        )


def make_channels_and_functions(env):
    """By hand, as an admin does; others are declared by the extension."""
    root = env.ref("queue_job.channel_root")
    root.removal_interval = 60
    by_hand = env["queue.job.channel"].create(
        {"name": "by_hand", "parent_id": root.id, "removal_interval": 3}
    )
    env.ref("queue_job_extension.channel_extension").removal_interval = 8
    env["queue.job.function"].create(
        {
            "name": "<queue.job.extension>.write_environment_down",
            "channel_id": by_hand.id,
            "edit_retry_pattern": "{1: 60, 2: 180, 5: (10, 100)}",
            "edit_related_action": (
                '{"enable": True, "func_name": "extension_related_action",'
                ' "kwargs": {"title": "By hand"}}'
            ),
        }
    )


# -- single jobs


def make_waiting_jobs(env):
    late = delay(env, "late", priority=30).write_down("late")
    delay(env, "early", priority=1, max_retries=2).write_down("early", key=[1, {"two": None}])
    values = delay(env, "values").write_down(
        datetime(2026, 1, 2, 3, 4, 5, 6), date(2026, 1, 2), late.recordset, text="ü", none=None
    )
    delay(env, "past eta", eta=datetime(2026, 1, 1)).write_down("eta")
    delay(env, "future eta", eta=timedelta(days=100)).write_down("eta")
    delay(env, "own channel", channel="root.extension.slow.own").write_down("channel")
    delay(env, "short channel", channel="extension.slow").write_down("channel")
    delay(env, "committing").commit_between()
    for name in ("keyed", "keyed again"):
        job = delay(env, name, identity_key=f"key of {name}").write_down("key")
    delay(env, "exact", identity_key=identity_exact).write_down("exact")
    env.flush_all()
    # as two transactions at once could
    env.cr.execute("UPDATE queue_job SET identity_key = 'key of keyed' WHERE uuid = %s", [job.uuid])
    several = record(env, "several one") | record(env, "several two")
    several.with_delay(description="several").write_down("several")
    assert values.state == "pending"


def make_jobs_of_users(env):
    for login, tz, lang in (("one", "Europe/Paris", "en_US"), ("two", "Asia/Tokyo", "en_US")):
        user = env["res.users"].search([("login", "=", login)])
        records = record(env, f"of {login}").with_user(user).with_company(user.company_id)
        records = records.with_context(tz=tz, lang=lang, dropped=True)
        records.with_delay(description=f"of {login}").write_environment_down()
    two = env["res.users"].search([("login", "=", "two")])
    failed = record(env, "failed of two").with_user(two).with_company(two.company_id)
    run(env, failed.with_delay(description="failed of two").fail_unless_mended())


def make_ended_jobs(env):
    run(env, delay(env, "done").write_down("done"))
    run(env, delay(env, "done with key", identity_key="of done").write_down("done"))
    run(env, delay(env, "to be tried again").retry_unless_mended())
    run(env, delay(env, "last try", max_retries=1).fail_unless_mended())
    failed = delay(env, "failed").fail_unless_mended()
    run(env, failed)
    row = failed.db_record()
    row.message_post(body="I look at it", author_id=env.ref("base.partner_admin").id)
    row.message_subscribe(
        partner_ids=env["res.users"].search([("login", "=", "one")]).partner_id.ids
    )
    row.activity_schedule(summary="Mend it", user_id=env.ref("base.user_admin").id)
    delay(env, "cancelled").write_down("cancelled").db_record().button_cancelled()
    delay(env, "done by hand").write_down("done by hand").db_record().button_done()


def make_interrupted_jobs(env):
    """Their worker or their request is gone."""
    acquire(env, delay(env, "started").write_down("started"))
    acquire(env, delay(env, "started last try", max_retries=1).write_down("started"))
    enqueued = delay(env, "enqueued").write_down("enqueued")
    enqueued.set_enqueued()
    enqueued.store()


# -- graphs


def make_graphs(env):
    make_failed_graph(env)
    make_half_done_graph(env)
    make_nested_graph(env)
    make_extended_graph(env)
    make_cancelled_graph(env)
    make_dependency_without_graph(env)


def make_failed_graph(env):
    first = prepare(env, "failed graph 1").fail_unless_mended()
    second = prepare(env, "failed graph 2").write_down("2")
    third = prepare(env, "failed graph 3").write_down("3")
    chain(first, second, third).delay()
    run(env, Job.load(env, first._generated_job.uuid))


def make_half_done_graph(env):
    first = prepare(env, "half done 1").write_down("1")
    left = prepare(env, "half done 2").write_down("2")
    right = prepare(env, "half done 3").write_down("3")
    last = prepare(env, "half done 4").write_down("4")
    chain(first, group(left, right), last).delay()
    for delayable in (first, left):
        run(env, Job.load(env, delayable._generated_job.uuid))


def make_nested_graph(env):
    a, b, c, d, e, f = (prepare(env, f"nested {n}").write_down(n) for n in range(1, 7))
    chain(a, group(chain(b, c), d), group(e, f)).delay()


def make_extended_graph(env):
    """Extended after it was delayed: the row of the parent does not know of the new child."""
    first = prepare(env, "extended 1").write_down("1")
    second = prepare(env, "extended 2").write_down("2")
    chain(first, second).delay()
    parent = second._generated_job
    third = Job(record(env, "extended 3").write_down, args=("3",), description="extended 3")
    third.graph_uuid = parent.graph_uuid
    third.add_depends({parent})
    third.store()


def make_cancelled_graph(env):
    first = prepare(env, "cancelled graph 1").write_down("1")
    second = prepare(env, "cancelled graph 2").write_down("2")
    chain(first, second).delay()
    first._generated_job.db_record().button_cancelled()


def make_dependency_without_graph(env):
    """By the methods of jobs, as some addons do it. The parent waits for an admin."""
    parent = Job(record(env, "no graph 1").fail_unless_mended, description="no graph 1")
    child = Job(record(env, "no graph 2").write_down, args=("2",), description="no graph 2")
    child.add_depends({parent})
    parent.store()
    child.store()
    run(env, parent)


# -- what older series have left


def make_old_crons(env):
    for name in OLD_CRONS:
        cron = env["ir.cron"].create(
            {
                "name": name,
                "model_id": env.ref("queue_job.model_queue_job").id,
                "state": "code",
                "code": "model.autovacuum()",
                "interval_type": "days",
            }
        )
        env["ir.model.data"].create(
            {
                "module": "queue_job",
                "name": name,
                "model": "ir.cron",
                "res_id": cron.id,
                "noupdate": True,
            }
        )
