import pytest

from odoo.addons.queue_job.core.secret import is_secret, shown


@pytest.mark.parametrize(
    "name",
    ["password", "new_password", "Password", "token", "access_token", "api_key", "apikey",
     "client_secret", "secret", "passwd", "pwd", "private_key", "credentials", "password2"],
)  # fmt: skip
def test_secret(name):
    assert is_secret(name)
    assert "hidden" not in shown(name, "hidden")


@pytest.mark.parametrize("name", ["key", "name", "tokenize", "secretary_id", "passport", "ids"])
def test_not_secret(name):
    assert not is_secret(name)
    assert shown(name, "seen") == "'seen'"
