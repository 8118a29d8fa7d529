#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Do the fuzz targets see what is broken? Each mutant is core with one mistake, linked to one target, which begins with
// the stored corpus, as `./run fuzz` does.
//
//   node tests/fuzz/mutants.mjs --build build/fuzz [--seconds N] [NAME ...]
//
// Prints a line of docs/FUZZING.md per mutant. Ends with 1 if one is not found in N seconds (60).

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';
import { run, RunError, runMain } from '../../bench/run.mjs';

/** [name, target, source or header of core, the text that is replaced, and by what]. The text is in the file exactly once. */
export const MUTANTS = [
  ['a block is not split', 'heaps_moderate', 'tlsf.c', 'have - span >= NH_SPAN_MIN) {\n\t\tlist_in(', 'have - span >= 4096u) {\n\t\tlist_in('],
  ['PREV_FREE stays when all of a block is taken', 'heaps_moderate', 'tlsf.c',
    '\t} else {\n\t\tnh__flag_clear(nh__block_after(taken, have), NH__PREV_FREE);\n\t}', '\t}'],
  ['PREV_FREE is not set when a block is freed', 'heaps_moderate', 'tlsf.c', '\t\tnh__flag_set(next, NH__PREV_FREE);', '\t\t(void)next;'],
  ['the block behind is not merged', 'heaps_full', 'tlsf.c', 'span += behind;\n\t\tabsorbed(', 'span += 0;\n\t\tabsorbed('],
  ['an aligned fit forgets the gap', 'heaps_moderate', 'tlsf.c', 'return have >= span && have - span >= gap_in(block, align);', 'return have >= span;'],
  ['the last chance ends one list early', 'heaps_moderate', 'tlsf.c', 'list > last)', 'list >= last - 1u)'],
  ['a gap before an aligned block may be too small', 'heaps_moderate', 'tlsf.c', 'while (gap != 0 && gap < NH_SPAN_MIN)', 'while (gap != 0 && gap < 1u)'],
  ['a removed region goes on counting', 'heaps_moderate', 'tlsf_region.c', '\ttlsf->total -= span;\n', ''],
  ['what came to an inbox is lost', 'heaps_moderate', 'heap.c', '(slot->cur = nh__inbox_take(shared)) != 0)', '(slot->cur = nh__inbox_take(shared) & 0u) != 0)'],
  ['a stopped CPU keeps its second magazine', 'heaps_moderate', 'drain.c', 'return heap->two ? &cache->prev[number - NH_CLASSES] : NULL;', 'return NULL;'],
  ['a drain forgets a block', 'heaps_moderate', 'drain.c', '\t\tnh__tlsf_give(&heap->tlsf, block);', '\t\tif (chain != 0)\n\t\t\tnh__tlsf_give(&heap->tlsf, block);'],
  ['a removal believes in cached blocks', 'heaps_moderate', 'remove.c', 'tally.live + tally.cached == 0);', 'tally.live <= 1u);'],
  ['a removal counts one too few', 'heaps_moderate', 'remove.c', '*live = tally.live;', '*live = tally.live - 1u;'],
  ['a realloc copies a byte too little', 'heaps_moderate', 'realloc.c', 'size < resize->old_size ? size : resize->old_size);', 'size < resize->old_size ? size : resize->old_size - 1u);'],
  ['a realloc goes to any heap', 'heaps_moderate', 'realloc.c', 'request.require = heap->attributes;', 'request.require = 0;'],
  ['zeroing ends early', 'heaps_moderate', 'allocate.c', 'memset(payload, 0, size);', 'memset(payload, 0, size - 1u);'],
  ['a preference opens no heap', 'select_moderate', 'select.c', 'open |= nh__heaps_with(instance, request->preferences[i]);', 'open |= 0;'],
  ['foreign heaps are not begun with the best tier', 'select_moderate', 'select.c', 'choice->tier = 0; /*', 'choice->tier += 0; /*'],
  ['NH_NO_FOREIGN is ignored', 'select_moderate', 'select.c', 'left &= choice->near;', 'left &= UINT16_MAX;'],
  ['shared before local', 'select_moderate', 'select.c', 'nh_port_ctz(local != 0 ? local : set)', 'nh_port_ctz(set)'],
  ['explain takes a full heap', 'select_moderate', 'inspect.c', 'taken = possible && nh__heap_could(heap, &need, &note);', 'taken = possible;'],
  ['a resize grows too far', 'single_full', 'single.c', '\tbool fits = nh__block_span(block) >= span;', '\tbool fits = nh__block_span(block) + 1u >= span;'],
  ['what is in front of a rewound block is lost', 'single_full', 'single.c', '\tnh__tlsf_give(&awake->tlsf, block);\n\treturn kept;', '\treturn kept;'],
  ['an odd rewind is rounded the wrong way', 'single_full', 'single.c', 'skip = back - rewind;', 'skip = 0;'],
  ['a pointer before the first block is believed', 'single_full', 'single.c', 'payload < region.first || payload >= region.end)\n\t\treturn NH_FAULT_POINTER', 'payload >= region.end)\n\t\treturn NH_FAULT_POINTER'],
  ['a free block is freed again', 'pointers_basic', 'instance.c', 'ref.fault = NH_FAULT_DOUBLE_FREE;\n\t\treturn ref;', 'ref.heap = heap;\n\t\treturn ref;'],
  ['a list link is followed anywhere', 'pointers_moderate', 'tlsf_links.h', 'NH__UNLIKELY(outside(tlsf, next) || links(after)', 'NH__UNLIKELY(links(after)'],
  ['a damaged neighbour is merged', 'pointers_moderate', 'tlsf.c', 'good = previous_is_sound(tlsf, nh__at_offset(tlsf, offset - before), before, offset, room);', 'good = true;'],
  ['a magazine leads out of the heap', 'snapshot_moderate', 'check.c', '\t\tif (nh__heap_at(instance, (uintptr_t)payload) != heap)', '\t\tif (payload == NULL)'],
  ['regions are not looked up', 'snapshot_moderate', 'check.c', '|| offset / sizeof instance->regions[0] >= left', ''],
  ['lists may be anywhere', 'snapshot_moderate', 'check.c', '(uintptr_t)tlsf->heads != heads || ', ''],
  ['a header that survived leads out of the region', 'retain_moderate', 'retain.c', 'span < NH_SPAN_MIN || span > room || (is_free', 'span < NH_SPAN_MIN || (is_free'],
  ['a list leads out of the region', 'snapshot_full', 'tlsf.c', 'if (nh__tlsf_region_of(tlsf, (uintptr_t)nh__payload(other)) == NULL || !is_free(other))', 'if (!is_free(other))'],
];

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { build: { type: 'string', default: 'build/fuzz' }, seconds: { type: 'string', default: '60' } },
});

/** Who includes a header that is edited. */
const INCLUDED_BY = { 'tlsf_links.h': 'tlsf.c' };

export function edited(name, source, find, replace) {
  const text = readFileSync(join('core', source), 'utf8');
  const parts = text.split(find);
  if (parts.length !== 2) throw new RunError(`${name}: the text to change is ${parts.length - 1} times in core/${source}`);
  return parts.join(replace);
}

/** The words that compile a source of a target's library. */
function commandOf(commands, level, source) {
  const path = resolve('core', source);
  const entry = commands.find((one) => one.file === path && one.command.includes(`fuzz_core_${level}.dir`));
  if (!entry) throw new RunError(`${path} is not compiled for ${level}`);
  return entry.command.split(' ').filter((word) => word !== '');
}

/** Compiles the mutant and links it to the target; an object that is there already leaves the archive's out. */
function build(commands, mutant, dir) {
  const [name, target, source, find, replace] = mutant;
  const [driver, level] = target.split('_');
  const path = join(dir, 'core', source), object = `${path}.o`, program = join(dir, target), folder = join(options.build, 'tests/fuzz');
  mkdirSync(join(dir, 'core'), { recursive: true });
  writeFileSync(path, edited(name, source, find, replace));
  const unit = INCLUDED_BY[source] ?? source;
  const words = commandOf(commands, level, unit);
  const flags = words.filter((word, i) => !['-c', '-o', '-MF', '-MT'].includes(words[i - 1]) && !['-c', '-o', '-MD', '-MF', '-MT', '-Werror'].includes(word));
  run([flags[0], `-I${dir}`, ...flags.slice(1), '-w', '-c', unit === source ? path : join('core', unit), '-o', object]);
  run([flags[0], '-fsanitize=fuzzer,address,undefined', '-Wl,--wrap=nh_port_entropy', object,
    join(folder, `CMakeFiles/fuzz_${target}.dir/fuzz_${driver}.c.o`), join(folder, `libfuzz_core_${level}.a`), '-pthread', '-o', program]);
  return program;
}

function hunt(program, target) {
  const corpus = mkdtempSync(join(tmpdir(), 'nh-mutant-'));
  const begin = Date.now();
  const { status, stderr } = spawnSync(program, ['-seed=1', '-max_len=700', '-timeout=10', '-rss_limit_mb=3000', '-print_final_stats=1',
    `-max_total_time=${options.seconds}`, `-artifact_prefix=${corpus}/`, corpus, join('tests/fuzz/corpus', target.split('_')[0])],
  { encoding: 'latin1', maxBuffer: 1 << 28, env: { ...process.env, ASAN_OPTIONS: 'symbolize=0', UBSAN_OPTIONS: 'print_stacktrace=0' } });
  rmSync(corpus, { recursive: true });
  const executions = [...stderr.matchAll(/^#(\d+)\t/gm)].at(-1)?.[1] ?? '0';
  const line = stderr.split('\n').find((text) => /FAILED:|runtime error:|ERROR: /.test(text)) ?? '';
  const how = line.replace(/^.*FAILED: [^:]*: (op \d+: )?/, '').replace(/ \[.*$/, '').replace(/^.*runtime error: /, 'UBSan: ')
    .replace(/^.*ERROR: (AddressSanitizer: \S+).*$/, '$1').replace(/0x[0-9a-f]+/g, '...');
  return { found: status !== 0, executions, seconds: (Date.now() - begin) / 1000, how };
}

function main() {
  const commands = JSON.parse(readFileSync(join(options.build, 'compile_commands.json'), 'utf8'));
  const chosen = MUTANTS.filter(([name]) => (positionals.length === 0 || positionals.some((text) => name.includes(text))));
  if (chosen.length === 0) throw new RunError('no such mutant');
  let missed = 0;
  console.log('| mistake | in | target | executions | seconds | what it said |\n| --- | --- | --- | ---: | ---: | --- |');
  for (const mutant of chosen) {
    const [name, target, source] = mutant;
    const { found, executions, seconds, how } = hunt(build(commands, mutant, join(options.build, 'mutants', name.replace(/\W+/g, '-'))), target);
    if (!found) missed++;
    console.log(`| ${name} | core/${source} | ${target} | ${executions} | ${found ? seconds.toFixed(1) : '-'} | ${found ? how : '**not found**'} |`);
  }
  console.log(`${chosen.length - missed} of ${chosen.length} found`);
  if (missed) process.exitCode = 1;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await runMain(main);
