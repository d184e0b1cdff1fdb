"""PostgreSQL's roles: so it counts apart what the runner, the workers and the benchmark ask of it."""

from stack.postgres import USER

WORKERS = USER
RUNNER = "queue_job_runner"
HARNESS = "queue_job_harness"
