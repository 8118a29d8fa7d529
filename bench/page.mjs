// SPDX-License-Identifier: MIT
// Tables, and the pages that hold them between marks.

import { readFileSync, writeFileSync } from 'node:fs';

export const row = (cells) => `| ${cells.join(' | ')} |\n`;
export const head = (cells) => row(cells) + row(cells.map((_, i) => (i ? '---:' : '---')));

/** Puts `text` between the marks of `name` in a page; the page's own text stays. */
export function writePage(path, name, text) {
  const page = readFileSync(path, 'utf8');
  const [BEGIN, END] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${path}: no ${BEGIN} ... ${END}`);
  writeFileSync(path, `${page.slice(0, begin + BEGIN.length)}\n${text}${page.slice(end)}`);
}
