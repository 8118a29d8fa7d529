#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Runs a deliberately broken image under one seed after another until a run fails. Exit status: 0 it was
// caught, 1 it never was, 2 the runner itself does not work.
//
//   node until_caught.mjs ATTEMPTS COMMAND...      the word SEED becomes 1, 2, ...

import { spawnSync } from 'node:child_process';

const CAUGHT = [1, 3, 4];                            // failed, hung, endless: see run.mjs and qemu.mjs

const [attempts, ...command] = process.argv.slice(2);
if (!/^[1-9]\d*$/.test(attempts ?? '') || !command.includes('SEED')) {
  process.stderr.write('usage: node until_caught.mjs ATTEMPTS COMMAND... with the word SEED\n');
  process.exit(2);
}

for (let seed = 1; seed <= Number(attempts); seed++) {
  const words = command.map((word) => (word === 'SEED' ? String(seed) : word));
  const run = spawnSync(words[0], words.slice(1), { encoding: 'latin1' });
  const output = `${run.stdout ?? ''}${run.stderr ?? ''}`;
  if (CAUGHT.includes(run.status)) {
    process.stdout.write(`${output}\ncaught in run ${seed}\n`);
    process.exit(0);
  }
  if (run.status !== 0) {
    process.stdout.write(`${output}\n${words.join(' ')}: status ${run.status ?? run.error?.message}\n`);
    process.exit(2);
  }
}
process.stdout.write(`not caught in ${attempts} runs\n`);
process.exit(1);
