#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Lines, branches and conditions of core that its tests reach: unit, model, stress and the fuzz corpora, in several
// configurations, since no single one has all of the code. What one of them reaches counts.
//
//   node tests/coverage/coverage.mjs [--list] [--only NAME,...] [--keep]
//
//   --list   names every condition that is not shown, too
//   --only   some configurations
//   --keep   evaluates what was measured last
//
// A branch side that cannot be reached says so in place, with the reason, on its line or in a comment that ends on the line before:
//   /* never true: why */   /* never false: why */   /* never reached: why */
// One that is reached all the same is stale. Ends with 1 if there is one, or a test fails.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { run, RunError, runMain } from '../../bench/run.mjs';
import { ALONE } from '../support/alone.mjs';

const BUILD = 'build/coverage';
const TESTS = { target: 'core_tests', label: 'unit|model|stress|fuzz-core', programs: /^(unit|model|stress|fuzz|single)_/ };
/** Where there are no threads. */
const UNTHREADED = { ...TESTS, label: 'unit|model' };
/** Schedules of the explorer's. Not those in which a CPU dies: who never returns was counted when it entered, and a side that is
 * known as a difference would seem to be taken. */
const SCHEDULES = { target: 'explorers', label: 'explorer', without: 'killed|recover', programs: /^explorer_/ };
/** Options of each configuration, the percentage of random operations, and what is run. */
const CONFIGURATIONS = {
  moderate: [{}, 10],
  small: [{ NH_CPUS: '4', NH_CLASS_DOUBLINGS: '0', NH_REFILL: '1', NH_MERGE_LOOK: '2', NH_CAP_SMALL_SPAN: '128',
    NH_CAP_LARGE: '2' }, 10],
  none: [{ NH_HARDENING: 'none' }, 2],
  full: [{ NH_HARDENING: 'full' }, 5],
  extreme: [{ NH_HARDENING: 'extreme' }, 0.5],
  nocaches: [{ NH_CACHES: '0' }, 2],
  cpu1: [{ NH_CPUS: '1' }, 2],
  alone: [ALONE, 2, UNTHREADED],
  explorer: [{ NH_EXPLORER: 'ON' }, 100, SCHEDULES],
};

const { values: options } = parseArgs({
  options: {
    list: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    only: { type: 'string', default: Object.keys(CONFIGURATIONS).join(',') },
  },
});

// ---- measuring --------------------------------------------------------------------------------

/** All programs of some names below a folder of tests. */
function programsIn(dir, names) {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return entry.name === 'CMakeFiles' ? [] : programsIn(path, names);
    return (statSync(path).mode & 0o111) !== 0 && names.test(entry.name) ? [path] : [];
  });
}

const failed = []; // tests, which count all the same

function measure(name) {
  const [defines, percent, { target, label, without, programs } = TESTS] = CONFIGURATIONS[name];
  const dir = join(BUILD, name);
  const profiles = join(dir, 'profiles');
  rmSync(join(dir, 'Testing'), { recursive: true, force: true });
  const cache = {
    CMAKE_C_COMPILER: 'clang-19', CMAKE_BUILD_TYPE: 'Debug', CMAKE_C_FLAGS_DEBUG: '-O1 -g', NH_COVERAGE: 'ON', NH_WERROR: 'OFF',
    NH_TEST_SOURCE: 'OFF', NH_PRELOAD: 'OFF', NH_DEMO: 'OFF', NH_ZEPHYR: 'OFF', NH_TIZENRT: 'OFF', NH_INSTALL: 'OFF', ...defines,
  };
  run(['cmake', '-S', '.', '-B', dir, '-G', 'Ninja', ...Object.entries(cache).flatMap(([key, value]) => ['-D', `${key}=${value}`])]);
  run(['cmake', '--build', dir, '-j', '2', '--target', target]);
  rmSync(profiles, { recursive: true, force: true });
  mkdirSync(profiles);
  const env = {
    ...process.env, NH_TEST_SCALE: String(percent), NH_STRESS_SCALE: '0.02', LLVM_PROFILE_FILE: resolve(profiles, '%p-%m.profraw'),
  };
  const left = without === undefined ? [] : ['-E', without];
  try {
    run(['ctest', '--test-dir', dir, '-L', label, ...left, '-j', '2', '--quiet', '--no-tests=error'], { env });
  } catch (error) {
    const log = join(dir, 'Testing/Temporary/LastTestsFailed.log');
    if (!existsSync(log)) throw error;
    for (const line of readFileSync(log, 'utf8').trim().split('\n')) failed.push(`${name}: ${line.replace(/^\d+:/, '')}`);
  }
  const merged = join(dir, 'merged.profdata');
  run(['llvm-profdata-19', 'merge', '-o', merged, ...readdirSync(profiles).map((file) => join(profiles, file))]);
  const [first, ...others] = programsIn(join(dir, 'tests'), programs);
  const files = readdirSync('core').filter((file) => /\.[ch]$/.test(file)).map((file) => resolve('core', file));
  const words = ['-instr-profile', merged, first, ...others.flatMap((object) => ['-object', object]), ...files];
  const json = run(['llvm-cov-19', 'export', '-format=text', '-skip-functions', ...words], { stdio: ['ignore', 'pipe', 'ignore'] });
  const lines = run(['llvm-cov-19', 'export', '-format=lcov', '-skip-functions', ...words], { stdio: ['ignore', 'pipe', 'ignore'] });
  writeFileSync(join(dir, 'coverage.json'), json);
  writeFileSync(join(dir, 'coverage.lcov'), lines);
}

// ---- one picture of all -----------------------------------------------------------------------

const files = new Map(); // by name: { lines: Map, branches: Map, decisions: Map }

function fileOf(path) {
  const name = relative('.', path);
  if (!files.has(name)) files.set(name, { lines: new Map(), branches: new Map(), decisions: new Map() });
  return files.get(name);
}

/** Was the region that a place lies in entered? Segments: [line, column, count, counted, ...], in order. */
function entered(segments, line, column) {
  let low = 0, high = segments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const [l, c] = segments[middle];
    if (l < line || (l === line && c <= column)) low = middle + 1;
    else high = middle;
  }
  return low > 0 && segments[low - 1][3] && segments[low - 1][2] > 0;
}

function addBranches(file, { branches, segments }) {
  for (const [line, column, , , whenTrue, whenFalse] of branches) {
    const key = `${line}:${column}`; // no end: what a macro stands for differs
    const branch = file.branches.get(key) ?? { line, column, whenTrue: 0, whenFalse: 0, decided: false };
    branch.whenTrue += whenTrue;
    branch.whenFalse += whenFalse;
    // entered, and neither: a constant of this configuration
    branch.decided ||= whenTrue + whenFalse === 0 && entered(segments, line, column);
    file.branches.set(key, branch);
  }
}

function addDecisions(file, { mcdc_records: records = [] }) {
  for (const record of records) {
    const [line, column, endLine, endColumn] = record;
    const conditions = record.at(-1);
    const key = [line, column, endLine, endColumn, conditions.length].join(':');
    const known = file.decisions.get(key);
    const shown = known?.shown ?? conditions.map(() => false);
    conditions.forEach((independent, i) => { shown[i] ||= independent; });
    file.decisions.set(key, { line, column, shown });
  }
}

function addLines(text) {
  let file;
  for (const line of text.split('\n')) {
    if (line.startsWith('SF:')) file = fileOf(line.slice(3));
    const data = line.match(/^DA:(\d+),(\d+)/);
    if (data) file.lines.set(Number(data[1]), (file.lines.get(Number(data[1])) ?? 0) + Number(data[2]));
  }
}

function add(name) {
  const dir = join(BUILD, name);
  if (!existsSync(join(dir, 'coverage.json'))) throw new RunError(`${name} was not measured yet`);
  for (const data of JSON.parse(readFileSync(join(dir, 'coverage.json'), 'utf8')).data[0].files) {
    const file = fileOf(data.filename);
    addBranches(file, data);
    addDecisions(file, data);
  }
  addLines(readFileSync(join(dir, 'coverage.lcov'), 'utf8'));
}

// ---- what says that it cannot be reached ------------------------------------------------------

/** Line -> { sides, at, used } of a source's comments. */
function exclusionsIn(source) {
  const found = new Map();
  for (const comment of source.matchAll(/\/\*\s*never (true|false|reached): [^]*?\*\//g)) {
    const end = comment.index + comment[0].length;
    const alone = /^[ \t]*$/.test(source.slice(source.lastIndexOf('\n', comment.index) + 1, comment.index));
    const line = source.slice(0, end).split('\n').length + (alone ? 1 : 0);
    const sides = comment[1] === 'reached' ? ['true', 'false'] : [comment[1]];
    const known = found.get(line);
    found.set(line, { sides: [...(known?.sides ?? []), ...sides], used: new Set() });
  }
  return found;
}

function evaluate(name, file) {
  const source = readFileSync(name, 'utf8');
  const text = source.split('\n');
  const exclusions = exclusionsIn(source);
  const result = { name, lines: file.lines.size, linesHit: [...file.lines.values()].filter((count) => count > 0).length,
    sides: 0, sidesHit: 0, excluded: 0, conditions: 0, conditionsShown: 0, missing: [], unshown: [], stale: [] };
  const shortOf = (line) => text[line - 1].trim();
  for (const branch of [...file.branches.values()].sort((a, b) => a.line - b.line || a.column - b.column)) {
    if (branch.whenTrue + branch.whenFalse === 0 && branch.decided) continue;
    for (const [side, count] of [['true', branch.whenTrue], ['false', branch.whenFalse]]) {
      const exclusion = exclusions.get(branch.line);
      if (count === 0 && exclusion?.sides.includes(side)) {
        exclusion.used.add(side);
        result.excluded++;
        continue;
      }
      result.sides++;
      if (count > 0) result.sidesHit++;
      else result.missing.push(`${name}:${branch.line}:${branch.column}: never ${side}: ${shortOf(branch.line)}`);
    }
  }
  for (const decision of file.decisions.values()) {
    result.conditions += decision.shown.length;
    decision.shown.forEach((shown, i) => {
      if (shown) result.conditionsShown++;
      else result.unshown.push(`${name}:${decision.line}:${decision.column}: condition ${i + 1} of ${decision.shown.length}: ${shortOf(decision.line)}`);
    });
  }
  for (const [line, { sides, used }] of exclusions)
    for (const side of new Set(sides))
      if (!used.has(side)) result.stale.push(`${name}:${line}: "never ${side}" is reached, or no branch: ${shortOf(line)}`);
  return result;
}

// ---- the table --------------------------------------------------------------------------------

const percent = (part, whole) => (whole === 0 ? '-' : `${(Math.floor(1000 * part / whole) / 10).toFixed(1)} %`);

function print(results) {
  const total = { name: 'all' };
  for (const key of ['lines', 'linesHit', 'sides', 'sidesHit', 'excluded', 'conditions', 'conditionsShown'])
    total[key] = results.reduce((sum, result) => sum + result[key], 0);
  console.log('| file | lines | reached | branch sides | reached | | excluded | conditions | shown (MC/DC) | |');
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const r of [...results, total]) {
    if (r.lines + r.sides === 0) continue;
    console.log(`| ${[r.name, r.lines, r.linesHit, r.sides, r.sidesHit, percent(r.sidesHit, r.sides), r.excluded, r.conditions,
      r.conditionsShown, percent(r.conditionsShown, r.conditions)].join(' | ')} |`);
  }
}

runMain(() => {
  const names = options.only.split(',');
  for (const name of names) {
    if (!(name in CONFIGURATIONS)) throw new RunError(`${name}: none of ${Object.keys(CONFIGURATIONS).join(', ')}`);
    if (options.keep) continue;
    const begin = Date.now();
    measure(name);
    console.error(`${name}: ${Math.round((Date.now() - begin) / 1000)} s`);
  }
  names.forEach(add);
  const results = [...files.keys()].sort().map((name) => evaluate(name, files.get(name)));
  print(results);
  const of = (key) => results.flatMap((result) => result[key]);
  for (const line of options.list ? [...of('missing'), ...of('unshown')] : of('missing')) console.log(line);
  for (const line of of('stale')) console.log(`stale: ${line}`);
  console.log(`${of('missing').length} branch sides are not reached, ${of('stale').length} exclusions are stale`);
  for (const test of failed) console.log(`failed: ${test}`);
  if (of('stale').length + failed.length !== 0) process.exitCode = 1;
});
