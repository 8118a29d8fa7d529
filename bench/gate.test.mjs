// SPDX-License-Identifier: MIT
// The baseline gate must be able to fail: `node --test bench/gate.test.mjs`.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compare } from './gate.mjs';
import { readJson, writeJson } from './run.mjs';

const GATE = fileURLToPath(new URL('gate.mjs', import.meta.url));
const MEASURED = { 'cc-1.0': { lower: { calls: 100, bytes: 4 }, higher: { filled: 95 } } };

/** Runs the gate on MEASURED against a folder that `prepare` fills. */
function gate(prepare, words = []) {
  const folder = mkdtempSync(join(tmpdir(), 'gate-'));
  try {
    const measured = join(folder, 'measured.json');
    writeJson(measured, MEASURED);
    prepare?.(folder);
    const result = spawnSync(process.execPath, [GATE, '--measured', measured, '--baseline', folder, ...words], { encoding: 'utf8' });
    const stored = words.includes('--write') ? readJson(join(folder, 'cc-1.0.json')) : undefined;
    return { ...result, stored };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const storing = (figures) => (folder) => writeJson(join(folder, 'cc-1.0.json'), figures);

test('the same figures pass', () => {
  assert.equal(gate(storing(MEASURED['cc-1.0'])).status, 0);
});

test('a doctored baseline fails, and the figure is named', () => {
  const { status, stdout } = gate(storing({ lower: { calls: 97, bytes: 4 }, higher: { filled: 95 } }));
  assert.equal(status, 1);
  assert.match(stdout, /worse: calls: 97 -> 100 \(3\.1 %\)/);
});

test('up to 2 % is nothing, beyond it is worse', () => {
  assert.deepEqual(compare({ lower: { a: 102 } }, { lower: { a: 100 } }), { worse: [], better: 0 });
  assert.equal(compare({ lower: { a: 102.1 } }, { lower: { a: 100 } }).worse.length, 1);
  assert.equal(compare({ lower: { a: 1 } }, { lower: { a: 0 } }).worse.length, 1);
});

test('the sense of a figure decides', () => {
  assert.equal(compare({ higher: { a: 95 } }, { higher: { a: 100 } }).worse.length, 1);
  assert.deepEqual(compare({ higher: { a: 105 } }, { higher: { a: 100 } }), { worse: [], better: 1 });
  assert.deepEqual(compare({ lower: { a: 95 } }, { lower: { a: 100 } }), { worse: [], better: 1 });
});

test('a figure that is not measured any more fails', () => {
  assert.match(compare({ lower: {} }, { lower: { a: 1 } }).worse[0], /^a: 1, not measured/);
});

test('a compiler without a baseline is reported and passes', () => {
  const { status, stdout } = gate();
  assert.equal(status, 0);
  assert.match(stdout, /^cc-1\.0: no baseline; 3 figures$/m);
});

test('--write stores what was measured', () => {
  assert.deepEqual(gate(undefined, ['--write']).stored, MEASURED['cc-1.0']);
});

test('an unknown option is refused', () => {
  assert.equal(gate(undefined, ['--wrote']).status, 1);
});
