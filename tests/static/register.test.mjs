// SPDX-License-Identifier: MIT
// The register must be able to fail: `node --test tests/static`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, markdown, parseRegister, withPlaces } from './register.mjs';

const TEXTS = '\tabout something\n\twhy because\n\trisk none\n';
const REGISTER = `# with some tools\nmisra 15.5 advisory everywhere 7\n${TEXTS}\nmisra 11.6 required\n${TEXTS}\tcore/a.c 2\n\tcore/b.c 1\n`;
const place = (rule, file, line) => ({ tool: 'misra', rule, file, line, column: 1, message: 'against the rule' });
const ALL = [place('15.5', 'core/c.c', 1), place('11.6', 'core/a.c', 1), place('11.6', 'core/a.c', 2), place('11.6', 'core/b.c', 9)];
const WHOLE = { whole: true, tools: ['misra'] };

test('what is registered passes, once per place', () => {
  assert.deepEqual(judge([...ALL, ...ALL], parseRegister(REGISTER), WHOLE), []);
});

test('a rule, a file and a place that are not registered fail', () => {
  const entries = parseRegister(REGISTER);
  assert.match(judge([...ALL, place('9.9', 'core/a.c', 3)], entries, WHOLE).join('\n'), /misra 9.9, core\/a.c: 1 places, 0 registered/);
  assert.match(judge([...ALL, place('11.6', 'core/c.c', 3)], entries, WHOLE).join('\n'), /core\/c.c: 1 places, 0 registered/);
  assert.match(judge([...ALL, place('11.6', 'core/b.c', 3)], entries, WHOLE).join('\n'), /core\/b.c: 2 places, 1 registered/);
});

test('what does not occur any more fails, if everything was looked at', () => {
  const entries = parseRegister(REGISTER);
  assert.match(judge(ALL.slice(0, 3), entries, WHOLE).join('\n'), /core\/b.c: registered/);
  assert.match(judge(ALL.slice(1), entries, WHOLE).join('\n'), /15.5: registered/);
  assert.deepEqual(judge([], entries, { ...WHOLE, whole: false }), []);
  assert.deepEqual(judge([], entries, { whole: true, tools: ['tidy'] }), []);
});

test('mandatory rules, entries without reasons, of no file, and doubles are refused', () => {
  assert.throws(() => parseRegister(`misra 13.6 mandatory\n${TEXTS}\tcore/a.c 1\n`), /nothing else can have a deviation/);
  assert.throws(() => parseRegister('misra 11.6 required\n\twhy because\n\trisk none\n\tcore/a.c 1\n'), /'about'/);
  assert.throws(() => parseRegister(`misra 11.6 required\n${TEXTS}`), /of no file/);
  assert.throws(() => parseRegister(REGISTER + REGISTER), /once more/);
  assert.throws(() => parseRegister(`lint 1.1 -\n${TEXTS}`), /no such tool/);
});

test('counting keeps rules and reasons, and adds and drops files', () => {
  const found = [...ALL.slice(0, 3), place('11.6', 'core/d.c', 3), place('9.9', 'core/d.c', 3)];
  const text = withPlaces(REGISTER, found);
  assert.match(text, /^misra 15.5 advisory everywhere 1$/m);
  assert.deepEqual([...parseRegister(text)[1].files], [['core/a.c', 2], ['core/d.c', 1]]);
  assert.match(judge(found, parseRegister(text), WHOLE).join('\n'), /9.9/);
  assert.equal(withPlaces(text, found), text);
});

test('the tables have every rule', () => {
  const text = markdown(parseRegister(REGISTER));
  assert.match(text, /\| 11.6 \| required \| 3 \| something \| because \| none \|/);
  assert.match(text, /\| 15.5 \| advisory \| 7 \|/);
  assert.match(text, /`core\/a.c` \| 11.6 \(2\) \|/);
});
