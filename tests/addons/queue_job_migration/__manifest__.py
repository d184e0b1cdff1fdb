# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
{
    "name": "Job Queue: samples of the migration pages",
    "summary": "The code of docs/coming_from_*.rst, run by tests",
    "version": "19.0.1.0.0",
    "author": "Job Queue contributors",
    "license": "LGPL-3",
    "category": "Hidden",
    "depends": ["queue_job"],
    "data": ["security/ir.model.access.csv", "data/queue_job_data.xml"],
    "installable": True,
}
