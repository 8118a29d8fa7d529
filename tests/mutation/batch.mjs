// SPDX-License-Identifier: MIT
// All mutants of a source in one program: each function becomes one that asks which of its copies is to run, the one as
// it is or one with a mistake. So a mutant costs the runs that it takes to kill it, and no compiler. What is not killed here
// is judged alone, since only an object of its own says whether it differs at all.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { RunError } from '../../bench/run.mjs';
import { functions } from './mutants.mjs';

const CHOOSE = `#ifndef NH_MUTANT
#define NH_MUTANT
extern char *getenv(const char *);
extern int atoi(const char *);
static int nh_mutant;
__attribute__((constructor)) static void nh_mutant_choose(void)
{
	const char *number = getenv("NH_MUTANT");
	nh_mutant = number ? atoi(number) : 0;
}
#endif
`;

const balance = (text) => (text.match(/{/g) ?? []).length - (text.match(/}/g) ?? []).length;

/** A function's copies, and the function that asks. `numbers`: mutant -> its number. */
function* copies(source, { begin, name, open, close, type, parameters, isVoid, head }, numbers) {
  const body = (from, to, text) => (from < 0 ? source.slice(open, close) : source.slice(open, from) + text + source.slice(to, close));
  const copy = (number, text) => `\nstatic __attribute__((noinline, unused)) ${type} ${name}__${number}(${parameters.text})\n${text}\n`;
  yield { text: copy(0, body(-1)) };
  const calls = [];
  const call = (number) => `${isVoid ? '' : 'return '}${name}__${number}(${parameters.names.join(', ')});${isVoid ? ' return;' : ''}`;
  for (const [mutant, number] of numbers) {
    if (mutant.from < begin || mutant.from >= close) continue;
    yield { text: copy(number, body(mutant.from, mutant.to, mutant.text)), mutant };
    calls.push(`	case ${number}: ${call(number)}\n`);
  }
  yield { text: `\n${head}\n{\n\tswitch (nh_mutant) {\n${calls.join('')}	default: ${call(0)}\n	}\n}\n` };
}

/** The source with all these mutants, and the lines of each: [{from, to, mutant}]. */
export function batch(source, numbers) {
  const lines = [];
  let text = CHOOSE;
  let at = 0;
  let line = text.split('\n').length;
  const add = (part, mutant) => {
    const from = line;
    text += part;
    line += part.split('\n').length - 1;
    if (mutant) lines.push({ from, to: line, mutant });
  };
  for (const one of functions(source)) {
    add(source.slice(at, one.begin));
    for (const { text: part, mutant } of copies(source, one, numbers)) add(part, mutant);
    at = one.close;
  }
  add(source.slice(at));
  return { text, lines };
}

export class Batch {
  constructor(target, file) {
    this.target = target;
    this.file = file;
    this.folder = join(target.dir, 'mutants');
    this.paths = new Map();
  }

  /** Builds the library with the mutants that are C; false if there are none, or nothing sees the file. */
  async prepare(list, source) {
    const closed = list.filter((mutant) => balance(mutant.text) === balance(source.slice(mutant.from, mutant.to)));
    this.numbers = new Map(closed.map((mutant, i) => [mutant, i + 1]));
    rmSync(this.folder, { recursive: true, force: true });
    for (const part of [dirname(this.file), 'objects']) mkdirSync(join(this.folder, part), { recursive: true });
    const all = this.target.objectsThatSee(this.file);
    const objects = new Map();
    while (objects.size < all.length) {
      const object = all[objects.size];
      const out = await this.compiled(object, source);
      if (out === null) objects.clear(); // the others, too, have to be without what is no C here
      else objects.set(object, out);
    }
    return objects.size !== 0 && this.numbers.size !== 0 && this.target.linkLibrary(this.folder, objects);
  }

  /** The object, or null and fewer mutants. */
  async compiled(object, source) {
    const { text, lines } = batch(source, this.numbers);
    writeFileSync(join(this.folder, this.file), text);
    const { out, errors } = await this.target.compileTelling(object, this.file, this.folder);
    if (out !== null) return out;
    const wrong = lines.filter(({ from, to }) => errors.some((line) => line >= from && line < to));
    if (wrong.length === 0) throw new RunError(`${this.file}: all mutants at once do not compile`);
    for (const { mutant } of wrong) this.numbers.delete(mutant);
    return null;
  }

  /** A program with the file's mutants; null if there is none, or if it fails without any. */
  async path(program) {
    if (!this.paths.has(program)) {
      const path = await this.target.programWith(program, this.file, this.folder);
      this.paths.set(program, path !== null && (await this.target.limited(path, this.folder, 5 + 10 * program.seconds)).ok ? path : null);
    }
    return this.paths.get(program);
  }

  /** {by, how} of what kills it, {} of what does not; null: to be asked otherwise. */
  async killer(mutant) {
    const number = this.numbers.get(mutant);
    if (number === undefined) return null;
    let all = true;
    for (const program of this.target.programsFor(mutant, true)) {
      const path = await this.path(program);
      if (path === null) {
        all = false;
        continue;
      }
      const result = await this.target.limited(path, this.folder, 2 + 5 * program.seconds, { NH_MUTANT: `${number}` });
      if (!result.ok) {
        program.kills++;
        return { by: program.name, how: result.how };
      }
    }
    return all ? {} : null;
  }
}
