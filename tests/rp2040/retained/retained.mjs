#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// node retained.mjs IMAGE.elf [--seed N] [--resets N] [--schedule NAME]: resets the chip at an instruction of which the image
// knows nothing, and starts it again with the RAM as it is then, so many times; then the image is told to end by itself.

import { createMachine } from '../emu/machine.mjs';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    resets: { type: 'string', default: '40' },
    schedule: { type: 'string', default: 'random' },
  },
});
const [seed, resets] = [Number(values.seed), Number(values.resets)];
if (positionals.length !== 1 || !Number.isInteger(seed) || !Number.isInteger(resets) || resets < 1) {
  process.stderr.write('usage: retained.mjs IMAGE.elf [--seed N] [--resets N] [--schedule NAME]\n');
  process.exit(2);
}

let text = '';
let ram = null;
let result;
let boots = 0;
do {
  const machine = createMachine(positionals[0], {
    seed: seed + boots, schedule: values.schedule, set: [['last_boot', boots === resets ? 1 : 2]],
    onByte: (byte) => { text += String.fromCharCode(byte); },
  });
  if (ram) machine.chip.chip.sram.set(ram);
  // from within the first microseconds of a boot to many calls behind it
  result = machine.run(boots === resets ? 4e7 : Math.floor(((seed * 0.414 + boots * 0.6180339887) % 1) ** 2 * 150000) + 20000);
  if (result.kind === 'limit') ram = machine.chip.chip.sram.slice();
} while (boots++ < resets && result.kind === 'limit');
process.stdout.write(text);
if (result.kind !== 'ok') {
  process.stderr.write(`retained: FAIL in boot ${boots - 1}: ${result.message}\n`);
  process.exitCode = 1;
}
