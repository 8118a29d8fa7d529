// SPDX-License-Identifier: MIT
// The measurements as tables for docs/BENCHMARKS.md.

import { head, row } from '../page.mjs';

const COLUMNS = {
  nearheap_none: 'NONE',
  nearheap_basic: 'BASIC',
  nearheap_moderate: 'MODERATE',
  glibc: 'glibc',
  jemalloc: 'jemalloc',
  mimalloc: 'mimalloc',
  tcmalloc: 'tcmalloc',
  tlsf_ticket: 'TLSF + ticket',
  tlsf_mcs: 'TLSF + MCS',
  tlsf_mutex: 'TLSF + mutex',
  ck_stack: 'CK stack',
  limit: 'limit',
};

const SHOWN = ['nearheap_moderate', 'glibc', 'jemalloc', 'mimalloc', 'tcmalloc', 'tlsf_mutex'];

const CURVES = {
  blocks: 'live blocks, random 8-512',
  heap_kib: 'heap in KiB, 64 live blocks of 8-64',
  heaps: 'heaps, the last one wanted by its attribute',
  threads: 'threads, each random 8-512',
};

const ns = (value) => (value === undefined ? '' : value < 100 ? value.toFixed(1) : Math.round(value));
const named = (names, within) => names.filter((name) => within.some((one) => one[name]));

function medians(workloads) {
  const columns = named(Object.keys(COLUMNS), Object.values(workloads));
  const rows = Object.entries(workloads).map(([name, allocators]) =>
    row([name, ...columns.map((column) => ns(allocators[column]?.median_ns))]));
  return head(['ns per block', ...columns.map((name) => COLUMNS[name])]) + rows.join('');
}

function percentiles(latency) {
  const columns = named(SHOWN, Object.values(latency));
  let text = head(['ns, p50 / p99 / p99.9', ...columns.map((name) => COLUMNS[name])]);
  for (const [scene, allocators] of Object.entries(latency)) {
    for (const call of ['malloc', 'free']) {
      const cells = columns.map((name) => {
        const { p50, p99, p999 } = allocators[name][call].floor;
        return [p50, p99, p999].map(Math.round).join(' / ');
      });
      text += row([`${scene}: ${call}`, ...cells]);
    }
  }
  return text;
}

function curve(name, allocators) {
  const numbers = [...new Set(Object.values(allocators).flatMap((points) => points.map((point) => point.n)))].sort((a, b) => a - b);
  const rows = Object.keys(COLUMNS).filter((column) => allocators[column]).map((column) =>
    row([COLUMNS[column], ...numbers.map((n) => ns(allocators[column].find((point) => point.n === n)?.median_ns))]));
  return head([CURVES[name], ...numbers]) + rows.join('');
}

/** CPUs that two threads which only compute could have, and had. */
function crowd(machine, workloads) {
  const had = workloads.threads2?.limit?.busy;
  const could = Math.min(2, machine.cpus);
  if (had === undefined || had > 0.9 * could) return '';
  return `The machine was doing other things: two threads had ${had.toFixed(1)} of ${could} CPUs. What several threads ` +
    'did (`threads` from 2 on, `handover` to `mstress`) mostly shows how they waited for each other to be scheduled.\n\n';
}

export function markdown({ machine, repetitions, workloads, latency, growth }) {
  const plain = Object.fromEntries(Object.entries(workloads).filter(([name]) => !/^(threads|select)\d/.test(name)));
  const curves = Object.entries(growth).filter(([, allocators]) => Object.keys(allocators).length);
  return `${machine.cpu}, ${machine.cpus} CPUs, Linux ${machine.kernel}, ${machine.compiler}; ` +
    `medians of ${repetitions}, load before ${machine.load.toFixed(1)}.\n\n${crowd(machine, workloads)}` +
    (Object.keys(plain).length ? `${medians(plain)}\n` : '') +
    curves.map(([name, allocators]) => `${curve(name, allocators)}\n`).join('') +
    `Single calls, the least that each call of the trace took:\n\n${percentiles(latency)}\n`;
}
