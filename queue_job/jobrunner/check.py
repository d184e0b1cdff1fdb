# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What ``odoo jobrunner --check`` looks at: is all there for the runner to work?"""

import os

import psycopg2
import requests

from ..core.slot import NO_JOB, REFUSED_HEADER, RUN_PATH, Slot
from . import settings
from .check_database import note, problem
from .database import Database
from .http_connection import request_headers, request_query

TIMEOUT = 10
#: What is wrong when Odoo does not let the request through, by its status.
HINTS = {
    401: "set http_auth_user and http_auth_password",
    403: "something before Odoo forbids it",
    404: "it does not serve this database (see dbfilter and X-Odoo-Database), or not the addon",
}


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
    sick = [url for url in config.urls if _check_odoo(url)]
    problems = [bool(sick), *_check_databases(config, set(config.urls).difference(sick))]
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


def _check_databases(config, urls):
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
        yield _check_database(config, name, urls)


def _check_database(config, name, urls):
    database = Database(name, config.database, config.poll_only)
    remark = None
    try:
        found = problem(database)
        remark = None if found else note(database)
    except psycopg2.Error as error:
        found = f"can't connect: {error}".strip()
    finally:
        database.close()
    print(f"database {name}: {found or 'ready'}")
    if remark:
        print(f"database {name}: {remark}")
    if found:
        # of all there are, some may well be none of ours
        return settings.are_databases_named()
    problems = [_check_way(config, name, url) for url in urls]
    return any(problems)


def _check_way(config, name, url):
    """Request a job that is not there. :return: bool, whether there is a problem"""
    path = f"{RUN_PATH}?{request_query(name, Slot(NO_JOB, 0, 'root', NO_JOB))}"
    headers = {**request_headers(config), "X-Odoo-Database": name}
    try:
        answer = requests.get(url + path, headers=headers, timeout=TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        print(f"database {name}: no answer of Odoo at {url}: {error}")
        return True
    if answer.status_code == 200 and REFUSED_HEADER in answer.headers:
        return False
    what = HINTS.get(answer.status_code, "that is not the addon of this version")
    print(f"database {name}: Odoo at {url} answers {answer.status_code} to the runner: {what}")
    return True
