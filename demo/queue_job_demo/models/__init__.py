from . import queue_job_demo
