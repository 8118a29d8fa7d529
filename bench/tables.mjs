// SPDX-License-Identifier: MIT
// The summary as tables for docs/BENCHMARKS.md.

import { readFileSync } from 'node:fs';
import { head, row, writePage } from './page.mjs';
import { LEVELS } from './targets.mjs';

const PAGE = 'docs/BENCHMARKS.md';

const number = (value) => (value === undefined ? '' : `${Number(value.toFixed(Math.abs(value) < 2 ? 3 : Math.abs(value) < 100 ? 1 : 0))}`);
const bound = (sense, value) => (value === undefined ? '' : `${sense === 'most' ? '≤' : '≥'} ${value}`);

function targets(judged) {
  let text = head(['#', 'figure', 'gate', 'stretch', 'measured', 'reached']);
  for (const { number: n, figure, sense, gate, stretch, measured, reached } of judged) {
    text += row([n, `\`${figure}\``, bound(sense, gate), bound(sense, stretch), number(measured), reached === 'no' ? '**no**' : reached]);
  }
  return text;
}

const SCENES = {
  fill: 'filled at the first failure, %',
  churn: 'the same with every third freed again, %',
  sustained: 'survives random replacement, %',
  phases: 'survives phases and lifetimes, %',
  contiguity: 'contiguity at 60 % live',
};

function memory(runs) {
  const sizes = [...new Set(runs.map((r) => r.size))].sort((a, b) => b - a);
  const columns = [[1, 1], [1, 0], [2, 1], [2, 0]];
  let text = head(['median / worst', 'heap', '1 CPU', '1 CPU, no caches', '2 CPUs', '2 CPUs, no caches', 'bytes cached, 1 / 2 CPUs']);
  for (const [scene, title] of Object.entries(SCENES)) {
    for (const size of sizes) {
      const of = (cpus, caches) => runs.find((r) => r.scene === scene && r.size === size && r.cpus === cpus && r.caches === caches);
      if (!of(1, 1)) continue;
      const cells = columns.map(([cpus, caches]) => `${number(of(cpus, caches).median)} / ${number(of(cpus, caches).worst)}`);
      text += row([title, `${size / 1024} KiB`, ...cells, `${number(of(1, 1).cached)} / ${number(of(2, 1).cached)}`]);
    }
  }
  text += `\n${head(['bytes', ...sizes.map((size) => `${size / 1024} KiB`)])}`;
  const bytes = (size, cpus, caches) => runs.find((r) => r.scene === 'bytes' && r.size === size && r.cpus === cpus && r.caches === caches);
  for (const [cpus, caches] of columns) {
    const what = `${cpus} CPU${cpus > 1 ? 's' : ''}${caches ? '' : ', no caches'}`;
    text += row([`control memory, ${what}`, ...sizes.map((size) => bytes(size, cpus, caches).control)]);
    text += row([`largest block, ${what}`, ...sizes.map((size) => bytes(size, cpus, caches).largest)]);
    if (caches) text += row([`most that caches hold, ${what}`, ...sizes.map((size) => bytes(size, cpus, caches).cacheLimit)]);
  }
  const { overhead, rounding, instance } = bytes(sizes[0], 2, 1);
  return `${text}\nPer block ${overhead} bytes, and ${number(rounding)} of rounding on average; the instance takes ${instance} bytes.\n`;
}

function counts(instructions, curves) {
  let text = head(['instructions', ...LEVELS.map((level) => level.toUpperCase())]);
  for (const scene of Object.keys(instructions.moderate)) {
    text += row([scene, ...LEVELS.map((level) => number(instructions[level][scene]))]);
  }
  for (const [axis, styles] of Object.entries(curves)) {
    text += `\n${head([axis, ...styles.cached.map(({ point }) => point)])}`;
    text += row(['with caches', ...styles.cached.map(({ cost }) => number(cost))]);
    text += row(['without', ...styles.nocaches.map(({ cost }) => number(cost))]);
  }
  return text;
}

/** Targets that are missed and have no line "- N: ..." under "## Targets" of the page. */
export function unexplained(summary) {
  const page = readFileSync(PAGE, 'utf8');
  const missed = [...new Set(summary.targets.filter(({ reached }) => reached === 'no').map(({ number: n }) => n))];
  return missed.filter((n) => !new RegExp(`^- ${n}:`, 'm').test(page));
}

export function writeTables(summary) {
  writePage(PAGE, 'targets', targets(summary.targets));
  writePage(PAGE, 'memory', memory(summary.memory_runs));
  writePage(PAGE, 'counts', counts(summary.instructions, summary.growth_curves.instructions));
}

export { targets as targetTable };
