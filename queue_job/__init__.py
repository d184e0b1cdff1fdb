# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from .job import identity_exact
from . import controllers
from . import fields
from . import models
from . import wizards
from . import jobrunner
from . import sql


def uninstall_hook(env):
    sql.uninstall(env.cr)
