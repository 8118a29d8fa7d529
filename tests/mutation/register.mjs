// SPDX-License-Identifier: MIT
// The register of accepted survivors: why each mutant that no test kills is no gap.
//
//   core/file.c function [count]
//   - the line as it is
//   + the line of the mutant
//   (more of these)
//   reason: one of the words of REASONS, and a sentence

import { RunError } from '../../bench/run.mjs';

export const REASONS = {
  equivalent: 'no call can tell the difference',
  speed: 'the same results by another way, or by more work',
  policy: 'another choice of those that are allowed: how much is cached, which block is taken',
  hint: 'a word that is read without a lock and looked at again',
  order: 'orders between CPUs: the explorer decides, see docs/EXPLORER.md',
  defence: 'a test that comes again behind it, or of a state that only damage makes',
  statistics: 'a number that is told and not used',
};

/** Map of mutant name -> {reason, text}. */
export function parse(text, origin) {
  const entries = new Map();
  let place = null;
  let minus = null;
  let open = [];
  text.split('\n').forEach((line, i) => {
    const wrong = (what) => { throw new RunError(`${origin}:${i + 1}: ${what}`); };
    if (line.trim() === '' || line.startsWith('#')) {
      if (open.length) wrong('mutants without a reason');
    } else if (line.startsWith('- ')) {
      if (place === null || minus !== null) wrong('a line without its mutant, or without a place');
      minus = line.slice(2);
    } else if (line.startsWith('+')) {
      if (minus === null) wrong('a mutant without the line it changes');
      open.push(`${place}\n${minus}\n${line.slice(2)}`);
      minus = null;
    } else if (/^core\//.test(line)) {
      place = line;
    } else {
      const [, reason, sentence] = /^([a-z]+): (\S.*)$/.exec(line) ?? [];
      if (!(reason in REASONS)) wrong(`no reason (${Object.keys(REASONS).join(', ')})`);
      if (!open.length) wrong('a reason without mutants');
      for (const name of open) {
        if (entries.has(name)) wrong('a mutant that is there already');
        entries.set(name, { reason, sentence });
      }
      open = [];
    }
  });
  if (open.length || minus !== null) throw new RunError(`${origin}: mutants without a reason at the end`);
  return entries;
}

/** A mutant as the register writes it. */
export const written = (mutant) => {
  const [place, before, after] = mutant.name.split('\n');
  return `${place}\n- ${before}\n+ ${after}\n`;
};
