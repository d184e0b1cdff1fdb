# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from . import base
from . import ir_model_fields
from . import queue_job_channel
from . import queue_job_channel_limits
from . import queue_job_function
from . import queue_job_function_declared
from . import queue_job_function_identity
from . import queue_job_function_retry
from . import queue_job_function_timeout
from . import queue_job
from . import queue_job_enqueue
from . import queue_job_graph
from . import queue_job_message
from . import queue_job_related_action
from . import queue_job_retention
from . import queue_job_run_now
from . import queue_job_stop
