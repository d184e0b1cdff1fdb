"""The published queue_job of the same series, fetched once into the cache and only ever run, never looked into."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import StackError, last_line
from .odoo import OdooConfig
from .places import REPOSITORY

REQUIREMENTS = REPOSITORY / "tools" / "requirements-published.txt"


@dataclass
class PublishedConfig(OdooConfig):
    """The configuration of an Odoo that has the published addon in place of ours.

    Its processes need :meth:`Published.environ`.
    """

    published: object = None

    def _own_addons(self):
        return [self.published.addons]


@dataclass(frozen=True)
class Published:
    """Where the published addon is: made by :meth:`fetch`."""

    directory: Path

    @classmethod
    def fetch(cls, places):
        """Return the addon, fetched with pip where it is not in the cache yet."""
        key = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:10]
        directory = places.cache / f"published-{key}"
        with (places.cache / "published.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not directory.exists():
                _install(places, directory)
        return cls(directory)

    @property
    def key(self):
        """Names its version."""
        return self.directory.name

    @property
    def addons(self):
        """The addons path that holds it."""
        return self.directory / "odoo" / "addons"

    @property
    def environ(self):
        """Variables with which Odoo finds the Python packages it needs."""
        return {"PYTHONPATH": str(self.directory / "packages")}


def _install(places, directory):
    log = places.cache / "published.log"
    new = directory.with_name(f"{directory.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-compile"]
    with log.open("w") as stream:
        result = subprocess.run(
            [*command, *options, "--target", new, "-r", REQUIREMENTS],
            stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
        )  # fmt: skip
    if result.returncode:
        raise StackError(
            f"the published queue_job could not be fetched ({last_line(log)})",
            f"check the network and pip's configuration; everything pip said is in {log}",
        )
    # beside Odoo's own package of the same name, "odoo" must not be importable from here
    (new / "packages").mkdir()
    for path in new.iterdir():
        if path.name not in ("odoo", "packages"):
            path.rename(new / "packages" / path.name)
    os.replace(new, directory)
