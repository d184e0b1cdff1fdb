# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The field type ``job_serialized`` and the JSON of its values."""

import json
import re
from datetime import date, datetime

import dateutil.parser
from lxml import etree
from psycopg2.extras import Json as PsycopgJson

from odoo import fields, models
from odoo.tools.func import lazy
from odoo.tools.misc import SENTINEL
from odoo.tools.sql import SQL

from . import argument_type
from .argument_type import TYPE_KEY, Undecodable

#: What Python's JSON may hold and PostgreSQL's may not: null characters, lone surrogates
#: (there are pairs among these), numbers that are none.
_FOREIGN = re.compile(r"\\u0000|\\ud[89a-f]|NaN|Infinity")

_ATOMS = frozenset((str, int, float, bool, type(None)))

#: What is in a row can't make it read a file or ask a server, nor grow beyond what was written.
#: Comments and white space are kept: the element is the one that was given.
_XML_PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
)


def jsonb_text(text):
    """:return: str, JSON for a ``jsonb`` column; of what that can't hold, the text as a string

    :param str text: JSON as Python writes it
    """
    return json.dumps(text) if _FOREIGN.search(text) else text


class JobSerialized(fields.Field):
    """A JSON value that may hold recordsets, dates and XML elements.

    Stored as ``jsonb``. The cache holds plain JSON values, as they come from the
    database; reading decodes them in the environment of the record. What PostgreSQL takes for JSON
    and Python does not, such as a number of ten thousand digits, is read as ``Undecodable``.

    :param base_type: what the field holds: ``dict``, ``list``, ``tuple`` or
        ``models.BaseModel``; an empty column reads as an empty one of these. A tuple comes
        back as a list, as JSON has it.
    :param bool keep_types: let what is in it, a tuple, a set, a Decimal …, come back as such:
        see ``argument_type``
    :raises ValueError: at set-up of the model, for any other base type
    """

    type = "job_serialized"
    _column_type = ("jsonb", "jsonb")

    _base_type = None
    _keep_types = False

    #: base type -> value of an empty column, from the environment
    _empty_values = {
        dict: lambda env: {},
        list: lambda env: [],
        tuple: lambda env: (),
        models.BaseModel: lambda env: env["base"],
    }

    def __init__(self, string=SENTINEL, base_type=SENTINEL, keep_types=SENTINEL, **kwargs):
        super().__init__(string=string, _base_type=base_type, _keep_types=keep_types, **kwargs)

    def _setup_attrs__(self, model_class, name):
        super()._setup_attrs__(model_class, name)
        if self._base_type not in self._empty_values:
            raise ValueError(f"{self}: {self._base_type} is not a supported base type")

    def to_sql(self, model, alias):
        # psycopg2 would parse it, and fail for all rows of the statement
        return SQL("%s::text", super().to_sql(model, alias))

    def _insert_cache(self, records, values):
        super()._insert_cache(records, map(self._parsed, values))

    @staticmethod
    def _parsed(text):
        try:
            return json.loads(text) if isinstance(text, str) else text
        except (ValueError, RecursionError):
            # left for whoever decodes it
            return text

    def convert_to_column(self, value, record, values=None, validate=True):
        return self._column_value(self.convert_to_cache(value, record, validate=validate))

    def convert_to_cache(self, value, record, validate=True):
        if value is None or value is False:
            return None
        return json.loads(self._dumps(value))

    def get_column_update(self, record):
        # What is in the cache is plain already: what is marked must not be marked again.
        return self._column_value(record.env.transaction.field_data[self][record.id])

    @staticmethod
    def _column_value(plain):
        if plain is None:
            return None
        return PsycopgJson(plain, dumps=lambda value: jsonb_text(json.dumps(value)))

    def _dumps(self, value):
        return json.dumps(value, cls=ArgumentEncoder if self._keep_types else JobEncoder)

    def convert_to_record(self, value, record):
        if value is None:
            return self._empty_values[self._base_type](record.env)
        decoded = self._decode(value, record.env)
        if self._base_type is models.BaseModel and not isinstance(decoded, models.BaseModel):
            # of a model that is not installed any more
            return record.env["base"]
        # What was a tuple is a list by now. What is neither, in a row that somebody has changed,
        # is left for whoever runs the job to refuse.
        return decoded

    @staticmethod
    def _decode(value, env):
        try:
            if isinstance(value, str):
                # see jsonb_text(); the published addon has stored all values so
                value = json.loads(value)
            return JobDecoder.of_plain(env).decode_plain(value)
        except (ValueError, RecursionError) as error:
            return Undecodable({"value": _text(value)}, f"{type(error).__name__}: {error}")

    def convert_to_read(self, value, record, use_display_name=True):
        return self._shown(value, record)

    def convert_to_export(self, value, record):
        value = self._shown(value, record)
        return self._dumps(value) if value else ""

    def _shown(self, value, record):
        """:return: what is in the row, of records of which nothing can be made"""
        if value or self._base_type is not models.BaseModel:
            return value
        plain = self._get_cache(record.env).get(record.id)
        is_of_value = isinstance(plain, dict) and plain.get("model") == value._name
        return value if plain is None or is_of_value else _text(plain)


def _text(value):
    """:return: str, a value of JSON as it is in a row"""
    try:
        return value if isinstance(value, str) else json.dumps(value)
    except RecursionError:
        return "lists or objects in each other, too deep to be shown"


class JobEncoder(json.JSONEncoder):
    """Encode recordsets, dates and XML elements, as the published addon does."""

    def _get_record_context(self, obj):
        return obj._job_prepare_context_before_enqueue()

    def default(self, obj):
        if isinstance(obj, models.BaseModel):
            return {
                TYPE_KEY: "odoo_recordset",
                "model": obj._name,
                "ids": obj.ids,
                "uid": obj.env.uid,
                "su": obj.env.su,
                "context": self._get_record_context(obj),
            }
        if isinstance(obj, datetime):
            return {TYPE_KEY: "datetime_isoformat", "value": obj.isoformat()}
        if isinstance(obj, date):
            return {TYPE_KEY: "date_isoformat", "value": obj.isoformat()}
        if isinstance(obj, etree._Element):
            return {
                TYPE_KEY: "etree_element",
                "value": etree.tostring(obj, encoding=str),
            }
        if isinstance(obj, lazy):
            return self._lazy_value(obj)
        return super().default(obj)

    def _lazy_value(self, obj):
        return obj._value


class ArgumentEncoder(JobEncoder):
    """Encode the arguments of a call: as :class:`JobEncoder`, and what ``argument_type`` knows.

    The tuple of the positional arguments becomes a list.
    """

    def iterencode(self, o, _one_shot=False):
        try:
            marked = argument_type.mark_call(o)
        except RecursionError:
            raise ValueError("Circular reference detected") from None
        return super().iterencode(marked, _one_shot)

    def _lazy_value(self, obj):
        return argument_type.mark(obj._value)


class JobDecoder(json.JSONDecoder):
    """Decode what :class:`JobEncoder` or :class:`ArgumentEncoder` has encoded.

    :param env: environment in which recordsets are made; a recordset stored without
        user, superuser mode or some key of the context has that of ``env``
    """

    def __init__(self, *args, **kwargs):
        self.env = kwargs.pop("env")
        super().__init__(*args, object_hook=self.object_hook, **kwargs)

    @classmethod
    def of_plain(cls, env):
        """:return: a decoder for :meth:`decode_plain` only: to make one that reads texts costs more than that"""
        decoder = cls.__new__(cls)
        decoder.env = env
        return decoder

    def decode_plain(self, value):
        """Decode plain JSON values that are parsed already."""
        # most are atoms, and a call costs more than the look
        if isinstance(value, dict):
            return self.object_hook(
                {
                    key: item if type(item) in _ATOMS else self.decode_plain(item)
                    for key, item in value.items()
                }
            )
        if isinstance(value, list):
            return [item if type(item) in _ATOMS else self.decode_plain(item) for item in value]
        return value

    def object_hook(self, obj):
        if TYPE_KEY not in obj:
            return obj
        name = obj[TYPE_KEY]
        if not isinstance(name, str):
            return obj
        if name.startswith(argument_type.OWN):
            return argument_type.decode(obj, self.env)
        if name not in self._decoders:
            return obj
        try:
            return self._decoders[name](self, obj)
        except Exception as error:
            # The job has to load all the same: it can be looked at and cancelled, and fails
            # when it is run.
            return Undecodable(obj, f"{type(error).__name__}: {error}")

    def _decode_recordset(self, obj):
        model, ids = _expect(obj, "model", str), _expect(obj, "ids", list)
        uid = _expect(obj, "uid", int, None)
        su = _expect(obj, "su", bool, None)
        context = _expect(obj, "context", dict, None) or {}
        if any(type(record_id) is not int for record_id in ids):
            raise TypeError(f"ids of records are numbers, not {ids!r}")
        if model not in self.env:
            raise LookupError(f"there is no model {model}")
        env = self.env(user=uid, su=su, context={**self.env.context, **context})
        return env[model].browse(ids)

    def _decode_datetime(self, obj):
        return dateutil.parser.parse(_expect(obj, "value", str))

    def _decode_date(self, obj):
        return dateutil.parser.parse(_expect(obj, "value", str)).date()

    def _decode_element(self, obj):
        return etree.fromstring(_expect(obj, "value", str), _XML_PARSER)

    _decoders = {
        "odoo_recordset": _decode_recordset,
        "datetime_isoformat": _decode_datetime,
        "date_isoformat": _decode_date,
        "etree_element": _decode_element,
    }


def _expect(obj, key, kind, *default):
    """
    :param default: None, where the key may be missing, or null
    :return: ``obj[key]`` :raises TypeError: it is of another kind
    """
    value = obj.get(key, *default)
    if type(value) is not kind and not (default and value is None):
        raise TypeError(f"{key}: {kind.__name__} expected, not {value!r}")
    return value
