# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""As whom, and in which company, language and time zone a worker runs what somebody else delayed."""

import json

import pytest


@pytest.fixture
def database(server):
    return server.config.database


#: A user of two companies, and a method of every model, made of a server action, that tells its
#: environment.
SETUP = """
companies = env.company + env["res.company"].create({"name": "Second of two"})
user = env["res.users"].create({
    "name": "Two", "login": "two", "lang": "en_US", "tz": "Europe/Paris",
    "company_ids": [(6, 0, companies.ids)], "company_id": companies[0].id,
    "group_ids": [(4, env.ref("base.group_system").id)],
})
env["res.lang"]._activate_lang("fr_FR")
action = code_action('''
env["ir.config_parameter"].sudo().set_param("told." + env.context["job_uuid"], str({
    "uid": env.uid, "su": env.su, "company": env.company.id, "companies": env.companies.ids,
    "lang": env.lang, "tz": str(env.tz),
}))
''')
first, second = companies
tell = action.with_env(env(user=user.id, context={}))
"""


def test_context(database, delay, ended, shell):
    uuids, _pid = delay(
        database,
        SETUP
        + """
from odoo.addons.queue_job.delay import chain
both = {"allowed_company_ids": (second + first).ids, "lang": "fr_FR", "tz": "Asia/Tokyo"}
jobs = [
    tell.with_delay().run(),
    tell.with_company(second).with_delay().run(),
    tell.with_context(**both).with_delay().run(),
    tell.with_context(**both).sudo().with_delay().run(),
]
one, two = tell.with_company(second).delayable().run(), tell.with_context(**both).delayable().run()
chain(one, two).delay()
jobs += [one._generated_job, two._generated_job]
jobs += [env["queue.job"].with_user(user).with_context(**both).enqueue("ir.actions.server", "run", action.ids)]
# afterwards the user works elsewhere
user.write({"company_id": second.id})
env.flush_all()
env["ir.config_parameter"].set_param("ids", str([first.id, second.id, user.id]))
""",
    )
    for uuid in uuids:
        assert ended(database, uuid)["state"] == "done"
    told = _told(database, shell, uuids)
    first, second, user = told.pop("ids")
    usual = {"uid": user, "su": False, "lang": None, "tz": "Europe/Paris"}
    in_both = {
        **usual,
        "company": second,
        "companies": [second, first],
        "lang": "fr_FR",
        "tz": "Asia/Tokyo",
    }
    assert [told[uuid] for uuid in uuids] == [
        {**usual, "company": first, "companies": [first, second]},
        {**usual, "company": second, "companies": [second]},
        in_both,
        {**in_both, "su": True},
        {**usual, "company": second, "companies": [second]},
        in_both,
        in_both,
    ]


def _told(database, shell, uuids):
    script = f"""
import ast, json
get = env["ir.config_parameter"].get_param
print(json.dumps({{"ids": ast.literal_eval(get("ids")), **{{u: ast.literal_eval(get("told." + u)) for u in {uuids!r}}}}}))
"""
    return json.loads(shell(database, script).splitlines()[-1])


def test_a_company_that_the_user_has_lost(database, delay, ended):
    """The job has no more rights than its user: it fails, and says why."""
    uuids, _pid = delay(
        database,
        SETUP.replace("two", "three")
        + """
jobs = [
    tell.with_company(second).with_delay().run(),
    tell.with_context(allowed_company_ids=(second + first).ids).with_delay().run(),
]
user.write({"company_ids": [(6, 0, first.ids)]})
""",
    )
    for uuid in uuids:
        row = ended(database, uuid)
        assert (row["state"], row["exc_name"]) == ("failed", "odoo.exceptions.AccessError")
        assert "compan" in row["exc_message"]
