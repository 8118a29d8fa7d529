// SPDX-License-Identifier: MIT
// The stack that public functions need at worst: gcc's -fcallgraph-info=su says what each function's own frame
// takes and whom it calls; this finds the heaviest path. The caller's own functions (fatal hook, visitor) and
// those of the C library count as nothing.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const NODE = /^node: \{ title: "([^"]+)" label: "([^"]*)"/;
const EDGE = /^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"/;
const INDIRECT = '__indirect_call';
/** Who is called through a pointer, besides functions of the caller's. */
const THROUGH_POINTER = { nh__walk: ['count_block', 'describe', 'check_block'], nh__report: [], describe: [], nh_single_walk: [] };

const FRAME = /(\d+) bytes \((\w+)/;

function readGraph(folder) {
  const frames = new Map();
  const calls = new Map();
  const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.ci'));
  for (const file of files) {
    for (const line of readFileSync(join(folder, file), 'latin1').split('\n')) {
      const node = NODE.exec(line);
      const frame = node && FRAME.exec(node[2]);
      if (frame) {
        if (frame[2] !== 'static') throw new Error(`${node[1]}: a frame that is not static`);
        frames.set(node[1], Number(frame[1]));
      }
      const edge = EDGE.exec(line);
      if (edge) calls.set(edge[1], (calls.get(edge[1]) ?? new Set()).add(edge[2]));
    }
  }
  return { frames, calls };
}

const plainName = (name) => name.replace(/^.*:/, '');

function resolvePointers({ frames, calls }) {
  for (const [caller, callees] of calls) {
    if (!callees.delete(INDIRECT)) continue;
    const targets = THROUGH_POINTER[plainName(caller)];
    if (!targets) throw new Error(`${caller}: whom does it call through a pointer?`);
    for (const target of targets) {
      const found = [...frames.keys()].find((name) => plainName(name) === target);
      if (!found) throw new Error(`${target}, called by ${caller}: no such function`);
      callees.add(found);
    }
  }
}

/** Bytes and path of the heaviest chain of calls from a function. Recursion has no bound: an error. */
function heaviest(graph, name, under, known) {
  if (under.has(name)) throw new Error(`recursion: ${[...under, name].join(' > ')}`);
  if (known.has(name)) return known.get(name);
  under.add(name);
  let deepest = { bytes: 0, path: [] };
  for (const callee of graph.calls.get(name) ?? []) {
    const below = heaviest(graph, callee, under, known);
    if (below.bytes > deepest.bytes) deepest = below;
  }
  under.delete(name);
  const result = {
    bytes: (graph.frames.get(name) ?? 0) + deepest.bytes,
    path: graph.frames.has(name) ? [plainName(name), ...deepest.path] : deepest.path,
  };
  known.set(name, result);
  return result;
}

/** { nh_malloc: { bytes, path }, ... } for every public function of the library whose objects are in `folder`. */
export function stackOf(folder) {
  const graph = readGraph(folder);
  resolvePointers(graph);
  const known = new Map();
  const names = [...graph.frames.keys()].filter((name) => /^nh_[a-z]/.test(name) && !/^nh_(port|instance)_/.test(name));
  if (!names.includes('nh_malloc')) throw new Error(`${folder}: no call graph`);
  return Object.fromEntries(names.sort().map((name) => [name, heaviest(graph, name, new Set(), known)]));
}
