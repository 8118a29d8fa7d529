// SPDX-License-Identifier: MIT
// What becomes of one mutant in one configuration.

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { applied } from './mutants.mjs';

/** Compiles what of the library uses what is mutated: {objects, code} or null if that fails; `code`: hash of what changed. */
async function compileLibrary(target, mutant, folder) {
  const { file } = mutant;
  const objects = new Map();
  const hash = createHash('sha256');
  for (const object of target.objectsToCompile(mutant)) {
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

/** {state: 'killed' | 'survived' | 'equivalent' | 'duplicate' | 'unreached' | 'invalid', by, how, code}. `seen` says of a
 * code that another mutant came to it. `told`: what is known of its killer. */
export async function judge(target, mutant, source, folder, seen, told = null) {
  if (told?.by) return { state: 'killed', ...told };
  rmSync(folder, { recursive: true, force: true });
  for (const part of [dirname(mutant.file), 'objects']) mkdirSync(join(folder, part), { recursive: true });
  writeFileSync(join(folder, mutant.file), applied(source, mutant));
  const built = await compileLibrary(target, mutant, folder);
  if (built === null) return { state: 'invalid' };
  const { code } = built;
  if (built.objects.size === 0) return { state: 'equivalent' };
  if (seen(code)) return { state: 'duplicate', code };
  const { invalid, unreached, by, how } = told ?? (await target.killer(mutant, built.objects, folder));
  const state = invalid ? 'invalid' : unreached ? 'unreached' : by ? 'killed' : 'survived';
  return { state, by, how, code };
}
