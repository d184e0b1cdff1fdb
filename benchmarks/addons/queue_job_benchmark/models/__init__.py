from . import queue_job_benchmark, queue_job_benchmark_start
