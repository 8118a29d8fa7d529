#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// node kill.mjs IMAGE.elf [--seed N] [--rounds N] [--span N] [--schedule NAME]: stops core 1 at one instruction of its work
// per round, and tells the image. Every second round it is an instruction of the heap that was met before and at which none
// was stopped yet; the others are at a count of the heap's instructions from the entry of core1_work on, spread evenly
// over the span. Ends with the image's own verdict, and a table of what was hit.

import { createMachine } from '../emu/machine.mjs';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '300' },
    span: { type: 'string', default: '40000' },
    schedule: { type: 'string', default: 'random' },
    least: { type: 'string', default: '0' },
  },
});
const [seed, rounds, span, least] = ['seed', 'rounds', 'span', 'least'].map((name) => Number(values[name]));
if (positionals.length !== 1 || ![seed, rounds, span, least].every(Number.isInteger) || rounds < 1 || span < 1) {
  process.stderr.write('usage: kill.mjs IMAGE.elf [--seed N] [--rounds N] [--span N] [--schedule NAME] [--least PLACES]\n');
  process.exit(2);
}

let text = '';
const machine = createMachine(positionals[0], {
  seed, schedule: values.schedule, maxSteps: 4e9,
  set: [['rounds', rounds]],
  onByte: (byte) => { text += String.fromCharCode(byte); },
});
const killed = machine.elf.symbol('killed').address;
const work = machine.elf.symbol('core1_work').address;
const core = machine.cores[1];
const places = new Map();
const functions = new Map();
let round = 0;
let left = -1;                                       // instructions of the heap until it is stopped; -1 = not at work
let target = -1;                                     // or when it comes here

/** Counts that fill the span: the golden section leaves no gap for long. */
const count = () => Math.floor(((seed * 0.414 + round * 0.6180339887) % 1) * span) + 1;

function stop() {
  const pc = core.registers[15] >>> 0;
  const name = machine.elf.functionAt(pc)?.name ?? '?';
  places.set(pc, (places.get(pc) ?? 0) + 1);
  functions.set(name, (functions.get(name) ?? 0) + 1);
  state[index(pc)] = STOPPED;
  machine.chip.holdCore1(true);
  machine.write32(killed, 1);
  left = target = -1;
}

// What is not the heap's, by instruction in flash: 1 = ours, 2 = the image's; filled as it is met.
const whose = new Uint8Array(1 << 20);
const index = (pc) => (pc & 0x1fffff) >>> 1;
const image = new Set(['traffic', 'core1_work', 'make', 'check', 'nh_usable_size', 'nh_instance_usable_size', '__aeabi_uidiv',
  '__aeabi_uidivmod', '?']);
const isHeap = (pc) => {
  const i = index(pc);
  if (whose[i] === 0) whose[i] = image.has(machine.elf.functionAt(pc)?.name ?? '?') ? 2 : 1;
  return whose[i] === 1;
};

// What was met: instructions of the heap in the order in which core 1 came to them first, and those it was stopped at.
const MET = 1;
const STOPPED = 2;
const state = new Uint8Array(1 << 20);
const met = [];

function choose() {
  left = count();
  if (round++ % 2 === 0) return;
  while (met.length && state[index(met[0])] === STOPPED) met.shift();
  if (!met.length) return;
  target = met.splice((round * 7919) % met.length, 1)[0];
  left = 4 * span;                                   // it may not come there again
}

const step = core.step.bind(core);
core.step = () => {
  const pc = core.registers[15] >>> 0;
  if (left < 0) {
    if (pc === work) choose();
  } else if (isHeap(pc)) {
    if (pc === target || left-- === 0) return stop();
    if (state[index(pc)] === 0) {
      state[index(pc)] = MET;
      met.push(pc);
    }
  }
  return step();
};

const result = machine.run();
process.stdout.write(text);
const word = (name) => machine.readSymbol(name);
const where = [...functions].sort((a, b) => b[1] - a[1]).map(([name, n]) => `${name} ${n}`).join(', ');
process.stdout.write(`core 1 reset ${round} times at ${places.size} different instructions: ${word('rounds_inside')} inside ` +
  `a call, ${word('rounds_broken')} inside a lock (heap out of service), ${word('rounds_stuck')} noticed by core 0 waiting; ` +
  `${word('blocks_salvaged')} blocks salvaged, ${word('blocks_in_hand')} in hand\n  ${where}\n`);
if (result.kind !== 'ok') {
  process.stderr.write(`kill: FAIL in round ${round}: ${result.message}\n${machine.describeCores().join('\n')}\n`);
  process.exitCode = 1;
} else if (places.size < least) {
  process.stderr.write(`kill: FAIL: only ${places.size} places\n`);
  process.exitCode = 1;
}
