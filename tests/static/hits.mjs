#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// The hits wait for nobody: in the code of nh_malloc and nh_free, as compiled, is no atomic read-modify-write, no exclusive
// access, no fence that costs as much, and no loop. What they call is behind the hit.
//
//   node tests/static/hits.mjs FOLDER      tests/static in a build; CTest's hits
//
// The RP2040's gate is a spinlock that is tried once, by a load; there, too, is no loop.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readJson, run, RunError, runMain } from '../../bench/run.mjs';

/** xchg of a register with itself is x86's way to do nothing. */
const modifies = ({ words, line }) => MODIFIES.test(words[0]) && (words[0] !== 'xchg' || line.includes('('));
const MODIFIES = /^(lock|xchg|cmpxchg|xadd|mfence|ldrex|ldaex|strex|stlex|ld(a?)xr|st(l?)xr|cas|swp|ld(add|set|clr|eor|max|min))/;
const JUMP = /^(?:b|b[a-z]{2}|b\.[a-z]+|cbn?z|tbn?z|j[a-z]+)(?:\.[nw])?$/;
/** Nothing follows: a jump in any case, a return. */
const LEAVES = /^(?:b|b\.n|b\.w|jmp|bx|ret|ud2|udf)$/;

/** Instructions by address: { words, line, elsewhere }; elsewhere: it goes to another function, by a relocation. */
function instructionsOf(text) {
  const code = new Map();
  let last;
  for (const line of text.split('\n')) {
    const match = /^\s+([0-9a-f]+):\t[0-9a-f ]+\t(.*)$/.exec(line);
    if (match) {
      last = { words: match[2].trim().split(/\s+/), line: line.trim(), elsewhere: false };
      code.set(parseInt(match[1], 16), last);
    } else if (last && /: R_/.test(line)) {
      last.elsewhere = true;
    }
  }
  return code;
}

/** A way from an instruction back to itself, as an address; undefined if there is none. */
function loopIn(name, code) {
  const order = [...code.keys()];
  const after = new Map(order.map((at, i) => {
    const { words, line, elsewhere } = code.get(at);
    const target = new RegExp(`([0-9a-f]+) <${name}(?:\\+0x[0-9a-f]+)?>`).exec(line)?.[1];
    const next = LEAVES.test(words[0]) || /pop.*pc/.test(line) ? [] : [order[i + 1]];
    return [at, JUMP.test(words[0]) && target !== undefined && !elsewhere ? [...next, parseInt(target, 16)] : next];
  }));
  const state = new Map();
  const visit = (at) => {
    if (at === undefined || state.get(at) === 'done') return undefined;
    if (state.get(at) === 'under way') return at;
    state.set(at, 'under way');
    for (const next of after.get(at) ?? []) {
      const found = visit(next);
      if (found !== undefined) return found;
    }
    state.set(at, 'done');
    return undefined;
  };
  return visit(order[0]);
}

/** What is wrong with a function's disassembly (objdump -dr), as lines. */
export function faultsOf(name, text) {
  const code = instructionsOf(text);
  if (code.size < 10) return [`${name}: no code`];
  const lines = [...code.values()].filter(modifies).map(({ line }) => `${name}: ${line}`);
  const loop = loopIn(name, code);
  return loop === undefined ? lines : [...lines, `${name}: a loop through ${loop.toString(16)}`];
}

function main() {
  const [folder] = process.argv.slice(2);
  const { target, objdump } = readJson(join(folder, 'stack.json'));
  const faults = [];
  for (const level of ['none', 'moderate']) {
    for (const name of ['nh_malloc', 'nh_free']) {
      const text = run([objdump, '-dr', `--disassemble=${name}`, join(folder, `libstack_${level}_O2.a`)]);
      faults.push(...faultsOf(name, text).map((line) => `${level}: ${line}`));
    }
  }
  for (const line of faults) process.stdout.write(`${line}\n`);
  if (faults.length) throw new RunError(`${target}: a hit may wait`);
  process.stdout.write(`${target}: nothing in the hits modifies a word atomically, or loops\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await runMain(main);
