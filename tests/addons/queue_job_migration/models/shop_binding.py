# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What an addon of the old connector, or of queue_job until series 13, looks like."""

import enum
import warnings
from dataclasses import dataclass

from odoo import fields, models
from odoo.addons.queue_job.job import (
    job,
    register_argument_type,
    related_action,
    whitelist_unpickle_global,
)


class Mode(enum.Enum):
    FULL = "full"
    CHANGES = "changes"


@whitelist_unpickle_global
class Address:
    def __init__(self, shop, number):
        self.shop = shop
        self.number = number


@dataclass(frozen=True)
class Money:
    cents: int
    currency: str


register_argument_type(
    Money,
    encode=lambda money: [money.cents, money.currency],
    decode=lambda parts: Money(*parts),
)


@job(default_channel="root.shop.import", retry_pattern={1: 10, 5: 60})
@related_action(action="related_action_shop", page="orders")
def import_binding(env, model_name, number, mode=Mode.CHANGES):
    """Import one record of the shop"""
    return env[model_name].create({"number": number, "mode": mode.value})


with warnings.catch_warnings():
    # the decorators are deprecated; tests need no reminder
    warnings.simplefilter("ignore", DeprecationWarning)

    class ShopBinding(models.Model):
        _name = "shop.binding"
        _description = "Shop Binding"

        number = fields.Char()
        mode = fields.Char()
        paid = fields.Float()

        @job(default_channel="root.shop.export", retry_pattern={1: 60, 3: 600})
        @related_action(action="related_action_shop", page="bindings")
        def export_binding(self):
            self.write({"mode": "exported"})

        def push(self, number):
            self.write({"number": number})
            return {"pushed": self.ids, "number": number}

        def receive(self, address, money):
            self.write({"number": f"{address.shop}/{address.number}", "paid": money.cents / 100})


class QueueJob(models.Model):
    _inherit = "queue.job"

    def related_action_shop(self, page):
        url = f"https://shop.example/{page}"
        return {"type": "ir.actions.act_url", "url": url}
