#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Mutation testing of core: docs/MUTATION.md.
//
//   node tests/mutation/mutate.mjs [FILE...]   mutants of these files, or of all of core
//   --sample N --seed S   N of them, chosen by the seed; the same ones, as long as their lines are the same
//   --again               not those that were killed before, nor survivors that are explained, in a file that is as it was
//   --unit                without the explorer, which is asked last, and without memory orders, which it alone judges
//   --list                only names them
//
// In the repository's root. Exit status: 0 every survivor is explained in survivors.txt, and nothing else is.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readJson, RunError, runMain, writeJson } from '../../bench/run.mjs';
import { ALONE } from '../support/alone.mjs';
import { Explorer } from './explorer.mjs';
import { Batch } from './batch.mjs';
import { judge } from './judge.mjs';
import { mutants } from './mutants.mjs';
import { parse, written } from './register.mjs';
import { Target } from './target.mjs';

const REGISTER = 'tests/mutation/survivors.txt';
const RESULTS = 'build/mutation/results.json';
const STATES = ['killed', 'survived', 'unreached', 'equivalent', 'duplicate', 'invalid', 'elsewhere'];
const SURVIVED = ['survived', 'unreached'];

const sha = (text) => createHash('sha256').update(text).digest('hex');

const LABELS = ['unit', 'model'];
const ARM = { preset: 'arm32', emulator: ['qemu-arm', '-L', '/usr/arm-linux-gnueabihf'] };

/** What judges every mutant that it compiles. */
const usual = () => [new Target('moderate', {}, LABELS), new Target('full', { NH_HARDENING: 'full' }, LABELS)];

/** What judges those that none of these compiles. */
const rest = () => [
  new Target('nocaches', { NH_CACHES: '0' }, LABELS),
  new Target('extreme', { NH_HARDENING: 'extreme' }, LABELS),
  new Target('alone', ALONE, LABELS),
  new Target('ticket', { NH_LOCK_BACKEND: 'ticket' }, LABELS),
  new Target('ck', { NH_LOCK_BACKEND: 'ck' }, LABELS),
  new Target('narrow', { NH_STATS: '0' }, LABELS, ARM),
];

/** The configurations that may kill a mutant, in the order in which they are asked. */
class Judges {
  async prepare(list) {
    this.usual = [];
    this.rest = [];
    for (const target of usual()) this.usual.push(await target.prepare());
    const left = () => list.filter((mutant) => mutant.kind !== 'order' && this.of(mutant).length === 0);
    for (const target of rest()) {
      const mutants = left();
      if (mutants.length === 0) break;
      target.begin();
      if (mutants.some((mutant) => target.compiles(mutant))) this.rest.push(await target.prepare());
    }
    return this;
  }

  get all() {
    return [...this.usual, ...this.rest];
  }

  of(mutant) {
    const compiling = (targets) => targets.filter((target) => target.compiles(mutant));
    const first = compiling(this.usual);
    return mutant.kind === 'order' ? [] : first.length ? first : compiling(this.rest);
  }
}

function chosen(files, sample, seed) {
  const all = files.flatMap((file) => mutants(file, readFileSync(file, 'utf8')));
  if (sample === undefined) return all;
  const lot = (mutant) => sha(`${seed} ${mutant.name}`);
  const first = new Set([...all].sort((a, b) => (lot(a) < lot(b) ? -1 : 1)).slice(0, sample));
  return all.filter((mutant) => first.has(mutant));
}

class Results {
  constructor(again, register) {
    this.of = again && existsSync(RESULTS) ? readJson(RESULTS) : {};
    this.register = register;
  }

  known(mutant, hash) {
    const result = this.of[mutant.key];
    return result !== undefined && result.hash === hash && (!SURVIVED.includes(result.state) || this.register.has(mutant.name));
  }

  keep(mutant, hash, { state, by, how, target, code }) {
    this.of[mutant.key] = { name: mutant.name, line: mutant.line, kind: mutant.kind, hash, state, by, how, target, code };
    writeJson(RESULTS, this.of);
  }
}

/** By one configuration after the other, until one kills it; by the explorer at last. */
async function judgeBy(judges, batches, explorer, mutant, source, seen) {
  const by = async (target) => judge(target, mutant, source, join(target.dir, 'mutant'), (code) => seen(target, code),
    (await batches.get(target)?.killer(mutant)) ?? null);
  let result = { state: 'elsewhere' };
  for (const target of judges.of(mutant)) {
    const judged = { ...await by(target), target: target.name };
    if (judged.state === 'killed' || !SURVIVED.includes(result.state)) result = judged;
    if (!SURVIVED.includes(judged.state) && judged.state !== 'equivalent') break;
  }
  if (explorer === null || !(mutant.kind === 'order' || SURVIVED.includes(result.state))) return result;
  if (!explorer.compiles(mutant)) return result;
  const explored = await by(explorer);
  if (mutant.kind === 'order') return { ...explored, target: explorer.name };
  return explored.state === 'killed' ? { ...explored, target: explorer.name, code: result.code } : result;
}

/** For each configuration the file's mutants at once, where that can be. */
async function batchesOf(judges, file, list, source) {
  const batches = new Map();
  for (const target of judges.all) {
    const batch = new Batch(target, file);
    if (await batch.prepare(list.filter((mutant) => judges.of(mutant).includes(target)), source)) batches.set(target, batch);
  }
  return batches;
}

async function judgeAll(list, judges, explorer, results) {
  const codes = new Map(); // what a mutant compiles to -> the first one that does
  const began = performance.now();
  let number = 0;
  let batches = new Map();
  let batched = null;
  for (const mutant of list) {
    const source = readFileSync(mutant.file, 'utf8');
    const hash = sha(source);
    number++;
    if (results.known(mutant, hash)) {
      const { code, target } = results.of[mutant.key];
      if (code !== undefined) codes.set(`${target} ${code}`, mutant);
      continue;
    }
    if (batched !== mutant.file) {
      const left = list.filter((other) => other.file === mutant.file && other.kind !== 'order' && !results.known(other, hash));
      batches = await batchesOf(judges, mutant.file, left, source);
      batched = mutant.file;
    }
    const result = await judgeBy(judges, batches, explorer, mutant, source, (target, code) => codes.has(`${target.name} ${code}`));
    if (result.code !== undefined && result.state !== 'duplicate') codes.set(`${result.target} ${result.code}`, mutant);
    results.keep(mutant, hash, result);
    if (number % 50 === 0 || SURVIVED.includes(result.state)) {
      const minutes = ((performance.now() - began) / 60000).toFixed(1);
      process.stdout.write(`${number}/${list.length} ${minutes} min  ${result.state}  ${mutant.file}:${mutant.line}\n`);
    }
  }
}

function table(list, results) {
  const rows = new Map();
  for (const mutant of list) {
    const row = rows.get(mutant.file) ?? Object.fromEntries(STATES.map((state) => [state, 0]));
    row[results.of[mutant.key].state]++;
    rows.set(mutant.file, row);
  }
  const line = (name, row) => {
    const counted = row.killed + row.survived + row.unreached;
    const score = counted ? `${((100 * row.killed) / counted).toFixed(1)} %` : '-';
    return `| ${name} | ${STATES.map((state) => row[state]).join(' | ')} | ${score} |\n`;
  };
  const sum = Object.fromEntries(STATES.map((state) => [state, [...rows.values()].reduce((total, row) => total + row[state], 0)]));
  return `| file | ${STATES.join(' | ')} | score |\n|${' --- |'.repeat(STATES.length + 2)}\n` +
    [...rows].map(([file, row]) => line(file, row)).join('') + line('all', sum);
}

/** Survivors without an explanation, and explanations without a survivor: in these files, or anywhere. */
function compare(list, results, files, anywhere) {
  const entries = results.register;
  const survivors = list.filter((mutant) => SURVIVED.includes(results.of[mutant.key].state));
  const names = new Map(list.map((mutant) => [mutant.name, mutant]));
  const everything = new Set(files.flatMap((file) => mutants(file, readFileSync(file, 'utf8'))).map((mutant) => mutant.name));
  const asked = (name) => anywhere || files.includes(name.split(' ')[0]);
  const stale = [...entries.keys()].filter((name) => asked(name) && (!everything.has(name) ||
    (names.has(name) && ![...SURVIVED, 'duplicate'].includes(results.of[names.get(name).key].state))));
  return { unexplained: survivors.filter((mutant) => !entries.has(mutant.name)), stale, explained: survivors.length };
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { sample: { type: 'string' }, seed: { type: 'string', default: '1' }, again: { type: 'boolean' }, unit: { type: 'boolean' }, list: { type: 'boolean' } },
  });
  const files = positionals.length ? positionals
    : readdirSync('core').filter((name) => /\.[ch]$/.test(name)).map((name) => `core/${name}`);
  for (const file of files) if (!existsSync(file)) throw new RunError(`${file}: no such file`);
  if (values.sample !== undefined && !/^[1-9]\d*$/.test(values.sample)) throw new RunError('--sample: how many?');
  const list = chosen(files, values.sample && Number(values.sample), values.seed).filter((mutant) => !values.unit || mutant.kind !== 'order');
  if (values.list) {
    process.stdout.write(list.map((mutant) => `${mutant.file}:${mutant.line}\n${written(mutant)}\n`).join(''));
    return;
  }
  mkdirSync('build/mutation', { recursive: true });
  const results = new Results(values.again, parse(readFileSync(REGISTER, 'utf8'), REGISTER));
  const judges = await new Judges().prepare(list);
  const explorer = values.unit ? null : await new Explorer().prepare();
  await judgeAll(list, judges, explorer, results);
  const { unexplained, stale, explained } = compare(list, results, files, positionals.length === 0);
  for (const mutant of unexplained) process.stdout.write(`\n# ${results.of[mutant.key].state}: ${mutant.file}:${mutant.line}\n${written(mutant)}`);
  for (const name of stale) process.stdout.write(`\n# in ${REGISTER}, but killed or gone:\n${name}\n`);
  process.stdout.write(`\n${table(list, results)}\n${unexplained.length} unexplained, ${explained - unexplained.length} explained, ${stale.length} stale\n`);
  if (unexplained.length || stale.length) process.exitCode = 1;
}

await runMain(main);
