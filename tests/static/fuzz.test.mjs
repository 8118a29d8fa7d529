// SPDX-License-Identifier: MIT
// The mistakes that `./run fuzz mutants` makes in core can be made: core changes more often than they are run.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { edited, MUTANTS } from '../fuzz/mutants.mjs';

test('what the mutants of the fuzzers replace is in core, once', () => {
  assert.ok(MUTANTS.length > 30);
  for (const [name, , source, find, replace] of MUTANTS) {
    assert.notEqual(find, replace, name);
    assert.ok(edited(name, source, find, replace).includes(replace), name);
  }
});

test('a text that is not there, or twice, is seen', () => {
  assert.throws(() => edited('none', 'retain.c', 'no such text', ''), /0 times/);
  assert.throws(() => edited('many', 'retain.c', 'static', ''), /times in core\/retain\.c/);
});
