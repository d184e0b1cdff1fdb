// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).

/**
 * From jobs and their dependencies to the few blocks and links that are drawn.
 *
 * A graph of jobs is often "all of these before all of those": 250 jobs before 250 others
 * are 62,500 dependencies. Nothing is lost when they are drawn as less:
 *
 * - jobs with the same parents and the same children become one block, a *cluster*;
 * - where several blocks have the same several parents, a *junction* joins both sides;
 * - dependencies that follow from others (a → c, where a → b → c) are left out, only where
 *   there are still too many, and counted.
 */

/** Jobs that are alike become a cluster from this number on. */
export const MIN_CLUSTER = 5;

/** Implied dependencies are left out when there are more links than this. */
export const MAX_LINKS = 1200;

/**
 * @param {number[]} ids
 * @param {[number, number][]} edges parent, child
 * @param {[number[], number[]][]} barriers each of some parents before each of some children
 * @returns {{parents: Set<number>[], children: Set<number>[]}} by position in `ids`, then in
 *  `barriers`, which are vertices too; without loops, repetitions and unknown jobs
 */
export function adjacency(ids, edges, barriers = []) {
    const positions = new Map(ids.map((id, position) => [id, position]));
    const parents = [...ids, ...barriers].map(() => new Set());
    const children = [...ids, ...barriers].map(() => new Set());
    const link = (parent, child) => {
        if (parent !== undefined && child !== undefined && parent !== child) {
            children[parent].add(child);
            parents[child].add(parent);
        }
    };
    for (const [from, to] of edges) {
        link(positions.get(from), positions.get(to));
    }
    barriers.forEach(([before, behind], number) => {
        const barrier = ids.length + number;
        before.forEach((id) => link(positions.get(id), barrier));
        behind.forEach((id) => link(barrier, positions.get(id)));
    });
    return { parents, children };
}

/**
 * @returns {number[]} all vertices, parents first; where there is a cycle, which the server
 *  does not let pass, it is entered at its first vertex
 */
export function topologicalOrder({ parents, children }) {
    const missing = parents.map((set) => set.size);
    const seen = parents.map(() => false);
    const order = [];
    const visit = (vertex) => {
        seen[vertex] = true;
        order.push(vertex);
    };
    parents.forEach((set, vertex) => set.size || visit(vertex));
    let start = 0;
    for (let next = 0; order.length < parents.length || next < order.length; next++) {
        if (next === order.length) {
            while (seen[start]) {
                start++;
            }
            visit(start);
        }
        for (const child of children[order[next]]) {
            missing[child]--;
            if (!missing[child] && !seen[child]) {
                visit(child);
            }
        }
    }
    return order;
}

/** The same graph without the edges that follow from others; edges of cycles stay. */
export function withoutImpliedEdges(graph) {
    const order = topologicalOrder(graph);
    const rank = new Uint32Array(order.length);
    order.forEach((vertex, position) => (rank[vertex] = position));
    const words = Math.ceil(order.length / 32);
    const reach = graph.children.map(() => null);
    const parents = graph.parents.map(() => new Set());
    const children = graph.children.map(() => new Set());
    for (const vertex of [...order].reverse()) {
        const reached = (reach[vertex] = new Uint32Array(words));
        const nearestFirst = [...graph.children[vertex]].sort((a, b) => rank[a] - rank[b]);
        for (const child of nearestFirst) {
            if (reached[child >> 5] & (1 << (child & 31))) {
                continue;
            }
            children[vertex].add(child);
            parents[child].add(vertex);
            if (rank[child] > rank[vertex]) {
                reached[child >> 5] |= 1 << (child & 31);
                reach[child].forEach((word, i) => (reached[i] |= word));
            }
        }
    }
    return { parents, children };
}

const byNumber = (a, b) => a - b;
const signature = (set) => [...set].sort(byNumber).join();

function groupBy(items, keyOf) {
    const groups = new Map();
    for (const item of items) {
        const key = keyOf(item);
        if (!groups.has(key)) {
            groups.set(key, []);
        }
        groups.get(key).push(item);
    }
    return groups;
}

/** @returns {number[][]} the vertices of each block, in the order of their first vertex */
function clusters({ parents, children }) {
    const alike = groupBy(
        parents.keys(),
        (vertex) => `${signature(parents[vertex])}>${signature(children[vertex])}`
    );
    return [...alike.values()]
        .flatMap((group) =>
            group.length < MIN_CLUSTER ? group.map((vertex) => [vertex]) : [group]
        )
        .sort((a, b) => a[0] - b[0]);
}

function linksBetween(blocks, { children }) {
    const blockOf = [];
    blocks.forEach((block, i) => block.forEach((vertex) => (blockOf[vertex] = i)));
    return blocks.map(
        ([vertex]) => new Set([...children[vertex]].map((child) => blockOf[child]))
    );
}

function countLinks(childrenOf) {
    return childrenOf.reduce((count, set) => count + set.size, 0);
}

/**
 * A barrier between many blocks is a junction, one between few stands for links between them.
 *
 * @param {number} count of jobs: what comes behind is a barrier
 * @returns {{blocks: number[][], childrenOf: Set<number>[]}} a junction has no vertices
 */
function placeBarriers(blocks, childrenOf, count) {
    const isBarrier = ([vertex]) => vertex >= count;
    const parentsOf = parentsByChild(childrenOf);
    const placed = { blocks: [], childrenOf: [] };
    blocks.forEach((block, i) => {
        // blocks of jobs come first, as jobs come before barriers
        if (!isBarrier(block)) {
            placed.blocks.push(block);
            placed.childrenOf.push(
                new Set([...childrenOf[i]].filter((child) => !isBarrier(blocks[child])))
            );
            return;
        }
        const [before, behind] = [[...parentsOf[i]], [...childrenOf[i]]];
        if (before.length * behind.length <= before.length + behind.length + 1) {
            before.forEach((parent) =>
                behind.forEach((child) => placed.childrenOf[parent].add(child))
            );
        } else {
            const junction = placed.blocks.push([]) - 1;
            placed.childrenOf.push(new Set(behind));
            before.forEach((parent) => placed.childrenOf[parent].add(junction));
        }
    });
    return placed;
}

function parentsByChild(childrenOf) {
    const parentsOf = childrenOf.map(() => new Set());
    childrenOf.forEach((set, parent) => set.forEach((child) => parentsOf[child].add(parent)));
    return parentsOf;
}

/** Join several blocks with the same several parents to them through a vertex of its own. */
function addJunctions(blocks, childrenOf) {
    const parentsOf = parentsByChild(childrenOf);
    for (const group of groupBy(parentsOf.keys(), (i) => signature(parentsOf[i])).values()) {
        const parents = [...parentsOf[group[0]]];
        if (parents.length * group.length <= parents.length + group.length + 1) {
            continue;
        }
        const junction = blocks.push([]) - 1;
        childrenOf.push(new Set(group));
        for (const parent of parents) {
            group.forEach((child) => childrenOf[parent].delete(child));
            childrenOf[parent].add(junction);
        }
    }
}

function linkedBlocks(graph, count) {
    const alike = clusters(graph);
    const linked = placeBarriers(alike, linksBetween(alike, graph), count);
    addJunctions(linked.blocks, linked.childrenOf);
    return linked;
}

/**
 * @param {number[]} ids of the jobs
 * @param {[number, number][]} edges parent, child
 * @param {[number[], number[]][]} barriers each of some parents before each of some children
 * @returns {{blocks: number[][], links: [number, number][], implied: number}} the ids of the
 *  jobs of each block, none for a junction; links from block to block, by position; and how
 *  many implied dependencies are left out
 */
export function jobBlocks(ids, edges, barriers = []) {
    let graph = adjacency(ids, edges, barriers);
    let linked = linkedBlocks(graph, ids.length);
    let implied = 0;
    if (countLinks(linked.childrenOf) > MAX_LINKS) {
        const before = countLinks(graph.children);
        graph = withoutImpliedEdges(graph);
        implied = before - countLinks(graph.children);
        linked = linkedBlocks(graph, ids.length);
    }
    return {
        blocks: linked.blocks.map((block) => block.map((vertex) => ids[vertex])),
        links: linked.childrenOf.flatMap((set, from) => [...set].map((to) => [from, to])),
        implied,
    };
}
