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

#: Key that marks an object of ours in the JSON text.
TYPE_KEY = "_type"


#: What Python's JSON may hold and PostgreSQL's may not: null characters, lone surrogates
#: (there are pairs among these), numbers that are none.
_FOREIGN = re.compile(r"\\u0000|\\ud[89a-f]|NaN|Infinity")


def jsonb_text(text):
    """:return: str, JSON for a ``jsonb`` column; of what that can't hold, the text as a string

    :param str text: JSON as Python writes it
    """
    return json.dumps(text) if _FOREIGN.search(text) else text


class JobSerialized(fields.Field):
    """A JSON value that may hold recordsets, dates and XML elements.

    Stored as ``jsonb``. The cache holds plain JSON values, as they come from the
    database; reading decodes them in the environment of the record.

    :param base_type: what the field holds: ``dict``, ``list``, ``tuple`` or
        ``models.BaseModel``; an empty column reads as an empty one of these. A tuple comes
        back as a list, as JSON has it.
    :raises ValueError: at set-up of the model, for any other base type
    """

    type = "job_serialized"
    _column_type = ("jsonb", "jsonb")

    _base_type = None

    #: base type -> value of an empty column, from the environment
    _empty_values = {
        dict: lambda env: {},
        list: lambda env: [],
        tuple: lambda env: (),
        models.BaseModel: lambda env: env["base"],
    }

    def __init__(self, string=SENTINEL, base_type=SENTINEL, **kwargs):
        super().__init__(string=string, _base_type=base_type, **kwargs)

    def _setup_attrs__(self, model_class, name):
        super()._setup_attrs__(model_class, name)
        if self._base_type not in self._empty_values:
            raise ValueError(f"{self}: {self._base_type} is not a supported base type")

    def convert_to_column(self, value, record, values=None, validate=True):
        plain = self.convert_to_cache(value, record, validate=validate)
        return (
            None
            if plain is None
            else PsycopgJson(plain, dumps=lambda value: jsonb_text(json.dumps(value)))
        )

    def convert_to_cache(self, value, record, validate=True):
        if value is None or value is False:
            return None
        return json.loads(json.dumps(value, cls=JobEncoder))

    def convert_to_record(self, value, record):
        if value is None:
            return self._empty_values[self._base_type](record.env)
        if isinstance(value, str):
            # see jsonb_text(); the published addon has stored all values so
            value = json.loads(value)
        decoded = JobDecoder(env=record.env).decode_plain(value)
        if self._base_type is models.BaseModel and not isinstance(decoded, models.BaseModel):
            # of a model that is not installed any more
            return record.env["base"]
        # What was a tuple is a list by now. What is neither, in a row that somebody has changed,
        # is left for whoever runs the job to refuse.
        return decoded

    def convert_to_export(self, value, record):
        return json.dumps(value, cls=JobEncoder) if value else ""


class JobEncoder(json.JSONEncoder):
    """Encode what the arguments of a job may hold besides plain JSON."""

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
            return obj._value
        return super().default(obj)


class JobDecoder(json.JSONDecoder):
    """Decode what :class:`JobEncoder` has encoded.

    :param env: environment in which recordsets are made; a recordset stored without
        user, superuser mode or some key of the context has that of ``env``
    """

    def __init__(self, *args, **kwargs):
        self.env = kwargs.pop("env")
        super().__init__(*args, object_hook=self.object_hook, **kwargs)

    def decode_plain(self, value):
        """Decode plain JSON values that are parsed already."""
        if isinstance(value, dict):
            return self.object_hook({key: self.decode_plain(item) for key, item in value.items()})
        if isinstance(value, list):
            return [self.decode_plain(item) for item in value]
        return value

    def object_hook(self, obj):
        if TYPE_KEY not in obj:
            return obj
        decode = self._decoders.get(obj[TYPE_KEY])
        return decode(self, obj) if decode else obj

    def _decode_recordset(self, obj):
        if obj["model"] not in self.env:
            # Not installed any more. The job has to load all the same: it can be
            # looked at and cancelled, and fails when it is run.
            return obj
        env = self.env(
            user=obj.get("uid"),
            su=obj.get("su"),
            context={**self.env.context, **obj.get("context", {})},
        )
        return env[obj["model"]].browse(obj["ids"])

    def _decode_datetime(self, obj):
        return dateutil.parser.parse(obj["value"])

    def _decode_date(self, obj):
        return dateutil.parser.parse(obj["value"]).date()

    def _decode_element(self, obj):
        return etree.fromstring(obj["value"])

    _decoders = {
        "odoo_recordset": _decode_recordset,
        "datetime_isoformat": _decode_datetime,
        "date_isoformat": _decode_date,
        "etree_element": _decode_element,
    }
