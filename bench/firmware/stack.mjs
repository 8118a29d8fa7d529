// SPDX-License-Identifier: MIT
// The stack that public functions need at worst: gcc's -fcallgraph-info=su says what each function's own frame
// takes and whom it calls; this finds the heaviest path. The caller's own functions (fatal hook, visitor) count as
// nothing, and those of the C library as what the caller of this says. tests/static/stack.mjs makes bounds of it.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const NODE = /^node: \{ title: "([^"]+)" label: "([^"]*)"/;
const EDGE = /^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"/;
const INDIRECT = '__indirect_call';
/** Who is called through a pointer, besides functions of the caller's. */
export const THROUGH_POINTER = { nh__walk: ['count_block', 'describe', 'check_block'], nh__report: [], describe: [], nh_single_walk: [] };

const FRAME = /(\d+) bytes \(([\w,]+)/;

function readGraph(folder) {
  const frames = new Map();
  const calls = new Map();
  const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.ci'));
  for (const file of files) {
    for (const line of readFileSync(join(folder, file), 'latin1').split('\n')) {
      const node = NODE.exec(line);
      const frame = node && FRAME.exec(node[2]);
      if (frame) {
        // bounded: arguments are pushed for a call; the bytes are the most
        if (!['static', 'dynamic,bounded'].includes(frame[2])) throw new Error(`${node[1]}: a frame that is not static`);
        frames.set(node[1], Number(frame[1]));
      }
      const edge = EDGE.exec(line);
      if (edge) calls.set(edge[1], (calls.get(edge[1]) ?? new Set()).add(edge[2]));
    }
  }
  return { frames, calls };
}

/** Without the file's name, and what gcc adds to parts and copies of a function. */
const plainName = (name) => name.replace(/^.*:/, '').replace(/\.(part|isra|constprop|cold)\..*$/, '');

/** A weak function is known by its file too, as static ones are; who calls it from elsewhere names it alone. */
function resolveWeak({ frames, calls }) {
  for (const callees of calls.values()) {
    for (const name of [...callees]) {
      if (frames.has(name) || name === INDIRECT) continue;
      const found = [...frames.keys()].filter((key) => key.includes(':') && plainName(key) === name);
      if (found.length > 1) throw new Error(`${name}: which of ${found.join(', ')}?`);
      if (found.length === 1) {
        callees.delete(name);
        callees.add(found[0]);
      }
    }
  }
}

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
function heaviest(graph, name, under, known, outside) {
  if (under.has(name)) throw new Error(`recursion: ${[...under, name].join(' > ')}`);
  if (known.has(name)) return known.get(name);
  under.add(name);
  let deepest = { bytes: 0, path: [] };
  for (const callee of graph.calls.get(name) ?? []) {
    const below = heaviest(graph, callee, under, known, outside);
    if (below.bytes > deepest.bytes) deepest = below;
  }
  under.delete(name);
  const result = {
    bytes: (graph.frames.get(name) ?? outside(name)) + deepest.bytes,
    path: graph.frames.has(name) ? [plainName(name), ...deepest.path] : deepest.path,
  };
  known.set(name, result);
  return result;
}

/**
 * { nh_malloc: { bytes, path }, ... } for every public function of the library whose objects are in `folder`; those of
 * instances if asked for. outside(name): bytes that a function from elsewhere takes.
 */
export function stackOf(folder, { outside = () => 0, instances = false } = {}) {
  const graph = readGraph(folder);
  resolvePointers(graph);
  resolveWeak(graph);
  const known = new Map();
  const other = instances ? /^nh_port_/ : /^nh_(port|instance)_/;
  const names = [...graph.frames.keys()].filter((name) => /^nh_[a-z]/.test(name) && !other.test(name));
  if (!names.includes('nh_malloc')) throw new Error(`${folder}: no call graph`);
  return Object.fromEntries(names.sort().map((name) => [name, heaviest(graph, name, new Set(), known, outside)]));
}
