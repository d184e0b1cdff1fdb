// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).

import { jobBlocks } from "./job_blocks";
import { layeredLayout } from "./layered_layout";

/** Sizes of a job drawn alone, and of one drawn in a cluster. */
export const CARD = { width: 184, height: 44 };
export const SMALL_CARD = { width: 148, height: 26 };
const CLUSTER = { padding: 10, header: 22, gap: 6, ratio: 1.8 };
const ARROW = { length: 8, half: 4 };
const COMPONENT_GAP = 36;
/** Width to height of the whole picture, where parts of it can be placed freely. */
const PICTURE_RATIO = 1.5;
const GAPS = { layerGap: 48, boxGap: 14 };
const RIGHTWARDS = { ...GAPS, ratio: PICTURE_RATIO, minRow: 1000 };
const DOWNWARDS = { ...GAPS, ratio: 1 / PICTURE_RATIO, minRow: 700 };

function clusterGrid(count) {
    const cellWidth = SMALL_CARD.width + CLUSTER.gap;
    const cellHeight = SMALL_CARD.height + CLUSTER.gap;
    const columns = Math.ceil(Math.sqrt((count * CLUSTER.ratio * cellHeight) / cellWidth));
    const rows = Math.ceil(count / columns);
    const border = 2 * CLUSTER.padding - CLUSTER.gap;
    return {
        columns,
        cellWidth,
        cellHeight,
        width: columns * cellWidth + border,
        height: rows * cellHeight + border + CLUSTER.header,
    };
}

function blockSize(jobs) {
    if (!jobs.length) {
        return { width: 1, height: 1 };
    }
    return jobs.length === 1 ? CARD : clusterGrid(jobs.length);
}

/** @returns {{blocks: number[], links: number[][]}[]} the connected parts, links by place */
function components(blocks, links) {
    const root = blocks.map((_, i) => i);
    const find = (i) => {
        while (root[i] !== i) {
            i = root[i] = root[root[i]];
        }
        return i;
    };
    for (const [from, to] of links) {
        const [a, b] = [find(from), find(to)];
        root[Math.max(a, b)] = Math.min(a, b);
    }
    const parts = new Map();
    const place = [];
    blocks.forEach((_, i) => {
        const part = parts.get(find(i)) || { blocks: [], links: [] };
        parts.set(find(i), part);
        place[i] = part.blocks.push(i) - 1;
    });
    for (const [from, to] of links) {
        parts.get(find(from)).links.push([place[from], place[to]]);
    }
    return [...parts.values()];
}

/** Set `x` and `y` of the parts: in rows, in the given order. */
function pack(parts) {
    const area = parts.reduce(
        (sum, part) => sum + (part.width + COMPONENT_GAP) * (part.height + COMPONENT_GAP),
        0
    );
    const limit = Math.max(
        Math.sqrt(area * PICTURE_RATIO),
        ...parts.map((part) => part.width)
    );
    let [x, y, rowHeight, width] = [0, 0, 0, 0];
    for (const part of parts) {
        if (x && x + part.width > limit) {
            [x, y, rowHeight] = [0, y + rowHeight + COMPONENT_GAP, 0];
        }
        Object.assign(part, { x, y });
        x += part.width + COMPONENT_GAP;
        width = Math.max(width, x - COMPONENT_GAP);
        rowHeight = Math.max(rowHeight, part.height);
    }
    return { width, height: y + rowHeight };
}

const round = (number) => Math.round(number * 10) / 10;

/** SVG path of a link: straight along boxes, curved between layers. */
function linkPath(points, vertical) {
    const at = ([main, cross]) =>
        vertical ? `${round(cross)} ${round(main)}` : `${round(main)} ${round(cross)}`;
    let path = `M${at(points[0])}`;
    for (let i = 1; i < points.length; i++) {
        const [[main, cross], [nextMain, nextCross]] = [points[i - 1], points[i]];
        if (cross === nextCross || main === nextMain) {
            path += `L${at(points[i])}`;
        } else {
            const middle = (main + nextMain) / 2;
            path += `C${at([middle, cross])} ${at([middle, nextCross])} ${at(points[i])}`;
        }
    }
    return path;
}

function arrowPath([main, cross], vertical) {
    const tip = vertical ? [cross, main] : [main, cross];
    const { length, half } = ARROW;
    const sides = vertical
        ? `l${-half} ${-length}h${2 * half}z`
        : `l${-length} ${-half}v${2 * half}z`;
    return `M${round(tip[0])} ${round(tip[1])}${sides}`;
}

/**
 * Where everything of a graph of jobs is drawn.
 *
 * @param {number[]} ids of the jobs
 * @param {[number, number][]} edges parent, child
 * @param {{vertical?: boolean, barriers?: [number[], number[]][]}} options whether links go
 *  downwards, not to the right; each of some parents before each of some children
 * @returns {{
 *   jobs: {id, x, y, width, height, block: number, small: boolean}[],
 *   clusters: {x, y, width, height, block: number, count: number}[],
 *   links: {from: number, to: number, line: string, arrow: string}[],
 *   isJunction: boolean[], width: number, height: number, implied: number}} blocks are
 *   numbers, to find the links of a job
 */
export function drawGraph(ids, edges, { vertical = false, barriers = [] } = {}) {
    const { blocks, links, implied } = jobBlocks(ids, edges, barriers);
    const sizes = blocks.map(blockSize);
    const parts = components(blocks, links).map((part) => {
        const boxes = part.blocks.map((block) => {
            const { width, height } = sizes[block];
            return vertical ? { main: height, cross: width } : { main: width, cross: height };
        });
        const layout = layeredLayout(boxes, part.links, vertical ? DOWNWARDS : RIGHTWARDS);
        const [width, height] = vertical
            ? [layout.cross, layout.main]
            : [layout.main, layout.cross];
        return { ...part, layout, width, height };
    });
    const drawing = { ...pack(parts), jobs: [], clusters: [], links: [], implied };
    for (const part of parts) {
        part.layout.boxes.forEach(({ main, cross }, i) => {
            const block = part.blocks[i];
            const x = part.x + (vertical ? cross : main);
            const y = part.y + (vertical ? main : cross);
            drawBlock(drawing, blocks[block], { x, y, block });
        });
        const [originMain, originCross] = vertical ? [part.y, part.x] : [part.x, part.y];
        for (const { from, to, points } of part.layout.links) {
            const path = points.map(([main, cross]) => [main + originMain, cross + originCross]);
            const target = part.blocks[to];
            const end = path[path.length - 1];
            drawing.links.push({
                from: part.blocks[from],
                to: target,
                line: linkPath(path, vertical),
                arrow: blocks[target].length ? arrowPath(end, vertical) : "",
            });
        }
    }
    drawing.isJunction = blocks.map((block) => !block.length);
    return drawing;
}

function drawBlock(drawing, jobs, { x, y, block }) {
    if (jobs.length === 1) {
        drawing.jobs.push({ id: jobs[0], x, y, ...CARD, block, small: false });
    } else if (jobs.length) {
        const { columns, cellWidth, cellHeight, width, height } = clusterGrid(jobs.length);
        drawing.clusters.push({ x, y, width, height, block, count: jobs.length });
        jobs.forEach((id, i) => {
            drawing.jobs.push({
                id,
                x: x + CLUSTER.padding + (i % columns) * cellWidth,
                y: y + CLUSTER.padding + CLUSTER.header + Math.floor(i / columns) * cellHeight,
                ...SMALL_CARD,
                block,
                small: true,
            });
        });
    }
}

/**
 * @returns {{lines: string, arrows: string}} SVG paths of the links of a block, also those
 *  beyond its junctions
 */
export function linksOfBlock(drawing, block) {
    const found = new Set();
    const follow = (start, end) => {
        const blocks = [block];
        for (const current of blocks) {
            for (const link of drawing.links) {
                if (link[start] === current && !found.has(link)) {
                    found.add(link);
                    if (drawing.isJunction[link[end]]) {
                        blocks.push(link[end]);
                    }
                }
            }
        }
    };
    follow("from", "to");
    follow("to", "from");
    return joinPaths([...found]);
}

/** One SVG path for many links: a browser draws it much faster than one for each. */
export function joinPaths(links) {
    return {
        lines: links.map((link) => link.line).join(""),
        arrows: links.map((link) => link.arrow).join(""),
    };
}

/**
 * The job that lies next to another one in a direction, for the arrow keys.
 *
 * @param {{id, x, y, width, height}[]} jobs
 * @param {Object} from one of the jobs
 * @param {"left" | "right" | "up" | "down"} direction
 * @returns {Object | undefined}
 */
export function neighbour(jobs, from, direction) {
    const sign = direction === "left" || direction === "up" ? -1 : 1;
    const horizontal = direction === "left" || direction === "right";
    const centre = (job) => [job.x + job.width / 2, job.y + job.height / 2];
    const [fromX, fromY] = centre(from);
    let best;
    let bestDistance = Infinity;
    for (const job of jobs) {
        const [x, y] = centre(job);
        const along = sign * (horizontal ? x - fromX : y - fromY);
        const across = Math.abs(horizontal ? y - fromY : x - fromX);
        const distance = along + 3 * across;
        // beside it, rather than a bit further on across
        if (along > 1 && along * 4 > across && distance < bestDistance) {
            best = job;
            bestDistance = distance;
        }
    }
    return best;
}
