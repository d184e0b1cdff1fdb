import pytest

from odoo.addons.queue_job.core.secret import MASK, is_secret, shown


@pytest.mark.parametrize(
    "name",
    ["password", "new_password", "Password", "token", "access_token", "api_key", "apikey",
     "client_secret", "secret", "passwd", "pwd", "private_key", "credentials", "password2"],
)  # fmt: skip
def test_secret(name):
    assert is_secret(name)
    assert "hidden" not in shown("hidden", name)


@pytest.mark.parametrize("name", ["key", "name", "tokenize", "secretary_id", "passport", "ids"])
def test_not_secret(name):
    assert not is_secret(name)
    assert shown("seen", name) == "'seen'"


@pytest.mark.parametrize(
    "value",
    [
        {"password": "hidden"},
        [{"a": ({"api_key": "hidden"}, 1)}],
        ({1: {"new_token": ["hidden"]}},),
    ],
)
def test_secret_in_a_value(value):
    assert "hidden" not in shown(value)
    assert MASK in shown(value)


def test_what_has_no_secret_is_shown_as_it_is():
    loop = {"password_count": 1}
    loop["again"] = loop
    for value in ({"tokenize": 1}, ["password"], {"a": (1,)}, {"secret": 1}.keys()):
        assert shown(value) == repr(value)
    assert "'password_count': '***'" in shown(loop)
