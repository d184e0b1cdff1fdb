# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from .job import identity_exact
from . import controllers
from . import fields
from . import models
from . import wizards
from . import jobrunner
from .sql import dependencies, functions, identity, leader, triggers


def uninstall_hook(env):
    triggers.uninstall(env.cr)
    functions.uninstall(env.cr)
    identity.uninstall(env.cr)
    dependencies.uninstall(env.cr)
    leader.uninstall(env.cr)
