// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).

import { describe, expect, test } from "@odoo/hoot";
import { adjacency } from "@queue_job/views/fields/job_directed_graph/job_blocks";
import {
    assignLayers,
    layeredLayout,
    spread,
} from "@queue_job/views/fields/job_directed_graph/layered_layout";

describe.current.tags("headless");

const OPTIONS = { layerGap: 10, boxGap: 5, ratio: 2, minRow: 1000 };
const boxes = (count) => Array.from({ length: count }, () => ({ main: 20, cross: 10 }));

test("a layer is the length of the longest path", () => {
    const graph = adjacency([0, 1, 2, 3], [[0, 1], [1, 2], [0, 2], [2, 3]]);
    expect(assignLayers(graph)).toEqual([0, 1, 2, 3]);
});

test("a vertex without parents stands next to what waits for it", () => {
    const graph = adjacency([0, 1, 2, 3], [[0, 1], [1, 2], [3, 2]]);
    expect(assignLayers(graph)).toEqual([0, 1, 2, 1]);
});

test("a cycle has layers too", () => {
    expect(assignLayers(adjacency([0, 1], [[0, 1], [1, 0]]))).toEqual([0, 1]);
});

test("boxes are spread next to where they want to be", () => {
    expect(spread([0, 100], [10, 10], 5)).toEqual([0, 100]);
    expect(spread([50, 50], [10, 10], 5)).toEqual([42.5, 57.5]);
    expect(spread([50, 50, 200], [10, 10, 10], 5)).toEqual([42.5, 57.5, 200]);
    expect(spread([], [], 5)).toEqual([]);
});

test("a parent is in the middle of its children", () => {
    const { boxes: places, main, cross } = layeredLayout(boxes(3), [[0, 1], [0, 2]], OPTIONS);
    expect(places).toEqual([
        { main: 0, cross: 7.5 },
        { main: 30, cross: 0 },
        { main: 30, cross: 15 },
    ]);
    expect([main, cross]).toEqual([50, 25]);
});

test("neighbours are ordered so that links do not cross", () => {
    // 0→3 and 1→2 cross as they come
    const { boxes: places } = layeredLayout(boxes(4), [[0, 3], [1, 2]], OPTIONS);
    expect(places[0].cross < places[1].cross).toBe(places[3].cross < places[2].cross);
});

test("no boxes overlap, in a larger graph", () => {
    const links = [];
    for (let i = 0; i < 60; i++) {
        links.push([i, (i * 7) % 40 + 60], [i, (i * 11) % 40 + 60]);
    }
    const { boxes: places } = layeredLayout(boxes(100), links, OPTIONS);
    places.forEach((a, i) =>
        places.slice(0, i).forEach((b) => {
            const apart = a.main !== b.main || Math.abs(a.cross - b.cross) >= 15 - 1e-6;
            expect(apart).toBe(true);
        })
    );
});

test("a link over a layer passes beside the box in it", () => {
    const layout = layeredLayout(boxes(3), [[0, 1], [1, 2], [0, 2]], OPTIONS);
    const { points } = layout.links[2];
    const box = layout.boxes[1];
    const inLayer = points.filter(([main]) => main >= 30 && main <= 50).map(([, cross]) => cross);
    expect(inLayer).toHaveLength(2);
    for (const cross of inLayer) {
        expect(cross <= box.cross || cross >= box.cross + 10).toBe(true);
    }
});

test("a long chain is broken into rows", () => {
    const links = Array.from({ length: 99 }, (_, i) => [i, i + 1]);
    const layout = layeredLayout(boxes(100), links, { ...OPTIONS, minRow: 100 });
    expect(layout.main).toBeLessThan(400);
    expect(new Set(layout.boxes.map(({ cross }) => cross)).size).toBeGreaterThan(5);
    // across the rows there is a way around
    const lengths = new Set(layout.links.map(({ points }) => points.length));
    expect([...lengths].sort()).toEqual([2, 6]);
});
