// SPDX-License-Identifier: MIT
// Which functions of headers an object uses, by names in its preprocessed source: an object that does not use one that is
// mutated need not be compiled again. Most headers are seen by all of core and used by little of it.

import { bodies, tokens } from './mutants.mjs';

/** The file that each line of preprocessed text comes from, by the lines' beginnings: [{at, file}]. */
function origins(text) {
  return [...text.matchAll(/^# \d+ "([^"]*)".*$/gm)].map((match) => ({ at: match.index, file: match[1] }));
}

/** {defined, used}: names of functions with bodies in headers, and those of them that functions of sources reach. */
export function uses(preprocessed) {
  const list = tokens(preprocessed);
  const marks = origins(preprocessed);
  const calls = new Map(); // of headers: name -> words of the body
  const open = [];
  let mark = 0;
  for (const { from, to, name } of bodies(preprocessed, list)) {
    while (mark + 1 < marks.length && marks[mark + 1].at < list[from].at) mark++;
    const words = list.slice(from, to).filter(({ kind }) => kind === 'word').map(({ text }) => text);
    if (marks[mark]?.file.endsWith('.h')) calls.set(name, words);
    else open.push(...words);
  }
  const used = new Set();
  while (open.length) {
    const name = open.pop();
    if (!calls.has(name) || used.has(name)) continue;
    used.add(name);
    open.push(...calls.get(name));
  }
  return { defined: new Set(calls.keys()), used };
}
