# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import enum
import http
from collections import namedtuple
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from unittest import mock

from odoo.addons.queue_job import argument_type
from odoo.addons.queue_job.exception import JobError
from odoo.addons.queue_job.job import Job, register_argument_type, whitelist_unpickle_global
from odoo.fields import Command
from odoo.tests import TransactionCase


class Color(enum.Enum):
    RED = 1
    BLUE = "b"


class Level(enum.IntEnum):
    HIGH = 3


class Right(enum.Flag):
    READ = 1
    WRITE = 2


class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def __eq__(self, other):
        return type(other) is Point and vars(other) == vars(self)


@dataclass(frozen=True)
class Price:
    amount: Decimal
    tags: frozenset = frozenset()


class Slotted:
    __slots__ = ("a",)


class Stateful:
    def __getstate__(self):
        return {"kept": (self.value, 1)}

    def __setstate__(self, state):
        self.value = state["kept"][0]


Pair = namedtuple("Pair", "left right")


class ArgumentCase(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partners = cls.env["res.partner"].create([{"name": "1"}, {"name": "2"}])

    def setUp(self):
        super().setUp()
        for table in ("_types", "_registered"):
            self.startPatcher(
                mock.patch.dict(getattr(argument_type, table), clear=False),
            )

    def stored(self, value):
        """:return: a job with this argument, loaded from its row"""
        job = Job(self.partners.write, args=(value,), kwargs={"key": [value]})
        job.store()
        self.env.flush_all()
        self.env.invalidate_all()
        return Job.load(self.env, job.uuid)

    def assert_comes_back(self, value):
        job = self.stored(value)
        for again in (job.args[0], job.kwargs["key"][0]):
            self.assertEqual(again, value)
            self.assertIs(type(again), type(value))
        self.assertIsNone(job._check_call())
        return job.args[0]

    def plain(self, job):
        """:return: JSON of the arguments in the row"""
        self.env.cr.execute("SELECT args FROM queue_job WHERE uuid = %s", (job.uuid,))
        return self.env.cr.fetchone()[0]


class TestTypes(ArgumentCase):
    def test_moments(self):
        self.assert_comes_back(datetime(2030, 1, 2, 3, 4, 5, 678901))
        aware = datetime(2030, 1, 2, 3, tzinfo=timezone(timedelta(hours=5, minutes=30)))
        self.assertEqual(self.assert_comes_back(aware).utcoffset(), aware.utcoffset())
        self.assert_comes_back(datetime(2030, 1, 2, 3, tzinfo=timezone.utc))
        self.assert_comes_back(date(2030, 1, 2))
        self.assert_comes_back(time(3, 4, 5, 6))

    def test_durations(self):
        self.assert_comes_back(timedelta(days=-1, seconds=2, microseconds=3))

    def test_numbers(self):
        again = self.assert_comes_back(Decimal("1.10"))
        self.assertEqual(str(again), "1.10")

    def test_bytes(self):
        self.assert_comes_back(bytes(range(256)))

    def test_collections(self):
        self.assert_comes_back({1, "a", (2, 3)})
        self.assert_comes_back(frozenset((b"x", frozenset((1,)))))
        again = self.assert_comes_back((1, [2, (3, {"a": (4, {5})})], ()))
        self.assertIs(type(again[1][1][1]["a"]), tuple)

    def test_enumerations(self):
        for member in (Color.RED, Color.BLUE, Level.HIGH, Right.READ):
            self.assert_comes_back(member)

    def test_flags(self):
        """Several of them together are no member that has a name of its own."""
        for flags in (Right.READ | Right.WRITE, Right(0)):
            self.assert_comes_back(flags)

    def test_numbers_and_texts_of_enumerations_of_others(self):
        """They are what JSON makes of them."""
        job = self.stored([Command.set([1]), http.HTTPStatus.OK])
        self.assertEqual(job.args[0], [(6, 0, [1]), 200])

    def test_recordsets(self):
        again = self.assert_comes_back((self.partners, {self.partners[0]}))
        self.assertEqual(again[0].env.uid, self.env.uid)

    def test_tuples_of_other_classes_are_lists(self):
        self.assertEqual(self.stored(Pair(1, 2)).args[0], [1, 2])

    def test_row(self):
        """The row holds a list, and what JSON knows is as ever."""
        job = self.stored([1, {"a": None}, "é", self.partners])
        plain = self.plain(job)
        self.assertEqual(plain[0][:3], [1, {"a": None}, "é"])
        self.assertEqual(plain[0][3]["_type"], "odoo_recordset")

    def test_data_that_looks_like_a_marked_value(self):
        """What came from outside is data: no record is made of it."""
        for value in (
            {"_type": "odoo_recordset", "model": "res.users", "ids": [1], "uid": 1, "su": True},
            {"_type": "queue_job.tuple", "value": [1]},
            {"_type": "queue_job.dict", "value": 3, "more": {"_type": "date_isoformat"}},
            {"_type": "set", "value": []},
            {"_type": ["x"]},
        ):
            self.assert_comes_back(value)

    def test_written_again(self):
        """What is in the cache is not marked twice."""
        value = {"_type": "odoo_recordset", "ids": [(1, 2)]}
        record = self.stored(value).db_record()
        record = record.with_context(_job_edit_sentinel=record.EDIT_SENTINEL)
        record.args = (value, {1})
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(list(record.args), [value, {1}])

    def test_refused(self):
        class Local(enum.Enum):
            A = 1

        plain_enum = enum.Enum("plain_enum", "A", module="nowhere")
        for value in (object(), Point(1, 2), Local.A, plain_enum.A, [{"a": object()}]):
            with self.assertRaisesRegex(TypeError, "Argument 1 of <res.partner>.write"):
                self.stored(value)


class TestRegistry(ArgumentCase):
    def test_encode_and_decode(self):
        register_argument_type(Point, lambda point: (point.x, point.y), lambda xy: Point(*xy))
        self.assert_comes_back(Point(1, {2}))
        self.assert_comes_back([Point(Point(1, 2), (3,))])

    def test_plain_state(self):
        for cls in (Point, Price, Slotted, Stateful):
            self.assertIs(whitelist_unpickle_global(cls), cls)
        self.assert_comes_back(Point((1, 2), {"a": b"c"}))
        self.assert_comes_back(Price(Decimal("1.5"), frozenset("ab")))
        slotted, stateful = Slotted(), Stateful()
        slotted.a = stateful.value = (1,)
        self.assertEqual(self.stored(slotted).args[0].a, (1,))
        self.assertEqual(self.stored(stateful).args[0].value, (1,))

    def test_only_classes(self):
        with self.assertRaisesRegex(TypeError, "Only classes"):
            whitelist_unpickle_global(lambda: None)

    def test_a_subclass_is_another_class(self):
        class Special(Point):
            pass

        whitelist_unpickle_global(Point)
        with self.assertRaises(TypeError):
            self.stored(Special(1, 2))

    def assert_undecodable(self, job, reason):
        """It loads, fails when it is run, and can be cancelled."""
        with self.assertRaisesRegex(JobError, reason):
            job.perform()
        record = job.db_record()
        record.button_cancelled()
        self.assertEqual(record.state, "cancelled")

    def load(self, plain):
        """:return: a job whose row holds this argument"""
        job = self.stored(1)
        self.env.cr.execute(
            "UPDATE queue_job SET args = %s::jsonb WHERE uuid = %s", (f"[{plain}]", job.uuid)
        )
        self.env.invalidate_all()
        return Job.load(self.env, job.uuid)

    def test_not_registered_any_more(self):
        register_argument_type(Point, vars, lambda state: Point(**state))
        job = self.stored({"a": [Point(1, 2)]})
        argument_type._registered.clear()
        self.env.invalidate_all()
        self.assert_undecodable(Job.load(self.env, job.uuid), "Point is not registered")

    def test_addon_not_installed(self):
        whitelist_unpickle_global(Point)
        jobs = [self.stored((Point(1, 2),)), self.stored(Color.RED)]
        installed = self.env.registry._init_modules - {"queue_job"}
        with mock.patch.object(self.env.registry, "_init_modules", installed):
            self.env.invalidate_all()
            for job in jobs:
                self.assert_undecodable(Job.load(self.env, job.uuid), "installed addon")

    def test_row_that_names_something_else(self):
        """A row that somebody has written imports nothing and calls nothing."""
        for name in (
            "odoo.addons.queue_job.tests.test_argument_type.Point",
            "odoo.addons.queue_job.no.such.Color",
            "os.system",
            "http.HTTPStatus",
        ):
            plain = f'{{"_type": "queue_job.enum", "class": "{name}", "value": "OK"}}'
            self.assert_undecodable(self.load(plain), "LookupError")

    def test_row_with_a_broken_value(self):
        self.assert_undecodable(
            self.load('{"_type": "queue_job.decimal", "value": "x"}'), "InvalidOperation"
        )
        self.assert_undecodable(self.load('{"_type": "queue_job.set"}'), "KeyError")

    def test_model_not_installed(self):
        plain = '{"_type": "odoo_recordset", "model": "no.model", "ids": [1]}'
        self.assert_undecodable(self.load(plain), "there is no model no.model")
