// SPDX-License-Identifier: MIT
// The mutants of a C source: one small mistake each, in the body of a function. By tokens, not by syntax: what does not
// compile is told by the compiler, what changes nothing by comparing objects. The house style helps: a function's
// braces, and nothing else, stand alone in the first column.

import { createHash } from 'node:crypto';

const TOKEN = /(?<space>\s+|\\\n)|(?<comment>\/\*[^]*?\*\/|\/\/[^\n]*)|(?<directive>^[ \t]*#(?:\\\n|[^\n])*)|(?<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?<number>\d[\w.]*)|(?<word>[A-Za-z_]\w*)|(?<sign>->|\+\+|--|<<=|>>=|<<|>>|[-+*/%&|^=!<>]=|&&|\|\||[^])/my;

/** Tokens that mean something: {kind, text, at}. */
export function tokens(source) {
  const list = [];
  for (const match of source.matchAll(new RegExp(TOKEN, 'gm'))) {
    const kind = ['directive', 'text', 'number', 'word', 'sign'].find((name) => match.groups[name] !== undefined);
    if (kind !== undefined && kind !== 'directive') list.push({ kind, text: match[0], at: match.index });
  }
  return list;
}

const SIGNS = {
  '==': ['!='], '!=': ['=='], '<': ['<='], '<=': ['<'], '>': ['>='], '>=': ['>'],
  '+': ['-'], '-': ['+'], '+=': ['-='], '-=': ['+='], '++': ['--'], '--': ['++'],
  '<<': ['>>'], '>>': ['<<'], '&': ['|'], '|': ['&'], '^': ['|'], '&=': ['|='], '|=': ['&='],
  '&&': ['||'], '||': ['&&'],
};
const WORDS = {
  true: ['false'], false: ['true'],
  nh__store_release: ['nh__store_relaxed'], nh__load_acquire: ['nh__load_relaxed'],
  nh_port_cas_acquire: ['nh_port_cas_relaxed'], nh_port_cas_release: ['nh_port_cas_relaxed'],
  memory_order_release: ['memory_order_relaxed'], memory_order_acquire: ['memory_order_relaxed'],
  memory_order_seq_cst: ['memory_order_relaxed'],
};
const KEYWORDS = new Set(['return', 'case', 'sizeof', 'else', 'do', 'if', 'while', 'for']);
const TYPES = new Set(['const', 'static', 'struct', 'enum', 'union', 'unsigned', 'int', 'char', 'bool', 'void', 'extern', 'register', 'typedef', '_Alignas']);

/** [from, to) of the functions' bodies as indices of tokens, with the functions' names. */
export function bodies(source, list) {
  const found = [];
  const first = (token) => token.at === 0 || source[token.at - 1] === '\n';
  let from = -1;
  list.forEach((token, i) => {
    if (token.text === '{' && first(token)) from = i + 1;
    if (token.text !== '}' || !first(token) || from < 0) return;
    let open = from - 2;
    for (let depth = 0; open > 0; open--) {
      depth += list[open].text === ')' ? 1 : list[open].text === '(' ? -1 : 0;
      if (depth === 0) break;
    }
    found.push({ from, to: i, name: open > 0 ? list[open - 1].text : '' });
    from = -1;
  });
  return found;
}

/** The functions of a source, in parts: [begin, close) is all of one, from `open` on its body; `head` as it is written, but
 * for what makes it inline; of `type` and `parameters` copies are made. */
export function functions(source) {
  const list = tokens(source);
  const partner = partners(list);
  const end = (token) => token.at + token.text.length;
  return bodies(source, list).map(({ from, to, name }) => {
    const closing = from - 2;
    const opening = partner.get(closing);
    let first = opening - 1;
    while (first > 0 && !['}', ';'].includes(list[first - 1].text)) first--;
    const begin = list[first].at;
    const inner = list.slice(opening + 1, closing);
    const groups = [[]];
    for (let i = opening + 1, depth = 0; i < closing; i++) {
      depth += list[i].text === '(' ? 1 : list[i].text === ')' ? -1 : 0;
      if (list[i].text === ',' && depth === 0) groups.push([]);
      else groups.at(-1).push(list[i]);
    }
    const named = (group) => {
      const star = group.findIndex((token, i) => token.text === '(' && group[i + 1].text === '*');
      return star >= 0 ? group[star + 2].text : group.at(-1).text;
    };
    const empty = inner.length === 1 && inner[0].text === 'void';
    const before = source.slice(begin, list[opening - 1].at);
    const type = before.replace(/\b(static|inline|NH__FLAT|NH__NOINLINE|NH__INLINE|__attribute__\(\(\w+\)\))\s*/g, '').trim();
    return {
      begin, name, type, open: list[from - 1].at, close: end(list[to]),
      isVoid: type === 'void',
      parameters: { text: source.slice(end(list[opening]), list[closing].at), names: empty ? [] : groups.map(named) },
      head: source.slice(begin, end(list[closing])).replace(/\b(NH__FLAT|NH__INLINE)\b/, 'static __attribute__((unused))'),
    };
  });
}

/** Index of each parenthesis' partner; tokens inside of any are marked. */
function partners(list) {
  const partner = new Map();
  const open = [];
  list.forEach((token, i) => {
    const { text } = token;
    token.inner = open.length > 0;
    if (text === '(') open.push(i);
    else if (text === ')' && open.length) {
      const begin = open.pop();
      partner.set(begin, i).set(i, begin);
    }
  });
  return partner;
}

const isOperand = (token) => token.kind === 'number' || token.text === ')' || token.text === ']' || (token.kind === 'word' && !KEYWORDS.has(token.text));

function oneMore(text) {
  const [, digits, suffix] = /^(0x[0-9a-f]+|\d+)([ul]*)$/i.exec(text) ?? [];
  if (digits === undefined) return [];
  return [digits === '1' ? `0${suffix}` : `${Number(digits) + 1}${suffix}`];
}

/** Does a statement begin with this token? */
function beginsStatement(list, partner, i) {
  const before = list[i - 1];
  if ([';', '{', '}', 'else', 'do', ':'].includes(before.text)) return !list[i].inner;
  return before.text === ')' && ['if', 'while', 'for', 'switch'].includes(list[partner.get(i - 1) - 1]?.text);
}

/** Index of the statement's semicolon, or -1 if it is none that can be left out. */
function removable(list, i) {
  const next = list[i + 1];
  const { kind, text } = list[i];
  if (text === 'continue' || text === 'break') return i + 1;
  if (kind !== 'word' && text !== '*') return -1;
  if (KEYWORDS.has(text) && text !== 'return') return -1;
  if (TYPES.has(text) || text.startsWith('_Static') || (kind === 'word' && next.kind === 'word' && text !== 'return')) return -1;
  if (kind === 'word' && next.text === '*' && list[i + 2].kind === 'word' && ['=', ';', ','].includes(list[i + 3].text)) return -1;
  for (let depth = 0, at = i; at < list.length; at++) {
    const sign = list[at].text;
    depth += sign === '(' || sign === '[' ? 1 : sign === ')' || sign === ']' ? -1 : 0;
    if (sign === '{' && text !== 'return' && list[at - 1].text !== ')') return -1;
    if (sign === ';' && depth === 0) return at;
  }
  return -1;
}

/** All mutants of a source: {from, to, text, kind, name}: [from, to) becomes text. */
function* changes(source, list, body, partner) {
  const end = (i) => list[i].at + list[i].text.length;
  for (let i = body.from; i < body.to; i++) {
    const { kind, text, at } = list[i];
    if (text === 'sizeof' && list[i + 1].text === '(') {
      i = partner.get(i + 1);
      continue;
    }
    if (/^(_Static_assert|__asm|NH_PORT_OPAQUE)$/.test(text)) {
      while (list[i].text !== ';') i++;
      continue;
    }
    const unary = kind === 'sign' && /^[-+&*]$/.test(text) && !isOperand(list[i - 1]);
    if ((text === '++' || text === '--') && list[i].inner) continue; /* of a loop: it would only take for ever */
    const others = kind === 'number' ? oneMore(text) : unary ? [] : (kind === 'word' ? WORDS : SIGNS)[text] ?? [];
    const category = kind === 'number' ? 'constant' : kind === 'word' ? (text.length > 5 ? 'order' : 'constant') : 'operator';
    for (const other of others) yield { from: at, to: at + text.length, text: other, kind: category };
    if (list[i + 1].text === '(' && (text === 'if' || text === 'while')) {
      const close = partner.get(i + 1);
      const inside = list.slice(i + 2, close).map((token) => token.text);
      const alone = inside.some((sign) => sign === '==' || sign === '!=') && !inside.some((sign) => sign === '&&' || sign === '||');
      if (!alone) yield { from: end(i + 1), to: list[close].at, text: `!(${source.slice(end(i + 1), list[close].at)})`, kind: 'condition' };
    }
    if (!beginsStatement(list, partner, i)) continue;
    const semicolon = removable(list, i);
    if (semicolon < 0) continue;
    const last = list[semicolon + 1] === list[body.to];
    if (text === 'return' && semicolon > i + 1 && !['0', 'NULL', 'false', 'true'].includes(source.slice(list[i + 1].at, list[semicolon].at))) {
      yield { from: list[i + 1].at, to: list[semicolon].at, text: '0', kind: 'return' };
    }
    if (text !== 'return' || !last) yield { from: at, to: list[semicolon].at, text: '', kind: 'removal' };
  }
}

const oneLine = (text) => text.replace(/\/\*[^]*?\*\//g, ' ').replace(/\s+/g, ' ').trim();

/** The mutants of a source. `before` and `after` are the lines that differ; with file, function and a count where that is
 * not enough they name a mutant, without a line number: a change elsewhere in the file leaves the name as it is. */
export function mutants(file, source) {
  const list = tokens(source);
  const partner = partners(list);
  const found = [];
  const seen = new Map();
  for (const body of bodies(source, list)) {
    for (const change of changes(source, list, body, partner)) {
      const begin = source.lastIndexOf('\n', change.from - 1) + 1;
      const end = source.indexOf('\n', Math.max(change.to - 1, change.from));
      const before = oneLine(source.slice(begin, end));
      const after = oneLine(source.slice(begin, change.from) + change.text + source.slice(change.to, end));
      const place = `${file} ${body.name}\n${before}\n${after}`;
      const count = (seen.get(place) ?? 0) + 1;
      seen.set(place, count);
      const name = count === 1 ? place : `${file} ${body.name} ${count}\n${before}\n${after}`;
      const line = source.slice(0, change.from).split('\n').length;
      found.push({ ...change, file, function: body.name, line, before, after, name, key: createHash('sha256').update(name).digest('hex').slice(0, 12) });
    }
  }
  return found;
}

export const applied = (source, mutant) => source.slice(0, mutant.from) + mutant.text + source.slice(mutant.to);
