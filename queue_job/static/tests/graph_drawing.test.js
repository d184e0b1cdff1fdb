// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).

import { describe, expect, test } from "@odoo/hoot";
import {
    drawGraph,
    linksOfBlock,
    neighbour,
} from "@queue_job/views/fields/job_directed_graph/graph_drawing";
import {
    centredView,
    fitView,
    MAX_SCALE,
    revealBox,
    zoomView,
} from "@queue_job/views/fields/job_directed_graph/view_box";

describe.current.tags("headless");

const range = (from, to) => Array.from({ length: to - from }, (_, i) => from + i);
const byId = (drawing) => Object.fromEntries(drawing.jobs.map((job) => [job.id, job]));

test("links go rightwards, or downwards", () => {
    const edges = [[1, 2], [1, 3]];
    const right = byId(drawGraph([1, 2, 3], edges));
    expect(right[2].x).toBeGreaterThan(right[1].x + right[1].width);
    expect(right[2].x).toBe(right[3].x);
    const down = byId(drawGraph([1, 2, 3], edges, { vertical: true }));
    expect(down[2].y).toBeGreaterThan(down[1].y + down[1].height);
    expect(down[2].y).toBe(down[3].y);
});

test("no jobs, no picture", () => {
    const { jobs, links, width, height } = drawGraph([], []);
    expect([jobs, links, width, height]).toEqual([[], [], 0, 0]);
});

test("a cluster frames its jobs", () => {
    const first = range(0, 20);
    const drawing = drawGraph([...first, 20], first.map((id) => [id, 20]));
    const [cluster] = drawing.clusters;
    expect(cluster.count).toBe(20);
    for (const job of drawing.jobs.filter(({ small }) => small)) {
        expect(job.x).toBeGreaterThan(cluster.x);
        expect(job.y).toBeGreaterThan(cluster.y);
        expect(job.x + job.width).toBeLessThan(cluster.x + cluster.width);
        expect(job.y + job.height).toBeLessThan(cluster.y + cluster.height);
    }
});

test("unconnected chains lie beside and below each other", () => {
    const ids = range(0, 40);
    const drawing = drawGraph(ids, ids.filter((id) => id % 2 === 0).map((id) => [id, id + 1]));
    expect(new Set(drawing.jobs.map(({ x }) => x)).size).toBeGreaterThan(2);
    expect(drawing.width / drawing.height).toBeGreaterThan(0.5);
    expect(drawing.width / drawing.height).toBeLessThan(4);
});

for (const [name, ids, edges] of [
    [
        "250 jobs before 250 others",
        range(0, 500),
        range(0, 250).flatMap((a) => range(250, 500).map((b) => [a, b])),
    ],
    ["a chain of 500", range(0, 500), range(0, 499).map((id) => [id, id + 1])],
    [
        "500 jobs, each after all before it",
        range(0, 500),
        range(0, 500).flatMap((b) => range(0, b).map((a) => [a, b])),
    ],
]) {
    test(`${name}: drawn soon, with few links`, () => {
        const start = performance.now();
        const drawing = drawGraph(ids, edges);
        expect(performance.now() - start).toBeLessThan(3000);
        expect(drawing.jobs).toHaveLength(500);
        expect(drawing.links.length).toBeLessThan(1000);
        expect(drawing.width / drawing.height).toBeLessThan(10);
    });
}

test("links of a job lead through junctions", () => {
    const edges = [
        ...[1, 2, 3].map((id) => [id, id + 10]),
        ...[11, 12, 13].flatMap((a) => [21, 22, 23].map((b) => [a, b])),
        ...[21, 22, 23].map((id) => [id, id + 10]),
    ];
    const ids = [1, 2, 3, 11, 12, 13, 21, 22, 23, 31, 32, 33];
    const drawing = drawGraph(ids, edges);
    const { lines, arrows } = linksOfBlock(drawing, byId(drawing)[11].block);
    // 1→11, 11→junction, and from there to 21, 22 and 23
    expect(lines.match(/M/g)).toHaveLength(5);
    expect(arrows.match(/M/g)).toHaveLength(4);
});

test("arrow keys find the nearest job", () => {
    const jobs = byId(drawGraph([1, 2, 3, 4], [[1, 2], [1, 3], [2, 4], [3, 4]]));
    const all = Object.values(jobs);
    expect(neighbour(all, jobs[2], "down").id).toBe(3);
    expect(neighbour(all, jobs[3], "up").id).toBe(2);
    expect(neighbour(all, jobs[2], "right").id).toBe(4);
    expect(neighbour(all, jobs[2], "left").id).toBe(1);
    expect(neighbour(all, jobs[1], "left")).toBe(undefined);
});

test("the view fits, and does not enlarge", () => {
    const size = { width: 448, height: 248 };
    expect(fitView({ width: 800, height: 100 }, size)).toEqual({ scale: 0.5, x: 24, y: 99 });
    expect(fitView({ width: 100, height: 100 }, size).scale).toBe(1);
});

test("zooming keeps the point under the mouse", () => {
    const view = { x: 10, y: 20, scale: 1 };
    expect(zoomView(view, 2, { x: 110, y: 120 })).toEqual({ x: -90, y: -80, scale: 2 });
    expect(zoomView(view, 1000, { x: 0, y: 0 }).scale).toBe(MAX_SCALE);
    expect(zoomView(view, 0.001, { x: 0, y: 0 }, 0.5).scale).toBe(0.5);
});

test("the current job is in the middle, and a focused one is seen", () => {
    const size = { width: 400, height: 400 };
    const picture = { width: 4000, height: 100 };
    const box = { x: 2000, y: 0, width: 200, height: 100 };
    expect(centredView(picture, size, box, 1)).toEqual({ x: -1900, y: 150, scale: 1 });
    expect(revealBox({ x: 0, y: 0, scale: 1 }, size, box).x).toBe(400 - 24 - 2200);
    const seen = { x: -1900, y: 150, scale: 1 };
    expect(revealBox(seen, size, box)).toEqual(seen);
});
