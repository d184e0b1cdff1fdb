// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).

import { beforeEach, describe, expect, test } from "@odoo/hoot";
import { click, hover, keyDown, queryAll, queryAllTexts, queryFirst } from "@odoo/hoot-dom";
import { advanceTime, animationFrame } from "@odoo/hoot-mock";
import {
    contains,
    defineModels,
    fields,
    mockService,
    models,
    mountView,
    onRpc,
} from "@web/../tests/web_test_helpers";
import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { parseNodeTitle } from "@queue_job/views/fields/job_directed_graph/node_title";

describe.current.tags("desktop");

const COLORS = {
    done: ["#C8F0CE", "#2E9E44"],
    failed: ["#F9CACA", "#D9342B"],
    wait_dependencies: ["#D2E5FF", "#2B7CE9"],
};
const ARCH = `
    <form>
        <field name="name"/>
        <field name="dependency_graph" widget="job_directed_graph"/>
    </form>`;

let graph = {};

class QueueJob extends models.Model {
    _name = "queue.job";

    name = fields.Char();
    state = fields.Selection({
        selection: [
            ["wait_dependencies", "Wait Dependencies"],
            ["done", "Done"],
            ["failed", "Failed"],
        ],
    });
    dependency_graph = fields.Generic({ type: "serialized" });

    _records = [
        { id: 1, name: "Fetch", state: "done" },
        { id: 2, name: "Invoice", state: "failed" },
        { id: 3, name: "Reserve", state: "done" },
        { id: 4, name: "Tell", state: "wait_dependencies" },
    ];
}

defineMailModels();
defineModels([QueueJob]);

function node({ id, name, state }) {
    const [color, border] = COLORS[state];
    const title = `<strong>${name}</strong><br/>res.partner(${id},).run()`;
    return { id, title, color, border, shadow: true };
}

/** Mount the form of a job of: Fetch before Invoice and Reserve, both before Tell. */
async function mountJob(resId = 2) {
    await mountView({ type: "form", resModel: "queue.job", resId, arch: ARCH });
    await animationFrame();
}

beforeEach(() => {
    graph = {
        nodes: QueueJob._records.map(node),
        edges: [[1, 2], [1, 3], [2, 4], [3, 4]],
    };
    onRpc("queue.job", "web_read", ({ parent }) => {
        const records = parent();
        records.forEach((record) => (record.dependency_graph = graph));
        return records;
    });
});

/** @returns {string} id of the job that has the focus */
const focused = () => document.activeElement.dataset.jobId;
const transform = () => queryFirst(".o_job_graph_picture").style.transform;

test("jobs are drawn with their names and colours", async () => {
    await mountJob();
    expect(queryAllTexts(".o_job_graph_name").sort()).toEqual([
        "Fetch",
        "Invoice",
        "Reserve",
        "Tell",
    ]);
    expect("[data-job-id='2'] .o_job_graph_task").toHaveText("res.partner(2,).run()");
    expect("[data-job-id='2']").toHaveStyle({ "background-color": "rgb(249, 202, 202)" });
    expect(".o_job_graph_links:first").toHaveAttribute("d", /^M.*M.*M.*M/);
});

test("the current job is marked, and states are told in words", async () => {
    await mountJob();
    expect(".o_job_graph_current").toHaveCount(1);
    expect(".o_job_graph_current").toHaveAttribute("data-job-id", "2");
    expect(".o_job_graph_current").toHaveAttribute("aria-current", "true");
    expect(".o_job_graph_current").toHaveAttribute("aria-label", "Invoice, Failed, this job");
    expect("[data-job-id='1']").toHaveAttribute("aria-label", "Fetch, Done");
    expect(".o_job_graph_picture").toHaveAttribute("aria-label", "Graph of 4 jobs");
});

test("a small graph is in the middle of its window from the start", async () => {
    graph = { nodes: QueueJob._records.slice(0, 2).map(node), edges: [[1, 2]] };
    await mountJob();
    const box = (selector) => queryFirst(selector).getBoundingClientRect();
    const frame = box(".o_job_graph_window");
    const jobs = queryAll(".o_job_graph_job").map((el) => el.getBoundingClientRect());
    const left = Math.min(...jobs.map((job) => job.left)) - frame.left;
    const right = frame.right - Math.max(...jobs.map((job) => job.right));
    const top = Math.min(...jobs.map((job) => job.top)) - frame.top;
    const bottom = frame.bottom - Math.max(...jobs.map((job) => job.bottom));
    expect(Math.abs(left - right)).toBeLessThan(3);
    expect(Math.abs(top - bottom)).toBeLessThan(3);
});

test("the legend counts the states and picks one", async () => {
    await mountJob();
    expect(queryAllTexts(".o_job_graph_legend button")).toEqual([
        "Wait Dependencies\n1",
        "Done\n2",
        "Failed\n1",
    ]);
    await contains(".o_job_graph_legend [data-state=done]").click();
    expect(".o_job_graph_dimmed").toHaveCount(2);
    expect(".o_job_graph_legend [data-state=done]").toHaveAttribute("aria-pressed", "true");
    await contains(".o_job_graph_legend [data-state=done]").click();
    expect(".o_job_graph_dimmed").toHaveCount(0);
});

test("a click opens a job, but not the one that is open", async () => {
    mockService("action", {
        doAction(action, options) {
            expect.step([action.res_model, action.res_id, options.newWindow]);
        },
    });
    await mountJob();
    await click("[data-job-id='4']");
    await click("[data-job-id='2']");
    expect.verifySteps([["queue.job", 4, false]]);
});

test("keys move the focus, open, and zoom", async () => {
    mockService("action", {
        doAction(action) {
            expect.step(action.res_id);
        },
    });
    await mountJob();
    expect(queryAll(".o_job_graph_job[tabindex='0']").map((el) => el.dataset.jobId)).toEqual([
        "2",
    ]);
    queryFirst("[data-job-id='2']").focus();
    await keyDown("ArrowDown");
    expect(focused()).toBe("3");
    await keyDown("ArrowRight");
    expect(focused()).toBe("4");
    await keyDown("ArrowRight");
    expect(focused()).toBe("4");
    await keyDown("Home");
    expect(focused()).toBe("1");
    expect(".o_job_graph_job[tabindex='0']").toHaveCount(1);
    await keyDown("Enter");
    expect.verifySteps([1]);
    const before = transform();
    await keyDown("+");
    expect(transform()).not.toBe(before);
    await keyDown("0");
    expect(transform()).toBe(before);
});

test("buttons zoom, and the wheel does", async () => {
    await mountJob();
    const before = transform();
    await contains(".o_job_graph_zoom_in").click();
    const zoomed = transform();
    expect(zoomed).not.toBe(before);
    await contains(".o_job_graph_fit").click();
    expect(transform()).toBe(before);
    queryFirst(".o_job_graph_window").dispatchEvent(
        new WheelEvent("wheel", { deltaY: -100, cancelable: true })
    );
    expect(transform()).not.toBe(before);
});

test("the dependencies of a job are marked while the mouse is on it", async () => {
    await mountJob();
    await hover("[data-job-id='2']");
    expect("path.o_job_graph_links.o_job_graph_marked").toHaveAttribute("d", /^M[^M]*M[^M]*$/);
    await advanceTime(1000);
    expect(".o_job_graph_tooltip").toHaveText("Invoice\nres.partner(2,).run()\nFailed");
    await hover("[name=name]");
    expect("path.o_job_graph_links.o_job_graph_marked").toHaveAttribute("d", "");
});

test("no graph, no picture", async () => {
    graph = {};
    await mountJob();
    expect(".o_job_graph").not.toBeVisible();
    expect(".o_job_graph_job").toHaveCount(0);
});

test("markup in a name is text", async () => {
    graph.nodes[0].title =
        "<strong>&lt;img src=x onerror=&quot;alert(1)&quot;&gt;</strong><br/>a &amp; b";
    await mountJob();
    expect("[data-job-id='1'] .o_job_graph_name").toHaveText('<img src=x onerror="alert(1)">');
    expect("[data-job-id='1'] .o_job_graph_task").toHaveText("a & b");
    expect(".o_job_graph img").toHaveCount(0);
});

test("a title that was not escaped brings no element and no style into the page", async () => {
    graph.nodes[0].title = "<strong><img src=x onerror='alert(1)'>Name</strong><br/><b>task</b>";
    graph.nodes[0].color = "red;position:fixed";
    await mountJob();
    expect("[data-job-id='1'] .o_job_graph_name").toHaveText("Name");
    expect(".o_job_graph img").toHaveCount(0);
    expect("[data-job-id='1']").toHaveStyle({ position: "absolute" });
});

test("titles are taken apart", () => {
    const parsed = (title) => Object.values(parseNodeTitle(title));
    expect(parsed("<strong>a</strong><br/>b")).toEqual(["a", "b"]);
    expect(parsed("just text")).toEqual(["just text", ""]);
    expect(parsed(undefined)).toEqual(["", ""]);
});

test("500 jobs, 62,500 dependencies", async () => {
    const ids = Array.from({ length: 500 }, (_, i) => i + 1);
    graph = {
        nodes: ids.map((id) => node({ id, name: `Job ${id}`, state: "done" })),
        edges: ids
            .slice(0, 250)
            .flatMap((parent) => ids.slice(250).map((child) => [parent, child])),
    };
    onRpc("queue.job", "read", ({ args }) => args[0].map((id) => ({ id, state: "done" })));
    const start = performance.now();
    await mountJob();
    expect(performance.now() - start).toBeLessThan(10000);
    expect(".o_job_graph_job").toHaveCount(500);
    expect(".o_job_graph_cluster").toHaveCount(2);
    expect(".o_job_graph svg path").toHaveCount(4);
    // names can't be read from so far, until somebody walks through them
    queryFirst("[data-job-id='2']").focus();
    await keyDown("ArrowDown");
    expect(transform()).toMatch(/scale\(0\.7\)/);
});

test("2,000 jobs at a barrier, and others that were not sent", async () => {
    const ids = Array.from({ length: 2000 }, (_, i) => i + 1);
    graph = {
        nodes: ids.map((id) => node({ id, name: `Job ${id}`, state: "done" })),
        edges: [],
        barriers: [[ids.slice(0, 1000), ids.slice(1000)]],
        left_out: 34,
    };
    onRpc("queue.job", "read", ({ args }) => args[0].map((id) => ({ id, state: "done" })));
    await mountJob();
    expect(".o_job_graph_job").toHaveCount(2000);
    expect(".o_job_graph_cluster").toHaveCount(2);
    expect(".o_job_graph_left_out").toHaveText("34 jobs of this graph, further away, are not drawn");
});
