// SPDX-License-Identifier: MIT
// The register of deviations (register.txt): reading it, holding findings against it, and its tables for docs/MISRA.md.
//
// An entry is a rule of a tool, with why it is not followed and what is done about the risk. It holds for the files it
// lists, each with the number of places, or is `everywhere`. Of files that are listed, one place more fails; a file, or a
// rule, without any finding fails too, if everything was looked at. `everywhere` is for rules of style: their number is
// told, not judged, and a required one must name what is done instead.

import { readFileSync, writeFileSync } from 'node:fs';
import { row } from '../../bench/page.mjs';
import { RunError } from '../../bench/run.mjs';

const CATEGORIES = { misra: ['required', 'advisory'], tidy: ['-'], cppcheck: ['-'], gcc: ['-'], shellcheck: ['-'] };
const TEXTS = ['about', 'why', 'risk'];

function headOf(words, where) {
  const [tool, rule, category, scope, places] = words;
  const entry = { tool, rule, category, everywhere: scope === 'everywhere', places: Number(places ?? 0), files: new Map() };
  if (!CATEGORIES[tool]) throw new RunError(`${where}: no such tool: ${tool}`);
  if (!rule || !CATEGORIES[tool].includes(category)) {
    throw new RunError(`${where}: ${tool} RULE ${CATEGORIES[tool].join('|')}: nothing else can have a deviation`);
  }
  if ((scope && !entry.everywhere) || !(entry.places >= 0)) throw new RunError(`${where}: everywhere N, or nothing`);
  return entry;
}

function addLine(entry, text, where) {
  const [, word, rest] = /^(\S+)\s+(.*)$/.exec(text) ?? [];
  if (TEXTS.includes(word)) {
    entry[word] = rest;
  } else if (!entry.everywhere && /^\d+$/.test(rest) && Number(rest) > 0) {
    if (entry.files.has(word)) throw new RunError(`${where}: ${word} once more`);
    entry.files.set(word, Number(rest));
  } else {
    throw new RunError(`${where}: ${TEXTS.join(', ')}, or FILE PLACES`);
  }
}

export function parseRegister(text, name = 'register') {
  const entries = [];
  const keys = new Set();
  text.split('\n').forEach((line, i) => {
    const where = `${name}:${i + 1}`;
    if (line.trim() === '' || line.startsWith('#')) return;
    if (/^\s/.test(line)) {
      if (!entries.length) throw new RunError(`${where}: belongs to no rule`);
      addLine(entries.at(-1), line.trim(), where);
      return;
    }
    const entry = headOf(line.trim().split(/\s+/), where);
    const key = keyOf(entry);
    if (keys.has(key)) throw new RunError(`${where}: ${key} once more`);
    keys.add(key);
    entries.push(entry);
  });
  for (const entry of entries) {
    for (const word of TEXTS) if (!entry[word]) throw new RunError(`${name}: ${keyOf(entry)}: says nothing of '${word}'`);
    if (!entry.everywhere && !entry.files.size) throw new RunError(`${name}: ${keyOf(entry)}: of no file`);
  }
  return entries;
}

export const readRegister = (path) => parseRegister(readFileSync(path, 'utf8'), path);

const keyOf = ({ tool, rule }) => `${tool} ${rule}`;
const placeOf = (f) => `${f.file}:${f.line}: ${f.message} [${keyOf(f)}]`;

function groupBy(items, key) {
  const groups = new Map();
  for (const item of items) {
    const of = key(item);
    if (!groups.has(of)) groups.set(of, []);
    groups.get(of).push(item);
  }
  return groups;
}

/** Places by file: what several configurations say of one line is one. */
function placesOf(findings) {
  return new Map([...groupBy(findings, (f) => f.file)].map(([file, of]) =>
    [file, [...new Map(of.map((f) => [`${f.line}:${f.column}`, f])).values()]]));
}

/**
 * What findings say against the register, as lines; none if all is well. `whole`: everything was looked at, so what was not
 * found is not there any more.
 */
export function judge(findings, entries, { whole, tools }) {
  const lines = [];
  const byKey = groupBy(findings, keyOf);
  for (const [key, of] of byKey) {
    const entry = entries.find((e) => keyOf(e) === key);
    if (entry?.everywhere) continue;
    for (const [file, places] of placesOf(of)) {
      const allowed = entry?.files.get(file) ?? 0;
      if (places.length <= allowed) continue;
      lines.push(`${key}, ${file}: ${places.length} places, ${allowed} registered`, ...places.map((f) => `    ${placeOf(f)}`));
    }
  }
  if (whole) {
    for (const entry of entries.filter((e) => tools.includes(e.tool))) {
      const found = placesOf(byKey.get(keyOf(entry)) ?? []);
      if (entry.everywhere && !found.size) lines.push(`${keyOf(entry)}: registered, and does not occur any more`);
      for (const file of entry.files.keys()) {
        if (!found.has(file)) lines.push(`${keyOf(entry)}, ${file}: registered, and does not occur any more`);
      }
    }
  }
  return lines;
}

const isFile = (line) => /^\s+\S+\s+\d+$/.test(line);

/**
 * The register's text with the files and numbers of places that were found. Rules are not added: each needs its reasons. A
 * file that is new under one is a decision too, and shows in the difference.
 */
export function withPlaces(text, findings) {
  const byKey = groupBy(findings, keyOf);
  const lines = text.split('\n').filter((line) => !isFile(line));
  return lines.map((line, i) => {
    if (/^\w/.test(line)) {
      const [tool, rule, category, scope] = line.trim().split(/\s+/);
      if (scope !== 'everywhere') return line;
      const sum = [...placesOf(byKey.get(`${tool} ${rule}`) ?? []).values()].reduce((n, places) => n + places.length, 0);
      return `${tool} ${rule} ${category} everywhere ${sum}`;
    }
    if (!/^\s/.test(line) || /^\s/.test(lines[i + 1] ?? '')) return line;
    // the last of an entry's texts: its files follow
    const [tool, rule, , scope] = lines.slice(0, i).findLast((l) => /^\w/.test(l)).split(/\s+/);
    if (scope === 'everywhere') return line;
    const files = [...placesOf(byKey.get(`${tool} ${rule}`) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    return [line, ...files.map(([file, places]) => `\t${file} ${places.length}`)].join('\n');
  }).join('\n');
}

export function writeRegister(path, findings) {
  writeFileSync(path, withPlaces(readFileSync(path, 'utf8'), findings));
}

const numbers = (rule) => rule.split('.').map(Number);
const inOrder = (a, b) => numbers(a.rule)[0] - numbers(b.rule)[0] || numbers(a.rule)[1] - numbers(b.rule)[1];
const placesIn = (entry) => (entry.everywhere ? entry.places : [...entry.files.values()].reduce((a, b) => a + b, 0));

/** The tables of docs/MISRA.md. */
export function markdown(entries) {
  const misra = entries.filter((e) => e.tool === 'misra').sort(inOrder);
  const others = entries.filter((e) => e.tool !== 'misra');
  const table = (first, of) => row([first, 'category', 'places', 'what it is about', 'why not followed', 'how the risk is contained']) +
    row(Array(6).fill('---')) +
    of.map((e) => row([e.tool === 'misra' ? e.rule : `${e.tool}: ${e.rule}`, e.category, placesIn(e), e.about, e.why, e.risk])).join('');
  const listed = misra.filter((e) => !e.everywhere);
  const files = [...new Set(listed.flatMap((e) => [...e.files.keys()]))].sort();
  const rulesOf = (file) => listed.filter((e) => e.files.has(file)).map((e) => `${e.rule} (${e.files.get(file)})`).join(', ');
  return `${table('rule', misra)}\nWhere the rules are broken that are not broken everywhere, with the number of places:\n\n` +
    row(['file', 'rules']) + row(['---', '---']) + files.map((file) => row([`\`${file}\``, rulesOf(file)])).join('') +
    `\nOf the other tools:\n\n${table('check', others)}`;
}
