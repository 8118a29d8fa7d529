// SPDX-License-Identifier: MIT
// node check.mjs IMAGE REPORT RUNNER...: runs counted/main.c and compares what the plugin reports with what the
// code is known to do.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Elf } from '../../rp2040/emu/elf.mjs';

const [image, report, ...runner] = process.argv.slice(2);
const elf = new Elf(image);
const at = (name) => elf.symbol(name).address;
const words = [`report=${report}`, `start=${at('begin')}`, `stop=${at('end')}`, `keep=${at('keep')}`,
  `acquire=${at('take')}`, `release=${at('give')}`, `fn=${at('call')}`];
execFileSync(runner[0], [...runner.slice(1), image, '--quiet', ...words.flatMap((w) => ['--observe', w])]);

const cpu = JSON.parse(readFileSync(report, 'utf8')).cpus[0];
assert.deepEqual(cpu.samples, [12, 5]);
assert.deepEqual(cpu.held, { count: 2, max: 8 });
assert.deepEqual(cpu.functions.map(({ calls, min, max, sum }) => [calls, min, max, sum]), [[3, 3, 7, 17]]);
const inMain = cpu.masked.filter((m) => elf.functionAt(m.pc)?.name === 'main');
assert.deepEqual(inMain.map(({ count, max }) => [count, max]), [[1, 25]]);
