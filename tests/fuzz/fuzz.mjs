// SPDX-License-Identifier: MIT
// Runs fuzzers on their targets.
//
//   node fuzz.mjs --build FOLDER [--seconds N] [TARGET ...]   libFuzzer; the time is shared by the targets
//   node fuzz.mjs --build FOLDER --afl [--seconds N] ...      AFL++, where the programs were built by afl-clang-fast
//   node fuzz.mjs --build FOLDER --fixed [TARGET ...]         the same inputs each time: a number of runs, one seed
//   node fuzz.mjs --build FOLDER --merge [TARGET ...]         the stored corpus anew: what covers all that was found, no more
//
// FOLDER has targets.txt (fuzzers.cmake). What is found stays in FOLDER/work and is where the next run begins; crashes in
// FOLDER/crashes. Ends with 1 if there is one.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { parseArgs } from 'node:util';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    build: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    afl: { type: 'boolean', default: false },
    fixed: { type: 'boolean', default: false },
    merge: { type: 'boolean', default: false },
  },
});

function fail(message) {
  console.error(`fuzz: ${message}`);
  process.exit(2);
}

if (!options.build || !existsSync(join(options.build, 'targets.txt'))) fail('--build FOLDER: a build with NH_FUZZ');
const seconds = Number(options.seconds);
if (!(seconds > 0)) fail(`${options.seconds}: how many seconds?`);

const all = readFileSync(join(options.build, 'targets.txt'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => {
    const [name, program, corpus, longest, runs] = line.split(' ');
    return { name, program, corpus, longest, runs };
  });
// `heaps` is heaps_moderate and heaps_full.
const targets =
  positionals.length === 0 ? all : all.filter((t) => positionals.some((p) => t.name === p || t.name.startsWith(`${p}_`)));
if (targets.length === 0) fail(`${positionals.join(' ')}: none of ${all.map((t) => t.name).join(' ')}`);

const folder = (...names) => {
  const path = join(options.build, ...names);
  mkdirSync(path, { recursive: true });
  return path;
};
const crashes = folder('crashes');
const filesOf = (path) =>
  existsSync(path) ? readdirSync(path).filter((name) => !name.startsWith('.') && name !== 'README.txt') : [];
const lately = (path, since) =>
  filesOf(path)
    .map((name) => join(path, name))
    .filter((file) => statSync(file).mtimeMs >= since);

// Runs a program; the result is all that it wrote.
function run(program, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    let text = '';
    child.stdout.on('data', (data) => {
      text += data;
    });
    child.stderr.on('data', (data) => {
      text += data;
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, text }));
  });
}

const sanitizers = {
  ASAN_OPTIONS: 'abort_on_error=1:symbolize=1:detect_stack_use_after_return=1:handle_abort=1',
  UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1:symbolize=1',
};
const limits = (target) => [
  `-max_len=${target.longest}`,
  '-timeout=25',
  '-rss_limit_mb=3000',
  '-print_final_stats=1',
  `-artifact_prefix=${crashes}/${target.name}-`,
];

// The last value of a name in libFuzzer's output.
const last = (text, pattern) => [...text.matchAll(pattern)].at(-1)?.[1] ?? '0';

async function libfuzzer(target, share) {
  const since = Date.now();
  const fresh = options.fixed && mkdtempSync(join(tmpdir(), 'nh-fuzz-'));
  const work = fresh || folder('work', target.name);
  const bound = options.fixed ? [`-runs=${target.runs}`, '-seed=1'] : [`-max_total_time=${Math.max(1, Math.round(share))}`];
  const { status, text } = await run(target.program, [...limits(target), ...bound, work, target.corpus], sanitizers);
  const result = {
    executions: last(text, /stat::number_of_executed_units: (\d+)/g),
    edges: last(text, / cov: (\d+)/g),
    inputs: last(text, / corp: (\d+)/g),
    found: lately(crashes, since).filter((file) => file.includes(`/${target.name}-`)),
    why:
      status === 0
        ? ''
        : text
            .split('\n')
            .filter((line) => /FAILED|SUMMARY|runtime error|ERROR/.test(line))
            .join('\n') || text.slice(-2000),
  };
  if (fresh) rmSync(fresh, { recursive: true });
  return result;
}

async function afl(target, share) {
  const since = Date.now(),
    out = folder('afl', target.name);
  rmSync(out, { recursive: true });
  const { status, text } = await run(
    'afl-fuzz',
    [
      '-i',
      target.corpus,
      '-o',
      out,
      '-m',
      'none',
      '-t',
      '5000+',
      '-V',
      String(Math.max(2, Math.round(share))),
      '-G',
      target.longest,
      '--',
      target.program,
    ],
    {
      AFL_NO_UI: '1',
      AFL_NO_AFFINITY: '1',
      AFL_SKIP_CPUFREQ: '1',
      AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES: '1',
      AFL_FORKSRV_INIT_TMOUT: '20000',
      ASAN_OPTIONS: 'abort_on_error=1:symbolize=0:detect_leaks=0',
      UBSAN_OPTIONS: 'abort_on_error=1:halt_on_error=1:symbolize=0',
    },
  );
  const stats = join(out, 'default', 'fuzzer_stats');
  if (!existsSync(stats))
    return { executions: '0', edges: '0', inputs: '0', found: [], why: text.slice(-2000) || `afl-fuzz: ${status}` };
  const of = (name) => readFileSync(stats, 'utf8').match(new RegExp(`^${name} *: (\\S+)`, 'm'))?.[1] ?? '0';
  const found = ['crashes', 'hangs'].flatMap((kind) => lately(join(out, 'default', kind), since));
  return {
    executions: of('execs_done'),
    edges: of('edges_found'),
    inputs: of('corpus_count'),
    found,
    why: found.length ? 'AFL++ kept crashes or hangs' : '',
  };
}

// ---- the stored corpus ----------------------------------------------------------------------

const KEPT = 12; // files of a corpus: those that cover most

// libFuzzer's notes on a merge: a count, the number of old ones, names; then per file "FT index edge ...", without counters.
function coverOf(control, program, inputs) {
  const lines = readFileSync(control, 'utf8').split('\n');
  const count = Number(lines[0]),
    names = lines.slice(2, 2 + count);
  for (const line of lines.slice(2 + count)) {
    const [kind, index, ...edges] = line.trim().split(' ');
    if (kind !== 'FT') continue;
    const input = inputs.get(names[index]) ?? inputs.set(names[index], { name: names[index], edges: new Set() }).get(names[index]);
    for (const edge of edges) input.edges.add(`${program} ${edge}`);
  }
}

// Of what was found, the inputs that cover most edges of all programs that use the corpus. A file that has a name of its own is there for
// a reason, and stays.
async function merge(corpus) {
  const inputs = new Map(),
    users = all.filter((target) => target.corpus === corpus),
    covered = new Set(),
    chosen = [];
  for (const user of users) {
    const fresh = mkdtempSync(join(options.build, 'merge-')),
      control = `${fresh}.control`;
    const from = [corpus, ...users.map((other) => folder('work', other.name))];
    const { status, text } = await run(
      user.program,
      ['-set_cover_merge=1', '-use_counters=0', `-merge_control_file=${control}`, `-max_len=${user.longest}`, fresh, ...from],
      sanitizers,
    );
    if (status !== 0) fail(`merge of ${user.name}: ${text.slice(-2000)}`);
    coverOf(control, user.name, inputs);
    rmSync(fresh, { recursive: true });
    rmSync(control);
  }
  const isNamed = (input) => input.name.startsWith(corpus) && !/\/[0-9a-f]{40}$/.test(input.name);
  const take = (input) => {
    chosen.push(input);
    for (const edge of input.edges) covered.add(edge);
    inputs.delete(input.name);
  };
  for (const input of [...inputs.values()].filter(isNamed)) take(input);
  const adds = (input) => [...input.edges].reduce((sum, edge) => sum + !covered.has(edge), 0);
  while (chosen.length < KEPT && inputs.size > 0) {
    let best = null,
      most = 0;
    for (const input of inputs.values()) {
      const more = adds(input);
      if (more > most) [best, most] = [input, more];
      else if (more === 0) inputs.delete(input.name);
    }
    if (!best) break;
    take(best);
  }
  const kept = chosen.map((input) => ({ name: basename(input.name), bytes: readFileSync(input.name) }));
  for (const name of filesOf(corpus)) rmSync(join(corpus, name));
  for (const { name, bytes } of kept) writeFileSync(join(corpus, name), bytes);
  console.log(
    `${relative('.', corpus)}: ${kept.length} files, ${kept.reduce((sum, { bytes }) => sum + bytes.length, 0)} bytes, ${covered.size} edges`,
  );
}

// ---- all targets ----------------------------------------------------------------------------

async function fuzz() {
  const jobs = Math.min(options.fixed ? 1 : cpus().length, targets.length);
  const share = (seconds * jobs) / targets.length;
  const waiting = [...targets];
  let bad = 0;
  console.log(
    `${'target'.padEnd(20)} ${'executions'.padStart(10)} ${'edges'.padStart(7)} ${'inputs'.padStart(7)} ${'crashes'.padStart(7)}`,
  );
  await Promise.all(
    Array.from({ length: jobs }, async () => {
      for (let target = waiting.shift(); target; target = waiting.shift()) {
        const result = await (options.afl ? afl : libfuzzer)(target, share);
        const { executions, edges, inputs, found, why } = result;
        console.log(
          `${target.name.padEnd(20)} ${executions.padStart(10)} ${edges.padStart(7)} ${inputs.padStart(7)} ${String(found.length).padStart(7)}`,
        );
        if (why) {
          bad++;
          console.log(why.replace(/^/gm, '      | '));
          for (const file of found) console.log(`      again: ${relative('.', target.program)} ${relative('.', file)}`);
        }
      }
    }),
  );
  return bad;
}

if (options.merge) {
  for (const corpus of new Set(targets.map((target) => target.corpus))) await merge(corpus);
} else {
  process.exit((await fuzz()) === 0 ? 0 : 1);
}
