// SPDX-License-Identifier: MIT
// The explorer as the last judge: what tests of one thread do not see, some interleaving may. tests/explorer.

import { join } from 'node:path';
import { run, RunError } from '../../bench/run.mjs';
import { attempt, Target } from './target.mjs';

const PROGRAM = 'explorer_c11';
/** Every scenario for a moment: orders need old values, all else is seen soon or hardly ever. */
const SEARCHES = {
  order: [['--bound', '1', '--stale', '1', '--runs', '1500']],
  other: [['--bound', '1', '--runs', '300']],
};

export class Explorer extends Target {
  constructor() {
    super('explorer', {}, []);
  }

  async prepare() {
    run(['cmake', '--preset', 'explorer-gcc', '-B', this.dir]);
    run(['cmake', '--build', this.dir, '-j', '1', '--target', PROGRAM]);
    this.readBuild((object) => object.includes('/ex_core_c11.dir/core/') || /ex_core_c11\.dir\/.*\/core\//.test(object));
    this.link = this.linkCommand(PROGRAM);
    const seconds = performance.now();
    for (const kind of Object.keys(SEARCHES)) {
      const { ok, how } = await this.search(join(this.dir, 'tests/explorer', PROGRAM), kind, 600);
      if (!ok) throw new RunError(`${PROGRAM} fails without any mutant: ${how}`);
    }
    this.seconds = (performance.now() - seconds) / 1000;
    return this;
  }

  /** Its own builds cost a library and a link each time: this one judges only what others could not. */
  async killer(mutant, objects, folder) {
    const out = join(folder, PROGRAM);
    const link = [...this.link];
    const at = link.indexOf('-o');
    link.splice(at, 2, '-o', this.absolute(out), ...[...objects.values()]);
    if (!(await attempt(link, { cwd: this.dir })).ok) return { invalid: true };
    const result = await this.search(out, mutant.kind === 'order' ? 'order' : 'other', 5 + 3 * this.seconds);
    return result.ok ? {} : { by: PROGRAM, how: result.how };
  }

  async search(program, kind, seconds) {
    let result;
    for (const options of SEARCHES[kind]) {
      result = await attempt(['prlimit', '--core=0', program, '--short', ...options], { seconds });
      if (!result.ok) break;
    }
    return result;
  }
}
