#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Builds bench_host, runs it, and writes build/bench/host.json and the tables of docs/BENCHMARKS.md. All allocators are
// in one process and take turns in random order, so that what else the machine does meets all of them alike.
// Exit status: 0 everything ran, 1 it did not.
//
//   node bench/host/bench.mjs [--quick | --smoke] [--out FILE] [--filter REGEX] [--program FILE]
//
// In the repository's root. --smoke measures nothing: everything runs once. --filter runs some workloads only, --program
// runs a bench_host that is built already. Without any of these the page is written too.
//
// ns are per block; `busy` is there where the wall is measured: how many CPUs the threads kept busy. If that is less than
// their number, the machine was not theirs, and the figure says little.
//
//   { machine:   { cpu, cpus, kernel, compiler, load }, repetitions,
//     workloads: { pair64: { nearheap_none: { median_ns, min_ns, ops, busy }, ... }, ... },
//     latency:   { pair64: { nearheap_none: { malloc: { all: { p50, p99, p999, max }, floor: {...} }, free: ... } } },
//     growth:    { blocks: { nearheap_moderate: [{ n, median_ns, min_ns }, ...] }, heap_kib, heaps, threads } }

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { dirname, join } from 'node:path';
import { writePage } from '../page.mjs';
import { markdown } from './table.mjs';

const BUILD = 'build/bench/gcc-release';
/** Rounds are processes: where the loader puts things is another each time, and some allocators mind. */
const FULL = { rounds: 3, repetitions: 3, minTime: 0.03, replays: 25 };
const QUICK = { rounds: 1, repetitions: 3, minTime: 0.008, replays: 5 };
const SMOKE = { rounds: 1, repetitions: 1, minTime: 1e-6, replays: 1 };

/** What others rely on: these workloads, with these allocators. */
const WORKLOADS = ['pair16', 'pair64', 'pair256', 'pair1024', 'fifo32', 'random512', 'random4096', 'realloc', 'calloc',
  'aligned64', 'threads1', 'threads2', 'handover64', 'handover_random', 'larson', 'xmalloc', 'mstress'];
const ALLOCATORS = ['nearheap_none', 'nearheap_basic', 'nearheap_moderate', 'glibc', 'jemalloc', 'mimalloc', 'tcmalloc',
  'tlsf_mutex'];
const SCENES = ['pair64', 'random512', 'random4096'];

/** Workloads that are points of a curve: growth's name and the number in theirs. */
const CURVES = {
  blocks: /^growth_blocks_(\d+)$/,
  heap_kib: /^growth_heap_(\d+)$/,
  heaps: /^select(\d+)$/,
  threads: /^threads(\d+)$/,
};

class RunError extends Error {}

function run(words) {
  const result = spawnSync(words[0], words.slice(1), { encoding: 'latin1', maxBuffer: 1 << 26 });
  if (result.status !== 0) throw new RunError(`${words.join(' ')}\n${result.stdout ?? ''}${result.stderr ?? ''}${result.error ?? ''}`);
  return result.stdout;
}

function build() {
  run(['cmake', '--preset', 'gcc-release', '-B', BUILD, '-D', 'NH_BENCH=ON', '-D', 'NH_TESTS=OFF', '-D', 'NH_DEMO=OFF']);
  run(['cmake', '--build', BUILD, '-j', '2', '--target', 'bench_host']);
  return join(BUILD, 'bench/host/bench_host');
}

// ---- reading ---------------------------------------------------------------

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Google Benchmark's repetitions -> { workload: { allocator: { median_ns, min_ns, ops } } } */
function workloadsOf(benchmarks) {
  const workloads = {};
  const inOrder = benchmarks.filter((b) => b.run_type === 'iteration').sort((a, b) => a.family_index - b.family_index);
  for (const one of inOrder) {
    if (one.error_occurred) throw new RunError(`${one.name}: ${one.error_message}`);
    const [workload, allocator] = one.name.split('/');
    const entry = ((workloads[workload] ??= {})[allocator] ??= { ns: [], busy: [], ops: 0 });
    entry.ns.push(1e9 / one.items_per_second);
    if (one.cpu !== undefined) entry.busy.push(one.cpu);
    entry.ops += one.iterations;
  }
  for (const allocators of Object.values(workloads)) {
    for (const [name, { ns, busy, ops }] of Object.entries(allocators)) {
      allocators[name] = { median_ns: median(ns), min_ns: Math.min(...ns), ops, ...(busy.length && { busy: median(busy) }) };
    }
  }
  return workloads;
}

function growthOf(workloads) {
  const growth = {};
  for (const [curve, pattern] of Object.entries(CURVES)) {
    const curves = (growth[curve] = {});
    for (const [workload, allocators] of Object.entries(workloads)) {
      const n = Number(pattern.exec(workload)?.[1]);
      if (!n) continue;
      for (const [name, { median_ns, min_ns }] of Object.entries(allocators)) (curves[name] ??= []).push({ n, median_ns, min_ns });
    }
    for (const points of Object.values(curves)) points.sort((a, b) => a.n - b.n);
  }
  return growth;
}

// ---- checking --------------------------------------------------------------

function checkNumbers(what, numbers) {
  for (const [key, value] of Object.entries(numbers)) {
    if (!Number.isFinite(value) || value < 0) throw new RunError(`${what}: ${key} is ${value}`);
  }
}

/** Throws if a result is missing or is no time. */
function check({ workloads, latency, growth }) {
  for (const workload of WORKLOADS) {
    for (const name of ALLOCATORS) {
      const result = workloads[workload]?.[name];
      if (!result || !(result.min_ns > 0)) throw new RunError(`no result: ${workload} of ${name}`);
      checkNumbers(`${workload} of ${name}`, result);
    }
  }
  for (const scene of SCENES) {
    for (const name of ALLOCATORS) {
      for (const call of ['malloc', 'free']) {
        const { all, floor } = latency[scene]?.[name]?.[call] ?? {};
        if (!all || !floor) throw new RunError(`no latency: ${call} in ${scene} of ${name}`);
        for (const of of [all, floor]) {
          checkNumbers(`${call} in ${scene} of ${name}`, of);
          if (of.p50 > of.p99 || of.p99 > of.p999 || of.p999 > of.max) throw new RunError(`${scene} of ${name}: no percentiles`);
        }
      }
    }
  }
  for (const [curve, allocators] of Object.entries(growth)) {
    if (!(allocators.nearheap_moderate?.length >= 4)) throw new RunError(`no curve: ${curve}`);
  }
}

// ---- measuring -------------------------------------------------------------

function runRound(program, { repetitions, minTime }, filter, raw) {
  run([program, '--benchmark_enable_random_interleaving=true', `--benchmark_repetitions=${repetitions}`,
    `--benchmark_min_time=${minTime}`, `--benchmark_out=${raw}`, '--benchmark_out_format=json', `--benchmark_filter=${filter}`]);
  return JSON.parse(readFileSync(raw, 'utf8'));
}

function measure(program, size, filter, out) {
  const load = loadavg()[0];
  const rounds = Array.from({ length: size.rounds }, () => runRound(program, size, filter, `${out}.raw`));
  const workloads = workloadsOf(rounds.flatMap((round) => round.benchmarks));
  const growth = growthOf(workloads);
  for (const name of Object.keys(workloads).filter((name) => name.startsWith('growth_'))) delete workloads[name];
  return {
    machine: { cpu: cpus()[0].model, cpus: cpus().length, kernel: release(), compiler: rounds[0].context.compiler, load },
    repetitions: size.rounds * size.repetitions,
    workloads,
    latency: JSON.parse(run([program, `--latency=${size.replays}`])),
    growth,
  };
}

const SIZES = { '--quick': QUICK, '--smoke': SMOKE };
const VALUES = ['--out', '--filter', '--program'];

function optionsOf(words) {
  const options = { size: FULL, filter: '.', out: 'build/bench/host.json' };
  for (let i = 0; i < words.length; i++) {
    if (SIZES[words[i]]) options.size = SIZES[words[i]];
    else if (VALUES.includes(words[i]) && i + 1 < words.length) options[words[i].slice(2)] = words[++i];
    else throw new RunError(`usage: bench.mjs [${Object.keys(SIZES).join(' | ')}] [${VALUES.join(' WORD] [')} WORD]`);
  }
  return options;
}

function main() {
  const { size, filter, out, program } = optionsOf(process.argv.slice(2));
  const whole = filter === '.';
  mkdirSync(dirname(out), { recursive: true });
  const result = measure(program ?? build(), size, filter, out);
  if (whole) check(result);
  writeFileSync(out, `${JSON.stringify(result, null, 2)}\n`);
  if (size !== SMOKE) process.stdout.write(markdown(result));
  if (whole && size === FULL && !program) writePage('docs/BENCHMARKS.md', 'host', markdown(result));
}

try {
  main();
} catch (e) {
  process.stderr.write(`${e instanceof RunError ? e.message : e.stack}\n`);
  process.exitCode = 1;
}
