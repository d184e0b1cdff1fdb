// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).

import { registry } from "@web/core/registry";

registry.category("web_tour.tours").add("queue_job_graph_tour", {
    steps: () => [
        { trigger: ".o_navbar_apps_menu button", run: "click" },
        {
            content: "the app is in the menu",
            trigger: ".o-dropdown--menu .o_app:contains('Job Queue')",
            run: "click",
        },
        {
            content: "jobs that need attention are listed",
            trigger: ".o_data_row:contains('Tour: invoice') .o_data_cell:contains('Tour: invoice')",
            run: "click",
        },
        {
            content: "the error is seen at once",
            trigger: ".o_form_view .alert:contains('No journal')",
        },
        {
            trigger: ".o_notebook .nav-link[name=dependencies]",
            run: "click",
        },
        {
            content: "the graph shows the jobs of the graph",
            trigger: ".o_job_graph_job.o_job_graph_current:contains('Tour: invoice')",
        },
        {
            content: "another job opens from the graph",
            trigger: ".o_job_graph_job:contains('Tour: tell')",
            run: "click",
        },
        {
            trigger: ".o_breadcrumb:contains('Tour: tell')",
        },
        {
            content: "back to the one that failed",
            trigger: ".o_breadcrumb .o_back_button",
            run: "click",
        },
        {
            trigger: ".o_form_view .o_statusbar_buttons button:contains('Requeue')",
            run: "click",
        },
        {
            content: "the job waits again",
            trigger: ".o_arrow_button_current:contains('Pending')",
        },
        {
            trigger: ".o_breadcrumb .breadcrumb-item:contains('Jobs') a",
            run: "click",
        },
        {
            content: "the list is loaded again",
            trigger: ".o_data_row:contains('Tour: invoice'):contains('Pending')",
        },
        {
            trigger: ".o_data_row:contains('Tour: invoice') .o_list_record_selector input",
            run: "click",
        },
        {
            trigger: ".o_control_panel button:contains('Cancel Jobs')",
            run: "click",
        },
        {
            content: "the wizard lists what is selected",
            trigger: ".modal .o_data_row:contains('Tour: invoice')",
        },
        {
            trigger: ".modal-footer button:contains('Cancel Jobs')",
            run: "click",
        },
        {
            trigger: "body:not(:has(.modal)) .o_list_view:not(:contains('Tour: invoice'))",
        },
    ],
});
