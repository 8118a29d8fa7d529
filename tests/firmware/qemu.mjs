#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Runs an image on a two-CPU machine of QEMU. Exit status: 0 the image reported success, 1 it failed or
// faulted, 2 usage (also: QEMU itself cannot run), 3 it hung.

import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { machines } from './machines.mjs';

const usage = `usage: node qemu.mjs MACHINE IMAGE.elf [options]
  MACHINE                ${Object.keys(machines).join(', ')}
  --seed N               of the image and of the plugin's pauses (default 1)
  --plugin FILE          libobserve.so; needed for what follows
  --jitter N             one instruction in N is followed by a pause
  --observe WORD         passed to the plugin as it is, e.g. fn=0x1000; may be repeated
  --icount               both CPUs in turn, one instruction per ns of virtual time: exact counts, no races
  --timeout SECONDS      after which the image hangs (default 60)
  --quiet                print nothing unless the run fails`;

class UsageError extends Error {}

function wholeNumber(text, name) {
  if (!/^\d+$/.test(text)) throw new UsageError(`${name}: not a whole number: ${text}`);
  return Number(text);
}

function parse(words) {
  let parsed;
  try {
    parsed = parseArgs({
      args: words,
      allowPositionals: true,
      options: {
        seed: { type: 'string', default: '1' },
        plugin: { type: 'string' },
        jitter: { type: 'string', default: '0' },
        observe: { type: 'string', multiple: true, default: [] },
        icount: { type: 'boolean', default: false },
        timeout: { type: 'string', default: '60' },
        quiet: { type: 'boolean', default: false },
      },
    });
  } catch (e) {
    throw new UsageError(e.message);
  }
  const { values, positionals } = parsed;
  const [name, image] = positionals;
  if (positionals.length !== 2) throw new UsageError('a machine and an image, please');
  if (!Object.hasOwn(machines, name)) throw new UsageError(`unknown machine: ${name}`);
  const o = { ...values, machine: machines[name], name, image };
  for (const key of ['seed', 'jitter', 'timeout']) o[key] = wholeNumber(values[key], `--${key}`);
  if (!o.plugin && (o.jitter || o.observe.length)) throw new UsageError('--jitter and --observe need --plugin');
  return o;
}

/** Commas separate QEMU's options; in a value they are doubled. */
const quoted = (text) => String(text).replaceAll(',', ',,');

function commandLine(o) {
  const plugin = [`file=${quoted(o.plugin)}`, `isa=${o.machine.isa}`, `seed=${o.seed}`];
  if (o.jitter) plugin.push(`jitter=${o.jitter}`);
  plugin.push(...o.observe.map(quoted));
  return [
    ...o.machine.options,
    ...(o.icount ? ['-accel', 'tcg', '-icount', 'shift=0,sleep=off'] : ['-accel', 'tcg,thread=multi']),
    ...(o.plugin ? ['-plugin', plugin.join(',')] : []),
    '-nic', 'none', '-display', 'none', '-monitor', 'none', '-serial', 'null',
    '-semihosting-config', `enable=on,target=native,arg=image,arg=seed=${o.seed}`,
    '-kernel', o.image,
  ];
}

function run(o) {
  return new Promise((resolve) => {
    const child = spawn(o.machine.program, commandLine(o), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, QEMU_AUDIO_DRV: 'none' },
    });
    let text = '';
    let hung = false;
    const take = (chunk) => {
      text += chunk;
      if (!o.quiet) process.stdout.write(chunk);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    const timer = setTimeout(() => { hung = true; child.kill('SIGKILL'); }, o.timeout * 1000);
    child.on('error', (e) => { clearTimeout(timer); resolve({ status: 2, what: e.message, text }); });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (hung) resolve({ status: 3, what: `no end after ${o.timeout} s`, text });
      else if (code === 0) resolve({ status: 0, what: 'ok', text });
      else if (code === 1 && /^(qemu-system-\w+|observe): (?!warning)/m.test(text)) resolve({ status: 2, what: 'QEMU did not run it', text });
      else resolve({ status: 1, what: signal ? `QEMU ended by ${signal}` : `exit code ${code}`, text });
    });
  });
}

async function main() {
  const o = parse(process.argv.slice(2));
  const result = await run(o);
  if (result.status !== 0) {
    if (o.quiet) process.stdout.write(result.text);
    const again = ['node', process.argv[1], ...process.argv.slice(2).filter((w) => w !== '--quiet')];
    process.stderr.write(`${o.name}: FAIL: ${result.what}, seed ${o.seed}; again: ${again.join(' ')}\n`);
  }
  process.exitCode = result.status;
}

main().catch((e) => {
  process.stderr.write(e instanceof UsageError ? `${e.message}\n${usage}\n` : `${e.stack}\n`);
  process.exitCode = 2;
});
