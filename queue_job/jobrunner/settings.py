# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Where the job runner's configuration comes from in a process of Odoo."""

import configparser
import os

from odoo.service.db import list_dbs
from odoo.sql_db import connection_info_for
from odoo.tools import config

from ..core.runner_config import resolve

SECTION = "queue_job"


def load():
    """:return: :class:`~..core.runner_config.RunnerConfig` :raise ValueError: see there"""
    return resolve(os.environ, _section(), config)


def is_server_wide():
    """Whether Odoo was told to load the addon in the server, not in databases alone."""
    return SECTION in config["server_wide_modules"]


def database_names():
    """:return: list of the databases that the runner should serve"""
    return list(config["db_name"] or list_dbs(force=True))


def are_databases_named():
    """Whether the configuration names the databases, rather than taking all there are."""
    return bool(config["db_name"])


def connection_info(db_name, overrides):
    """:return: dict of keyword arguments for ``psycopg2.connect``

    :param dict overrides: options that go before Odoo's own
    """
    return {**connection_info_for(db_name)[1], **overrides}


def _section():
    """The options of the section, from the addon server_environment where it is there."""
    try:
        from odoo.addons.server_environment import serv_config as parser
    except ImportError:
        parser = configparser.RawConfigParser()
        parser.read([config["config"] or ""])
    try:
        return dict(parser.items(SECTION)) if parser.has_section(SECTION) else {}
    except configparser.InterpolationError as error:
        # that addon's values have a meaning for %, those of odoo.conf have none
        raise ValueError(f"section [{SECTION}]: {error}") from error
