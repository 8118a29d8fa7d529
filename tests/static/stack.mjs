#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Bounds of stack: what every public function needs at worst on a target, from the frames and calls that gcc knows, at
// -O2 and -Os and three levels. Recursion, a frame without a fixed size, a call through a pointer that
// bench/firmware/stack.mjs does not resolve, or of a function that is neither in the library nor below, is an error.
//
//   node tests/static/stack.mjs FOLDER ...           compares with tests/static/stack; `./run stack`, CTest's stack-bounds
//   node tests/static/stack.mjs --write FOLDER ...   stores, and writes docs/STACK.md
//   node tests/static/stack.mjs --used FOLDER -- COMMAND...   holds what the command says was used, "NAME BYTES" per
//                                                    line, against the bounds of FOLDER at -O2, MODERATE
//
// FOLDER is tests/static in a build. Exit status: 0 no bound is exceeded, 1 else. More than the stored bytes fails, by
// any amount; a compiler version without a stored file is told, and passes.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { stackOf } from '../../bench/firmware/stack.mjs';
import { compare } from '../../bench/gate.mjs';
import { checkPage, head, row, writePage } from '../../bench/page.mjs';
import { compilerKey, readJson, run, RunError, runMain, writeJson } from '../../bench/run.mjs';

const STORED = 'tests/static/stack';
const PAGE = 'docs/STACK.md';
/** Bounds are multiples of this: one register more need not be a new bound. */
const STEP = 32;
const LEVELS = ['none', 'moderate', 'extreme'];
const OPTIMIZATIONS = ['O2', 'Os'];

/** Of the system on hosts, whose stacks grow by themselves: not counted. Anything else must be found. */
const SYSTEM = /^(pthread_|syscall|getrandom|getpid|fputs|fprintf|abort|mem(cpy|move|set)$|__tls_get_addr|sched_yield|clock_gettime)/;

// ---- functions of the compiler's libraries ----------------------------------

const registersIn = (list) => list.split(',').reduce((sum, part) => {
  const [first, last] = part.trim().split('-').map((name) => Number({ lr: 14, pc: 15, ip: 12, fp: 11 }[name] ?? name.slice(1)));
  return sum + (last === undefined ? 1 : last - first + 1);
}, 0);

/** Bytes by which one line of a disassembly lowers the stack pointer. */
export function lowers(line) {
  const push = /\t(?:push|stmdb|stmfd)(?:\.w)?\s+(?:sp!,\s*)?\{([^}]*)\}/.exec(line);
  if (push) return 4 * registersIn(push[1]);
  const sub = /\tsub(?:\.w)?\s+sp,\s*(?:sp,\s*)?#(\w+)/.exec(line) ?? /\[sp,\s*#-(\d+)\]!/.exec(line);
  return sub ? Number(sub[1]) : 0;
}

/** Two names of one function, of which a disassembly shows the other. */
const ALIASES = { __aeabi_uidiv: '__udivsi3', __aeabi_idiv: '__divsi3' };

/** The stack of a function of the C or the compiler's library: all that it ever takes, and its calls'. */
function libraryFrames({ compiler, flags, objdump }) {
  const words = flags.split(' ').filter((w) => w);
  const libraries = ['libc.a', 'libc_nano.a', 'libgcc.a', 'picolibc/libc.a']
    .map((name) => run([compiler, ...words, `-print-file-name=${name}`]).trim());
  const target = /([^/]+)-gcc$/.exec(compiler)?.[1];
  const archives = [...libraries, `/usr/lib/picolibc/${target}/lib/libc.a`].filter((path) => path.startsWith('/') && existsSync(path));
  const known = new Map();
  const frame = (name) => {
    if (known.has(name)) return known.get(name);
    known.set(name, undefined);
    let most;
    const called = ALIASES[name] ?? name;
    for (const archive of archives) {
      const text = run([objdump, '-d', `--disassemble=${called}`, archive]);
      const body = new RegExp(`^[0-9a-f]+ <${called}>:\n((?:.+\n?)*)`, 'm').exec(text)?.[1];
      if (!body) continue;
      const lines = body.split('\n');
      const own = lines.reduce((sum, line) => sum + lowers(line), 0);
      const calls = lines.flatMap((line) => /\tb(?:lx?)?(?:\.[nw])?\s+[0-9a-f]+ <([^>+]+)>/.exec(line)?.[1] ?? []).filter((n) => n !== called);
      most = Math.max(most ?? 0, own + Math.max(0, ...calls.map((n) => frame(n) ?? 0)));
    }
    known.set(name, most);
    return most;
  };
  return frame;
}

/** Undefined in the library: to be had from elsewhere. Some of them are not in the graph, since gcc calls them unasked. */
function undefinedIn(nm, archive) {
  const symbols = run([nm, archive]).split('\n').map((line) => line.trim().split(/\s+/));
  const defined = new Set(symbols.filter((w) => w.length === 3).map((w) => w[2]));
  return [...new Set(symbols.filter((w) => w.length === 2 && /^[Uw]$/.test(w[0])).map((w) => w[1]))].filter((n) => !defined.has(n));
}

// ---- bounds ----------------------------------------------------------------

/** { name: { bytes, path } } of one build of the library. */
function boundsOf(folder, description, level, optimization) {
  const name = `stack_${level}_${optimization}`;
  const frame = libraryFrames(description);
  const host = description.target === 'host';
  const outside = (called) => {
    if (host && SYSTEM.test(called)) return 0;
    const bytes = frame(called);
    if (bytes === undefined) throw new RunError(`${description.target} ${name}: who is ${called}?`);
    return bytes;
  };
  const asked = new Set();
  const stacks = stackOf(join(folder, `CMakeFiles/${name}.dir`), {
    outside: (called) => {
      asked.add(called);
      return outside(called);
    },
    instances: true,
  });
  // what gcc calls unasked may be called at the deepest place
  const unasked = host ? [] : undefinedIn(description.nm, join(folder, `lib${name}.a`)).filter((called) => !asked.has(called));
  const more = Math.max(0, ...unasked.map(outside));
  for (const stack of Object.values(stacks)) stack.bytes += more;
  return stacks;
}

/** Bytes by name; a function of an instance and that of the default one have one bound, the larger. */
function together(stacks) {
  const bounds = {};
  for (const [name, { bytes }] of Object.entries(stacks)) {
    const plain = name.replace('nh_instance_', 'nh_');
    const of = plain in stacks ? plain : name;
    bounds[of] = Math.max(bounds[of] ?? 0, bytes);
  }
  return bounds;
}

/** By compiler and "TARGET -O2 level": { name: bytes }. */
function measure(folders) {
  const byCompiler = {};
  for (const folder of folders) {
    const description = readJson(join(folder, 'stack.json'));
    const of = (byCompiler[compilerKey(description.compiler)] ??= {});
    for (const level of LEVELS) {
      for (const optimization of OPTIMIZATIONS) {
        const stacks = boundsOf(folder, description, level, optimization);
        of[`${description.target} -${optimization} ${level}`] = together(stacks);
      }
    }
  }
  return byCompiler;
}

const pathOf = (compiler) => join(STORED, `${compiler}.json`);

/** Lines for what is worse than stored, of the builds that were measured. */
export function judge(now, before) {
  const lines = [];
  let better = 0;
  for (const [build, figures] of Object.entries(now)) {
    const result = compare({ lower: figures }, { lower: before[build] ?? {} }, 0);
    lines.push(...result.worse.map((line) => `${build}: ${line}`));
    lines.push(...Object.keys(figures).filter((n) => before[build]?.[n] === undefined).map((n) => `${build}: ${n}: ${figures[n]}, no bound stored`));
    better += result.better;
  }
  return { lines, better };
}

// ---- the page --------------------------------------------------------------

/** Rows of the page; the others are in the stored files. */
const SHOWN = ['nh_malloc', 'nh_free', 'nh_calloc', 'nh_realloc', 'nh_aligned_alloc', 'nh_alloc', 'nh_usable_size', 'nh_init',
  'nh_heap_add', 'nh_region_add', 'nh_region_remove', 'nh_heap_remove', 'nh_trim', 'nh_heap_stats_get', 'nh_walk', 'nh_validate',
  'nh_explain', 'nh_cpu_offline', 'nh_cpu_recover', 'nh_heap_salvage', 'nh_single_alloc', 'nh_single_free'];

function tables() {
  const builds = Object.assign({}, ...readdirSync(STORED).sort().map((name) => readJson(join(STORED, name))));
  const targets = ['rp2040', 'm33', 'a9', 'a53', 'host'].filter((t) => builds[`${t} -O2 none`]);
  let text = '';
  for (const optimization of OPTIMIZATIONS) {
    text += `At -${optimization}, NONE / MODERATE / EXTREME:\n\n${head(['bytes', ...targets.map((t) => `\`${t}\``)])}`;
    const cell = (t, name) => LEVELS.map((level) => builds[`${t} -${optimization} ${level}`][name] ?? '-').join(' / ');
    for (const name of SHOWN) if (targets.some((t) => builds[`${t} -${optimization} moderate`][name] !== undefined)) text += row([`\`${name}\``, ...targets.map((t) => cell(t, name))]);
    text += '\n';
  }
  return text;
}

function compareUsed(folder, command) {
  const description = readJson(join(folder, 'stack.json'));
  const bounds = boundsOf(folder, description, 'moderate', 'O2');
  const used = [...run(command).matchAll(/^(nh_\w+) (\d+)$/gm)].map(([, name, bytes]) => ({ name, bytes: Number(bytes) }));
  if (!used.some((u) => u.name === 'nh_malloc') || !used.some((u) => u.name === 'nh_free')) throw new RunError('nothing was used');
  let beyond = 0;
  for (const { name, bytes } of used) {
    const bound = bounds[name]?.bytes;
    if (bound === undefined || bytes > bound) beyond++;
    process.stdout.write(`${name.padEnd(28)} used ${String(bytes).padStart(4)}  bound ${bound ?? 'none'}\n`);
  }
  if (beyond) throw new RunError(`${description.target}: ${beyond} functions used more than their bound`);
}

function main() {
  const words = process.argv.slice(2);
  if (words[0] === '--used') {
    const end = words.indexOf('--');
    return compareUsed(words[1], words.slice(end + 1));
  }
  const write = words[0] === '--write' && words.shift();
  if (!words.length) throw new RunError('which folders?');
  const byCompiler = measure(words);
  for (const [compiler, builds] of Object.entries(byCompiler)) {
    // stored ones are: so what is beyond its bound before is beyond it after
    for (const figures of Object.values(builds)) for (const name of Object.keys(figures)) figures[name] = Math.ceil(figures[name] / STEP) * STEP;
    if (write) {
      writeJson(pathOf(compiler), { ...(existsSync(pathOf(compiler)) ? readJson(pathOf(compiler)) : {}), ...builds });
      continue;
    }
    if (!existsSync(pathOf(compiler))) {
      process.stdout.write(`${compiler}: no bounds stored\n`);
      continue;
    }
    const { lines, better } = judge(builds, readJson(pathOf(compiler)));
    for (const line of lines) process.stdout.write(`  beyond its bound: ${line}\n`);
    process.stdout.write(`${compiler}: ${Object.keys(builds).join(', ')}: ${lines.length} beyond their bounds, ${better} below\n`);
    if (better) process.stdout.write('  to keep what was gained: ./run stack --write\n');
    if (lines.length) throw new RunError('more stack than stored; if that is the price of something: ./run stack --write, and say of what');
  }
  if (write) writePage(PAGE, 'stack', tables());
  else checkPage(PAGE, 'stack', tables(), './run stack --write');
  return undefined;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await runMain(main);
