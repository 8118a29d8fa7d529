// SPDX-License-Identifier: MIT
// The tools: which sources they look at, in which configurations, and what they find. A finding is
// { tool, rule, file, line, column, message }; files are told as seen from the repository's root.

import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { configure, readJson, run, RunError, runAll } from '../../bench/run.mjs';

/**
 * Presets, with other options than theirs. `compat`: other systems' interfaces are looked at too. A tool's name: it looks at
 * such files only, since of core these configurations are like others.
 */
export const CONFIGURATIONS = {
  moderate: { preset: 'gcc-release', options: { NH_PRELOAD: 'ON' }, platform: 'unix64', compat: true },
  none: { preset: 'none', platform: 'unix64' },
  extreme: { preset: 'extreme', platform: 'unix64' },
  nocaches: { preset: 'nocaches', options: { NH_HARDENING: 'none' }, platform: 'unix64' },
  cpu1: { preset: 'cpu1', platform: 'unix64' },
  rp2040: { preset: 'rp2040', platform: 'arm32-wchar_t4' },
  m33: { preset: 'm33', platform: 'arm32-wchar_t4', tidy: /^arch/ },
  a9: { preset: 'a9', platform: 'arm32-wchar_t4', cppcheck: /^arch/, tidy: /^arch/ },
  a53: { preset: 'a53', platform: 'arm64-wchar_t4', cppcheck: /^arch/, tidy: /^arch/ },
};

const DIR = 'build/static';
const ROOT = process.cwd();

const CPPCHECK_NOISE = ['missingIncludeSystem', 'missingInclude', 'unmatchedSuppression', 'unusedFunction', 'checkersReport'];
/** What compilers and system headers define, which cppcheck does not read. */
const PREDEFINED = ['__GNUC__=12', '__STDC_VERSION__=201112L', 'UINT32_C(n)=n##U', 'UINT64_C(n)=n##ULL', 'SIZE_MAX=UINTPTR_MAX',
  '__BYTE_ORDER__=1234', '__ORDER_LITTLE_ENDIAN__=1234'];
const POINTERS = {
  unix64: ['UINTPTR_MAX=0xffffffffffffffffUL', '__x86_64__=1', '__linux__=1'],
  'arm64-wchar_t4': ['UINTPTR_MAX=0xffffffffffffffffUL', '__aarch64__=1'],
  'arm32-wchar_t4': ['UINTPTR_MAX=0xffffffffU', '__arm__=1'],
};
/** Then the tool did not see the code, and what it did not find means nothing. */
const CPPCHECK_BLIND = /^(syntaxError|internalError|internalAstError|cppcheckError|preprocessorErrorDirective|unknownMacro|.*addon.*)$/i;
/** What gcc looks for besides the warnings that every build has. */
const GCC_MORE = ['-fanalyzer', '-Wundef', '-Wmissing-prototypes', '-Wvla', '-Walloca', '-Wcast-align', '-Wformat=2',
  '-Wlogical-op', '-Wduplicated-cond', '-Wduplicated-branches', '-Wnull-dereference', '-Wimplicit-fallthrough'];

// ---- sources ---------------------------------------------------------------

/** What is compiled in a configuration: [{ file, compiler, flags }]; `bare`: without other systems' interfaces. */
export function unitsOf(name, bare = false) {
  const { preset, options } = CONFIGURATIONS[name];
  const compat = CONFIGURATIONS[name].compat && !bare;
  const dir = configure(preset, join(DIR, name), { NH_BENCH: 'OFF', NH_INSTALL: 'OFF', CMAKE_EXPORT_COMPILE_COMMANDS: 'ON', ...options });
  const units = [];
  for (const { directory, command, file } of readJson(join(dir, 'compile_commands.json'))) {
    const path = relative(ROOT, join(directory, relative(directory, file)));
    const ours = /^(core|arch)\/.*\.c$/.test(path) && (compat || !path.startsWith('core/compat/'));
    // a library that is built with other options for its own use: here its own sources matter
    const again = command.includes('nearheap_preload.dir') && !path.startsWith('core/compat/');
    if (!ours || again || units.some((u) => u.file === path)) continue;
    const [compiler, ...words] = command.split(/\s+/);
    const flags = words.filter((w, i) => !/^-(o|c|Werror|W.*|g)$/.test(w) && words[i - 1] !== '-o' && words[i - 1] !== '-c');
    units.push({ file: path, compiler, flags });
  }
  if (!units.some((u) => u.file === 'core/tlsf.c')) throw new RunError(`${name}: no sources`);
  return units;
}

function finding(tool, rule, path, line, column, message) {
  const file = relative(ROOT, path.startsWith('/') ? path : join(ROOT, path));
  return file.startsWith('..') || file.startsWith('build/') ? [] : [{ tool, rule, file, line: Number(line), column: Number(column), message }];
}

// ---- cppcheck --------------------------------------------------------------

function cppcheckOf(text) {
  return text.split('\n').filter((line) => line).flatMap((line) => {
    const [path, at, column, id, message] = line.split('\t');
    if (CPPCHECK_BLIND.test(id)) throw new RunError(`cppcheck: ${path}:${at}: ${message} [${id}]`);
    const misra = /^misra-c2012-(.*)$/.exec(id);
    return misra ? finding('misra', misra[1], path, at, column, 'against the rule') : finding('cppcheck', id, path, at, column, message);
  });
}

/** Sources with the same options together, since some rules are about all of a program. */
async function cppcheck(name, units) {
  const groups = new Map();
  for (const { file, flags } of units) {
    const seen = flags.filter((w, i) => /^-[DI]/.test(w) || flags[i - 1] === '-isystem');
    const key = JSON.stringify(seen.map((w) => (/^-/.test(w) ? w : `-I${w}`)).filter((w) => !w.startsWith('-I/usr')));
    groups.set(key, [...(groups.get(key) ?? []), file]);
  }
  const results = [];
  const { platform } = CONFIGURATIONS[name];
  const commands = [...groups].map(([key, files], i) => {
    results.push(join(DIR, name, `cppcheck-${i}.txt`));
    // its own files go there, and not beside the sources; what it finds there it would believe
    const work = join(DIR, name, `cppcheck-${i}`);
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { recursive: true });
    return ['cppcheck', '--quiet', '--enable=all', '--std=c11', '--language=c', `--platform=${platform}`,
      '--addon=misra', `--cppcheck-build-dir=${work}`, '--library=std,posix,gnu,tests/static/atomics.cfg', '--inline-suppr', ...CPPCHECK_NOISE.map((id) => `--suppress=${id}`),
      '--template={file}\t{line}\t{column}\t{id}\t{message}', '--template-location=', `--output-file=${results.at(-1)}`,
      ...[...PREDEFINED, ...POINTERS[platform]].map((d) => `-D${d}`), ...JSON.parse(key), ...files];
  });
  await runAll(commands);
  return results.flatMap((path) => cppcheckOf(readFileSync(path, 'utf8')));
}

// ---- clang-tidy and gcc ----------------------------------------------------

const DIAGNOSTIC = /^(\S[^:]*):(\d+):(\d+): (warning|error|fatal error): (.*) \[([^\]]+)\]$/;
const BROKEN = /^(\S[^:]*):(\d+):(\d+): (?:fatal )?error: (?!.*\[-W)(.*)$/m;

function diagnosticsOf(tool, text) {
  const broken = BROKEN.exec(text);
  if (broken) throw new RunError(`${tool}: ${broken[0]}`);
  return text.split('\n').flatMap((line) => {
    const match = DIAGNOSTIC.exec(line);
    return match ? finding(tool, match[6].replace(/^-W/, '').replace(/,-warnings-as-errors$/, ''), match[1], match[2], match[3], match[5]) : [];
  });
}

/** For clang, with the headers of the compiler whose place it takes. */
function clangFlags({ compiler, flags }) {
  const known = flags.filter((w) => !/^-(ffixed-|mno-outline-atomics|fcallgraph|specs)/.test(w));
  const target = /([^/]+)-gcc$/.exec(compiler)?.[1];
  if (!target) return known;
  const headers = target === 'arm-none-eabi' ? '/usr/lib/arm-none-eabi/include' : `/usr/lib/picolibc/${target}/include`;
  return [`--target=${target}`, '-ffreestanding', '-idirafter', headers, ...known];
}

async function tidy(name, units) {
  const texts = await runAll(units.map((u) => ['clang-tidy', '--quiet', u.file, '--', ...clangFlags(u), '-Wno-everything']));
  return texts.flatMap((text) => diagnosticsOf('tidy', text));
}

async function gcc(name, units) {
  const texts = await runAll(units.map((u) => [u.compiler, ...u.flags, '-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Wshadow',
    '-Wstrict-prototypes', ...GCC_MORE, '-O2', '-c', '-o', '/dev/null', u.file]), { errors: true });
  return texts.flatMap((text) => diagnosticsOf('gcc', text));
}

// ---- all -------------------------------------------------------------------

const TOOLS = { cppcheck, tidy, gcc };
/** Which entries of the register a tool's findings are held against. */
export const REGISTERED = { cppcheck: ['cppcheck', 'misra'], tidy: ['tidy'], gcc: ['gcc'] };

/** "cppcheck 2.10, clang-tidy 14.0.6, gcc 12.2.0": findings are those of a version. */
export function versionsOf() {
  const first = (words) => /\d+(\.\d+)+/.exec(run(words))[0];
  return `cppcheck ${first(['cppcheck', '--version'])}, clang-tidy ${first(['clang-tidy', '--version'])}, gcc ${first(['gcc', '-dumpfullversion'])}`;
}

/** All findings; `told` hears a line per step, `tell` each finding when it comes. */
export async function findingsOf({ tools, configurations, bare }, told, tell) {
  const findings = [];
  for (const name of configurations) {
    const units = unitsOf(name, bare);
    for (const tool of tools) {
      const begin = Date.now();
      const some = units.filter((u) => CONFIGURATIONS[name][tool]?.test(u.file) ?? true);
      const found = await TOOLS[tool](name, some);
      told(`${name}, ${tool}: ${some.length} sources, ${found.length} findings, ${Math.round((Date.now() - begin) / 1000)} s`);
      found.forEach(tell);
      findings.push(...found);
    }
  }
  return findings;
}
