// SPDX-License-Identifier: MIT
// Running programs for measurements: commands, builds, several at a time, results as files.

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';

/** Something outside went wrong: its message says what, a stack would not help. */
export class RunError extends Error {}

/** Runs a command to its end; standard output and error together. */
export function run(words, options = {}) {
  const result = spawnSync(words[0], words.slice(1), { encoding: 'latin1', maxBuffer: 1 << 26, ...options });
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}`;
  if (result.status !== 0) throw new RunError(`${words.join(' ')}\n${output}${result.error ?? ''}`);
  return output;
}

/** A promise of standard output alone, or with what was said of errors behind it. */
export function start(words, { errors: both = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(words[0], words.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    child.stdout.on('data', (data) => { output += data; });
    child.stderr.on('data', (data) => { errors += data; });
    child.on('error', (error) => reject(new RunError(`${words.join(' ')}: ${error.message}`)));
    child.on('close', (status) =>
      (status === 0 ? resolve(both ? output + errors : output) : reject(new RunError(`${words.join(' ')}: status ${status}\n${output}${errors}`))));
  });
}

/** Runs all commands, as many at a time as there are CPUs; outputs in the order of the commands. */
export async function runAll(commands, options = {}) {
  const outputs = new Array(commands.length);
  let next = 0;
  const worker = async () => {
    while (next < commands.length) {
      const index = next++;
      outputs[index] = await start(commands[index], options);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return outputs;
}

/** Configures in a folder of its own; the options are CMake's cache variables. */
export function configure(preset, dir, options) {
  const only = { NH_BENCH: 'ON', NH_TESTS: 'OFF', NH_DEMO: 'OFF', ...options };
  run(['cmake', '--preset', preset, '-B', dir, ...Object.entries(only).flatMap(([key, value]) => ['-D', `${key}=${value}`])]);
  return dir;
}

/** The same, and builds. */
export function build(preset, dir, options, targets = []) {
  configure(preset, dir, options);
  run(['cmake', '--build', dir, '-j', '2', ...(targets.length ? ['--target', ...targets] : [])]);
  return dir;
}

/** "gcc-12.2.0": what a compiler calls itself on the command line, and its version. */
export function compilerKey(compiler) {
  return `${compiler.replace(/^.*\//, '')}-${run([compiler, '-dumpfullversion', '-dumpversion']).trim()}`;
}

export const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

export function writeJson(path, value) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** main() of a script: what RunError says is enough, anything else is a defect. */
export async function runMain(main) {
  try {
    await main();
  } catch (e) {
    process.stderr.write(`${e instanceof RunError ? e.message : e.stack}\n`);
    process.exitCode = 1;
  }
}
