# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The graph that a job is part of, as the web client draws it."""

from markupsafe import Markup

from odoo import api, fields, models
from odoo.addons.base_sparse_field.models.fields import Serialized

from .. import dependency
from ..core.graph_picture import MAX_EDGES, MAX_NODES, expanded, links_within, nearest
from ..core.states import (
    CANCELLED,
    DONE,
    ENQUEUED,
    FAILED,
    PENDING,
    STARTED,
    WAIT_DEPENDENCIES,
)

#: (background, border) of a job in the picture of its graph, by state.
NODE_COLORS = {
    WAIT_DEPENDENCIES: ("#D2E5FF", "#2B7CE9"),
    PENDING: ("#D2E5FF", "#2B7CE9"),
    ENQUEUED: ("#FFF6CC", "#D9A400"),
    STARTED: ("#FFE0B8", "#E67E22"),
    DONE: ("#C8F0CE", "#2E9E44"),
    CANCELLED: ("#E4E4E4", "#8A8A8A"),
    FAILED: ("#F9CACA", "#D9342B"),
}


class QueueJob(models.Model):
    _inherit = "queue.job"

    dependency_graph = Serialized(compute="_compute_dependency_graph")
    graph_jobs_count = fields.Integer(compute="_compute_graph_jobs_count")

    @api.depends("dependencies", "graph_uuid")
    def _compute_dependency_graph(self):
        for job in self:
            job.dependency_graph = job._build_dependency_graph()

    def _build_dependency_graph(self):
        if not self.graph_uuid:
            return {}
        jobs = self.search([("graph_uuid", "=", self.graph_uuid)], order="id")
        if not jobs:
            return {}
        pairs, barriers = dependency.links_among(self.env, jobs.ids)
        kept = nearest(self.id, jobs.ids, pairs, barriers, MAX_NODES)
        graph = {"nodes": [job._dependency_graph_node() for job in jobs if job.id in kept]}
        if len(kept) < len(jobs):
            graph["left_out"] = len(jobs) - len(kept)
        pairs, barriers = links_within(kept, pairs, barriers)
        if len(pairs) + sum(len(before) * len(behind) for before, behind in barriers) <= MAX_EDGES:
            pairs = expanded(pairs, barriers)
        elif barriers:
            graph["barriers"] = barriers
        graph["edges"] = pairs
        return graph

    def _dependency_graph_node(self):
        color, border = NODE_COLORS[self.state]
        return {
            "id": self.id,
            "title": Markup("<strong>%s</strong><br/>%s") % (self.display_name, self.func_string),
            "color": color,
            "border": border,
            "shadow": True,
        }

    def _compute_graph_jobs_count(self):
        uuids = [uuid for uuid in self.mapped("graph_uuid") if uuid]
        counts = dict(self._read_group([("graph_uuid", "in", uuids)], ["graph_uuid"], ["__count"]))
        for job in self:
            job.graph_jobs_count = counts.get(job.graph_uuid, 0)

    def open_graph_jobs(self):
        """Open the jobs of the same graph."""
        self.ensure_one()
        jobs = self
        if self.graph_uuid:
            jobs = self.search([("graph_uuid", "=", self.graph_uuid)])
        action = self.env["ir.actions.act_window"]._for_xml_id("queue_job.action_queue_job")
        action.update(
            name=self.env._("Jobs of graph %s", self.graph_uuid),
            context={},
            domain=[("id", "in", jobs.ids)],
        )
        return action
