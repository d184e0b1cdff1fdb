# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The addon, imported in this process under its real names, without a registry.

What other addons and their tests import, patch and mute is looked at here; what takes a
registry to be looked at is in the addon's own tests.
"""

import importlib
import os
import types
import warnings
from unittest import mock

import pytest

from stack.fixtures import *  # noqa: F403
from stack.places import REPOSITORY
from stack.postgres import PORT, USER

ADDON = "odoo.addons.queue_job"


@pytest.fixture(scope="session")
def addon(cluster):
    """A function that imports a module of the addon by its name, '' for the package."""
    with warnings.catch_warnings():
        # those of Odoo and its dependencies
        warnings.simplefilter("ignore")
        _configure(cluster)
        importlib.import_module(f"{ADDON}.tests.common")
        importlib.import_module(f"{ADDON}.jobrunner.runner")

    def get(name=""):
        return importlib.import_module(f"{ADDON}.{name}" if name else ADDON)

    return get


def _configure(cluster):
    from odoo.modules.module import initialize_sys_path
    from odoo.tools import config

    options = {"addons-path": REPOSITORY, "db_host": cluster.host, "db_port": PORT, "db_user": USER}
    config.parse_config([f"--{name}={value}" for name, value in options.items()])
    initialize_sys_path()


@pytest.fixture
def recordset(addon):
    """What stands for a recordset where only its environment is looked at."""
    records = mock.MagicMock(name="recordset")
    records.__str__.return_value = "some.model(1, 2)"
    records.env = types.SimpleNamespace(context={})
    return records


@pytest.fixture
def is_open():
    """A function: whether a file descriptor is an open one."""

    def ask(descriptor):
        try:
            os.fstat(descriptor)
        except OSError:
            return False
        return True

    return ask
