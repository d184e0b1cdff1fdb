// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).

import { describe, expect, test } from "@odoo/hoot";
import {
    adjacency,
    jobBlocks,
    topologicalOrder,
    withoutImpliedEdges,
} from "@queue_job/views/fields/job_directed_graph/job_blocks";

describe.current.tags("headless");

const range = (from, to) => Array.from({ length: to - from }, (_, i) => from + i);
const product = (left, right) => left.flatMap((a) => right.map((b) => [a, b]));

test("edges to itself, twice the same and to unknown jobs are ignored", () => {
    const { parents, children } = adjacency([7, 8], [[7, 8], [7, 8], [7, 7], [7, 99], [99, 8]]);
    expect(children.map((set) => [...set])).toEqual([[1], []]);
    expect(parents.map((set) => [...set])).toEqual([[], [0]]);
});

test("parents come before their children", () => {
    const graph = adjacency([1, 2, 3, 4], [[3, 1], [1, 2], [4, 2]]);
    const order = topologicalOrder(graph);
    expect([...order].sort()).toEqual([0, 1, 2, 3]);
    graph.children.forEach((set, parent) =>
        set.forEach((child) => expect(order.indexOf(parent)).toBeLessThan(order.indexOf(child)))
    );
});

test("a cycle does not keep vertices out of the order", () => {
    const order = topologicalOrder(adjacency([1, 2, 3], [[1, 2], [2, 3], [3, 2]]));
    expect([...order].sort()).toEqual([0, 1, 2]);
});

test("implied edges are found, others stay", () => {
    const graph = adjacency([1, 2, 3, 4], [[1, 2], [2, 3], [1, 3], [1, 4], [3, 4]]);
    const { children } = withoutImpliedEdges(graph);
    expect(children.map((set) => [...set])).toEqual([[1], [2], [3], []]);
});

test("few jobs are a block each", () => {
    const { blocks, links, implied } = jobBlocks([1, 2, 3], [[1, 2], [1, 3]]);
    expect(blocks).toEqual([[1], [2], [3]]);
    expect(links).toEqual([[0, 1], [0, 2]]);
    expect(implied).toBe(0);
});

test("all of 250 before all of 250 others: two clusters, one link", () => {
    const [first, second] = [range(0, 250), range(250, 500)];
    const { blocks, links, implied } = jobBlocks([...first, ...second], product(first, second));
    expect(blocks).toEqual([first, second]);
    expect(links).toEqual([[0, 1]]);
    expect(implied).toBe(0);
});

test("the ends of chains before the starts of others meet in a junction", () => {
    // 1→11, 2→12, 3→13, then all of these before each of 21, 22, 23, which go on to 31, 32, 33
    const edges = [
        ...[1, 2, 3].map((id) => [id, id + 10]),
        ...product([11, 12, 13], [21, 22, 23]),
        ...[21, 22, 23].map((id) => [id, id + 10]),
    ];
    const ids = [1, 2, 3, 11, 12, 13, 21, 22, 23, 31, 32, 33];
    const { blocks, links } = jobBlocks(ids, edges);
    expect(blocks).toHaveLength(13);
    expect(blocks[12]).toEqual([]);
    const named = links.map(([from, to]) => [blocks[from][0], blocks[to][0]]);
    expect(named.filter(([from, to]) => from && to)).toEqual([
        [1, 11],
        [2, 12],
        [3, 13],
        [21, 31],
        [22, 32],
        [23, 33],
    ]);
    expect(links.filter((link) => link[1] === 12)).toHaveLength(3);
    expect(links.filter((link) => link[0] === 12)).toHaveLength(3);
});

test("a job that waits for all before it: what is implied is left out and counted", () => {
    const ids = range(0, 100);
    const edges = ids.flatMap((child) => range(0, child).map((parent) => [parent, child]));
    const { links, implied } = jobBlocks(ids, edges);
    expect(links).toHaveLength(99);
    expect(implied).toBe(edges.length - 99);
});

test("a barrier between all of 2,000 and all of 2,000 others is one link", () => {
    const [first, second] = [range(0, 2000), range(2000, 4000)];
    const { blocks, links, implied } = jobBlocks([...first, ...second], [], [[first, second]]);
    expect(blocks).toEqual([first, second]);
    expect(links).toEqual([[0, 1]]);
    expect(implied).toBe(0);
});

test("a barrier between the ends of chains and the starts of others is a junction", () => {
    const [starts, ends, next] = [range(0, 9), range(10, 19), range(20, 29)];
    const pairs = starts.map((id) => [id, id + 10]);
    const further = next.map((id) => [id, id + 10]);
    const ids = [...starts, ...ends, ...next, ...next.map((id) => id + 10)];
    const { blocks, links } = jobBlocks(ids, [...pairs, ...further], [[ends, next]]);
    expect(blocks).toHaveLength(37);
    expect(blocks[36]).toEqual([]);
    expect(links).toHaveLength(36);
    expect(links.filter((link) => link.includes(36))).toHaveLength(18);
});
