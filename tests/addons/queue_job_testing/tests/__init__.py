# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from . import test_auto_delay
from . import test_commit
from . import test_declaration
from . import test_failure
from . import test_fuzz_json
from . import test_fuzz_routes
from . import test_inherited_methods
from . import test_injection
from . import test_retry
from . import test_security_table
from . import test_store_hooks
