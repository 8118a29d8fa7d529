// SPDX-License-Identifier: MIT
// A summary that lacks a figure is refused, and figures are judged by their sense.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, summarise } from './summary.mjs';
import { KEYS, TARGETS, verdict } from './targets.mjs';

const complete = () => Object.fromEntries(Object.entries(KEYS).map(([part, names]) =>
  [part, Object.fromEntries(names.map((name) => [name, 1]))]));

test('a complete summary passes', () => check(complete()));

test('each figure that is missing, or no number, is named', () => {
  for (const [part, names] of Object.entries(KEYS)) {
    for (const name of names) {
      for (const value of [undefined, NaN, Infinity, '1']) {
        const summary = complete();
        summary[part][name] = value;
        assert.throws(() => check(summary), new RegExp(`lacks ${part}\\.${name}$`));
      }
    }
  }
});

test('a part that was not measured is named', () => {
  assert.throws(() => summarise('/nonexistent'), /host\.json is not there/);
});

test('every target judges a figure of the summary', () => {
  for (const { figure } of TARGETS) {
    const [part, name] = figure.split('.');
    assert.ok(KEYS[part].includes(name), figure);
  }
  assert.deepEqual([...new Set(TARGETS.map((target) => target.number))], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
});

test('gate, stretch and neither', () => {
  const most = { sense: 'most', gate: 10, stretch: 5 };
  assert.deepEqual([11, 10, 5].map((value) => verdict(most, value)), ['no', 'gate', 'stretch']);
  const least = { sense: 'least', gate: 5 };
  assert.deepEqual([4, 5, 50].map((value) => verdict(least, value)), ['no', 'gate', 'gate']);
  assert.equal(verdict({}, 1), '');
});
