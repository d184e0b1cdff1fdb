// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).

/**
 * Layered drawing of a directed acyclic graph (Sugiyama's method), pure and deterministic.
 *
 * Boxes get a layer by the longest path to them, an order in it by the mean position of
 * their neighbours, and a place near them. Links over several layers pass through a bend in
 * each. A sweep costs O(boxes + bends + links).
 *
 * All lengths are in the drawing's unit. "main" is the direction in which links go, "cross"
 * the one across it.
 */

import { topologicalOrder } from "./job_blocks";

const ORDER_SWEEPS = 8;
const PLACE_SWEEPS = 6;
/** Above this number of bends, links over several layers are drawn straight. */
const MAX_BENDS = 20000;
/** Pictures of fewer layers stay in one row. */
const MIN_WRAPPED_LAYERS = 6;

/** @returns {number[]} layer of each vertex, from 0 */
export function assignLayers(graph) {
    const order = topologicalOrder(graph);
    const layers = order.map(() => 0);
    const done = new Set();
    for (const vertex of order) {
        done.add(vertex);
        for (const child of graph.children[vertex]) {
            if (!done.has(child)) {
                layers[child] = Math.max(layers[child], layers[vertex] + 1);
            }
        }
    }
    // what waits for nothing stands next to what waits for it
    for (const vertex of order) {
        if (!graph.parents[vertex].size && graph.children[vertex].size) {
            const nearest = [...graph.children[vertex]].map((child) => layers[child]);
            layers[vertex] = Math.max(0, Math.min(...nearest) - 1);
        }
    }
    return layers;
}

/**
 * @param {number[]} wanted centres
 * @param {number[]} sizes
 * @param {number} gap
 * @returns {number[]} centres in the same order, `gap` between the boxes, as near as possible
 *  (least squares) to the wanted ones
 */
export function spread(wanted, sizes, gap) {
    const offsets = [];
    const pools = []; // neighbours that touch, and move together
    for (let i = 0; i < wanted.length; i++) {
        offsets.push(i ? offsets[i - 1] + (sizes[i - 1] + sizes[i]) / 2 + gap : 0);
        let pool = { sum: wanted[i] - offsets[i], count: 1 };
        while (pools.length) {
            const last = pools[pools.length - 1];
            if (last.sum / last.count < pool.sum / pool.count) {
                break;
            }
            pools.pop();
            pool = { sum: pool.sum + last.sum, count: pool.count + last.count };
        }
        pools.push(pool);
    }
    const shifts = pools.flatMap((pool) => new Array(pool.count).fill(pool.sum / pool.count));
    return offsets.map((offset, i) => offset + shifts[i]);
}

/** Put a vertex of size 0 into each layer that a link passes. */
function addBends(vertices, links) {
    const passed = (link) => vertices[link.to].layer - vertices[link.from].layer - 1;
    const total = links.reduce((sum, link) => sum + Math.max(0, passed(link)), 0);
    for (const link of links) {
        link.bends = [];
        if (total <= MAX_BENDS) {
            for (let i = 1; i <= passed(link); i++) {
                const layer = vertices[link.from].layer + i;
                link.bends.push(vertices.push({ layer, main: 0, cross: 0 }) - 1);
            }
        }
    }
}

const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

/** Call `visit(layer, neighbours)` down and up the layers, several times. */
function sweep(layers, times, before, after, visit) {
    for (let i = 0; i < times; i++) {
        for (let down = 1; down < layers.length; down++) {
            visit(layers[down], before);
        }
        for (let up = layers.length - 2; up >= 0; up--) {
            visit(layers[up], after);
        }
    }
}

/**
 * @param {{main: number, cross: number}[]} boxes sizes
 * @param {[number, number][]} links by position in `boxes`
 * @param {{layerGap: number, boxGap: number, ratio: number, minRow: number}} options gaps, and
 *  main to cross size to aim at with a picture of several rows, of at least `minRow` each
 * @returns {{boxes: {main: number, cross: number}[], links: {from, to, points: number[][]}[],
 *  main: number, cross: number}} nearest corners of the boxes, links as points (main, cross),
 *  and the size of it all
 */
export function layeredLayout(boxes, links, options) {
    const graph = { parents: boxes.map(() => new Set()), children: boxes.map(() => new Set()) };
    for (const [from, to] of links) {
        graph.children[from].add(to);
        graph.parents[to].add(from);
    }
    const layerOf = assignLayers(graph);
    const vertices = boxes.map((box, i) => ({ ...box, layer: layerOf[i] }));
    const paths = links.map(([from, to]) => ({ from, to }));
    addBends(vertices, paths);

    const layers = [];
    vertices.forEach((vertex, i) => (layers[vertex.layer] ??= []).push(i));
    const before = vertices.map(() => []);
    const after = vertices.map(() => []);
    for (const { from, to, bends } of paths) {
        [from, ...bends, to].forEach((vertex, i, path) => {
            if (i) {
                after[path[i - 1]].push(vertex);
                before[vertex].push(path[i - 1]);
            }
        });
    }

    const rank = [];
    const renumber = (layer) => layer.forEach((vertex, i) => (rank[vertex] = i));
    layers.forEach(renumber);
    sweep(layers, ORDER_SWEEPS, before, after, (layer, neighbours) => {
        const keys = new Map(
            layer.map((vertex) => {
                const ranks = neighbours[vertex].map((other) => rank[other]);
                return [vertex, ranks.length ? mean(ranks) : rank[vertex]];
            })
        );
        layer.sort((a, b) => keys.get(a) - keys.get(b) || rank[a] - rank[b]);
        renumber(layer);
    });

    const centre = [];
    const place = (layer, wanted) => {
        const sizes = layer.map((vertex) => vertices[vertex].cross);
        spread(wanted, sizes, options.boxGap).forEach((value, i) => (centre[layer[i]] = value));
    };
    layers.forEach((layer) => place(layer, layer.map(() => 0)));
    sweep(layers, PLACE_SWEEPS, before, after, (layer, neighbours) => {
        const wanted = layer.map((vertex) => {
            const others = neighbours[vertex].map((other) => centre[other]);
            return others.length ? mean(others) : centre[vertex];
        });
        place(layer, wanted);
    });

    const span = (layer) => ({
        main: Math.max(...layer.map((vertex) => vertices[vertex].main)),
        low: Math.min(...layer.map((vertex) => centre[vertex] - vertices[vertex].cross / 2)),
        high: Math.max(...layer.map((vertex) => centre[vertex] + vertices[vertex].cross / 2)),
    });
    const rows = wrapLayers(layers.map(span), options);
    const across = (vertex) => centre[vertex] + rows.shifts[vertices[vertex].layer];
    return {
        boxes: boxes.map((box, i) => ({
            main: rows.starts[vertices[i].layer],
            cross: across(i) - box.cross / 2,
        })),
        links: paths.map(({ from, to, bends }) => ({
            from,
            to,
            points: linkPoints([from, ...bends, to], vertices, rows, across, options),
        })),
        main: rows.main,
        cross: rows.cross,
    };
}

/**
 * Break a long picture into rows, as text is broken into lines.
 *
 * @returns {{row, starts, ends, shifts: number[], tops: number[], main, cross: number}} by
 *  layer: its row, where it starts and ends, and what to add to cross coordinates; and by
 *  row: where it starts across
 */
function wrapLayers(spans, { layerGap, ratio, minRow }) {
    const length = spans.reduce((sum, span) => sum + span.main + layerGap, 0);
    const cross = Math.max(...spans.map((s) => s.high)) - Math.min(...spans.map((s) => s.low));
    const ideal = Math.sqrt(length * ratio * (cross + layerGap));
    const isStrip = spans.length >= MIN_WRAPPED_LAYERS && length > 2 * ideal;
    const limit = isStrip ? Math.max(ideal, minRow) : Infinity;
    const rows = { row: [], starts: [], ends: [], shifts: [], tops: [], main: 0, cross: 0 };
    let from = 0;
    while (from < spans.length) {
        let to = from;
        let main = 0;
        while (to < spans.length && (to === from || main + spans[to].main <= limit)) {
            rows.starts[to] = main;
            rows.ends[to] = main + spans[to].main;
            main = rows.ends[to] + layerGap;
            to++;
        }
        const inRow = spans.slice(from, to);
        const low = Math.min(...inRow.map((span) => span.low));
        const top = from ? rows.cross + layerGap : 0;
        for (let layer = from; layer < to; layer++) {
            rows.row[layer] = rows.tops.length;
            rows.shifts[layer] = top - low;
        }
        rows.tops.push(top);
        rows.main = Math.max(rows.main, main - layerGap);
        rows.cross = top + Math.max(...inRow.map((span) => span.high)) - low;
        from = to;
    }
    return rows;
}

/** Points of a link: along its layers, and between rows through the gap before the next. */
function linkPoints(path, vertices, rows, across, { layerGap }) {
    const points = [];
    const add = (point) => {
        const [main, cross] = points[points.length - 1] || [];
        if (point[0] !== main || point[1] !== cross) {
            points.push(point);
        }
    };
    const half = layerGap / 2;
    path.forEach((vertex, i) => {
        const { layer, main } = vertices[vertex];
        const cross = across(vertex);
        if (i) {
            const previous = vertices[path[i - 1]].layer;
            if (rows.row[previous] !== rows.row[layer]) {
                const [out, back] = [rows.ends[previous] + half, rows.starts[layer] - half];
                const between = rows.tops[rows.row[layer]] - half;
                const start = across(path[i - 1]);
                [[out, start], [out, between], [back, between], [back, cross]].forEach(add);
            }
            add([rows.starts[layer], cross]);
        }
        if (i < path.length - 1) {
            add([rows.starts[layer] + main, cross]);
            add([rows.ends[layer], cross]);
        }
    });
    return points;
}
