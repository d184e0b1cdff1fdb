"""The folder ``queue_job``, copied alone into an addons path, is the whole addon."""

import shutil

from stack.odoo import OdooConfig, OdooServer, run_odoo, run_script
from stack.places import REPOSITORY
from stack.waiting import wait_until

SCRIPT = "env['res.partner'].with_delay().create({'name': 'made by a job'}); env.cr.commit()"
COUNT = "SELECT count(*) FROM res_partner WHERE name = 'made by a job'"


class CopiedConfig(OdooConfig):
    """An Odoo whose addons path does not lead to the repository."""

    def _own_addons(self):
        return []


def test_a_job_runs(databases, tmp_path):
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "queue_job", tmp_path / "addons" / "queue_job", ignore=ignored)
    name = f"qj_pytest_{tmp_path.name}"
    with databases.temporary(name, databases.base_template()):
        config = CopiedConfig(
            databases.places, name, workers=2, channels="root:1", addons=(tmp_path / "addons",)
        )
        installation = ["-i", "queue_job", "--workers=0", "--no-http", "--stop-after-init"]
        status, log = run_odoo(config, installation, tmp_path)
        assert status == 0, log.read_text()
        with OdooServer(config, tmp_path) as server:
            server.wait_for_log(f"queue job runner ready for db {name}")
            run_script(config, SCRIPT, tmp_path)
            wait_until(
                lambda: databases.cluster.execute(COUNT, database=name) == [(1,)], 20, "the job"
            )
