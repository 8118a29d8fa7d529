// SPDX-License-Identifier: MIT
// One configuration of the library and its test programs, so that a mutant costs little: core is a shared library, of which
// only the objects are compiled again that see the changed file, and programs stay as they are, but for those that see the
// file themselves (white-box programs). Which program reaches which line is known from a build with --coverage.

import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { configure, readJson, run, RunError } from '../../bench/run.mjs';
import { uses } from './uses.mjs';

const ROOT = resolve(import.meta.dirname, '../..');
const LIBRARY = 'libnearheap-mutant.so';
/** Operations of random programs, in percent, and of programs with threads: a mistake of one line shows early. */
const ENVIRONMENT = { ...process.env, NH_TEST_SCALE: '3', NH_STRESS_SCALE: '0.05', CMOCKA_TEST_ABORT: '1' };
const MEMORY = 8 * 2 ** 30; // an emulator keeps four of them for what it emulates
/** Seconds that it takes to compile and link a white-box program: others are asked first. */
const COMPILE = 0.4;

/** Runs a command and kills it when it takes too long. */
export function attempt(words, { seconds = 60, env = process.env, cwd = ROOT } = {}) {
  return new Promise((done, fail) => {
    const child = spawn(words[0], words.slice(1), { stdio: ['ignore', 'ignore', 'ignore'], env, cwd, detached: true });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      process.kill(-child.pid, 'SIGKILL');
    }, seconds * 1000);
    child.on('error', fail);
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      done({ ok: status === 0, how: late ? 'time' : signal ?? `status ${status}` });
    });
  });
}

/** Under limits of time on a CPU and of memory. */
function limited(program, library, seconds, environment) {
  return attempt(['prlimit', `--cpu=${Math.ceil(seconds)}`, `--as=${MEMORY}`, '--core=0', ...program], {
    seconds: 15 + 10 * seconds, // others may have the CPU
    env: { ...ENVIRONMENT, ...environment, LD_LIBRARY_PATH: library },
  });
}

const words = (command) => command.trim().split(/\s+/).map((word) => word.replace(/\\"/g, '"'));

const FLAGS = '-O1';
const isLibrary = (object) => object.startsWith('CMakeFiles/nearheap.dir/');

export class Target {
  /** `options` of CMake, beside those of the preset; `emulator`: what runs programs of another CPU. */
  constructor(name, options, labels, { preset = 'gcc-debug', emulator = [] } = {}) {
    this.name = name;
    this.dir = `build/mutation/${name}`;
    this.options = options;
    this.labels = labels;
    this.preset = preset;
    this.emulator = emulator;
  }

  configure(dir, flags) {
    const off = ['NH_PRELOAD', 'NH_TEST_SOURCE', 'NH_DEMO', 'NH_BENCH', 'NH_ZEPHYR', 'NH_TIZENRT', 'NH_INSTALL'];
    const options = {
      NH_TESTS: 'ON', CMAKE_POSITION_INDEPENDENT_CODE: 'ON', CMAKE_C_FLAGS_DEBUG: flags,
      ...Object.fromEntries(off.map((option) => [option, 'OFF'])), ...this.options,
    };
    configure(this.preset, dir, options);
  }

  /** The names of its test programs. */
  build(dir, flags) {
    this.configure(dir, flags);
    const tests = JSON.parse(run(['ctest', '--test-dir', dir, '--show-only=json-v1'])).tests;
    const names = tests
      .filter((test) => test.properties.some(({ name, value }) => name === 'LABELS' && value.some((label) => this.labels.includes(label))))
      .map((test) => test.name);
    run(['cmake', '--build', dir, '-j', '1', '--target', 'nearheap', ...names]);
    return names;
  }

  /** Enough to ask what it compiles. */
  begin() {
    this.configure(this.dir, FLAGS);
    this.readCommands(isLibrary);
    return this;
  }

  async prepare() {
    const names = this.build(this.dir, FLAGS);
    this.readBuild(isLibrary);
    mkdirSync(this.base, { recursive: true });
    /* in a shared library the linker does not send core's calls elsewhere */
    this.programs = names.map((name) => this.program(name)).filter(({ link }) => !link.some((word) => word.includes('--wrap')));
    await this.linkLibrary(this.base, new Map());
    for (const program of this.programs) {
      await this.linkProgram(program, join(this.base, program.name), new Map());
      const begin = performance.now();
      const result = await this.limited(join(this.base, program.name), this.base, 60);
      program.seconds = (performance.now() - begin) / 1000;
      if (!result.ok) throw new RunError(`${this.name}: ${program.name} fails without any mutant: ${result.how}`);
    }
    this.reach = await this.reached();
    return this;
  }

  limited(program, library, seconds, environment = {}) {
    return limited([...this.emulator, program], library, seconds, environment);
  }

  absolute(path) {
    return resolve(ROOT, path);
  }

  /** How each object is compiled. `isCore`: of the library. */
  readCommands(isCore) {
    const absolute = resolve(ROOT, this.dir);
    this.compile = new Map(readJson(join(this.dir, 'compile_commands.json')).map((entry) => {
      const list = words(entry.command);
      return [relative(absolute, resolve(absolute, list[list.indexOf('-o') + 1])), { words: list, file: relative(ROOT, entry.file) }];
    }));
    this.sees = new Map(); // object -> files of this repository
    this.library = [...this.compile.keys()].filter(isCore);
    this.base = join(this.dir, 'mutant-base');
    this.active = new Map();
    this.baseline = new Map();
    this.uses = new Map();
  }

  /** That, and what each object sees. */
  readBuild(isCore) {
    const absolute = resolve(ROOT, this.dir);
    this.readCommands(isCore);
    let object;
    for (const line of run(['ninja', '-C', this.dir, '-t', 'deps']).split('\n')) {
      if (/^\S.*: #deps/.test(line)) this.sees.set(object = line.split(':')[0], new Set());
      else if (line.startsWith('    ')) this.sees.get(object).add(relative(ROOT, resolve(absolute, line.trim())));
    }
  }

  linkCommand(name) {
    const command = run(['ninja', '-C', this.dir, '-t', 'commands', name]).trim().split('\n').at(-1);
    return words(command.replace(/^: && /, '').replace(/ && :$/, ''));
  }

  program(name) {
    const link = this.linkCommand(name);
    return { name, link, objects: link.filter((word) => this.compile.has(word)), seconds: 0, kills: 0 };
  }

  /** `others`: objects in place of the target's own. */
  async linkLibrary(folder, others) {
    const objects = this.library.map((object) => others.get(object) ?? join(this.dir, object));
    const compiler = this.compile.get(this.library[0]).words[0];
    const result = await attempt([compiler, '-shared', `-Wl,-soname,${LIBRARY}`, '-o', join(folder, LIBRARY), ...objects, '-pthread']);
    return result.ok;
  }

  async linkProgram(program, out, others) {
    const link = program.link.map((word) => {
      if (word === 'libnearheap.a') return resolve(ROOT, this.base, LIBRARY);
      return others.has(word) ? resolve(ROOT, others.get(word)) : word;
    });
    link[link.indexOf('-o') + 1] = resolve(ROOT, out);
    return (await attempt(link, { cwd: this.dir })).ok;
  }

  /** How an object is compiled with `file` from `folder` in place of the repository's. */
  commandWith(object, file, folder) {
    const { words: list, file: source } = this.compile.get(object);
    const out = resolve(ROOT, folder, 'objects', object.replaceAll('/', '_'));
    const command = [...list.slice(0, 1), `-I${resolve(ROOT, folder)}`, ...list.slice(1), '-w'];
    command[command.indexOf('-o') + 1] = out;
    if (source === file) command[command.lastIndexOf('-c') + 1] = resolve(ROOT, folder, file);
    return { command, out };
  }

  async compileWith(object, file, folder) {
    const { command, out } = this.commandWith(object, file, folder);
    const result = await attempt(command, { cwd: this.dir });
    return result.ok ? out : null;
  }

  /** The same, with the lines of `file` that are no C. */
  async compileTelling(object, file, folder) {
    const { command, out } = this.commandWith(object, file, folder);
    const { status, stderr } = spawnSync(command[0], [...command.slice(1), '-fmax-errors=0'], { cwd: this.dir, encoding: 'utf8', maxBuffer: 2 ** 28 });
    const errors = [...stderr.matchAll(/^(\S+?):(\d+):\d+: (?:fatal )?error:/gm)].filter(([, name]) => name.endsWith(file)).map(([, , line]) => Number(line));
    return { out: status === 0 ? out : null, errors };
  }

  /** What a mutant is tried on, in order: each is given what was compiled, and tells what killed it, if anything. */
  async killer(mutant, objects, folder) {
    const programs = this.programsFor(mutant);
    if (programs.length === 0) return { unreached: true };
    if (!(await this.linkLibrary(folder, objects))) return { invalid: true };
    for (const program of programs) {
      const path = await this.programWith(program, mutant.file, folder, mutant);
      if (path === null) return { invalid: true };
      const result = await this.limited(path, folder, 2 + 5 * program.seconds);
      if (!result.ok) {
        program.kills++;
        return { by: program.name, how: result.how };
      }
    }
    return {};
  }

  ownObjects(program, file) {
    return program.objects.filter((object) => this.sees.get(object)?.has(file));
  }

  /** A program with its own objects that see the file compiled again, if there are any; that use the mutant, if there is one. */
  async programWith(program, file, folder, mutant = null) {
    const own = this.ownObjects(program, file).filter((object) => mutant === null || this.usesChange(object, mutant));
    if (own.length === 0) return join(this.base, program.name);
    const others = new Map();
    for (const object of own) {
      const out = await this.compileWith(object, file, folder);
      if (out === null) return null;
      others.set(object, out);
    }
    const out = join(folder, program.name);
    return (await this.linkProgram(program, out, others)) ? out : null;
  }

  objectsThatSee(file) {
    return this.library.filter((object) => this.sees.get(object)?.has(file));
  }

  /** Those of the library that a mutant may change. */
  objectsToCompile(mutant) {
    return this.objectsThatSee(mutant.file).filter((object) => this.usesChange(object, mutant));
  }

  usesChange(object, { file, function: name }) {
    if (!file.endsWith('.h')) return true;
    if (!this.uses.has(object)) this.uses.set(object, uses(this.preprocessed(object)));
    const { defined, used } = this.uses.get(object);
    return !defined.has(name) || used.has(name);
  }

  preprocessed(object) {
    const list = this.compile.get(object).words;
    const command = list.slice(0, list.indexOf('-o')).filter((word) => !/^-(MD|MT|MF)/.test(word) && !word.endsWith('.o') && !word.endsWith('.d'));
    return run([...command, '-E', list.at(-1)], { cwd: this.dir });
  }

  /** The object as it is without a mutant, compiled like one with. */
  async baselineOf(object, file) {
    const key = `${object} ${file}`;
    if (!this.baseline.has(key)) {
      const folder = join(this.dir, 'mutant-none');
      for (const part of [dirname(file), 'objects']) mkdirSync(join(folder, part), { recursive: true });
      copyFileSync(file, join(folder, file));
      const out = await this.compileWith(object, file, folder);
      if (out === null) throw new RunError(`${object} does not compile`);
      this.baseline.set(key, readFileSync(out));
      rmSync(join(folder, file)); /* or the next file would see it */
    }
    return this.baseline.get(key);
  }

  /** Does this configuration compile the mutant's line? */
  compiles({ file, line }) {
    return this.lines(file).has(line);
  }

  /** The lines of a file that this configuration compiles, by the first object that has any. */
  lines(file) {
    if (!this.active.has(file)) {
      const own = this.library.filter((object) => this.compile.get(object).file === file);
      const lines = new Set();
      for (const object of own.length ? own : this.library) {
        this.addLines(lines, object, file);
        if (lines.size) break;
      }
      this.active.set(file, lines);
    }
    return this.active.get(file);
  }

  /** From the preprocessor's output. */
  addLines(lines, object, file) {
    let at = 0;
    let here = false;
    for (const line of this.preprocessed(object).split('\n')) {
      const [, number, name] = /^# (\d+) "([^"]*)"/.exec(line) ?? [];
      if (number !== undefined) {
        at = Number(number);
        here = relative(ROOT, resolve(ROOT, this.dir, name)) === file;
      } else {
        if (here && line.trim() !== '') lines.add(at);
        at++;
      }
    }
  }

  /** { program: { file: [reached lines] } }, and under '' the lines that have code at all. */
  async reached() {
    const dir = `${this.dir}-lines`;
    this.build(dir, '-O0 --coverage -Wl,-u,__gcov_dump'); // children that leave at once call it
    const reach = { '': {} };
    const counters = () => run(['find', dir, '-name', '*.gcda']).split('\n').filter(Boolean);
    for (const { name } of this.programs) {
      for (const file of counters()) rmSync(file);
      const path = run(['find', dir, '-type', 'f', '-name', name]).trim();
      await this.limited(path, '.', 120);
      reach[name] = {};
      const files = counters().map((file) => resolve(ROOT, file));
      if (files.length === 0) throw new RunError(`${name}: nothing was counted`);
      for (const text of run(['gcov', '--json-format', '--stdout', ...files], { cwd: dir }).split('\n').filter((line) => line.startsWith('{'))) {
        for (const { file, lines } of JSON.parse(text).files) {
          const source = relative(ROOT, resolve(ROOT, dir, file));
          if (!source.startsWith('core/')) continue;
          const code = (reach[''][source] ??= {});
          const hit = (reach[name][source] ??= {});
          for (const { line_number: line, count } of lines) {
            code[line] = 1;
            if (count > 0) hit[line] = 1;
          }
        }
      }
    }
    return reach;
  }

  /** The programs that reach a mutant's line, the likeliest killers first. A line without code of its own (the middle of a
   * statement, an inlined call) is reached with the last one before it that has code, or the first one behind. `compiled`: no
   * program has to be compiled for it. */
  programsFor(mutant, compiled = false) {
    const code = this.reach[''][mutant.file] ?? {};
    const lines = Object.keys(code).map(Number);
    const near = code[mutant.line] ? [mutant.line]
      : [Math.max(...lines.filter((line) => line < mutant.line)), Math.min(...lines.filter((line) => line > mutant.line))];
    const stem = basename(mutant.file).replace(/\..$/, '');
    const named = (program) => (program.name.includes(`core_${stem}`) ? 4 : program.name.includes(stem) ? 2 : 1);
    const seconds = (program) => program.seconds + 0.02 + (!compiled && this.ownObjects(program, mutant.file).length ? COMPILE : 0);
    const worth = (program) => (named(program) * (program.kills + 1)) / seconds(program);
    return this.programs
      .filter((program) => near.some((line) => this.reach[program.name]?.[mutant.file]?.[line]))
      .sort((a, b) => worth(b) - worth(a));
  }
}
