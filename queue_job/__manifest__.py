# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
{
    "name": "Job Queue",
    "version": "19.0.3.0.0",
    "summary": "Run methods in the background: delayed, prioritised, retried, chained",
    "author": "Job Queue contributors",
    "license": "LGPL-3",
    "category": "Technical",
    "depends": ["mail", "base_sparse_field", "web"],
    "external_dependencies": {"python": ["greenlet", "requests", "urllib3"]},
    "data": [
        "security/security.xml",
        "security/ir.model.access.csv",
        "data/queue_data.xml",
        "data/queue_job_function_data.xml",
        "wizards/queue_requeue_job_views.xml",
        "wizards/queue_jobs_to_done_views.xml",
        "wizards/queue_jobs_to_cancelled_views.xml",
        "views/queue_job_views.xml",
        "views/queue_job_channel_views.xml",
        "views/queue_job_function_views.xml",
        "views/queue_job_menus.xml",
    ],
    "assets": {
        "web.assets_backend": [
            "queue_job/static/src/views/**/*",
        ],
        "web.assets_tests": [
            "queue_job/static/tests/tours/**/*",
        ],
        "web.assets_unit_tests": [
            "queue_job/static/tests/*.test.js",
        ],
    },
    "installable": True,
    "application": True,
    "uninstall_hook": "uninstall_hook",
}
