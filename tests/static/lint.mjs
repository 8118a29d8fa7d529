#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// What the static analyses say, against the register of deviations; docs/MISRA.md.
//
//   node tests/static/lint.mjs            all tools, all configurations; `./run lint`
//   node tests/static/lint.mjs --quick    cppcheck with MISRA, one configuration, without core/compat; `./run lint quick`, a part of `./run test`
//   ... --list                            every finding, registered or not
//   ... --write                           after all: numbers of places into the register, its tables into docs/MISRA.md
//   ... --only TOOL,... --in CONFIGURATION,...   some of them
//
// In the repository's root. Exit status: 0 nothing that is not registered, 1 else. Tools of other versions than the
// register's find other things: they are told, and not judged.

import { readFileSync } from 'node:fs';
import { checkPage, writePage } from '../../bench/page.mjs';
import { RunError, runMain } from '../../bench/run.mjs';
import { judge, markdown, readRegister, writeRegister } from './register.mjs';
import { CONFIGURATIONS, findingsOf, REGISTERED, versionsOf } from './tools.mjs';

const REGISTER = 'tests/static/register.txt';
const PAGE = 'docs/MISRA.md';
const QUICK = { tools: ['cppcheck'], configurations: ['moderate'], bare: true, whole: false };
const WHOLE = { tools: Object.keys(REGISTERED), configurations: Object.keys(CONFIGURATIONS), whole: true };

function optionsOf(words) {
  let options = { ...WHOLE };
  while (words.length) {
    const word = words.shift();
    if (word === '--quick' || word === 'quick') options = { ...options, ...QUICK };
    else if (word === '--list' || word === '--write') options[word.slice(2)] = true;
    else if (word === '--only' && words.length) options = { ...options, tools: words.shift().split(','), whole: false };
    else if (word === '--in' && words.length) options = { ...options, configurations: words.shift().split(','), whole: false };
    else throw new RunError(`what is '${word}'?`);
  }
  for (const tool of options.tools) if (!REGISTERED[tool]) throw new RunError(`no such tool: ${tool}`);
  for (const name of options.configurations) if (!CONFIGURATIONS[name]) throw new RunError(`no such configuration: ${name}`);
  if (options.write && !options.whole) throw new RunError('--write goes with all tools and configurations');
  return options;
}

/** The tools that the register was made with stand in its first lines. */
function knownVersions() {
  const match = /^# with (.*)$/m.exec(readFileSync(REGISTER, 'utf8'));
  if (!match) throw new RunError(`${REGISTER}: '# with VERSIONS' is missing`);
  return match[1];
}

async function main() {
  const options = optionsOf(process.argv.slice(2));
  const told = (line) => process.stdout.write(`${line}\n`);
  const tell = (f) => told(`${f.file}:${f.line}:${f.column}: ${f.message} [${f.tool} ${f.rule}]`);
  const findings = await findingsOf(options, told, options.list ? tell : () => {});
  if (options.write) writeRegister(REGISTER, findings);
  const entries = readRegister(REGISTER);
  if (options.write) writePage(PAGE, 'deviations', markdown(entries));
  const versions = versionsOf();
  const tools = options.tools.flatMap((tool) => REGISTERED[tool]);
  const lines = judge(findings, entries, { whole: options.whole, tools });
  for (const line of lines) told(line);
  told(`${versions}: ${findings.length} findings, ${lines.length ? 'not all as registered' : 'all registered'}`);
  if (versions !== knownVersions()) {
    told(`the register is of ${knownVersions()}: not judged`);
    return;
  }
  if (lines.length) throw new RunError(`not registered, or registered for nothing: ${REGISTER}, ${PAGE}`);
  checkPage(PAGE, 'deviations', markdown(entries), './run lint --write');
}

await runMain(main);
