#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Exact instruction counts on this machine's kind of CPU: builds bench_counts once per hardening level, runs it under
// callgrind, adds up the instructions of the library's functions, and writes build/bench/counts.json. Numbers are
// per operation and net: the caller's loop and its call instructions are not in them, the functions' returns are.
//
//   node bench/counts/counts.mjs      in the repository's root

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, compilerKey, run, runMain, writeJson } from '../run.mjs';

const LEVELS = ['none', 'basic', 'moderate'];
const COMPILER = 'gcc';

/** The names of all functions of a library, those of its files included. */
function functionsOf(library) {
  const names = run(['nm', library]).split('\n').map((line) => /^[0-9a-f]+ [tT] (\S+)$/.exec(line)?.[1]);
  // gcc's clones: nh_free.cold, place.constprop.0
  return new Set(names.filter(Boolean));
}

/** Self cost of the functions in `names`. Lines of a callgrind file: "fn=NAME", then "LINE COST"; the line after
 *  "calls=" is what the callee took. */
function costIn(text, names) {
  let [own, skip, cost] = [false, false, 0];
  for (const line of text.split('\n')) {
    if (line.startsWith('fn=')) own = names.has(line.slice(3).replace(/'\d+$/, ''));
    else if (line.startsWith('calls=')) skip = true;
    else if (/^\d/.test(line)) {
      if (own && !skip) cost += Number(line.split(' ')[1]);
      skip = false;
    }
  }
  return cost;
}

/** { "pair 64": instructions per operation, ... } in the order of the scenes. */
function countsOf(dir, suite) {
  const names = functionsOf(join(dir, 'libnearheap.a'));
  const folder = mkdtempSync(join(tmpdir(), 'counts-'));
  try {
    run(['valgrind', '--tool=callgrind', '--instr-atstart=no', '--compress-strings=no', '--compress-pos=no',
      `--callgrind-out-file=${join(folder, 'out')}`, join(dir, 'bench/counts/bench_counts'), suite]);
    const counts = {};
    const files = readdirSync(folder).filter((name) => /^out\.\d+$/.test(name));
    for (const file of files.sort((a, b) => Number(a.slice(4)) - Number(b.slice(4)))) {
      const text = readFileSync(join(folder, file), 'latin1');
      const [, scene, point, operations] = /^desc: Trigger: Client Request: (\S+) (\d+) (\d+)$/m.exec(text);
      counts[`${scene} ${point}`] = costIn(text, names) / Number(operations);
    }
    return counts;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function buildFor(name, options) {
  return build('gcc-release', `build/bench/counts-${name}`,
    { NH_STATS: '1', NH_ZEPHYR: 'OFF', NH_TIZENRT: 'OFF', NH_INSTALL: 'OFF', ...options }, ['bench_counts']);
}

/** The most by which a point lies above one before it. */
function worstGrowth(points) {
  let [least, worst] = [Infinity, 1];
  for (const { cost } of points) {
    least = Math.min(least, cost);
    worst = Math.max(worst, cost / least);
  }
  return worst;
}

/** { blocks: { cached: [{ point, cost }], nocaches: [...] }, ... } */
function curvesOf(counts) {
  const curves = {};
  for (const [key, cost] of Object.entries(counts)) {
    const [, axis, nocaches, point] = /^([a-z_]+?)(_nocaches)? (\d+)$/.exec(key);
    curves[axis] ??= { cached: [], nocaches: [] };
    curves[axis][nocaches ? 'nocaches' : 'cached'].push({ point: Number(point), cost });
  }
  return curves;
}

export function measureCounts({ growth = true } = {}) {
  const result = { compiler: compilerKey(COMPILER), machine: process.arch, levels: {} };
  for (const level of LEVELS) result.levels[level] = countsOf(buildFor(level, { NH_HARDENING: level }), 'calls');
  if (growth) {
    const dir = buildFor('growth', { NH_HARDENING: 'moderate', NH_MAX_HEAPS: '16' });
    result.curves = curvesOf(countsOf(dir, 'growth'));
  }
  return result;
}

/** The figures of the summary. Growth: the worse of a heap with caches and one without. */
export function countFigures({ levels, curves }) {
  const counts = Object.fromEntries(LEVELS.map((level) => [`pair64_net_instructions_${level}`, levels[level]['pair 64']]));
  const growth = Object.fromEntries(Object.entries(curves ?? {}).map(([axis, { cached, nocaches }]) =>
    [axis, Math.max(worstGrowth(cached), worstGrowth(nocaches))]));
  return { counts, growth };
}

function main() {
  const result = measureCounts();
  result.figures = countFigures(result);
  writeJson('build/bench/counts.json', result);
  for (const key of Object.keys(result.levels.moderate)) {
    process.stdout.write(`${key.padEnd(20)}${LEVELS.map((level) => result.levels[level][key].toFixed(1).padStart(9)).join('')}\n`);
  }
  for (const [axis, curves] of Object.entries(result.curves)) {
    for (const [style, points] of Object.entries(curves)) {
      process.stdout.write(`${axis} ${style}: ${points.map((p) => `${p.point}: ${p.cost.toFixed(1)}`).join(', ')}\n`);
    }
  }
  process.stdout.write(`${JSON.stringify(result.figures)}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await runMain(main);
