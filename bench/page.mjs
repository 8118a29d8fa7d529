// SPDX-License-Identifier: MIT
// Tables, and the pages that hold them between marks.

import { readFileSync, writeFileSync } from 'node:fs';
import { RunError } from './run.mjs';

export const row = (cells) => `| ${cells.join(' | ')} |\n`;
export const head = (cells) => row(cells) + row(cells.map((_, i) => (i ? '---:' : '---')));

/** A page with `text` between the marks of `name`. */
function pageWith(path, name, text) {
  const page = readFileSync(path, 'utf8');
  const [BEGIN, END] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${path}: no ${BEGIN} ... ${END}`);
  return `${page.slice(0, begin + BEGIN.length)}\n${text}${page.slice(end)}`;
}

/** Puts `text` between the marks of `name` in a page; the page's own text stays. */
export function writePage(path, name, text) {
  writeFileSync(path, pageWith(path, name, text));
}

/** An error if something else stands there; `again` is the command that writes it. */
export function checkPage(path, name, text, again) {
  if (readFileSync(path, 'utf8') !== pageWith(path, name, text)) throw new RunError(`${path}: not what was found; ${again}`);
}
