#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Builds and runs the images that measure single calls, on every board or on those named, and writes
// build/bench/firmware.json and the tables of docs/BENCHMARKS.md. Exit status: 0 all ran, 1 one did not.
//
//   node bench/firmware/bench.mjs [PRESET ...]      in the repository's root; `./run bench firmware`

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { writePage } from '../page.mjs';
import { build as buildIn, readJson, run, RunError, runMain, writeJson } from '../run.mjs';
import { stackOf } from './stack.mjs';
import { markdown } from './table.mjs';

const PRESETS = ['rp2040', 'm33', 'a9', 'a15', 'a7', 'a53', 'lse'];
const IMAGES = ['moderate', 'basic', 'none', 'nocaches', 'newlib'];
const KINDS = ['empty', 'pairMalloc', 'pairFree', 'aloneMalloc', 'aloneFree', 'mallocHit', 'mallocMiss', 'mallocLarge',
  'freeHit', 'freeOverflow', 'freeLarge', 'freeRemote', 'freeRemoteFull', 'fallback', 'reclaim', 'refused'];
/** Images whose lock is in line, and those of the same that has it as functions. */
const HOLDS = { moderate: 'moderate_holds', nocaches: 'nocaches_holds' };
const HEAPS = { near: 'of one CPU', far: 'of one CPU', spare: 'shared', whole: 'shared' };
const LOCK = ['nh__lock_acquire', 'nh__lock_release'];

function build(preset, images) {
  const all = images.flatMap((image) => [image, HOLDS[image]]).filter(Boolean);
  const dir = join(buildIn(preset, `build/bench/${preset}`, {}, all.map((image) => `bench_${image}`)), 'bench/firmware');
  return { dir, ...readJson(join(dir, 'bench.json')) };
}

// ---- symbols ---------------------------------------------------------------

function symbolsOf(target, elf) {
  const lines = execFileSync(target.nm, ['-n', elf], { encoding: 'latin1' }).trim().split('\n');
  return lines.map((line) => line.split(' ')).filter((w) => w.length === 3 && !w[2].startsWith('$'))
    .map(([address, type, name]) => ({ address: parseInt(address, 16) & ~1, code: /[tTwW]/.test(type), name }));
}

function addressOf(symbols, name) {
  const symbol = symbols.find((s) => s.name === name);
  if (!symbol) throw new RunError(`no symbol ${name}`);
  return symbol.address >>> 0;
}

/** Functions of the allocator: what start-up and board mask is not its doing. */
function measuredFunctions(target, image) {
  if (image === 'newlib') return new Set(['bench_malloc', 'bench_free']);
  return new Set(symbolsOf(target, join(target.dir, `liblib_${image}.a`)).filter((s) => s.code).map((s) => s.name));
}

/** The last function that begins at or before an address. */
const functionAt = (symbols, pc) => symbols.filter((s) => s.code && s.address >>> 0 <= pc).at(-1)?.name;

// ---- running ---------------------------------------------------------------

/** places: [{ length, instructions, name }], the length in the board's unit */
function longestOf(places, names) {
  const own = places.filter((place) => names.has(place.name));
  if (!own.length) throw new RunError('nothing masked interrupts');
  const longest = own.reduce((a, b) => (b.length > a.length ? b : a));
  const instructions = Math.max(...own.map((place) => place.instructions));
  return { longest: longest.length, instructions, place: longest.name };
}

function runEmulated(target, elf, report, names) {
  const output = run([...target.run, elf, '--schedule', 'lockstep', '--seed', '1', '--report', report, '--hold', LOCK.join(',')]);
  const { cores, hold } = readJson(report);
  return {
    output,
    masked: longestOf(cores[0].irqOffPlaces.map((s) => ({ length: s.cycles, instructions: s.instructions, name: s.function })), names),
    held: { longest: hold.cycles },
  };
}

/** The plugin counts; a board that has a counter needs virtual time, or it would measure the host. */
function runQemu(target, elf, report, names) {
  const symbols = symbolsOf(target, elf);
  const words = [`report=${report}`];
  const watched = { start: 'bench_begin', stop: 'bench_end', keep: 'bench_was', acquire: LOCK[0], release: LOCK[1] };
  for (const [key, name] of Object.entries(watched)) words.push(`${key}=${addressOf(symbols, name)}`);
  const output = run([...target.run, elf, '--seed', '1', '--icount', ...words.flatMap((word) => ['--observe', word])]);
  const cpu = readJson(report).cpus[0];
  return {
    output,
    samples: cpu.samples,
    masked: longestOf(cpu.masked.map((m) => ({ length: m.max, instructions: m.max, name: functionAt(symbols, m.pc) })), names),
    held: { longest: cpu.held.max },
  };
}

// ---- reading ---------------------------------------------------------------

/** What the image summed up itself, or the plugin's samples in the order of the kinds that the image tells. */
function sumsOf({ output, samples }) {
  const sums = new Map();
  for (const [, kind, ...numbers] of output.matchAll(/^kind (\d+): (\d+) (\d+) (\d+) (\d+)/gm)) {
    const [count, total, least, worst] = numbers.map(Number);
    if (count) sums.set(KINDS[kind], { count, total, least, worst });
  }
  if (sums.size) return sums;
  const order = [...output.matchAll(/^order: ([a-z]+)/gm)].map((m) => m[1]).join('');
  if (samples.length !== order.length) throw new RunError(`${samples.length} samples for ${order.length} calls`);
  [...order].forEach((letter, i) => {
    const kind = KINDS[letter.charCodeAt(0) - 97];
    const s = sums.get(kind) ?? { count: 0, total: 0, least: Infinity, worst: 0 };
    sums.set(kind, {
      count: s.count + 1, total: s.total + samples[i], least: Math.min(s.least, samples[i]), worst: Math.max(s.worst, samples[i]),
    });
  });
  return sums;
}

function kindsOf(raw) {
  const sums = sumsOf(raw);
  const empty = sums.get('empty').least;
  return Object.fromEntries([...sums].filter(([name]) => name !== 'empty').map(([name, s]) =>
    [name, { count: s.count, mean: s.total / s.count - empty, worst: s.worst - empty }]));
}

function controlOf(output) {
  const control = {};
  for (const [, name, size, bytes] of output.matchAll(/^control: (\w+) (\d+) (\d+)/gm)) {
    control[name] = { size: Number(size), bytes: Number(bytes), about: HEAPS[name] };
  }
  return control;
}

function sizeOf(target, library) {
  const last = execFileSync(target.nm.replace(/nm$/, 'size'), ['-t', library], { encoding: 'latin1' }).trim().split('\n').at(-1);
  const [text, data, bss] = last.trim().split(/\s+/).map(Number);
  return { text, data, bss };
}

function runImage(target, image) {
  const elf = join(target.dir, `bench_${image}.elf`);
  const report = join(target.dir, `${image}.json`);
  const raw = (target.port === 'rp2040' ? runEmulated : runQemu)(target, elf, report, measuredFunctions(target, image));
  if (!/^bench: ok$/m.test(raw.output)) throw new RunError(`${elf}: no verdict\n${raw.output}`);
  return raw;
}

function measure(target, image) {
  const raw = runImage(target, image);
  const unit = /^unit: (\w+)/m.exec(raw.output)?.[1] ?? 'instructions';
  const result = { kinds: kindsOf(raw), masked: raw.masked };
  if (HOLDS[image]) result.held = runImage(target, HOLDS[image]).held;
  else if (image === 'newlib') result.held = raw.held;
  const board = /^board: (.*)$/m.exec(raw.output)[1];
  if (image !== 'newlib') {
    result.control = controlOf(raw.output);
    result.instance = Number(/^instance: (\d+)/m.exec(raw.output)[1]);
    result.size = sizeOf(target, join(target.dir, `liblib_${image}.a`));
  }
  return { board, unit, result };
}

/** One board: { board, unit, compiler, flags, images, stack }. */
export function measureTarget(preset, images = IMAGES) {
  const target = build(preset, images);
  const entry = { compiler: target.compiler, flags: target.flags, images: {} };
  for (const image of images) {
    const { board, unit, result } = measure(target, image);
    Object.assign(entry, { board, unit });
    entry.images[image] = result;
  }
  entry.stack = stackOf(join(target.dir, 'CMakeFiles/lib_moderate.dir'));
  return entry;
}

function main() {
  const presets = process.argv.length > 2 ? process.argv.slice(2) : PRESETS;
  const unknown = presets.filter((name) => !PRESETS.includes(name));
  if (unknown.length) throw new RunError(`no such board: ${unknown.join(', ')} (${PRESETS.join(', ')})`);
  const result = { targets: {} };
  for (const preset of presets) result.targets[preset] = measureTarget(preset);
  writeJson('build/bench/firmware.json', result);
  process.stdout.write(markdown(result));
  if (presets.length === PRESETS.length) writePage('docs/BENCHMARKS.md', 'firmware', markdown(result));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await runMain(main);
