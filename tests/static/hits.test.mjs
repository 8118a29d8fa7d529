// SPDX-License-Identifier: MIT
// What must not be in a hit is found: `node --test tests/static`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultsOf } from './hits.mjs';

/** A disassembly of plain moves, with one line more. */
const code = (...lines) => ['00000000 <nh_free>:', ...Array.from({ length: 10 }, (_, i) => `  ${(16 + 2 * i).toString(16)}:\t46c0      \tmov\tr8, r8`),
  ...lines].join('\n');

test('plain code passes', () => {
  assert.deepEqual(faultsOf('nh_free', code()), []);
});

test('read-modify-writes are seen', () => {
  for (const words of ['ldrex\tr0, [r1]', 'stlxr\tw0, w1, [x2]', 'lock cmpxchg %ecx,(%rdx)', 'xchg   %eax,(%rdx)', 'casa\tw0, w1, [x2]', 'mfence']) {
    assert.equal(faultsOf('nh_free', code(`  30:\te8510f00 \t${words}`)).length, 1, words);
  }
});

test('a register exchanged with itself is nothing', () => {
  assert.deepEqual(faultsOf('nh_free', code('  30:\t66 90     \txchg   %ax,%ax')), []);
});

test('a loop is seen, jumps without a way back are none', () => {
  assert.match(faultsOf('nh_free', code('  30:\td0e9      \tbeq.n\t14 <nh_free+0x14>')).join(), /loop/);
  assert.deepEqual(faultsOf('nh_free', code('  30:\te7f3      \tb.n\t40 <nh_free+0x40>', '  40:\t4770      \tbx\tlr')), []);
  assert.deepEqual(faultsOf('nh_free', code('  30:\tf7ff bffe \tb.w\t0 <nh_free>', '\t\t\t30: R_ARM_THM_JUMP24\tnh__free_slow')), []);
});

test('a function that is not there fails', () => {
  assert.match(faultsOf('nh_free', '').join(), /no code/);
});
