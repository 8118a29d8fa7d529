// SPDX-License-Identifier: MIT
// The bounds of stack must be able to fail: `node --test tests/static`.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { stackOf } from '../../bench/firmware/stack.mjs';
import { judge, lowers } from './stack.mjs';

test('one byte more than stored fails, one less does not', () => {
  const before = { 'm0 -O2 none': { nh_malloc: 100, nh_free: 50 } };
  assert.equal(judge({ 'm0 -O2 none': { nh_malloc: 100, nh_free: 50 } }, before).lines.length, 0);
  assert.match(judge({ 'm0 -O2 none': { nh_malloc: 101, nh_free: 50 } }, before).lines.join(), /nh_malloc: 100 -> 101/);
  assert.deepEqual(judge({ 'm0 -O2 none': { nh_malloc: 99, nh_free: 50 } }, before), { lines: [], better: 1 });
});

test('a function without a bound fails, and a bound without a function', () => {
  const before = { 'm0 -O2 none': { nh_malloc: 100 } };
  assert.match(judge({ 'm0 -O2 none': { nh_malloc: 100, nh_new: 8 } }, before).lines.join(), /nh_new: 8, no bound/);
  assert.match(judge({ 'm0 -O2 none': {} }, before).lines.join(), /nh_malloc: 100, not measured/);
});

test('what lowers the stack pointer is seen', () => {
  assert.equal(lowers('   0:\tb5f0      \tpush\t{r4, r5, r6, r7, lr}'), 20);
  assert.equal(lowers('   0:\te92d 4ff0 \tstmdb\tsp!, {r4, r5, r6, r7, r8, r9, sl, fp, lr}'), 36);
  assert.equal(lowers('   0:\te92d4ff0 \tpush\t{r4-r7, lr}'), 20);
  assert.equal(lowers('   2:\tb083      \tsub\tsp, #12'), 12);
  assert.equal(lowers('   0:\ta9be7bfd \tstp\tx29, x30, [sp, #-32]!'), 32);
  assert.equal(lowers('   0:\td10083ff \tsub\tsp, sp, #0x20'), 32);
  assert.equal(lowers('   4:\t4605      \tmov\tr5, r0'), 0);
});

/** A call graph as gcc writes it. */
function graph(lines, run) {
  const folder = mkdtempSync(join(tmpdir(), 'stack-'));
  try {
    writeFileSync(join(folder, 'a.ci'), lines.join('\n'));
    return run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const node = (name, bytes, kind = 'static') => `node: { title: "${name}" label: "${name}\\na.c:1:1\\n${bytes} bytes (${kind})" }`;
const edge = (from, to) => `edge: { sourcename: "${from}" targetname: "${to}" label: "a.c:2:1" }`;

test('the heaviest path is found, through weak functions and out of the library', () => {
  const lines = [node('nh_malloc', 8), node('nh__a', 16), node('a.c:nh_port_entropy', 40), edge('nh_malloc', 'nh__a'),
    edge('nh_malloc', 'nh_port_entropy'), edge('nh__a', 'memcpy')];
  assert.equal(graph(lines, (folder) => stackOf(folder, { outside: () => 20 })).nh_malloc.bytes, 48);
  assert.equal(graph(lines, (folder) => stackOf(folder, { outside: () => 30 })).nh_malloc.bytes, 54);
});

test('recursion, dynamic frames and unknown pointers are errors', () => {
  assert.throws(() => graph([node('nh_malloc', 8), edge('nh_malloc', 'nh_malloc')], stackOf), /recursion/);
  assert.throws(() => graph([node('nh_malloc', 8, 'dynamic')], stackOf), /not static/);
  assert.throws(() => graph([node('nh_malloc', 8), edge('nh_malloc', '__indirect_call')], stackOf), /pointer/);
});
