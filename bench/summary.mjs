// SPDX-License-Identifier: MIT
// One result out of what the parts of bench/ measured: ratios, exact figures, and how they stand to the targets.
//
//   ratios    of median times in one run, below 1 = faster than the other; scaling2: blocks per second of two threads
//             on one heap to those of one, by the wall's clock (scaling2_busy: as if both CPUs had been theirs
//             alone; scaling2_near, scaling2_near_busy: each CPU has a heap of its own)
//   counts    instructions on this machine's kind of CPU, the caller's not counted
//   memory    32-bit layout: shares, bank4k_usable in percent of the heap; losses in points; contiguity as a part of 1;
//             the rest in bytes
//   m0plus    cycles, instructions or bytes by name; m33: instructions
//   growth    the most by which a point of a curve lies above one before it

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { countFigures } from './counts/counts.mjs';
import { memoryFigures } from './memory/memory.mjs';
import { readJson, RunError } from './run.mjs';
import { KEYS, LEVELS, TARGETS, verdict } from './targets.mjs';

const PARTS = ['host', 'counts', 'memory', 'firmware', 'size'];
const PEERS = ['jemalloc', 'mimalloc', 'tcmalloc'];
const TLSF = 'tlsf_ticket';

/** Calls that the first heap serves; nothing is reclaimed, nobody waits. */
const SERVED = {
  malloc: ['pairMalloc', 'aloneMalloc', 'mallocHit', 'mallocMiss', 'mallocLarge'],
  free: ['pairFree', 'aloneFree', 'freeHit', 'freeOverflow', 'freeLarge', 'freeRemote', 'freeRemoteFull'],
};

const timeOf = (allocators, name) => allocators?.[name]?.median_ns;
const bestOf = (allocators) => Math.min(...PEERS.map((name) => timeOf(allocators, name)).filter((time) => time > 0));

function ratiosOf(workloads) {
  const ratio = (workload, own, other) => timeOf(workloads[workload], own) / other(workloads[workload]);
  const to = (name) => (allocators) => timeOf(allocators, name);
  const ratios = {};
  for (const level of LEVELS) {
    ratios[`pair64_vs_best_${level}`] = ratio('pair64', `nearheap_${level}`, bestOf);
    ratios[`random512_vs_best_${level}`] = ratio('random512', `nearheap_${level}`, bestOf);
    ratios[`random4096_vs_tcmalloc_${level}`] = ratio('random4096', `nearheap_${level}`, to('tcmalloc'));
  }
  ratios.random512_vs_tlsf_ticket_moderate = ratio('random512', 'nearheap_moderate', to(TLSF));
  ratios.handover64_vs_mimalloc = ratio('handover64', 'nearheap_moderate', to('mimalloc'));
  ratios.handover_random_vs_mimalloc = ratio('handover_random', 'nearheap_moderate', to('mimalloc'));
  for (const suffix of ['', '_near']) {
    const [one, two] = ['threads1', `threads2${suffix}`].map((workload) => workloads[workload].nearheap_moderate);
    ratios[`scaling2${suffix}`] = one.median_ns / two.median_ns;
    if (one.busy && two.busy) ratios[`scaling2${suffix}_busy`] = (2 * one.median_ns * one.busy) / (two.median_ns * two.busy);
  }
  return ratios;
}

/** Each workload's medians, with their ratios to the best peer and to TLSF under a ticket lock. */
function comparedOf(workloads) {
  return Object.fromEntries(Object.entries(workloads).map(([workload, allocators]) => {
    const [best, tlsf] = [bestOf(allocators), timeOf(allocators, TLSF)];
    return [workload, Object.fromEntries(Object.entries(allocators).map(([name, times]) => [name, {
      ...times,
      ...(Number.isFinite(best) && { vs_best: times.median_ns / best }),
      ...(tlsf > 0 && { vs_tlsf_ticket: times.median_ns / tlsf }),
    }]))];
  }));
}

function boardOf(firmware, preset) {
  const board = firmware.targets[preset];
  if (!board) throw new RunError(`build/bench/firmware.json: no ${preset}`);
  return board.images;
}

function m0plusOf(images, { sizes }) {
  const worst = (names) => Math.max(...names.map((name) => images.moderate.kinds[name].worst));
  const figures = {};
  for (const level of LEVELS) {
    figures[`hit_malloc_cycles_${level}`] = images[level].kinds.mallocHit.mean;
    figures[`hit_free_cycles_${level}`] = images[level].kinds.freeHit.mean;
  }
  return {
    ...figures,
    worst_malloc_cycles: worst(SERVED.malloc),
    worst_free_cycles: worst(SERVED.free),
    text_bytes_none: sizes.none.least,
    text_bytes_moderate: sizes.moderate.least,
    text_bytes_nocache: sizes.nocaches.least,
    longest_irq_off_instructions: images.moderate.masked.instructions,
  };
}

function m33Of(images) {
  const { mallocHit, freeHit } = images.moderate.kinds;
  return { hit_malloc_instructions: mallocHit.mean, hit_free_instructions: freeHit.mean };
}

/** Throws if a figure is missing or no number. */
export function check(summary) {
  const missing = Object.entries(KEYS).flatMap(([part, names]) =>
    names.filter((name) => !Number.isFinite(summary[part]?.[name])).map((name) => `${part}.${name}`));
  if (missing.length) throw new RunError(`the summary lacks ${missing.join(', ')}`);
}

const figureOf = (summary, path) => path.split('.').reduce((of, key) => of[key], summary);

function judgedOf(summary) {
  return TARGETS.map((target) => {
    const measured = figureOf(summary, target.figure);
    return { ...target, measured, reached: verdict(target, measured) };
  });
}

/** From the files in `folder`. */
export function summarise(folder) {
  const parts = {};
  for (const part of PARTS) {
    const path = join(folder, `${part}.json`);
    if (!existsSync(path)) throw new RunError(`${path} is not there: ./run bench`);
    parts[part] = readJson(path);
  }
  const { host, counts, memory, firmware, size } = parts;
  const rp2040 = boardOf(firmware, 'rp2040');
  const programs = join(folder, 'programs.json');
  const figures = countFigures(counts);
  const summary = {
    machine: { ...host.machine, compilers: [counts.compiler, memory.compiler, size.compiler] },
    ratios: ratiosOf(host.workloads),
    counts: figures.counts,
    /* Control memory as a microcontroller has it: on hosts the lock has a place more. */
    memory: { ...memoryFigures(memory.results), control_192k: rp2040.moderate.control.whole.bytes },
    m0plus: m0plusOf(rp2040, size),
    m33: m33Of(boardOf(firmware, 'm33')),
    growth: figures.growth,
  };
  check(summary);
  return {
    ...summary,
    targets: judgedOf(summary),
    workloads: comparedOf(host.workloads),
    latency: host.latency,
    growth_curves: { time: host.growth, instructions: counts.curves },
    instructions: counts.levels,
    memory_runs: memory.results,
    boards: firmware.targets,
    sizes: size.sizes,
    ...(existsSync(programs) && { programs: readJson(programs) }),
  };
}
