"""What is measured: a queue_job, and the Odoo it runs in."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from stack import OdooConfig, StackError
from stack.database import content_key
from stack.errors import last_complaint
from stack.odoo import run_odoo
from stack.places import REPOSITORY
from stack.published import Published

ADDONS = Path(__file__).parent / "addons"
MODULE = "queue_job_benchmark"
INSTALL = ("-i", MODULE, "--no-http", "--stop-after-init")


@dataclass
class SideConfig(OdooConfig):
    """The configuration of an Odoo with the queue_job of a side."""

    side: object = None

    def _own_addons(self):
        return [self.side.addons]


@dataclass(frozen=True)
class Side:
    """A queue_job to measure.

    :param name: heads its column
    :param addons: the directory that holds it
    :param key: tells its content from another one's
    :param environ: variables that its processes need
    """

    name: str
    addons: Path
    key: str
    environ: dict = field(default_factory=dict)
    is_published: bool = False

    @classmethod
    def checkout(cls, name, path=REPOSITORY):
        """The addon in a checkout of this repository."""
        directory = Path(path).resolve() / "queue_job"
        if not (directory / "__manifest__.py").exists():
            raise StackError(f"{path} holds no queue_job", "name the root of a checkout")
        return cls(name, directory.parent, content_key([directory]))

    @classmethod
    def published(cls, places):
        """The published addon, fetched where it is not there yet."""
        published = Published.fetch(places)
        return cls("published", published.addons, published.key, published.environ, True)

    def config(self, places, database, **options):
        """Return a configuration; see :class:`stack.OdooConfig` for the ``options``."""
        return SideConfig(places, database, addons=(ADDONS,), side=self, **options)

    def template(self, databases, directory):
        """Return the name of a database with the addon and the measuring one, to be copied."""

        def fill(name):
            config = self.config(databases.places, name)
            status, log = run_odoo(config, INSTALL, directory, environ=self.environ)
            if status or databases.missing_modules(name, [MODULE]):
                raise StackError(
                    f"{self.name} can't be installed ({last_complaint(log)})", f"see {log}"
                )

        parts = [self.key, content_key([ADDONS / MODULE])]
        key = hashlib.sha256(" ".join(parts).encode()).hexdigest()[:10]
        return databases.filled_template(
            "benchmark", key, fill, f"making a database with {self.name}"
        )
