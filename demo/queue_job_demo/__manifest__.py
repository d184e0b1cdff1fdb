{
    "name": "Job Queue Demonstration",
    "summary": "A model whose methods are fun to delay",
    "version": "19.0.1.0.0",
    "category": "Hidden",
    "license": "LGPL-3",
    "author": "Job Queue contributors",
    "depends": ["queue_job"],
    "data": [
        "security/ir.model.access.csv",
        "data/queue_job_data.xml",
    ],
}
