#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Exact figures against those that are stored for the same compiler version: instructions by callgrind, cycles of the
// emulated Cortex-M0+, instructions of the Cortex-M33, bytes. One that is worse by more than 2 % fails; a compiler
// without a baseline is reported, and passes. Times are not in here.
//
//   node bench/gate.mjs                    measures and compares; `./run test baseline`
//   node bench/gate.mjs --write            measures and stores; `./run bench baseline`
//   node bench/gate.mjs --measured FILE    compares what was measured before (--save FILE)
//   --baseline FOLDER                      where they are stored, bench/baseline by default
//
// In the repository's root. Exit status: 0 nothing is worse, 1 something is, or could not be measured.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { measureCounts } from './counts/counts.mjs';
import { measureTarget } from './firmware/bench.mjs';
import { measureMemory } from './memory/memory.mjs';
import { readJson, RunError, runMain, writeJson } from './run.mjs';
import { measureSizes } from './size.mjs';

const TOLERANCE = 0.02;

// ---- measuring -------------------------------------------------------------

/** Figures by compiler: { "gcc-12.2.0": { lower: { name: value }, higher: {...} } }; `lower` = less is better. */
class Figures {
  byCompiler = {};

  add(compiler, name, value, sense = 'lower') {
    const of = (this.byCompiler[compiler] ??= { lower: {}, higher: {} });
    of[sense][name] = Number(value.toFixed(3));
  }
}

function addCounts(figures) {
  const { compiler, machine, levels } = measureCounts({ growth: false });
  for (const [level, counts] of Object.entries(levels)) {
    for (const [scene, cost] of Object.entries(counts)) figures.add(compiler, `${machine} instructions, ${level}: ${scene}`, cost);
  }
}

function addBoard(figures, preset, images) {
  const target = measureTarget(preset, images);
  const compiler = target.compiler.replace(' ', '-');
  for (const image of images) {
    const { kinds, masked, held, control, instance } = target.images[image];
    const name = `${preset} ${target.unit}, ${image}:`;
    for (const [kind, { mean, worst }] of Object.entries(kinds)) {
      figures.add(compiler, `${name} ${kind} mean`, mean);
      figures.add(compiler, `${name} ${kind} worst`, worst);
    }
    figures.add(compiler, `${name} longest masked`, masked.longest);
    if (held) figures.add(compiler, `${name} longest held`, held.longest);
    figures.add(compiler, `${preset} bytes, ${image}: instance`, instance);
    for (const [heap, { bytes }] of Object.entries(control)) figures.add(compiler, `${preset} bytes, ${image}: control of ${heap}`, bytes);
  }
}

function addSizes(figures) {
  const { compiler, sizes } = measureSizes(['moderate', 'none', 'nocaches']);
  for (const [name, of] of Object.entries(sizes)) {
    for (const [kind, bytes] of Object.entries(of)) figures.add(compiler, `rp2040 bytes, ${name} at -Os: ${kind}`, bytes);
  }
}

async function addMemory(figures) {
  const { compiler, results } = await measureMemory('gate');
  for (const { scene, size, cpus, caches, ...of } of results) {
    const name = `${size / 1024} KiB, ${cpus} CPUs, caches ${caches ? 'on' : 'off'}:`;
    if (scene === 'fill') {
      figures.add(compiler, `${name} percent filled`, of.median, 'higher');
    } else {
      figures.add(compiler, `${name} control`, of.control);
      figures.add(compiler, `${name} per block`, of.overhead);
      figures.add(compiler, `${name} largest block`, of.largest, 'higher');
    }
  }
}

async function measure() {
  const figures = new Figures();
  addCounts(figures);
  addBoard(figures, 'rp2040', ['moderate', 'basic', 'none', 'nocaches']);
  addBoard(figures, 'm33', ['moderate']);
  addSizes(figures);
  await addMemory(figures);
  return figures.byCompiler;
}

// ---- comparing -------------------------------------------------------------

/** What one compiler's figures say against its baseline: lines for what is worse or gone, and how many are better. */
export function compare(now, before, tolerance = TOLERANCE) {
  const worse = [];
  let better = 0;
  for (const [sense, figures] of Object.entries(before)) {
    for (const [name, was] of Object.entries(figures)) {
      const is = now[sense]?.[name];
      if (is === undefined) {
        worse.push(`${name}: ${was}, not measured any more`);
        continue;
      }
      const change = sense === 'lower' ? is - was : was - is;
      const part = was === 0 ? Math.sign(change) : change / was;
      if (part > tolerance) worse.push(`${name}: ${was} -> ${is} (${(100 * (is - was) / (was || 1)).toFixed(1)} %)`);
      else if (part < -tolerance) better++;
    }
  }
  return { worse, better };
}

/** Compares all compilers' figures; returns false if one is worse. */
function judge(byCompiler, folder) {
  let good = true;
  for (const [compiler, now] of Object.entries(byCompiler)) {
    const path = join(folder, `${compiler}.json`);
    const count = Object.values(now).reduce((sum, figures) => sum + Object.keys(figures).length, 0);
    if (!existsSync(path)) {
      process.stdout.write(`${compiler}: no baseline; ${count} figures\n`);
      continue;
    }
    const { worse, better } = compare(now, readJson(path));
    good &&= worse.length === 0;
    process.stdout.write(`${compiler}: ${count} figures, ${worse.length} worse, ${better} better\n`);
    for (const line of worse) process.stdout.write(`  worse: ${line}\n`);
    if (better) process.stdout.write('  to keep what was gained: ./run bench baseline\n');
  }
  return good;
}

function optionsOf(words) {
  const options = { baseline: 'bench/baseline' };
  while (words.length) {
    const word = words.shift();
    if (word === '--write') options.write = true;
    else if (['--measured', '--save', '--baseline'].includes(word) && words.length) options[word.slice(2)] = words.shift();
    else throw new RunError(`what is '${word}'?`);
  }
  return options;
}

async function main() {
  const options = optionsOf(process.argv.slice(2));
  const byCompiler = options.measured ? readJson(options.measured) : await measure();
  if (options.save) writeJson(options.save, byCompiler);
  if (options.write) {
    for (const [compiler, figures] of Object.entries(byCompiler)) writeJson(join(options.baseline, `${compiler}.json`), figures);
  } else if (!judge(byCompiler, options.baseline)) {
    throw new RunError('worse than the baseline; if that is the price of something: ./run bench baseline, and say of what');
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await runMain(main);
