#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Memory that programs get out of a heap: builds bench_memory as 32-bit ARM with a microcontroller's options, with
// caches and without, plays its scenes under qemu-arm with seeds that nothing was tuned with, and writes
// build/bench/memory.json.
//
//   node bench/memory/memory.mjs [--quick]      in the repository's root

import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, compilerKey, run, runAll, runMain, writeJson } from '../run.mjs';

const COMPILER = 'arm-linux-gnueabihf-gcc';
const EMULATOR = ['qemu-arm', '-L', '/usr/arm-linux-gnueabihf'];
const WHOLE = 192 * 1024;
const FIRST_SEED = 1001;

/** Scenes by size of heap: [scene, replacements, seeds]. */
const PLANS = {
  full: {
    [WHOLE]: [['bytes', 1, 1], ['fill', 1, 8], ['churn', 1, 8], ['sustained', 1000000, 6], ['phases', 200000, 6], ['contiguity', 300000, 8]],
    [64 * 1024]: [['bytes', 1, 1], ['fill', 1, 8], ['churn', 1, 8], ['sustained', 1000000, 2], ['phases', 100000, 2]],
    [16 * 1024]: [['bytes', 1, 1], ['fill', 1, 8], ['churn', 1, 8], ['sustained', 1000000, 2], ['phases', 100000, 2]],
    [4 * 1024]: [['bytes', 1, 1], ['fill', 1, 8], ['churn', 1, 8], ['sustained', 1000000, 2], ['phases', 100000, 2]],
  },
  quick: {
    [WHOLE]: [['bytes', 1, 1], ['fill', 1, 4], ['sustained', 300000, 2], ['phases', 100000, 3], ['contiguity', 120000, 2]],
    [64 * 1024]: [['bytes', 1, 1], ['fill', 1, 4], ['sustained', 100000, 1]],
    [16 * 1024]: [['bytes', 1, 1], ['fill', 1, 4], ['sustained', 100000, 1]],
    [4 * 1024]: [['bytes', 1, 1], ['fill', 1, 4], ['sustained', 100000, 1]],
  },
  /** Few and exact: for the comparison with a stored baseline. */
  gate: {
    [WHOLE]: [['bytes', 1, 1], ['fill', 1, 8]],
    [4 * 1024]: [['bytes', 1, 1]],
  },
};

/** What of a scene's line is the result; the rest of the numbers is told beside it. */
const VALUE = { fill: 'share', churn: 'share', sustained: 'share', phases: 'share', contiguity: 'part', bytes: 'overhead' };

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2;
}

function buildPrograms() {
  const options = {
    CMAKE_BUILD_TYPE: 'Release', CMAKE_C_FLAGS_RELEASE: '-O2 -DNDEBUG', NH_ZEPHYR: 'OFF', NH_INSTALL: 'OFF', NH_TIZENRT: 'OFF',
    NH_CONFIG_FILE: resolve('bench/memory/microcontroller.h'),
  };
  return [1, 0].map((caches) =>
    join(build('arm32', `build/bench/memory-${caches}`, { ...options, NH_CACHES: caches }, ['bench_memory']), 'bench/memory/bench_memory'));
}

function summaryOf(lines) {
  const [{ scene, size, cpus, caches }] = lines;
  const values = lines.map((line) => line[VALUE[scene]]);
  const common = { scene, size, cpus, caches, seeds: lines.map((line) => line.seed), values };
  if (scene === 'bytes') {
    const { control, instance, largest, overhead, rounding, cacheLimit } = lines[0];
    return { ...common, control, instance, largest, overhead, rounding, cacheLimit };
  }
  const lost = lines.find((line) => line.survived === false);
  if (lost) throw new Error(`${scene} of ${size} bytes, seed ${lost.seed}: an allocation failed`);
  return {
    ...common, replacements: lines[0].replacements, median: median(values), mean: mean(values), worst: Math.min(...values),
    cached: mean(lines.map((line) => line.cached)),
  };
}

function find(results, scene, size, cpus, caches) {
  const found = results.find((r) => r.scene === scene && r.size === size && r.cpus === cpus && r.caches === caches);
  if (!found) throw new Error(`not measured: ${scene} ${size} ${cpus} ${caches}`);
  return found;
}

/** The figures of the summary: shares in percent of the heap (median of the seeds), contiguity as a part of 1 and losses
 *  in points (means), the rest in bytes; `_cached` is what the caches held meanwhile. */
function figuresOf(results) {
  const figures = {};
  for (const cpus of [1, 2]) {
    const of = (scene, caches) => find(results, scene, WHOLE, cpus, caches);
    figures[`sustained_192k_${cpus}cpu`] = of('sustained', 1).median;
    figures[`sustained_192k_${cpus}cpu_worst`] = of('sustained', 1).worst;
    figures[`sustained_192k_${cpus}cpu_cached`] = of('sustained', 1).cached;
    figures[`contiguity_60_${cpus}cpu`] = of('contiguity', 1).mean;
    figures[`contiguity_60_${cpus}cpu_cached`] = of('contiguity', 1).cached;
    figures[`phases_loss_${cpus}cpu`] = of('phases', 0).mean - of('phases', 1).mean;
  }
  figures.control_192k = find(results, 'bytes', WHOLE, 2, 1).control;
  figures.bank4k_usable = (100 * find(results, 'bytes', 4096, 1, 1).largest) / 4096;
  figures.overhead_per_block_32 = find(results, 'bytes', WHOLE, 2, 1).overhead;
  return figures;
}

export async function measureMemory(plan) {
  const programs = buildPrograms();
  const commands = [];
  for (const [size, scenes] of Object.entries(PLANS[plan])) {
    for (const [scene, replacements, seeds] of scenes) {
      for (const cpus of ['1', '2']) {
        for (const program of programs) {
          commands.push([...EMULATOR, program, scene, size, cpus, `${replacements}`, `${FIRST_SEED}`, `${seeds}`]);
        }
      }
    }
  }
  commands.reverse(); // small heaps first: the long runs would otherwise be the last ones alone
  const outputs = await runAll(commands);
  const results = outputs.reverse().map((output) => summaryOf(output.trim().split('\n').map((line) => JSON.parse(line))));
  return { compiler: compilerKey(COMPILER), emulator: run([EMULATOR[0], '--version']).split('\n')[0], plan, results };
}

export { figuresOf as memoryFigures };

function table(results) {
  let text = 'scene       heap KiB  CPUs  caches    median     worst  bytes cached\n';
  for (const r of results) {
    text += r.scene === 'bytes'
      ? `${r.scene.padEnd(11)} ${String(r.size / 1024).padStart(8)} ${r.cpus.toString().padStart(5)} ${(r.caches ? 'on' : 'off').padStart(7)}` +
        `   control ${r.control}, instance ${r.instance}, largest block ${r.largest}, per block ${r.overhead}, rounding ${r.rounding}\n`
      : `${r.scene.padEnd(11)} ${String(r.size / 1024).padStart(8)} ${r.cpus.toString().padStart(5)} ${(r.caches ? 'on' : 'off').padStart(7)}` +
        ` ${r.median.toFixed(3).padStart(9)} ${r.worst.toFixed(3).padStart(9)} ${r.cached.toFixed(0).padStart(13)}\n`;
  }
  return text;
}

async function main() {
  const result = await measureMemory(process.argv.includes('--quick') ? 'quick' : 'full');
  result.figures = figuresOf(result.results);
  writeJson('build/bench/memory.json', result);
  process.stdout.write(table(result.results));
  for (const [name, value] of Object.entries(result.figures)) process.stdout.write(`${name} ${+value.toFixed(3)}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await runMain(main);
