#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Runs the demo's image on the emulated chip, passes on what it prints, and adds what only the
// emulator knows: how long interrupts were off. Exit status: 0 the last line is "demo: ok",
// 1 it is not, 2 usage.

import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { ImageError } from '../../tests/rp2040/emu/fault.mjs';
import { createMachine } from '../../tests/rp2040/emu/machine.mjs';
import { scheduleNames } from '../../tests/rp2040/emu/schedule.mjs';

const usage = `usage: node demo.mjs IMAGE.elf [options]
  --seed N                of workload, schedule and interrupts (default: a new one, printed)
  --schedule ${scheduleNames.join('|')}   which core runs next (default lockstep: each at the
                          pace of its own clock, so that cycles are those of the chip)
  --irq-mean CYCLES       mean distance of interrupts on a core (default 8000)`;

const DEFAULTS = { schedule: 'lockstep', irqMean: 8000 };
const IRQ_OFF_ROW = /^ *longest interrupts-off/;
const VERDICT = /^demo: /;

class UsageError extends Error {}

function wholeNumber(text, name) {
  if (!/^\d+$/.test(text) || Number(text) > 0xffffffff) throw new UsageError(`${name}: not a whole number: ${text}`);
  return Number(text);
}

function parse(words) {
  let parsed;
  try {
    parsed = parseArgs({
      args: words,
      allowPositionals: true,
      options: { seed: { type: 'string' }, schedule: { type: 'string' }, 'irq-mean': { type: 'string' } },
    });
  } catch (e) {
    throw new UsageError(e.message);
  }
  const { values, positionals } = parsed;
  if (positionals.length !== 1) throw new UsageError('one image, please');
  const o = {
    image: positionals[0],
    seed: values.seed === undefined ? randomInt(1, 1_000_000) : wholeNumber(values.seed, '--seed'),
    schedule: values.schedule ?? DEFAULTS.schedule,
    irqMean: values['irq-mean'] === undefined ? DEFAULTS.irqMean : wholeNumber(values['irq-mean'], '--irq-mean'),
  };
  if (!scheduleNames.includes(o.schedule)) throw new UsageError(`unknown schedule: ${o.schedule}`);
  return o;
}

function again(o) {
  const words = ['./run demo --seed', o.seed];
  if (o.schedule !== DEFAULTS.schedule) words.push('--schedule', o.schedule);
  if (o.irqMean !== DEFAULTS.irqMean) words.push('--irq-mean', o.irqMean);
  return words.join(' ');
}

const pair = (title, cells) => title.padEnd(30) + cells.map((cell) => String(cell).padStart(24)).join('') + '\n';

/** The longest stretch with interrupts off on each core: how long, and which function began it. */
function irqOffRows(machine) {
  const longest = machine.report().cores.map((core) => core.irqOff);
  return pair('  longest interrupts-off', longest.map((s) => s.cycles)) +
    pair('    begun in', longest.map((s) => s.function ?? '?'));
}

/** Passes lines on as they come, except for the verdict, which has to be the last. */
class Console {
  machine = null;
  verdict = null;
  #line = '';

  onByte = (byte) => {
    this.#line += String.fromCharCode(byte);
    if (byte === 10) this.flush();
  };

  flush() {
    const line = this.#line;
    this.#line = '';
    if (VERDICT.test(line)) this.verdict = line.trim();
    else if (IRQ_OFF_ROW.test(line)) process.stdout.write(irqOffRows(this.machine), 'latin1');
    else process.stdout.write(line, 'latin1');
  }
}

function main() {
  const o = parse(process.argv.slice(2));
  const uart = new Console();
  process.stdout.write(`two emulated Cortex-M0+, schedule ${o.schedule}, an interrupt about every ${o.irqMean} cycles\n` +
    `seed ${o.seed}; again: ${again(o)}\n`);
  const machine = createMachine(o.image, { ...o, onByte: uart.onByte });
  uart.machine = machine;
  const begin = process.hrtime.bigint();
  const result = machine.run();
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  uart.flush();
  process.stdout.write(`\n${(machine.steps / 1e6).toFixed(1)} M instructions in ${seconds.toFixed(1)} s\n`);
  const ok = result.kind === 'ok' && uart.verdict === 'demo: ok';
  if (!ok) {
    process.stdout.write(`emulator: ${result.message}\n${machine.describeCores().join('\n')}\nagain: ${again(o)}\n`);
  }
  process.stdout.write(`${ok ? 'demo: ok' : 'demo: FAILED'}\n`);
  process.exitCode = ok ? 0 : 1;
}

try {
  main();
} catch (e) {
  process.stderr.write(e instanceof UsageError ? `${e.message}\n${usage}\n`
    : `${e instanceof ImageError || e.code === 'ENOENT' ? e.message : e.stack}\n`);
  process.exitCode = 2;
}
