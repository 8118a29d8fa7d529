#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// All measurements: runs the parts of bench/, and writes build/bench/summary.json, which bench/summary.mjs describes, and
// (not --quick) the tables of docs/BENCHMARKS.md and the plots in docs/bench. Exit status: 0 all figures are there.
// A target that is missed is told, and is no failure.
//
//   node bench/bench.mjs [--quick]         in the repository's root; `./run bench`
//   node bench/bench.mjs --summary         only from what the parts left in build/bench

import { existsSync } from 'node:fs';
import { drawPlots } from './plots.mjs';
import { RunError, runMain, start, writeJson } from './run.mjs';
import { summarise } from './summary.mjs';
import { targetTable, unexplained, writeTables } from './tables.mjs';

const FOLDER = 'build/bench';

/** Times need the machine for themselves; what is counted may run beside other things. Words: of the full run. */
const TIMED = [['host', 'bench/host/bench.mjs', []], ['programs', 'bench/programs/bench.mjs', ['--write']]];
const COUNTED = [['memory', 'bench/memory/memory.mjs'], ['firmware', 'bench/firmware/bench.mjs'],
  ['counts', 'bench/counts/counts.mjs'], ['size', 'bench/size.mjs']];

async function runPart([name, script], words) {
  if (!existsSync(script)) {
    process.stdout.write(`-     ${name}: not there\n`);
    return;
  }
  const begin = Date.now();
  await start([process.execPath, script, ...words]);
  process.stdout.write(`ok    ${name.padEnd(12)} ${((Date.now() - begin) / 1000).toFixed(0).padStart(4)} s\n`);
}

/** The counted ones: memory keeps the CPUs busy by itself, the others take turns beside it. */
async function measure(quick) {
  const mode = quick ? ['--quick'] : [];
  for (const [name, script, full] of TIMED) await runPart([name, script], quick ? mode : full);
  const [memory, firmware, ...others] = COUNTED;
  const turns = async () => {
    await runPart(firmware, quick ? ['rp2040', 'm33'] : []);
    for (const part of others) await runPart(part, []);
  };
  await Promise.all([runPart(memory, mode), turns()]);
}

async function main() {
  const words = process.argv.slice(2);
  const unknown = words.filter((word) => !['--quick', '--summary'].includes(word));
  if (unknown.length) throw new RunError(`what is ${unknown.join(' ')}?`);
  const quick = words.includes('--quick');
  if (!words.includes('--summary')) await measure(quick);
  const summary = summarise(FOLDER);
  writeJson(`${FOLDER}/summary.json`, { quick, ...summary });
  process.stdout.write(`\n${targetTable(summary.targets)}\n${FOLDER}/summary.json\n`);
  if (quick) return;
  writeTables(summary);
  drawPlots(summary, 'docs/bench');
  for (const n of unexplained(summary)) process.stdout.write(`docs/BENCHMARKS.md: target ${n} is missed, and no reason is given\n`);
}

await runMain(main);
