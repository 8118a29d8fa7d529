#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Real programs under glibc's malloc, mimalloc and libnearheap-preload.so: run time, CPU time, peak memory. Rounds are
// interleaved, figures are medians. Exit status: 0 all ran and gave the same output, 1 one did not.
//
//   node bench/programs/bench.mjs [--quick] [--only NAME] [--out FILE] [--write]      in the repository's root
//
// Writes build/bench/programs.json (or FILE); --write also the table of docs/BENCHMARKS.md.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { head, row, writePage } from '../page.mjs';
import { PROGRAMS } from './programs.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    out: { type: 'string', default: 'build/bench/programs.json' },
    write: { type: 'boolean', default: false },
  },
});
const BUILD = 'build/bench/programs-build';
const WORK = resolve('build/bench/programs-work');
const MEASURE = resolve(BUILD, 'measure');
const ROUNDS = options.quick ? 1 : 3;

// ---- the allocators --------------------------------------------------------

function command(words) {
  const result = spawnSync(words[0], words.slice(1), { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (result.status !== 0) throw new Error(`${words.join(' ')}\n${result.stdout ?? ''}${result.stderr ?? ''}${result.error ?? ''}`);
  return result.stdout;
}

function build() {
  command(['cmake', '--preset', 'gcc-release', '-B', BUILD, '-D', 'NH_TESTS=OFF', '-D', 'NH_DEMO=OFF']);
  command(['cmake', '--build', BUILD, '-j', '2', '--target', 'nearheap_preload']);
  command(['gcc', '-O2', '-Wall', '-o', MEASURE, 'bench/programs/measure.c']);
  return resolve(BUILD, 'core/compat/preload/libnearheap-preload.so');
}

/** All are loaded the same way, the C library's too: a program may bring an allocator of its own (redis does). */
function allocators() {
  const found = {
    glibc: command(['gcc', '-print-file-name=libc.so.6']).trim(),
    mimalloc: /=> (\S*libmimalloc\.so\.2\S*)/.exec(command(['/sbin/ldconfig', '-p']))?.[1],
    nearheap: build(),
  };
  for (const [name, path] of Object.entries(found)) {
    if (!path || !existsSync(path)) throw new Error(`${name}: no library to load (${path})`);
  }
  return found;
}

// ---- running under one -----------------------------------------------------

class Under {
  constructor(library, work) {
    this.library = library;
    this.work = work;
    this.result = `${work}/measured.json`;
  }

  #words(words) {
    return [this.result, this.library, ...words];
  }

  #environment(more) {
    return { ...process.env, LC_ALL: 'C', ...more };
  }

  #figures(words, status, stderr) {
    if (status !== 0) throw new Error(`${words.join(' ')}: exit status ${status}\n${stderr.slice(-2000)}`);
    if (/ld\.so.*(cannot be preloaded|ERROR)/.test(stderr)) throw new Error(`${words[0]}: not under it: ${stderr}`);
    return JSON.parse(readFileSync(this.result, 'utf8'));
  }

  run(words, { env = {}, input = '' } = {}) {
    const result = spawnSync(MEASURE, this.#words(words), {
      encoding: 'latin1', input, env: this.#environment(env), maxBuffer: 1 << 28, timeout: 300000,
    });
    const figures = this.#figures(words, result.status, result.stderr + (result.error ?? ''));
    return { figures, stdout: result.stdout, stderr: result.stderr };
  }

  /** A program that runs until it is told to end. */
  start(words) {
    const child = spawn(MEASURE, this.#words(words), { env: this.#environment({}), stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    let stderr = '', status = null;
    child.stderr.on('data', (data) => { stderr += data; });
    const end = new Promise((done) => child.on('close', (code) => { status = code ?? -1; done(); }));
    return {
      running: () => status === null,
      ended: async () => { await end; return this.#figures(words, status, stderr); },
      stop: () => { if (status === null) process.kill(-child.pid, 'SIGKILL'); }, // its own group, nobody else's
    };
  }
}

async function runRounds(program, libraries) {
  const all = Object.fromEntries(Object.keys(libraries).map((name) => [name, []]));
  let output;
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, library] of Object.entries(libraries)) {
      rmSync(WORK, { recursive: true, force: true });
      mkdirSync(WORK, { recursive: true });
      const done = await program.run(new Under(library, WORK), options.quick);
      output ??= done.output;
      if (done.output !== output) throw new Error(`${program.name} under ${name}: another output`);
      all[name].push(done.figures);
    }
  }
  return all;
}

// ---- results ---------------------------------------------------------------

const median = (numbers) => numbers.toSorted((a, b) => a - b)[(numbers.length - 1) >> 1];

function summary(rounds) {
  const of = (key) => median(rounds.map((figures) => figures[key]));
  return { seconds: of('seconds'), cpu: of('cpu'), peakKib: of('peakKib'), rounds };
}

function machine() {
  return { cpu: cpus()[0]?.model ?? 'unknown', cpus: cpus().length, gcc: command(['gcc', '-dumpfullversion']).trim(),
    libc: command(['getconf', 'GNU_LIBC_VERSION']).trim() };
}

function table(results, names) {
  let out = `${results.machine.cpus} CPUs (${results.machine.cpu}), ${results.machine.libc}; level MODERATE, statistics on; `
    + `medians of ${results.rounds} rounds; CPU seconds (wall seconds), peak MiB of the largest process.\n\n`;
  out += head(['', ...names.flatMap((name) => [name, 'MiB'])]);
  for (const { name, title } of PROGRAMS) {
    const program = results.programs[name];
    if (!program) continue;
    out += row([title, ...names.flatMap((allocator) => {
      const { seconds, cpu, peakKib } = program[allocator];
      return [`${cpu.toFixed(2)} (${seconds.toFixed(2)})`, (peakKib / 1024).toFixed(1)];
    })]);
  }
  return out;
}

let libraries;
const results = { quick: options.quick, rounds: ROUNDS, programs: {} };
const failed = [];
try {
  libraries = allocators();
  results.machine = machine();
} catch (error) {
  console.error(`programs: ${error.message}`);
  process.exit(1);
}
for (const program of PROGRAMS.filter(({ name }) => !options.only || name === options.only)) {
  try {
    const all = await runRounds(program, libraries);
    results.programs[program.name] = Object.fromEntries(Object.entries(all).map(([name, rounds]) => [name, summary(rounds)]));
    const line = Object.entries(results.programs[program.name])
      .map(([name, { seconds, cpu, peakKib }]) => `${name} ${cpu.toFixed(2)} (${seconds.toFixed(2)}) s ${(peakKib / 1024).toFixed(1)} MiB`);
    console.log(`${program.name.padEnd(10)} ${line.join('   ')}`);
  } catch (error) {
    failed.push(program.name);
    console.error(`${program.name}: FAILED: ${error.message}`);
  }
}
rmSync(WORK, { recursive: true, force: true });
if (!options.only || options.out !== 'build/bench/programs.json') {
  mkdirSync(dirname(options.out), { recursive: true });
  writeFileSync(options.out, `${JSON.stringify({ ...results, failed }, null, 2)}\n`);
}
if (options.write && failed.length === 0 && !options.only) writePage('docs/BENCHMARKS.md', 'programs', table(results, Object.keys(libraries)));
process.exit(failed.length === 0 ? 0 : 1);
