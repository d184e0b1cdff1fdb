# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from . import queue_job, queue_job_testing, queue_job_litter
