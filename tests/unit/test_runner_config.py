# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import pytest

from odoo.addons.queue_job.core.runner_config import RunnerConfig, resolve


def test_defaults():
    config = resolve({}, {}, {})
    assert config == RunnerConfig()
    assert (config.channels, config.url) == ("root:1", "http://localhost:8069")


def test_odoo_own_options_come_last():
    odoo = {"http_interface": "10.0.0.7", "http_port": 8080}
    assert resolve({}, {}, odoo).url == "http://10.0.0.7:8080"
    assert resolve({}, {"host": "odoo", "port": "81"}, odoo).url == "http://odoo:81"


def test_environment_goes_before_the_section():
    environ = {"ODOO_QUEUE_JOB_CHANNELS": "root:7", "ODOO_QUEUE_JOB_PORT": "90"}
    section = {"channels": "root:2", "port": "91", "scheme": "https"}
    config = resolve(environ, section, {})
    assert (config.channels, config.port, config.scheme) == ("root:7", 90, "https")


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "", None])
def test_a_wildcard_address_is_reached_locally(address):
    assert resolve({}, {}, {"http_interface": address}).host == "localhost"


def test_ipv6_address_in_url():
    assert resolve({}, {"host": "::1"}, {}).url == "http://[::1]:8069"


def test_authentication():
    environ = {"ODOO_QUEUE_JOB_HTTP_AUTH_USER": "jane"}
    section = {"http_auth_user": "joe", "http_auth_password": "s3cret"}
    config = resolve(environ, section, {})
    assert (config.user, config.password) == ("jane", "s3cret")


def test_database_options():
    environ = {"ODOO_QUEUE_JOB_JOBRUNNER_DB_HOST": "pg", "ODOO_QUEUE_JOB_JOBRUNNER_DB_PORT": "6432"}
    section = {"jobrunner_db_user": "runner", "jobrunner_db_password": "pw"}
    assert resolve(environ, section, {}).database == {
        "host": "pg",
        "port": "6432",
        "user": "runner",
        "password": "pw",
    }


def test_all_errors_are_reported_at_once():
    section = {"channels": "root:x, a:b", "scheme": "ftp", "port": "http"}
    with pytest.raises(ValueError) as error:
        resolve({}, section, {})
    for text in ("root:x", "a:b", "ftp", "http"):
        assert text in str(error.value)


@pytest.mark.parametrize(
    ("channels", "enabled"),
    [
        ("root:1", True),
        ("root:0", False),
        ("root:0,sub:4", False),
        ("root:01", True),
        ("sub:0", True),
        ("root:10", True),
    ],
)
def test_a_root_of_capacity_zero_means_no_runner(channels, enabled):
    assert RunnerConfig(channels=channels).enabled is enabled


def test_several_servers():
    config = resolve({}, {"host": "odoo1, odoo2:8070,[::1]:7,odoo1", "port": "9"}, {})
    assert config.urls == ["http://odoo1:9", "http://odoo2:8070", "http://[::1]:7"]
    assert config.url == config.urls[0]


@pytest.mark.parametrize("host", ["odoo:x", "a,odoo:0", "odoo:70000"])
def test_a_host_with_a_wrong_port(host):
    with pytest.raises(ValueError, match=host.split(",")[-1]):
        resolve({}, {"host": host}, {})


@pytest.mark.parametrize(("text", "expected"), [("", False), ("no", False), ("True", True)])
def test_poll_only(text, expected):
    assert resolve({}, {"poll_only": text}, {}).poll_only is expected
    with pytest.raises(ValueError, match="poll_only"):
        resolve({}, {"poll_only": "perhaps"}, {})
