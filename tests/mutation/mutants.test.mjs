// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import test from 'node:test';
import { batch } from './batch.mjs';
import { applied, functions, mutants } from './mutants.mjs';
import { parse, written } from './register.mjs';
import { uses } from './uses.mjs';

const body = (text) => `/* a == b */\n#if A == B\n#endif\nstatic bool f(int a, int b)\n{\n${text}\n}\n`;
const after = (text) => mutants('core/x.c', body(text)).map((mutant) => mutant.after);

test('only bodies of functions, neither comments nor directives', () => {
  assert.deepEqual(after('\t/* a < b */'), []);
  assert.deepEqual(mutants('core/x.c', 'static int x[] = {1 + 2};\nstruct y {\n\tint a[2];\n};\n'), []);
});

test('operators', () => {
  assert.ok(after('\tg(a < b);').includes('g(a <= b);'));
  assert.ok(after('\tg(a && b);').includes('g(a || b);'));
  assert.ok(after('\tg(a - b);').includes('g(a + b);'));
});

test('what is unary stays', () => {
  assert.deepEqual(after('\tint *c = &a, d = -b;'), []);
});

test('conditions are negated, but not those that are one comparison', () => {
  assert.ok(after('\tif (a && b)\n\t\tg();').includes('if (!(a && b))'));
  assert.deepEqual(after('\twhile (a == b)\n\t\t;'), ['while (a != b)']);
});

test('statements are removed, declarations are not', () => {
  assert.deepEqual(after('\tg(a);'), [';']);
  assert.deepEqual(after('\tint c;\n\tstruct y z;\n\tuint32_t *p;'), []);
  assert.ok(after('\tif (a)\n\t\treturn h(b);\n\treturn 0;').includes(';'));
  assert.ok(!after('\treturn h(b);').includes(';')); /* the last one */
  assert.ok(after('\treturn h(b);').includes('return 0;'));
});

test('constants', () => {
  assert.deepEqual(after('\tint c = 0, d = 1u, e = 7;'), ['int c = 1, d = 1u, e = 7;', 'int c = 0, d = 0u, e = 7;', 'int c = 0, d = 1u, e = 8;']);
});

test('a mutant is what it says, and its name does not know where it is', () => {
  const source = body('\tg(a < b);\n\tg(a < b);');
  const [one, ...others] = mutants('core/x.c', source);
  assert.equal(applied(source, one).length, source.length - 'g(a < b)'.length);
  assert.equal(new Set([one, ...others].map((mutant) => mutant.key)).size, 1 + others.length);
  assert.equal(mutants('core/x.c', `\n\n${source}`)[0].key, one.key);
});

test('the register: what is written can be read', () => {
  const list = mutants('core/x.c', body('\tg(a < b);'));
  const entries = parse(`${list.map(written).join('')}speed: because\n`, 'here');
  assert.deepEqual([...entries.keys()], list.map((mutant) => mutant.name));
});

test('the register: wrong entries are refused', () => {
  const entry = 'core/x.c f\n- a\n+ b\n';
  assert.throws(() => parse(entry, 'here'), /without a reason/);
  assert.throws(() => parse(`${entry}nonsense: because\n`, 'here'), /here:4: no reason/);
  assert.throws(() => parse(`${entry}speed: because\n${entry}speed: again\n`, 'here'), /there already/);
  assert.throws(() => parse('+ b\n', 'here'), /without the line/);
  assert.throws(() => parse('speed: because\n', 'here'), /without mutants/);
});

test('the parts of functions', () => {
  const source = 'struct s {\n\tint a;\n};\n\nstatic inline struct s *f(int a, bool (*g)(int, int), char *const text)\n{\n\treturn a;\n}\n\n#if X\nvoid h(void)\n{\n}\n#endif\n';
  const [f, h] = functions(source);
  assert.equal(f.type, 'struct s *');
  assert.deepEqual(f.parameters.names, ['a', 'g', 'text']);
  assert.equal(source.slice(f.open, f.close), '{\n\treturn a;\n}');
  assert.ok(h.isVoid && h.head === 'void h(void)' && h.parameters.names.length === 0);
});

test('all mutants at once: every copy of a function, and the one that chooses', () => {
  const source = body('\treturn a < b;');
  const list = mutants('core/x.c', source);
  const { text, lines } = batch(source, new Map(list.map((mutant, i) => [mutant, i + 1])));
  assert.equal(lines.length, list.length);
  for (const { from, to, mutant } of lines) assert.ok(text.split('\n').slice(from, to).some((line) => line.trim() === mutant.after));
  assert.match(text, /case 1: return f__1\(a, b\);/);
  assert.match(text, /static bool f\(int a, int b\)\n\{\n\tswitch/);
});

test('what an object uses of headers: reached from its own functions, by any way', () => {
  const text = `# 1 "core/x.c"
# 1 "core/x.h" 1
static inline int inner(int a)
{
 return a;
}
static inline int outer(int a)
{
 return inner(a);
}
static inline int idle(int a)
{
 return outer(a);
}
int elsewhere(int a);
# 5 "core/x.c" 2
int f(int a)
{
 return outer(a) + elsewhere(a);
}
`;
  const { defined, used } = uses(text);
  assert.deepEqual([...defined].sort(), ['idle', 'inner', 'outer']);
  assert.deepEqual([...used].sort(), ['inner', 'outer']);
});
