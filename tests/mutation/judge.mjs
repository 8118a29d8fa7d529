// SPDX-License-Identifier: MIT
// What becomes of one mutant.

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { applied } from './mutants.mjs';
import { limited } from './target.mjs';

/** Compiles what of the library sees the file: {objects, code} or null if that fails; `code`: hash of what changed. */
async function compileLibrary(target, file, folder) {
  const objects = new Map();
  const hash = createHash('sha256');
  for (const object of target.objectsThatSee(file)) {
    const out = await target.compileWith(object, file, folder);
    if (out === null) return null;
    const code = readFileSync(out);
    if (!code.equals(await target.baselineOf(object, file))) {
      objects.set(object, out);
      hash.update(object).update(code);
    }
  }
  return { objects, code: hash.digest('hex') };
}

/** A program with its own objects that see the file compiled again, if there are any. */
async function programWith(target, program, file, folder) {
  const own = program.objects.filter((object) => target.sees.get(object)?.has(file));
  if (own.length === 0) return join(target.base, program.name);
  const others = new Map();
  for (const object of own) {
    const out = await target.compileWith(object, file, folder);
    if (out === null) return null;
    others.set(object, out);
  }
  const out = join(folder, program.name);
  return (await target.linkProgram(program, out, others)) ? out : null;
}

const allowed = (program) => 2 + 5 * program.seconds;

/** {state: 'killed' | 'survived' | 'equivalent' | 'duplicate' | 'unreached' | 'invalid', by, how, code}. `seen` says of a
 * code that another mutant came to it. */
export async function judge(target, mutant, source, folder, seen) {
  rmSync(folder, { recursive: true, force: true });
  for (const part of [dirname(mutant.file), 'objects']) mkdirSync(join(folder, part), { recursive: true });
  writeFileSync(join(folder, mutant.file), applied(source, mutant));
  const built = await compileLibrary(target, mutant.file, folder);
  if (built === null) return { state: 'invalid' };
  const programs = target.programsFor(mutant);
  const inTests = programs.some((program) => program.objects.some((object) => target.sees.get(object)?.has(mutant.file)));
  if (built.objects.size === 0 && !(mutant.file.endsWith('.h') && inTests)) return { state: 'equivalent' };
  const { code } = built;
  if (built.objects.size > 0 && seen(code)) return { state: 'duplicate', code };
  if (programs.length === 0) return { state: 'unreached', code };
  if (!(await target.linkLibrary(folder, built.objects))) return { state: 'invalid' };
  for (const program of programs) {
    const path = await programWith(target, program, mutant.file, folder);
    if (path === null) return { state: 'invalid' };
    const result = await limited([path], folder, allowed(program));
    if (!result.ok) {
      program.kills++;
      return { state: 'killed', by: program.name, how: result.how, code };
    }
  }
  return { state: 'survived', code };
}
