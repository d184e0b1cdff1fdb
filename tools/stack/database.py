"""Databases made from templates, so that a fresh one costs a copy instead of an installation."""

import contextlib
import fcntl
import hashlib
import shutil
import sys
import tempfile
from pathlib import Path

import psycopg2
from psycopg2 import sql

from .errors import StackError, last_complaint
from .odoo import OdooConfig, run_odoo, run_script
from .places import REPOSITORY

BASE_MODULES = ("web", "mail", "base_sparse_field")
KEPT_TEMPLATES = 3  # of each kind, those that were used last
# SQL condition for pg_locks: those of other databases of the server are there, too.
OF_THIS_DATABASE = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
# Changes in these parts of an addon don't change a database in which it is installed.
NOT_INSTALLED = {"__pycache__", "tests", "i18n", "readme"}
# Compiles what pages are made of. Odoo compiles the bundles of its own tests when it runs them, if it has to.
PREGENERATE_ASSETS = """
qweb = env["ir.qweb"]
js_bundles, css_bundles = qweb._get_bundles_to_pregenarate()
for name in sorted(name for name in js_bundles if "test" not in name):
    qweb._get_asset_bundle(name, css=False, js=True).js()
for name in sorted(name for name in css_bundles if "test" not in name):
    qweb._get_asset_bundle(name, css=True, js=False).css()
env.cr.commit()
"""


def say(text):
    print(text, file=sys.stderr, flush=True)


class Databases:
    """The databases of a cluster, with their filestores.

    :param has_pages: whether templates are to have what pages are made of, compiled; it takes longer than the rest
    """

    def __init__(self, cluster, has_pages=True):
        self.cluster = cluster
        self.has_pages = has_pages
        self.places = cluster.places

    def exists(self, name):
        return bool(self.cluster.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]))

    def is_complete(self, name):
        """Whether the database is there with its filestore, which is gone when the cache was emptied."""
        return self.exists(name) and self._filestore(name).is_dir()

    def create(self, name, template="template0"):
        """Make the database ``name`` anew, as a copy of ``template`` and its filestore."""
        self.drop(name)
        self._run("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, template)
        source = self._filestore(template)
        if source.is_dir():
            shutil.copytree(source, self._filestore(name), dirs_exist_ok=True)

    def drop(self, name):
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        shutil.rmtree(self._filestore(name), ignore_errors=True)

    def rename(self, old, new):
        self._run("ALTER DATABASE {} RENAME TO {}", old, new)
        if self._filestore(old).is_dir():
            shutil.rmtree(self._filestore(new), ignore_errors=True)
            self._filestore(old).rename(self._filestore(new))

    @contextlib.contextmanager
    def temporary(self, name, template):
        """Make the database ``name`` from ``template`` and drop it in the end."""
        self.create(name, template)
        try:
            yield name
        finally:
            self.drop(name)

    # -- templates

    def base_template(self):
        """Return the name of a database with web, mail and base_sparse_field, and all their compiled assets."""
        name = f"qj_base_{self.places.key}"
        return self._template(name, "template0", BASE_MODULES, (), "making the base database")

    def addon_template(self, modules=("queue_job",), addons=(), label="addon"):
        """Return the name of a database with ``modules`` installed as they are now.

        :param addons: directories of the modules beside the repository itself
        :param label: names the kind of template
        """
        base = self.base_template()
        directories = [
            root / module for root in (REPOSITORY, *map(Path, addons)) for module in modules
        ]
        kind = f"qj_{label}_{self.places.key}_"
        name = kind + content_key([d for d in directories if d.is_dir()])
        made = self._template(
            name, base, modules, addons, f"making a database with {', '.join(modules)}"
        )
        self._drop_old(kind, name)
        return made

    def filled_template(self, label, key, fill, message):
        """Return the name of a copy of the base database in which ``fill(name)`` was called.

        :param label: names the kind of template
        :param key: tells what ``fill`` does from what it did before
        """
        base = self.base_template()
        kind = f"qj_{label}_{self.places.key}_"
        name = kind + key
        with self._lock():
            if not self.is_complete(name):
                say(message)
                self.drop(name)
                self.create(f"{name}_new", base)
                fill(f"{name}_new")
                self.rename(f"{name}_new", name)
        self._drop_old(kind, name)
        return name

    def _template(self, name, source, modules, addons, message):
        with self._lock():
            if self.is_complete(name):
                return name
            say(message)
            self.drop(name)
            new = f"{name}_new"
            self.create(new, source)
            self._install(new, modules, addons)
            self.rename(new, name)
        return name

    def _install(self, name, modules, addons):
        config = OdooConfig(self.places, name, addons=addons)
        with tempfile.TemporaryDirectory() as directory:
            log = self.places.cache / f"{name}.log"
            log.unlink(missing_ok=True)
            arguments = ["-i", ",".join(modules), "--no-http", "--stop-after-init"]
            status, _log = run_odoo(config, arguments, directory, log)
            missing = self.missing_modules(name, modules)
            if status or missing:
                what = f"{', '.join(missing or modules)} could not be installed ({last_complaint(log)})"
                raise StackError(what, f"see {log}")
            if self.has_pages:
                run_script(config, PREGENERATE_ASSETS, directory)
            log.unlink()

    def missing_modules(self, name, modules):
        """Return those of ``modules`` that are not installed in the database ``name``."""
        query = "SELECT name FROM ir_module_module WHERE state = 'installed'"
        try:
            installed = {row[0] for row in self.cluster.execute(query, database=name)}
        except psycopg2.errors.UndefinedTable:
            installed = set()
        return [module for module in modules if module not in installed]

    def _drop_old(self, kind, current):
        query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s) AND datname != %s"
        with self._lock():
            # one that was made long ago may be what somebody is about to copy, this process included
            self._filestore(current).touch()
            names = [row[0] for row in self.cluster.execute(query, [kind, current])]
            names.sort(key=self._last_use, reverse=True)
            for name in names[KEPT_TEMPLATES - 1 :]:
                self.drop(name)

    def _last_use(self, name):
        """Return when a template was asked for last, in seconds since the epoch; 0 for one without a filestore."""
        filestore = self._filestore(name)
        return filestore.stat().st_mtime if filestore.is_dir() else 0

    # -- details

    def _run(self, query, *names):
        self.cluster.execute(sql.SQL(query).format(*map(sql.Identifier, names)))

    def _filestore(self, name):
        return self.places.data / "filestore" / name

    @contextlib.contextmanager
    def _lock(self):
        with (self.places.cache / "templates.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def content_key(directories):
    """Return a short hash over the files in ``directories`` that an installation reads."""
    digest = hashlib.sha256()
    for directory in directories:
        for path in sorted(directory.rglob("*")):
            if path.is_file() and not NOT_INSTALLED.intersection(path.relative_to(directory).parts):
                digest.update(str(path.relative_to(directory)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:10]
