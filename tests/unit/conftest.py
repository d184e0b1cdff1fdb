"""Makes the addon's pure modules importable by their real names, without Odoo and without the addon's ``__init__``.

The stand-ins have no search path but the addon's own: a module under test that imports anything of Odoo fails.
"""

import sys
import types
from pathlib import Path

ADDON = Path(__file__).resolve().parents[2] / "queue_job"


def _stand_in(name, *search_path):
    module = types.ModuleType(name)
    module.__path__ = [str(path) for path in search_path]
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)


if "odoo" not in sys.modules:
    _stand_in("odoo")
    _stand_in("odoo.addons")
    _stand_in("odoo.addons.queue_job", ADDON)
