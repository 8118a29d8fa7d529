// SPDX-License-Identifier: MIT
// What the pages name is there: commands are in `./run help`, presets in CMakePresets.json, files and links in the
// repository. docs/SAFETY.md gives all of its evidence that way. `node --test tests/static`, in the repository's root.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { run } from '../../bench/run.mjs';

const PAGES = ['README.md', 'CHANGELOG.md', 'zephyr/README.md', 'tests/rp2040/README.md',
  ...readdirSync('docs').filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)];
const HELP = run(['sh', './run', 'help']).split('\n').filter((line) => line.startsWith('./run'));
const PRESETS = JSON.parse(readFileSync('CMakePresets.json', 'utf8')).configurePresets.map((p) => p.name);

/** Why a command is none, or undefined. "./run test preset NAME" is known by its words up to options and values. */
export function unknown(command) {
  const [, ...words] = command.trim().split(/\s+/);
  const [first, second, third] = words.map((word) => (/^[a-z][a-z0-9-]*$/.test(word) ? word : undefined));
  const lines = HELP.filter((line) => line.split(/\s+/)[1] === first);
  if (!lines.length) return `no command: ${first}`;
  if (first === 'build' || (first === 'test' && second === 'preset')) {
    const preset = first === 'build' ? second : third;
    return preset === undefined || PRESETS.includes(preset) ? undefined : `no preset: ${preset}`;
  }
  if (second === undefined || PRESETS.includes(second)) return undefined;
  return lines.some((line) => line.split(/\s{2,}/)[0].split(/[\s|[\]]+/).includes(second)) ? undefined : `no such word in the help of ${first}: ${second}`;
}

const commandsIn = (page) => [...page.matchAll(/`(\.\/run [^`\n]*)`|^(?: {4})?(\.\/run [^#\n]*)/gm)].map((m) => m[1] ?? m[2]);
const linksIn = (page) => [...page.matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)].map((m) => m[1]);
/** Paths as they are named in text. */
const pathsIn = (page) => [...page.matchAll(/(?<![\w/.-])((?:tests|core|arch|bench|docs|include)\/[\w./-]*\w)/g)].map((m) => m[1]);

test('commands of the pages are in the help', () => {
  for (const name of PAGES) {
    for (const command of commandsIn(readFileSync(name, 'utf8'))) assert.equal(unknown(command), undefined, `${name}: ${command}`);
  }
});

test('links of the pages lead somewhere', () => {
  for (const name of PAGES) {
    for (const link of linksIn(readFileSync(name, 'utf8'))) assert.ok(existsSync(join(dirname(name), link)), `${name}: ${link}`);
  }
});

test('all evidence of docs/SAFETY.md is there', () => {
  const page = readFileSync('docs/SAFETY.md', 'utf8');
  const paths = pathsIn(page);
  assert.ok(paths.length > 50, `${paths.length} paths`);
  for (const path of paths) assert.ok(existsSync(path), path);
  for (const [, name] of page.matchAll(/\(`(\w+)`/g)) {
    assert.ok(run(['grep', '-rlw', name, 'tests', 'bench']).trim() !== '', name);
  }
});

/** Rows of the page's tables of promises: { number, evidence }. */
const promisesIn = (page) => [...page.matchAll(/^\| ([A-Z]\d+) \|(.*)\|$/gm)].map(([, number, rest]) => ({ number, evidence: rest.split(' | ').at(-2) }));
/** Folders that the page's first table has commands of. */
const foldersIn = (page) => [...page.matchAll(/^\| (tests\/.*) \| (`\.\/run .*) \|$/gm)].flatMap(([, folders]) => pathsIn(folders));

/** Promises without a command: neither in the row nor by the folder of a test that it names. */
function unproven(page) {
  const folders = foldersIn(page);
  const shown = ({ evidence }) => /`\.\/run |`unit`/.test(evidence) ||
    pathsIn(evidence).some((path) => folders.some((folder) => path === folder || path.startsWith(`${folder}/`)));
  return promisesIn(page).filter((promise) => !shown(promise)).map(({ number }) => number);
}

test('every promise of docs/SAFETY.md has a command, and the tests of CTest that it names', () => {
  const page = readFileSync('docs/SAFETY.md', 'utf8');
  assert.ok(promisesIn(page).length > 40 && foldersIn(page).length > 10);
  assert.deepEqual(unproven(page), []);
  const names = [...page.matchAll(/CTest ((?:`[\w-]+`(?:, )?)+)/g)].flatMap(([, list]) => [...list.matchAll(/`([\w-]+)`/g)].map((m) => m[1]));
  assert.ok(names.length > 4, `${names}`);
  for (const name of names) {
    const pattern = name.startsWith('unicorn_') ? `(nh_sweep\\(|NAME unicorn_)${name.slice(8)}\\b` : `NAME ${name}\\b`;
    assert.ok(run(['grep', '-rlE', '--include=CMakeLists.txt', pattern, 'tests']).trim() !== '', name);
  }
});

test('what is not there is seen', () => {
  assert.match(unknown('./run fly'), /no command/);
  assert.match(unknown('./run test preset gcc-dbg'), /no preset/);
  assert.match(unknown('./run test everything'), /no such word/);
  assert.equal(unknown('./run bench memory'), undefined);
  assert.deepEqual(linksIn('[a](b.md) [c](d/e.md#f) [g](https://h)'), ['b.md', 'd/e.md']);
  assert.deepEqual(commandsIn('`./run a`\n```sh\n./run b c # d\n```\n    ./run e'), ['./run a', './run b c ', './run e']);
  assert.deepEqual(unproven('| tests/x | `./run y` |\n| A1 | p | | tests/x/a.c | |\n| A2 | p | | tests/xy/a.c | |\n| A3 | p | c | `./run z` | |\n| A4 | p | | | |'),
    ['A2', 'A4']);
  assert.deepEqual(pathsIn('tests/unit/test_single.c, `core/hit.h`.'), ['tests/unit/test_single.c', 'core/hit.h']);
});
