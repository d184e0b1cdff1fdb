{
    "name": "Job Queue Benchmark",
    "summary": "What the measured jobs do",
    "version": "19.0.1.0.0",
    "category": "Hidden",
    "license": "LGPL-3",
    "author": "Job Queue contributors",
    "depends": ["queue_job"],
    "data": ["security/ir.model.access.csv"],
}
