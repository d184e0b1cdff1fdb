// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).

import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { useRecordObserver } from "@web/model/relational_model/utils";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

import {
    Component,
    markRaw,
    onMounted,
    onWillUnmount,
    toRaw,
    useEffect,
    useRef,
    useState,
} from "@odoo/owl";
import { drawGraph, joinPaths, linksOfBlock, neighbour } from "./graph_drawing";
import { parseNodeTitle } from "./node_title";
import { centredView, fitScale, fitView, revealBox, zoomView } from "./view_box";

/** Pixels after which a press is a drag, not a click. */
const DRAG_DISTANCE = 4;
/** A picture that would become smaller than this starts at the current job instead. */
const LEGIBLE_SCALE = 0.22;
/** Names can be read from here on: who walks by keyboard is shown them. */
const READABLE_SCALE = 0.7;
const MIN_HEIGHT = 140;
const MAX_WINDOW_SHARE = 0.65;
/** How much better downwards has to fit than rightwards, which reads better. */
const DOWNWARDS_BONUS = 1.3;
const ZOOM_STEP = 1.3;
const ARROW_KEYS = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };

/**
 * Picture of a graph of jobs.
 *
 * The value of the field is `{nodes: [{id, title, color, border}], edges: [[from, to]]}`, or
 * `{}` without a graph; the ids are those of records of the record's own model. A large graph
 * has also `barriers: [[parents, children]]`, where each of some jobs comes before each of
 * others, and, if only a part of it was sent, `left_out`, the number of the other jobs.
 */
export class JobDirectedGraph extends Component {
    static template = "queue_job.JobDirectedGraph";
    static props = { ...standardFieldProps };

    setup() {
        this.action = useService("action");
        this.orm = useService("orm");
        this.windowRef = useRef("window");
        this.pictureRef = useRef("picture");
        this.highlightRef = useRef("highlight");
        this.highlightArrowsRef = useRef("highlightArrows");
        this.state = useState({ graph: null, drawing: null, states: {}, only: null });
        this.view = { x: 0, y: 0, scale: 1 };
        this.moved = false;
        this.pointers = new Map();

        useRecordObserver((record) => this.load(record));
        onMounted(() => {
            this.observer = new ResizeObserver(() => this.onResize());
            this.observer.observe(this.windowRef.el);
            this.draw();
        });
        onWillUnmount(() => this.observer.disconnect());
        useEffect(
            (drawing, picture) => {
                if (drawing && picture) {
                    this.showStart();
                }
            },
            // a drawing that is made while the component is mounted has no element yet
            () => [this.state.drawing, this.pictureRef.el]
        );
    }

    // -- what is drawn

    load(record) {
        // without proxies, which would take seconds for tens of thousands of edges
        const value = toRaw(record.data[this.props.name]) || {};
        const text = JSON.stringify([record.resId, value]);
        if (text === this.loaded) {
            return;
        }
        this.loaded = text;
        const nodes = new Map();
        for (const node of value.nodes || []) {
            nodes.set(node.id, { ...node, ...parseNodeTitle(node.title) });
        }
        const { edges = [], barriers = [], left_out: leftOut = 0 } = value;
        this.state.graph = markRaw({ nodes, edges, barriers, leftOut });
        this.currentId = record.resId;
        this.state.only = null;
        this.draw();
        this.loadStates(record, [...nodes.keys()]);
    }

    /** States come apart from the field: two states share a colour, and colour is not enough. */
    async loadStates(record, ids) {
        if (!ids.length || !record.fields.state) {
            return;
        }
        const loaded = this.loaded;
        const records = await this.orm.silent.read(record.resModel, ids, ["state"]);
        if (loaded === this.loaded) {
            this.state.states = Object.fromEntries(records.map(({ id, state }) => [id, state]));
        }
    }

    draw() {
        const { graph } = this.state;
        const size = this.windowSize;
        if (!size) {
            return; // not mounted yet
        }
        const ids = [...graph.nodes.keys()];
        const { edges, barriers } = graph;
        const rightwards = drawGraph(ids, edges, { barriers });
        const downwards = drawGraph(ids, edges, { barriers, vertical: true });
        const available = { width: size.width, height: this.maxHeight };
        const better =
            fitScale(downwards, available) > fitScale(rightwards, available) * DOWNWARDS_BONUS;
        const drawing = better ? downwards : rightwards;
        drawing.jobs.sort((a, b) => a.x - b.x || a.y - b.y);
        this.drawnWidth = size.width;
        this.focusedId = graph.nodes.has(this.currentId) ? this.currentId : ids[0];
        this.state.drawing = markRaw(drawing);
    }

    get maxHeight() {
        return Math.max(MIN_HEIGHT, window.innerHeight * MAX_WINDOW_SHARE);
    }

    /** Height of the window in pixels: that of the picture, as far as there is room. */
    get height() {
        const { drawing } = this.state;
        if (!drawing || !this.windowRef.el) {
            return MIN_HEIGHT;
        }
        const available = { width: this.windowSize.width, height: this.maxHeight };
        const scale = Math.max(fitScale(drawing, available), LEGIBLE_SCALE);
        return Math.round(
            Math.min(Math.max(drawing.height * scale + 64, MIN_HEIGHT), this.maxHeight)
        );
    }

    get windowSize() {
        const el = this.windowRef.el;
        return el && { width: el.clientWidth || 1, height: el.clientHeight || 1 };
    }

    get links() {
        return joinPaths(this.state.drawing.links);
    }

    get label() {
        return _t("Graph of %s jobs", this.state.graph.nodes.size);
    }

    clusterLabel(cluster) {
        return _t("%s jobs alike", cluster.count);
    }

    get impliedLabel() {
        return _t("%s dependencies that follow from others are not drawn", this.implied);
    }

    get leftOutLabel() {
        return _t("%s jobs of this graph, further away, are not drawn", this.state.graph.leftOut);
    }

    get implied() {
        return this.state.drawing?.implied || 0;
    }

    /** The states that occur: value, label, colours and number of jobs. */
    get legend() {
        const { graph, states } = this.state;
        const entries = new Map();
        for (const [id, node] of graph.nodes) {
            const value = states[id];
            if (value) {
                const { color, border } = node;
                const entry = entries.get(value) || { value, color, border, count: 0 };
                entry.count++;
                entries.set(value, entry);
            }
        }
        return this.stateSelection
            .filter(([value]) => entries.has(value))
            .map(([value, label]) => ({ ...entries.get(value), label }));
    }

    get stateSelection() {
        return this.props.record.fields.state?.selection || [];
    }

    stateLabel(id) {
        const found = this.stateSelection.find(([value]) => value === this.state.states[id]);
        return found ? found[1] : "";
    }

    /** What the template needs of a job. */
    card(job) {
        const { name, task, color, border } = this.state.graph.nodes.get(job.id);
        const state = this.stateLabel(job.id);
        const isCurrent = job.id === this.currentId;
        const { only, states } = this.state;
        return {
            name,
            task,
            state,
            isCurrent,
            isDimmed: Boolean(only) && states[job.id] !== only,
            label: [name, state, isCurrent ? _t("this job") : ""].filter(Boolean).join(", "),
            tooltip: JSON.stringify({ name, task, state }),
            href: `/odoo/${this.props.record.resModel}/${job.id}`,
            style:
                `left:${job.x}px;top:${job.y}px;width:${job.width}px;height:${job.height}px;` +
                `--job-color:${cssColor(color)};--job-border:${cssColor(border)};`,
        };
    }

    toggleOnly(value) {
        this.state.only = this.state.only === value ? null : value;
    }

    openJob(id, newWindow = false) {
        if (id === this.currentId && !newWindow) {
            return;
        }
        return this.action.doAction(
            {
                type: "ir.actions.act_window",
                res_model: this.props.record.resModel,
                res_id: id,
                views: [[false, "form"]],
                target: "current",
            },
            { newWindow }
        );
    }

    // -- what is seen of it

    showView(view) {
        this.view = view;
        const { x, y, scale } = view;
        const el = this.pictureRef.el;
        if (el) {
            el.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
            // keeps the ring around the current job visible from far
            el.style.setProperty("--job-scale", Math.max(scale, 0.15));
        }
    }

    showStart() {
        const { drawing } = this.state;
        const size = this.windowSize;
        this.moved = false;
        const current = drawing.jobs.find((job) => job.id === this.currentId);
        if (current && fitScale(drawing, size) < LEGIBLE_SCALE) {
            this.showView(centredView(drawing, size, current, LEGIBLE_SCALE));
        } else {
            this.fit();
        }
    }

    fit() {
        this.moved = false;
        this.showView(fitView(this.state.drawing, this.windowSize));
    }

    zoom(factor, point) {
        const { width, height } = this.windowSize;
        const before = this.view.scale;
        const centre = { x: width / 2, y: height / 2 };
        const minScale = fitScale(this.state.drawing, { width, height }) / 2;
        this.moved = true;
        this.showView(zoomView(this.view, factor, point || centre, minScale));
        return this.view.scale !== before;
    }

    zoomIn() {
        this.zoom(ZOOM_STEP);
    }

    zoomOut() {
        this.zoom(1 / ZOOM_STEP);
    }

    onResize() {
        const size = this.windowSize;
        if (Math.abs(size.width - this.drawnWidth) > 40) {
            this.draw();
        } else if (!this.moved && this.state.drawing) {
            this.showStart();
        }
    }

    // -- mouse and touch

    onWheel(ev) {
        const box = this.windowRef.el.getBoundingClientRect();
        const point = { x: ev.clientX - box.left, y: ev.clientY - box.top };
        const lines = ev.deltaMode ? 30 : 1; // lines or pixels
        // at its limits the page scrolls on
        if (this.zoom(Math.exp(-ev.deltaY * lines * 0.0015), point)) {
            ev.preventDefault();
        }
    }

    onPointerDown(ev) {
        if (ev.button === 0) {
            this.pointers.set(ev.pointerId, { x: ev.clientX, y: ev.clientY });
            this.dragging = false;
        }
    }

    onPointerMove(ev) {
        const last = this.pointers.get(ev.pointerId);
        if (!last) {
            return;
        }
        if (!ev.buttons) {
            this.pointers.delete(ev.pointerId); // released outside
            return;
        }
        const now = { x: ev.clientX, y: ev.clientY };
        if (!this.dragging && Math.hypot(now.x - last.x, now.y - last.y) < DRAG_DISTANCE) {
            return;
        }
        this.dragging = true;
        this.moved = true;
        this.windowRef.el.setPointerCapture(ev.pointerId);
        if (this.pointers.size === 2) {
            this.pinch(ev.pointerId, now);
        } else {
            const { x, y, scale } = this.view;
            this.showView({ scale, x: x + now.x - last.x, y: y + now.y - last.y });
        }
        this.pointers.set(ev.pointerId, now);
    }

    pinch(pointerId, now) {
        const last = this.pointers.get(pointerId);
        const [, other] = [...this.pointers].find(([id]) => id !== pointerId);
        const distance = (point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
        const box = this.windowRef.el.getBoundingClientRect();
        const middle = {
            x: (now.x + other.x) / 2 - box.left,
            y: (now.y + other.y) / 2 - box.top,
        };
        this.zoom(distance(now) / distance(last), middle);
    }

    onPointerUp(ev) {
        this.pointers.delete(ev.pointerId);
    }

    onClickJob(ev, job) {
        ev.preventDefault();
        // a drag may end on a job; without detail it is a click by the keyboard
        if (!this.dragging || !ev.detail) {
            this.openJob(job.id, ev.ctrlKey || ev.metaKey);
        }
    }

    // -- keyboard

    onKeydown(ev, job) {
        const direction = ARROW_KEYS[ev.key];
        const zooms = { "+": ZOOM_STEP, "-": 1 / ZOOM_STEP };
        const { jobs } = this.state.drawing;
        if (ev.altKey || ev.ctrlKey || ev.metaKey) {
            return;
        } else if (direction) {
            this.focusJob(neighbour(jobs, job, direction));
        } else if (ev.key === "Home") {
            this.focusJob(jobs[0]);
        } else if (ev.key === "End") {
            this.focusJob(jobs[jobs.length - 1]);
        } else if (ev.key in zooms) {
            this.zoom(zooms[ev.key]);
        } else if (ev.key === "0") {
            this.fit();
        } else {
            return;
        }
        ev.preventDefault();
        ev.stopPropagation();
    }

    jobElement(id) {
        return this.pictureRef.el.querySelector(`[data-job-id="${id}"]`);
    }

    focusJob(job) {
        if (job) {
            if (this.view.scale < READABLE_SCALE) {
                const { drawing } = this.state;
                this.moved = true;
                this.showView(centredView(drawing, this.windowSize, job, READABLE_SCALE));
            }
            this.jobElement(job.id).focus({ preventScroll: true });
        }
    }

    onFocusJob(ev, job) {
        // one job of the graph is in the tab order: the last that had the focus
        this.jobElement(this.focusedId)?.setAttribute("tabindex", "-1");
        ev.currentTarget.setAttribute("tabindex", "0");
        this.focusedId = job.id;
        // a browser scrolls what gets the focus into view, which is ours to do
        this.windowRef.el.scrollTo(0, 0);
        if (!this.pointers.size) {
            this.showView(revealBox(this.view, this.windowSize, job));
        }
        this.highlight(job);
    }

    /** Mark the dependencies of a job, or of none. */
    highlight(job) {
        const { lines, arrows } = job
            ? linksOfBlock(this.state.drawing, job.block)
            : { lines: "", arrows: "" };
        this.highlightRef.el?.setAttribute("d", lines);
        this.highlightArrowsRef.el?.setAttribute("d", arrows);
    }
}

/** A colour as the server sends it, but nothing else that a style could hold. */
function cssColor(value) {
    return /^#[0-9a-f]{3,8}$|^[a-z]+$/i.test(value || "") ? value : "transparent";
}

export const jobDirectedGraph = {
    component: JobDirectedGraph,
    displayName: _t("Graph of jobs"),
    supportedTypes: ["serialized", "job_serialized", "json"],
    isEmpty: (record, fieldName) => !record.data[fieldName]?.nodes?.length,
};

registry.category("fields").add("job_directed_graph", jobDirectedGraph);
