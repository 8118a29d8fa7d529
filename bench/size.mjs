#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Size of the library on a Cortex-M0+ at -Os, by configuration: all of its functions, and the text of the least
// program, one that calls nh_init, nh_malloc and nh_free only (what comes from the compiler's libraries is not
// counted). Writes build/bench/size.json; `./run size`.
//
//   node bench/size.mjs      in the repository's root

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, compilerKey, run, runMain, writeJson } from './run.mjs';

const COMPILER = 'arm-none-eabi-gcc';

/** Names and options; statistics are on where nothing is said of them. */
export const CONFIGURATIONS = {
  moderate: { NH_HARDENING: 'moderate' },
  basic: { NH_HARDENING: 'basic' },
  none: { NH_HARDENING: 'none' },
  nocaches: { NH_HARDENING: 'none', NH_CACHES: '0' },
  'none-nostats': { NH_HARDENING: 'none', NH_STATS: '0' },
  'none-nocaches': { NH_HARDENING: 'none', NH_STATS: '0', NH_CACHES: '0' },
  'moderate-cpu1': { NH_HARDENING: 'moderate', NH_CPUS: '1' },
  'moderate-2heaps': { NH_HARDENING: 'moderate', NH_MAX_HEAPS: '2', NH_MAX_REGIONS: '2' },
};

const LEAST = `#include <nearheap/nearheap.h>
void least(const nh_heap_config *heap);
void least(const nh_heap_config *heap)
{
	nh_init(heap, 1, 0);
	nh_free(nh_malloc(1));
}
`;

/** { text, data, bss } of an object or, with '-t', of a library. */
function sizeOf(...words) {
  const last = run(['arm-none-eabi-size', ...words]).trim().split('\n').at(-1);
  const [text, data, bss] = last.trim().split(/\s+/).map(Number);
  return { text, data, bss };
}

function leastOf(dir) {
  const flags = /^Cflags: \S+ (.*)$/m.exec(readFileSync(join(dir, 'nearheap.pc'), 'utf8'))[1].trim().split(/\s+/);
  const [main, whole] = [join(dir, 'least-main.o'), join(dir, 'least.o')];
  run([COMPILER, '-std=c11', '-mcpu=cortex-m0plus', '-mthumb', '-Os', '-ffunction-sections', '-Iinclude', ...flags,
    '-x', 'c', '-c', '-o', main, '-'], { input: LEAST });
  run(['arm-none-eabi-ld', '-r', '--gc-sections', '-e', 'least', '-o', whole, main, join(dir, 'libnearheap.a')]);
  return sizeOf(whole).text;
}

export function measureSizes(names = Object.keys(CONFIGURATIONS)) {
  const sizes = {};
  for (const name of names) {
    const options = { CMAKE_BUILD_TYPE: 'MinSizeRel', NH_BENCH: 'OFF', NH_INSTALL: 'ON', ...CONFIGURATIONS[name] };
    const dir = build('rp2040', `build/size/${name}`, options, ['nearheap']);
    sizes[name] = { ...sizeOf('-t', join(dir, 'libnearheap.a')), least: leastOf(dir) };
  }
  return { compiler: compilerKey(COMPILER), sizes };
}

function main() {
  const result = measureSizes();
  writeJson('build/bench/size.json', result);
  process.stdout.write(`nearheap on Cortex-M0+, ${result.compiler} -Os, bytes: all functions of the library,\n` +
    'and the text that nh_init, nh_malloc and nh_free need\n');
  const row = (name, cells) => process.stdout.write(`${name.padEnd(16)} ${cells.map((c) => `${c}`.padStart(8)).join(' ')}\n`);
  row('configuration', ['text', 'data', 'bss', 'least']);
  for (const [name, { text, data, bss, least }] of Object.entries(result.sizes)) row(name, [text, data, bss, least]);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await runMain(main);
