// SPDX-License-Identifier: MIT
// The measurements as tables for docs/BENCHMARKS.md.

import { head, row } from '../page.mjs';

/** Rows: what bench.h calls the kinds, and what they are called here. */
const ROWS = {
  pairMalloc: 'malloc, 64 bytes in turn with free',
  pairFree: 'free, the same',
  aloneMalloc: 'malloc, the same in an empty heap',
  aloneFree: 'free, the same',
  mallocHit: 'malloc: hit',
  mallocMiss: 'malloc: miss (without caches: any)',
  mallocLarge: 'malloc: 129 to 1536 bytes, no class',
  freeHit: 'free: hit',
  freeOverflow: 'free: overflow (without caches: any)',
  freeLarge: 'free: 129 to 1536 bytes',
  freeRemote: 'free: block of the other CPU, inbox',
  freeRemoteFull: 'free: the same, inbox full',
  fallback: 'malloc: near heap full, next one serves',
  reclaim: 'malloc: after a reclaim',
  refused: 'malloc: NULL',
};

const COLUMNS = {
  moderate: 'MODERATE',
  basic: 'BASIC',
  none: 'NONE',
  nocaches: 'TLSF + lock (`NH_CACHES=0`)',
  newlib: 'C library + lock',
};

const STACKS = ['nh_malloc', 'nh_free', 'nh_realloc', 'nh_aligned_alloc', 'nh_init', 'nh_trim', 'nh_validate', 'nh_heap_stats_get'];

function costs(images) {
  const names = Object.keys(COLUMNS).filter((name) => images[name]);
  let text = head(['mean / worst', ...names.map((name) => COLUMNS[name])]);
  for (const [kind, title] of Object.entries(ROWS)) {
    const cells = names.map((name) => {
      const k = images[name].kinds[kind];
      return k ? `${Math.round(k.mean)} / ${k.worst}` : '';
    });
    text += row([title, ...cells]);
  }
  const of = (key) => names.map((name) => images[name][key]?.longest ?? '');
  return text + row(['longest interrupts-off', ...of('masked')]) + row(['longest lock hold', ...of('held')]);
}

function memory(images) {
  const names = Object.keys(COLUMNS).filter((name) => images[name]?.size);
  const control = (name, heap) => images[name].control[heap]?.bytes ?? '';
  let text = head(['bytes', ...names.map((name) => COLUMNS[name])]);
  for (const key of ['text', 'data', 'bss']) text += row([`library: ${key}`, ...names.map((n) => images[n].size[key])]);
  text += row(['one instance more', ...names.map((name) => images[name].instance)]);
  for (const heap of Object.keys(images[names[0]].control)) {
    const { size, about } = images[names[0]].control[heap];
    text += row([`control memory, ${size / 1024} KiB ${about}`, ...names.map((name) => control(name, heap))]);
  }
  return text;
}

function stacks(stack) {
  return head(['stack, bytes', ...STACKS.map((name) => `\`${name}\``)]) +
    row(['MODERATE, heaviest path', ...STACKS.map((name) => stack[name]?.bytes ?? '')]);
}

function section(name, t) {
  return `### ${t.board} (\`${name}\`): ${t.unit}\n\n${t.compiler}, \`${t.flags}\`; statistics on.\n\n` +
    `${costs(t.images)}\n${memory(t.images)}\n${stacks(t.stack)}\n`;
}

export function markdown(result) {
  return Object.entries(result.targets).map(([name, t]) => section(name, t)).join('');
}
