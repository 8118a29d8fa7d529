#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Command line of the two-core runner. Exit status: 0 the image reported success,
// 1 it failed or faulted, 2 usage, 3 deadlock, 4 step limit.

import { relative } from 'node:path';
import { writeFileSync } from 'node:fs';
import { Fault, ImageError } from './fault.mjs';
import { watchHold } from './hold.mjs';
import { createMachine, defaults } from './machine.mjs';
import { scheduleNames } from './schedule.mjs';

const usage = `usage: node run.mjs IMAGE.elf [options]
  --schedule ${scheduleNames.join('|')}   which core runs next (default rr)
  --seed N                schedule, injector, SRAM contents, and nh_board_seed (default 1)
  --max-steps N           instructions of both cores together (default 400e6)
  --irq-mean CYCLES       pend one of IRQ 26..31 on each core about this often (default 0: never)
  --set SYMBOL=VALUE      write a variable of the image before it starts; may be repeated
  --report FILE.json      write what was measured
  --hold ACQUIRE,RELEASE  functions of a lock: report the longest stretch between them, uncontended
  --quiet                 print nothing unless the run fails`;

const exitStatus = { ok: 0, fail: 1, fault: 1, deadlock: 3, limit: 4 };

class UsageError extends Error {}

function parseNumber(text, name) {
  const n = Number(text);
  if (text === undefined || text.trim() === '' || !Number.isInteger(n)) {
    throw new UsageError(`${name}: not a whole number: ${text}`);
  }
  return n;
}

function parseArguments(words) {
  const o = { ...defaults, set: [] };
  const rest = [...words];
  const numeric = { '--seed': 'seed', '--max-steps': 'maxSteps', '--irq-mean': 'irqMean' };
  while (rest.length) {
    const word = rest.shift();
    if (word.startsWith('--') && word !== '--quiet' && !rest.length) {
      throw new UsageError(`${word}: value missing`);
    }
    if (word in numeric) {
      o[numeric[word]] = parseNumber(rest.shift(), word);
      if (o[numeric[word]] < 0) throw new UsageError(`${word}: must not be negative`);
    } else if (word === '--schedule') o.schedule = rest.shift();
    else if (word === '--report') o.report = rest.shift();
    else if (word === '--hold') o.hold = rest.shift();
    else if (word === '--quiet') o.quiet = true;
    else if (word === '--set') o.set.push(parseSet(rest.shift()));
    else if (word.startsWith('-') || o.image) throw new UsageError(`unexpected: ${word}`);
    else o.image = word;
  }
  if (!o.image) throw new UsageError('no image given');
  if (!scheduleNames.includes(o.schedule)) throw new UsageError(`unknown schedule: ${o.schedule}`);
  o.seed >>>= 0;
  return o;
}

function parseSet(text) {
  const m = /^([A-Za-z_.$][\w.$]*)=(.+)$/.exec(text ?? '');
  if (!m) throw new UsageError(`--set: expected SYMBOL=VALUE, got ${text}`);
  const negative = m[2].startsWith('-');
  const value = parseNumber(negative ? m[2].slice(1) : m[2], `--set ${m[1]}`);
  return [m[1], negative ? -value : value];
}

/** UART bytes to standard output, a line at a time; kept back when quiet. */
function uartPrinter(quiet) {
  let line = '';
  let kept = '';
  const flush = () => {
    if (quiet) kept += line;
    else process.stdout.write(line, 'latin1');
    line = '';
  };
  return {
    onByte(byte) {
      line += String.fromCharCode(byte);
      if (byte === 10 || line.length >= 256) flush();
    },
    flush,
    release() { process.stdout.write(kept, 'latin1'); },
  };
}

function replay(o) {
  const words = ['node', relative('', process.argv[1]) || process.argv[1], o.image,
    '--schedule', o.schedule, '--seed', o.seed];
  if (o.irqMean) words.push('--irq-mean', o.irqMean);
  if (o.maxSteps !== defaults.maxSteps) words.push('--max-steps', o.maxSteps);
  for (const [name, value] of o.set) words.push('--set', `${name}=${value}`);
  return words.join(' ');
}

function summary(machine, seconds) {
  const r = machine.report();
  const cores = r.cores.filter((c) => c.started).map((c, i) =>
    `core ${i}: ${c.instructions} instructions, ${c.cycles} cycles, interrupts off at most ` +
    `${c.irqOff.cycles} cycles / ${c.irqOff.instructions} instructions` +
    (c.irqOff.function ? ` (${c.irqOff.function})` : ''));
  const speed = (machine.steps / Math.max(seconds, 1e-6) / 1e6).toFixed(1);
  return [`emulator: ${r.message}, ${seconds.toFixed(2)} s, ${speed} M instructions/s`, ...cores].join('\n  ');
}

function main() {
  const o = parseArguments(process.argv.slice(2));
  const uart = uartPrinter(o.quiet);
  const machine = createMachine(o.image, { ...o, onByte: uart.onByte });
  const hold = o.hold ? watchHold(machine, ...o.hold.split(',')) : undefined;
  const begin = process.hrtime.bigint();
  const result = machine.run();
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  uart.flush();
  if (o.report) writeFileSync(o.report, `${JSON.stringify({ ...machine.report(), hold }, null, 2)}\n`);
  if (result.kind === 'ok') {
    if (!o.quiet) process.stderr.write(`${summary(machine, seconds)}\n`);
  } else {
    uart.release();
    process.stderr.write(`emulator: FAIL: ${result.message}; replay: ${replay(o)}\n` +
      `${machine.describeCores().join('\n')}\n`);
  }
  process.exitCode = exitStatus[result.kind];
}

process.stdout.on('error', () => {});                // a reader such as head may have left

try {
  main();
} catch (e) {
  if (e instanceof UsageError) process.stderr.write(`${e.message}\n${usage}\n`);
  else if (e instanceof ImageError || e instanceof Fault) process.stderr.write(`emulator: ${e.message}\n`);
  else process.stderr.write(`emulator: ${e.stack}\n`);
  process.exitCode = 2;
}
