# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The section of the configuration: odoo.conf's, or that of the addon server_environment where it is there."""

import configparser
import sys
import types

import pytest


@pytest.fixture
def settings(addon, monkeypatch):
    """The module, in a process whose environment configures nothing."""
    for name in ("CHANNELS", "HOST", "PORT", "SCHEME"):
        monkeypatch.delenv(f"ODOO_QUEUE_JOB_{name}", raising=False)
    return addon("jobrunner.settings")


@pytest.fixture
def rc_file(monkeypatch, tmp_path):
    """A function that writes the odoo.conf of this process."""
    from odoo.tools import config

    def write(text):
        path = tmp_path / "odoo.conf"
        path.write_text(text)
        monkeypatch.setitem(config.options, "config", str(path))

    return write


@pytest.fixture
def server_environment(monkeypatch):
    """A function that puts an addon of that name there, which has read a text."""

    def put(text):
        parser = configparser.ConfigParser()
        parser.read_string(text)
        module = types.ModuleType("odoo.addons.server_environment")
        module.serv_config = parser
        monkeypatch.setitem(sys.modules, module.__name__, module)

    return put


def test_section_of_odoo_conf(settings, rc_file):
    rc_file("[queue_job]\nchannels = root:3\nhttp_auth_password = 100%\n")
    config = settings.load()
    assert (config.channels, config.password) == ("root:3", "100%")


def test_no_section(settings, rc_file):
    rc_file("[options]\n")
    assert settings.load().channels == "root:1"


def test_section_of_server_environment(settings, rc_file, server_environment):
    rc_file("[queue_job]\nchannels = root:3\nscheme = https\n")
    server_environment("[queue_job]\nchannels = root:5\njobrunner_db_host = pg\n")
    config = settings.load()
    assert (config.channels, config.scheme) == ("root:5", "http")
    assert config.database == {"host": "pg"}


def test_variables_go_before_it(settings, server_environment, monkeypatch):
    server_environment("[queue_job]\nchannels = root:5\n")
    monkeypatch.setenv("ODOO_QUEUE_JOB_CHANNELS", "root:9")
    assert settings.load().channels == "root:9"


def test_a_value_that_server_environment_cannot_read(settings, server_environment):
    server_environment("[queue_job]\nhttp_auth_password = 100%\n")
    with pytest.raises(ValueError, match=r"section \[queue_job\]"):
        settings.load()
