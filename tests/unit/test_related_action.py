# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import pytest

from odoo.addons.queue_job.core.related_action import parse_related_action


def test_settings_are_read():
    text = "{'enable': True, 'func_name': 'open_it', 'kwargs': {'a': 1}}"
    assert parse_related_action(text) == {
        "enable": True,
        "func_name": "open_it",
        "kwargs": {"a": 1},
    }


@pytest.mark.parametrize("text", ["", None, "  ", "{}"])
def test_empty_means_no_settings(text):
    assert parse_related_action(text) == {}


@pytest.mark.parametrize(
    "text",
    ["1", "[]", "{", "{'function': 'x'}", "{'kwargs': 3}", "__import__('os')"]
    + ["{'enable': 'no'}", "{'func_name': 3}"],
)
def test_errors_name_the_text_and_the_way_out(text):
    with pytest.raises(ValueError, match="Wrong related action") as error:
        parse_related_action(text)
    assert "func_name" in str(error.value)
