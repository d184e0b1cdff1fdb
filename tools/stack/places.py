"""Where things are on this machine."""

import hashlib
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import StackError

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Places:
    """Directories and programs; made by :meth:`find` from the environment that ``tools/setup`` prepared."""

    cache: Path
    environment: Path
    postgres: Path
    is_root: bool

    @classmethod
    def find(cls, environ=os.environ):
        default = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "queue_job"
        cache = Path(environ.get("QUEUE_JOB_CACHE") or default).resolve()
        is_root = os.geteuid() == 0
        # PostgreSQL refuses to run as root, and its own user can't look into root's home.
        postgres = environ.get("QUEUE_JOB_PG") or (
            "/var/lib/queue_job" if is_root else cache / "pg"
        )
        return cls(cache, Path(sys.prefix), Path(postgres).absolute(), is_root)

    @property
    def data(self):
        """Odoo's data_dir: filestores and sessions."""
        return self.cache / "data"

    @property
    def odoo(self):
        """The script that starts Odoo."""
        script = self.environment / "bin" / "odoo"
        if not script.exists():
            raise StackError(
                f"{sys.executable} has no Odoo", "start this through bin/, which sets it up"
            )
        return script

    @property
    def nginx(self):
        found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
        if not found:
            raise StackError(
                "nginx is missing",
                "install Debian's package nginx, or run tools/setup nginx as root",
            )
        return found

    @property
    def key(self):
        """Names what is made once for this environment: other pins or another cache, another key."""
        return hashlib.sha256(f"{self.environment} {self.cache}".encode()).hexdigest()[:10]
