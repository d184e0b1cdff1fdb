# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import json
import tempfile
from datetime import date, datetime

from lxml import etree

from odoo import models
from odoo.addons.queue_job.exception import JobError
from odoo.addons.queue_job.fields import JobDecoder, JobEncoder, JobSerialized
from odoo.addons.queue_job.job import Job
from odoo.tests import TransactionCase
from odoo.tools.func import lazy


class TestJson(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partners = cls.env["res.partner"].create([{"name": "1"}, {"name": "2"}])

    def encode(self, value):
        return json.loads(json.dumps(value, cls=JobEncoder))

    def decode(self, plain, env=None):
        return json.loads(json.dumps(plain), cls=JobDecoder, env=env or self.env)

    def test_recordset(self):
        records = self.partners.with_context(lang="en_US", other=1)
        plain = self.encode(["a", {"k": records}])
        self.assertEqual(
            plain,
            [
                "a",
                {
                    "k": {
                        "_type": "odoo_recordset",
                        "model": "res.partner",
                        "ids": self.partners.ids,
                        "uid": self.env.uid,
                        "su": True,
                        "context": {"lang": "en_US"},
                    }
                },
            ],
        )
        decoded = self.decode(plain, env=self.env(user=self.env.ref("base.user_admin"), su=False))
        records = decoded[1]["k"]
        self.assertEqual(records, self.partners)
        self.assertEqual((records.env.uid, records.env.su), (self.env.uid, True))
        self.assertEqual(dict(records.env.context), {"lang": "en_US"})

    def test_user_and_superuser(self):
        admin = self.env.ref("base.user_admin")
        records = self.decode(self.encode(self.partners.with_user(admin)))
        self.assertEqual((records.env.uid, records.env.su), (admin.id, False))
        records = self.decode(self.encode(self.partners.with_user(admin).sudo()))
        self.assertEqual((records.env.uid, records.env.su), (admin.id, True))

    def test_context_goes_before_that_of_the_decoder(self):
        env = self.env(context={"active_id": 3, "lang": "fr_FR"})
        plain = self.encode(self.partners.with_context(lang="en_US", tz="UTC"))
        expected = {"active_id": 3, "lang": "en_US", "tz": "UTC"}
        self.assertEqual(dict(self.decode(plain, env=env).env.context), expected)
        job = self.partners.with_context(lang="en_US", tz="UTC").with_delay().exists()
        loaded = Job.load(env, job.uuid)
        self.assertEqual(dict(loaded.recordset.env.context), expected)

    def test_a_user_without_more_has_no_superuser_rights(self):
        plain = self.encode(self.partners.with_user(self.env.ref("base.user_admin")))
        del plain["su"]
        self.assertFalse(self.decode(plain).env.su)

    def test_json_of_before(self):
        plain = {"_type": "odoo_recordset", "model": "res.partner", "ids": self.partners.ids}
        admin = self.env.ref("base.user_admin")
        for env in (self.env, self.env(user=admin, su=False), self.env(user=admin, su=True)):
            records = self.decode(plain, env=env)
            self.assertEqual(records, self.partners)
            self.assertEqual((records.env.uid, records.env.su), (env.uid, env.su))

    def test_dates(self):
        now = datetime(2030, 1, 2, 3, 4, 5, 678901)
        self.assertEqual(
            self.encode([now, now.date()]),
            [
                {"_type": "datetime_isoformat", "value": "2030-01-02T03:04:05.678901"},
                {"_type": "date_isoformat", "value": "2030-01-02"},
            ],
        )
        self.assertEqual(self.decode(self.encode([now, now.date()])), [now, now.date()])
        self.assertIs(type(self.decode(self.encode(now.date()))), date)

    def test_element(self):
        element = etree.fromstring('<a b="é"><c/>t</a>')
        plain = self.encode(element)
        self.assertEqual(plain, {"_type": "etree_element", "value": '<a b="é"><c/>t</a>'})
        self.assertEqual(etree.tostring(self.decode(plain)), etree.tostring(element))

    def test_element_of_a_row_that_somebody_has_changed(self):
        """It reads no file, asks no server, and does not grow."""
        with tempfile.NamedTemporaryFile("w") as secret:
            secret.write("secret")
            secret.flush()
            for outside in (f"file://{secret.name}", "http://127.0.0.1:1/x"):
                for text in (
                    f'<!DOCTYPE a [<!ENTITY x SYSTEM "{outside}">]><a>&x;</a>',
                    f'<!DOCTYPE a [<!ENTITY % x SYSTEM "{outside}"> %x;]><a/>',
                ):
                    decoded = self.decode({"_type": "etree_element", "value": text})
                    self.assertNotIn("secret", etree.tostring(decoded, encoding=str))
                    self.assertFalse(decoded.text)
        entities = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
        bombs = (
            f'<!DOCTYPE a [<!ENTITY e0 "{"x" * 20}">{entities}]><a b="&e9;"/>',
            "<a>" * 1000 + "</a>" * 1000,
        )
        for text in bombs:
            with self.assertRaises(etree.XMLSyntaxError):
                self.decode({"_type": "etree_element", "value": text})

    def test_element_comes_back_as_it_was(self):
        text = '<a xmlns:x="u" x:b="&amp;">t<!-- c --><?pi x?>\n  <x:c/>\u00e9 </a>'
        decoded = self.decode(self.encode(etree.fromstring(text)))
        self.assertEqual(etree.tostring(decoded, encoding=str), text)

    def test_lazy(self):
        self.assertEqual(self.encode([lazy(lambda: {"a": 1})]), [{"a": 1}])
        self.assertEqual(self.encode(lazy(lambda: date(2030, 1, 2)))["value"], "2030-01-02")

    def test_unknown(self):
        with self.assertRaises(TypeError):
            self.encode(object())
        self.assertEqual(self.decode({"_type": "new", "a": 1}), {"_type": "new", "a": 1})


class TestArguments(TransactionCase):
    def assert_refused(self, name, *args, **kwargs):
        partner = self.env["res.partner"].create({"name": "x"})
        with self.assertRaises(TypeError) as raised:
            partner.with_delay().write(*args, **kwargs)
        self.assertIn(f"Argument {name} of <res.partner>.write", str(raised.exception))
        self.assertFalse(self.env["queue.job"].search([("model_name", "=", "res.partner")]))

    def test_positional(self):
        self.assert_refused(1, {"a": object()})

    def test_keyword(self):
        self.assert_refused("vals", vals={"a": [{"b": {object()}}]})

    def test_circular(self):
        value = []
        value.append(value)
        self.assert_refused(2, 1, value)


class TestArgumentsOfAnotherKind(TransactionCase):
    """Somebody has changed the row."""

    def assert_refused(self, column, value):
        partner = self.env["res.partner"].create({"name": "x"})
        job = partner.with_delay().write({"name": "y"})
        self.env.flush_all()
        self.env.cr.execute(
            f"UPDATE queue_job SET {column} = %s WHERE uuid = %s", (value, job.uuid)
        )
        self.env.invalidate_all()
        loaded = Job.load(self.env, job.uuid)
        with self.assertRaisesRegex(JobError, "arguments in the row"):
            loaded.perform()
        self.assertEqual(partner.name, "x")
        # it can still be cancelled
        loaded.db_record().button_cancelled()
        self.assertEqual(loaded.db_record().state, "cancelled")

    def test_args(self):
        self.assert_refused("args", '{"name": 1}')

    def test_kwargs(self):
        self.assert_refused("kwargs", "[1]")


class TestField(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partners = cls.env["res.partner"].create([{"name": "1"}, {"name": "2"}])
        cls.args = ([cls.partners, {"d": date(2030, 1, 2)}], "text")

    def record(self):
        job = Job(self.partners.write, args=self.args, kwargs={"p": self.partners[0]})
        job.store()
        return job.db_record()

    def test_read(self):
        record = self.record()
        for _from in ("cache", "database"):
            self.assertEqual(record.records, self.partners)
            self.assertEqual(record.args, list(self.args))
            self.assertEqual(record.kwargs, {"p": self.partners[0]})
            self.env.flush_all()
            self.env.invalidate_all()

    def test_what_jsonb_does_not_hold(self):
        values = ["a\x00b", "\ud800", "\U0001f600", "NaN", float("inf"), "\\u0000"]
        job = self.partners.with_delay().write(values, {"k\x00": float("-inf")})
        self.env.flush_all()
        self.env.invalidate_all()
        loaded = Job.load(self.env, job.uuid)
        self.assertEqual(loaded.args, (values, {"k\x00": float("-inf")}))

    def test_what_is_read_is_a_copy(self):
        record = self.record()
        record.kwargs["more"] = 1
        record.args[0].append("more")
        self.assertEqual(record.kwargs, {"p": self.partners[0]})
        self.assertEqual(record.args, list(self.args))

    def test_write(self):
        record = self.record()
        record = record.with_context(_job_edit_sentinel=record.EDIT_SENTINEL)
        record.write({"args": [1], "kwargs": False, "records": self.partners[1]})
        self.assertEqual((record.args, record.kwargs, record.records), ([1], {}, self.partners[1]))
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual((record.args, record.kwargs, record.records), ([1], {}, self.partners[1]))
        self.env.cr.execute("SELECT kwargs FROM queue_job WHERE id = %s", (record.id,))
        self.assertEqual(self.env.cr.fetchone(), (None,))

    def test_null_columns(self):
        record = self.record()
        self.env.flush_all()
        self.env.cr.execute("UPDATE queue_job SET records = NULL, args = NULL, kwargs = NULL")
        self.env.invalidate_all()
        self.assertEqual((record.args, record.kwargs), ((), {}))
        self.assertEqual(record.records, self.env["base"])

    def test_for_the_web_client(self):
        record = self.record()
        fields = ["records", "args", "kwargs", "dependencies", "func_string"]
        json.dumps(record.web_read({name: {} for name in fields}), default=str)
        json.dumps(record.read(fields), default=str)
        data = record.export_data(fields)["datas"][0]
        self.assertIn("odoo_recordset", data[1])

    def test_type(self):
        field = self.env["queue.job"]._fields["args"]
        self.assertEqual(field.type, "job_serialized")
        self.env.cr.execute(
            "SELECT data_type FROM information_schema.columns"
            " WHERE table_name = 'queue_job' AND column_name IN ('args', 'kwargs', 'records')"
        )
        self.assertEqual(self.env.cr.fetchall(), [("jsonb",)] * 3)
        ttype = self.env["ir.model.fields"]._fields["ttype"]
        self.assertIn("job_serialized", ttype.get_values(self.env))
        self.assertEqual(
            self.env["ir.model.fields"]._get("queue.job", "args").ttype, "job_serialized"
        )

    def test_base_types(self):
        model = type(self.env["queue.job"])
        for base_type in (dict, list, tuple, models.BaseModel):
            JobSerialized(base_type=base_type)._setup_attrs__(model, "field")
        for base_type in (str, set, None):
            with self.assertRaisesRegex(ValueError, "is not a supported base type"):
                JobSerialized(base_type=base_type)._setup_attrs__(model, "field")
        with self.assertRaisesRegex(ValueError, "is not a supported base type"):
            JobSerialized()._setup_attrs__(model, "field")
