# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What the addon has in the database beside what Odoo makes of its models."""

from . import (
    dependencies,
    failure_handlers,
    functions,
    gate,
    identity,
    leader,
    release,
    triggers,
)

#: In the order in which they need each other.
_PARTS = (triggers, dependencies, identity, failure_handlers, leader, functions, release)


def install(cr):
    """Create or renew all of it, only where the catalogue differs."""
    for part in _PARTS:
        part.install(cr)


def uninstall(cr):
    """Drop all of it."""
    for part in reversed(_PARTS):
        part.uninstall(cr)
