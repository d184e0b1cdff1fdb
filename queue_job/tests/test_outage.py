# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from unittest import mock

import psycopg2

from odoo.addons.queue_job import outage
from odoo.tests import BaseCase, tagged
from odoo.tools import mute_logger


@tagged("at_install", "-post_install")
class TestOutage(BaseCase):
    def wait(self, name):
        """:return: int, how often the database was asked for"""
        registry = mock.Mock(db_name=name)
        registry.cursor.side_effect = psycopg2.OperationalError("no connection")
        with (
            mock.patch.object(outage, "PATIENCE", 0.5),
            mock.patch.object(outage, "INTERVAL", 0.1),
            self.assertLogs(outage.__name__, "WARNING") as logs,
        ):
            outage.wait_for_database(registry)
        self.assertIn(f"database {name} stays out of reach", logs.output[0])
        return registry.cursor.call_count

    def test_one_that_does_not_answer(self):
        with mute_logger("odoo.sql_db"):
            self.assertGreater(self.wait("postgres"), 2)

    def test_one_that_was_dropped(self):
        self.assertEqual(self.wait("qj_that_was_dropped"), 1)
