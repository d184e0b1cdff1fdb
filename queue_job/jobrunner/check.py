# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What ``odoo jobrunner --check`` looks at: is all there for the runner to work?"""

import os

import psycopg2
import requests

from . import settings
from .database import Database

TIMEOUT = 10


def main():
    """Print what was found, a line each.

    :return: int, exit code: 0 when jobs of some database would run
    """
    try:
        config = settings.load()
    except ValueError as error:
        print(f"configuration: wrong: {error}")
        return 1
    print(f"configuration: channels {' '.join(config.channels.split())}")
    if not config.enabled:
        print("configuration: the capacity of root is 0: no job runs here")
        return 1
    problems = [*map(_check_odoo, config.urls), *_check_databases(config)]
    problems.append(_check_health_file(config.health_file))
    return 1 if any(problems) else 0


def _check_odoo(url):
    """:return: bool, whether there is a problem"""
    try:
        status = requests.get(
            f"{url}/web/health", timeout=TIMEOUT, allow_redirects=False
        ).status_code
    except requests.RequestException as error:
        print(f"Odoo at {url}: out of reach: {error}")
        return True
    print(f"Odoo at {url}: answers {status}")
    return status != 200


def _check_health_file(path):
    directory = os.path.dirname(os.path.abspath(path)) if path else None
    if directory is None or os.access(directory, os.W_OK):
        return False
    print(f"health file {path}: can't be written: no access to {directory}")
    return True


def _check_databases(config):
    """Yield for each database whether there is a problem."""
    try:
        names = settings.database_names()
    except psycopg2.Error as error:
        print(f"databases: can't list them: {error}".strip())
        names = []
    if not names:
        print("databases: none to serve: create one, or set db_name")
        yield True
    for name in names:
        yield _check_database(config, name)


def _check_database(config, name):
    database = Database(name, config.database, config.poll_only)
    try:
        problem = database.missing_addon()
    except psycopg2.Error as error:
        problem = f"can't connect: {error}".strip()
    finally:
        database.close()
    print(f"database {name}: {problem or 'ready'}")
    return bool(problem) and settings.are_databases_named()
