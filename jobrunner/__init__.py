"""Starts the job runner as a process of its own: ``python -m jobrunner``. The runner itself is in ``queue_job/jobrunner``."""
