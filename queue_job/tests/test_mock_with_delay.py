# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo.addons.queue_job.job import Job
from odoo.tests import TransactionCase

from .common import mock_with_delay


class TestMockWithDelay(TransactionCase):
    def test_mocks(self):
        partner = self.env["res.partner"].create({"name": "Azure"})
        with mock_with_delay() as (delayable_cls, delayable):
            result = partner.with_delay(priority=3).write({"name": "x"}, k=1)
        delayable_cls.assert_called_once_with(
            partner,
            priority=3,
            eta=None,
            max_retries=None,
            description=None,
            channel=None,
            identity_key=None,
        )
        self.assertEqual(delayable_cls.call_args.args, (partner,))
        delayable.write.assert_called_once_with({"name": "x"}, k=1)
        self.assertIs(result, delayable.write.return_value)
        self.assertEqual(partner.name, "Azure")
        self.assertIsInstance(partner.with_delay().write({"name": "y"}), Job)
