# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from . import common
from . import test_job
from . import test_run_job
from . import test_views
from . import test_web_client
from . import test_delayable
from . import test_graph
from . import test_identity
from . import test_trap_jobs
from . import test_mock_with_delay
from . import test_no_delay
from . import test_protected_fields
from . import test_failure_message
from . import test_channel
from . import test_function
