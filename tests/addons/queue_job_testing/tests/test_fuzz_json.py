# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Rows that somebody has made up: their job runs, or fails with an error that names it."""

import enum
import json
import sys
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from odoo import models
from odoo.addons.queue_job import argument_type
from odoo.addons.queue_job.controllers.main import RunJobController
from odoo.addons.queue_job.exception import JobError
from odoo.addons.queue_job.fields import JobDecoder
from odoo.addons.queue_job.job import Job
from odoo.tests import TransactionCase

#: What a value that was decoded may be.
DATA = (
    *(str, int, float, bool, type(None), list, dict, tuple, set, frozenset, bytes),
    *(Decimal, datetime, date, time, timedelta, etree._Element, models.BaseModel, enum.Enum),
)

#: What Python does that no data should make it do.
EVENTS = (
    "exec",
    "compile",
    "open",
    "import",
    "os.",
    "socket.",
    "subprocess.",
    "pickle.",
    "ctypes.",
)


class Trap:
    """An object that knows when somebody touches it."""

    def __init__(self):
        vars(self)["touched"] = []

    def __getattr__(self, name):
        self.touched.append(name)
        raise AttributeError(name)


TRAP = Trap()
HERE = f"{__name__}.TRAP"
NAMES = st.sampled_from(
    [
        *argument_type.PUBLISHED_TYPES,
        *argument_type._built_in,
        *("queue_job.dict", "queue_job.enum", "queue_job.object", "queue_job.", "x"),
    ]
)
CLASSES = st.sampled_from(
    [
        *(HERE, f"{HERE}.value", f"{__name__}.Trap", f"{__name__}.Trap.__init__.__globals__"),
        *("os.system", "builtins.eval", "odoo.addons", "", "..", "odoo.addons.queue_job.job.Job"),
        "odoo.addons.queue_job.job_claim.claim.__code__",
    ]
)
MODELS = st.sampled_from(["res.partner", "res.users", "base", "no.model", "queue.job"])
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from(
        ["2030-01-02", "<a/>", "<!DOCTYPE a [", "1e999999999", "sNaN", "9" * 5000, "RED"]
    ),
)


def marked(children):
    """Dicts that say that they are something, with what may or may not belong to it."""
    return st.fixed_dictionaries(
        {"_type": st.one_of(NAMES, LEAVES)},
        optional={
            "value": children,
            "class": st.one_of(CLASSES, children),
            "model": st.one_of(MODELS, children),
            "ids": st.one_of(st.lists(st.integers(-1, 2**70)), children),
            "uid": st.one_of(st.integers(0, 3), children),
            "su": st.one_of(st.booleans(), children),
            "context": children,
        },
    )


TREES = st.recursive(
    LEAVES,
    lambda children: st.one_of(
        st.lists(children, max_size=4),
        st.dictionaries(st.one_of(st.just("_type"), st.text(max_size=3)), children, max_size=3),
        marked(children),
    ),
    max_leaves=12,
)


def bounded(examples):
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


class Watch:
    """What Python is made to do inside of it."""

    def __init__(self):
        self.events = []
        self.active = False
        sys.addaudithook(self._hear)

    def _hear(self, event, arguments):
        if self.active and event.startswith(EVENTS):
            self.events.append((event, arguments))

    def __enter__(self):
        self.active = True

    def __exit__(self, *error):
        self.active = False


watch = Watch()


class TestFuzz(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner = cls.env["res.partner"].create({"name": "x"})

    def all_in(self, value):
        """Yield the value and what is in it."""
        yield value
        if isinstance(value, dict):
            for item in value.values():
                yield from self.all_in(item)
        elif isinstance(value, (list, tuple, set, frozenset)):
            for item in value:
                yield from self.all_in(item)

    def decode(self, plain):
        return JobDecoder(env=self.env).decode_plain(plain)

    def test_decoder(self):
        """Whatever the JSON is: data comes out, and nothing is done but that."""

        @bounded(500)
        @given(TREES)
        def run(tree):
            text = json.dumps(tree)
            # what is loaded at the first time
            self.decode(json.loads(text))
            with watch:
                decoded = self.decode(json.loads(text))
            self.assertEqual(watch.events, [])
            self.assertEqual(TRAP.touched, [])
            for value in self.all_in(decoded):
                self.assertIsInstance(value, DATA)

        run()

    def test_rows(self):
        """The job loads, is shown, runs or fails with an error that names it, and is cancelled."""

        records = st.one_of(st.just(self.partner_json()), marked(LEAVES), TREES)
        arguments = (
            st.one_of(st.lists(TREES), TREES),
            st.one_of(st.dictionaries(st.text(max_size=3), TREES, max_size=3), TREES),
        )
        row = {"records": records, "args": arguments[0], "kwargs": arguments[1]}

        @bounded(100)
        @given(st.fixed_dictionaries(row))
        def run(values):
            job = self.job_of(values, "qj_any")
            try:
                job.perform()
                ran.append(job)
            except JobError as error:
                self.assertIn(job.uuid, str(error))
            record = job.db_record()
            record.web_read({"name": {}, "func_string": {}, "exc_info": {}})
            record.button_cancelled()
            self.assertEqual(record.state, "cancelled")

        def qj_any(records, /, *args, **kwargs):
            return None

        ran = []
        with mock.patch.object(type(self.partner), "qj_any", qj_any, create=True):
            run()
        self.assertTrue(ran)

    def partner_json(self):
        return {"_type": "odoo_recordset", "model": "res.partner", "ids": self.partner.ids}

    def job_of(self, values, method="search_count"):
        """:return: a job whose row holds these values"""
        self.env.cr.execute("DELETE FROM queue_job")
        self.env.invalidate_all(flush=False)
        job = getattr(self.partner.with_delay(), method)()
        self.env.flush_all()
        for name, value in values.items():
            text = json.dumps(value)
            if any(part in text for part in ("\\u0000", "\\ud", "NaN", "Infinity")):
                # such a value is kept as a text
                text = json.dumps(text)
            self.env.cr.execute(
                f"UPDATE queue_job SET {name} = %s::jsonb WHERE uuid = %s", (text, job.uuid)
            )
        self.env.invalidate_all()
        return Job.load(self.env, job.uuid)

    def assert_fails(self, values, reason):
        job = self.job_of(values)
        with self.assertRaisesRegex(JobError, reason):
            job.perform()

    def test_what_is_said(self):
        """The error says which value it is, and what is wrong with it."""
        for value, reason in (
            ({"_type": "odoo_recordset", "ids": [1]}, "model: str expected, not None"),
            ({"_type": "odoo_recordset", "model": "no.model", "ids": []}, "no model no.model"),
            ({"_type": "odoo_recordset", "model": "res.users", "ids": "ab"}, "ids: list expected"),
            ({"_type": "odoo_recordset", "model": "res.users", "ids": [[1]]}, "are numbers"),
            (
                {"_type": "odoo_recordset", "model": "res.users", "ids": [1], "uid": "1"},
                "uid: int expected",
            ),
            (
                {"_type": "odoo_recordset", "model": "res.users", "ids": [1], "su": "yes"},
                "su: bool expected",
            ),
            ({"_type": "datetime_isoformat", "value": "never"}, "ParserError"),
            ({"_type": "date_isoformat", "value": 3}, "value: str expected, not 3"),
            ({"_type": "etree_element", "value": "<a>"}, "XMLSyntaxError"),
            ({"_type": "queue_job.set", "value": "abc"}, "list expected"),
            ({"_type": "queue_job.dict", "value": ["ab"]}, "list expected, not 'ab'"),
            ({"_type": "queue_job.new", "value": 1}, "no type queue_job.new"),
            (
                {"_type": "queue_job.object", "class": "os.system", "value": "x"},
                "os.system is not registered",
            ),
        ):
            with self.subTest(value=value):
                self.assert_fails({"args": [value]}, f"an argument of job.*{reason}")

    def test_methods(self):
        """What Python calls by itself is no method to be delayed, whatever the row says."""
        for name in ("__getitem__", "__class__", "__setattr__", "__init_subclass__"):
            job = self.job_of({})
            self.env.cr.execute("UPDATE queue_job SET method_name = %s", (name,))
            self.env.invalidate_all()
            with self.assertRaisesRegex(JobError, name):
                Job.load(self.env, job.uuid).perform()

    def test_what_python_refuses_to_read(self):
        """Such a job fails when it is claimed, and is not sent again and again."""
        for text in ("9" * 5000, "[" * 3000 + "]" * 3000):
            job = self.job_of({})
            self.env.cr.execute(
                "UPDATE queue_job SET state = 'enqueued', args = %s WHERE uuid = %s",
                (f"[{text}]", job.uuid),
            )
            self.env.invalidate_all()
            with (
                mock.patch.object(self.env.cr, "commit") as commit,
                self.assertLogs("odoo.addons.queue_job", "WARNING") as logs,
            ):
                self.assertIsNone(RunJobController._acquire_job(self.env, job.uuid))
            commit.assert_called_once_with()
            self.assertIn(job.uuid, logs.output[0])
            self.env.cr.execute("SELECT state, exc_message FROM queue_job")
            state, message = self.env.cr.fetchone()
            self.assertEqual(state, "failed")
            self.assertRegex(message, "cannot be read from its row: (Value|Recursion)Error")
            self.env.cr.execute("DELETE FROM queue_job")

    def test_records_of_another_kind(self):
        for records in (
            "no JSON",
            {"_type": "odoo_recordset", "model": "res.partner", "ids": [1], "uid": "1"},
            {"_type": "odoo_recordset", "model": "res.users", "ids": [1]},
            ["x"],
        ):
            with self.subTest(records=records):
                self.assert_fails({"records": records}, "records in the row of job")
