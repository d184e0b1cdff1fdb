# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import hashlib
from types import SimpleNamespace

from odoo.addons.queue_job.core.identity import identity_exact, identity_exact_hasher


def call(ids=(2, 1), args=(1, "a"), kwargs=None):
    return SimpleNamespace(
        model_name="res.partner",
        method_name="export",
        recordset=SimpleNamespace(ids=list(ids)),
        args=args,
        kwargs={"b": 2, "a": 1} if kwargs is None else kwargs,
    )


def test_digest_is_that_of_the_parts_in_order():
    text = "res.partnerexport[1, 2](1, 'a')[('a', 1), ('b', 2)]"
    assert identity_exact(call()) == hashlib.sha1(text.encode()).hexdigest()


def test_order_of_records_and_keywords_does_not_matter():
    assert identity_exact(call()) == identity_exact(call(ids=(1, 2), kwargs={"a": 1, "b": 2}))


def test_arguments_matter():
    assert identity_exact(call()) != identity_exact(call(args=(1, "b")))


def test_hasher_can_be_fed_more():
    hasher = identity_exact_hasher(call())
    hasher.update(b"more")
    assert hasher.hexdigest() != identity_exact(call())
