// SPDX-License-Identifier: MIT
// The programs: what they run, and what shows that they did it right.
//
//   { name, title, run(under, scale) }   run() gives { figures, output }: figures of measure.c, and a text that must be
//                                        the same whatever the allocator.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';

const hash = (bytes) => createHash('sha256').update(bytes).digest('hex');

function must(condition, text) {
  if (!condition) throw new Error(text);
}

// ---- Python ----------------------------------------------------------------

const python = {
  name: 'python',
  title: 'Python\'s own tests, `PYTHONMALLOC=malloc`',
  run(under, quick) {
    const tests = quick ? ['test_list'] : ['test_list', 'test_dict', 'test_json', 'test_deque'];
    const { figures, stdout } = under.run(['/usr/bin/python3', '-m', 'test', ...tests], { env: { PYTHONMALLOC: 'malloc' } });
    must(/result: SUCCESS/i.test(stdout), `python: ${stdout.slice(-1500)}`);
    return { figures, output: `${/(\d+ tests?|1 test) OK/.exec(stdout)?.[0]}` };
  },
};

// ---- sqlite ----------------------------------------------------------------

const sqlite = {
  name: 'sqlite',
  title: 'sqlite3: builds, indexes and queries a database in memory',
  run(under, quick) {
    const rows = quick ? 30000 : 200000;
    const script = `
      create table t(id integer primary key, k integer, v text);
      with recursive n(i) as (select 1 union all select i + 1 from n where i < ${rows})
      insert into t select i, (i * 7919) % 10007, printf('value %d', i) || hex(i * i) from n;
      create index by_k on t(k);
      create index by_v on t(v);
      select count(*), sum(k), max(length(v)) from t;
      select k, count(*), length(group_concat(v)) from t group by k order by 3 desc, 1 limit 50;
      select count(*), sum(a.id + b.id) from t a join t b on a.k = b.k and a.id < b.id;
      delete from t where k % 3 = 0;
      update t set v = v || v where k % 2 = 0;
      select count(*), sum(length(v)) from t;
      pragma integrity_check;`;
    const { figures, stdout } = under.run(['sqlite3', ':memory:'], { input: script });
    must(stdout.trim().endsWith('\nok'), `sqlite: ${stdout.slice(-500)}`);
    return { figures, output: hash(stdout) };
  },
};

// ---- compiler --------------------------------------------------------------

const compiler = {
  name: 'compiler',
  title: 'gcc -O2 compiles nearheap\'s core, two at a time',
  run(under, quick) {
    const out = join(under.work, 'objects');
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out);
    let sources = readdirSync('core').filter((name) => name.endsWith('.c')).sort();
    if (quick) sources = sources.slice(0, 4);
    const gcc = ['gcc', '-std=c11', '-O2', '-DNH_PORT_HOST=1', '-I.', '-Iinclude', '-c', 'core/@.c', '-o', `${out}/@.o`];
    const input = sources.map((name) => name.replace('.c', '')).join('\n');
    const { figures } = under.run(['xargs', '-P', '2', '-I', '@', ...gcc], { input });
    const objects = readdirSync(out).sort();
    must(objects.length === sources.length, `compiler: ${objects.length} objects of ${sources.length}`);
    return { figures, output: hash(objects.map((name) => hash(readFileSync(join(out, name)))).join(' ')) };
  },
};

// ---- xz --------------------------------------------------------------------

/** Words that repeat, so that there is something to compress; the same in every run. */
function text(bytes) {
  let state = 1;
  const next = (limit) => (state = (state * 48271) % 2147483647) % limit;
  const words = Array.from({ length: 4000 }, () => next(2 ** 30).toString(36));
  const parts = [];
  for (let length = 0; length < bytes; length += parts.at(-1).length + 1) parts.push(words[next(next(4000) + 1)]);
  return parts.join(' ');
}

const xz = {
  name: 'xz',
  title: 'xz with two threads',
  run(under, quick) {
    const file = join(under.work, 'text');
    writeFileSync(file, text(quick ? 1 << 20 : 3 << 20));
    const { figures } = under.run(['xz', '-k', '-f', '-T2', '-4', '--block-size=1MiB', file]);
    const back = spawnSync('xz', ['-dc', `${file}.xz`], { maxBuffer: 1 << 28 });
    must(back.status === 0 && hash(back.stdout) === hash(readFileSync(file)), 'xz: the text did not come back');
    return { figures, output: hash(readFileSync(`${file}.xz`)) };
  },
};

// ---- redis -----------------------------------------------------------------

async function freePort() {
  const server = createServer();
  await new Promise((resolve, reject) => server.listen(0, '127.0.0.1', resolve).on('error', reject));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `${port}`;
}

const redis = {
  name: 'redis',
  title: 'redis-server, no persistence, under redis-benchmark (set, get, lpush, lrange, sadd, hset)',
  async run(under, quick) {
    const port = await freePort();
    const cli = (...words) => spawnSync('redis-cli', ['-h', '127.0.0.1', '-p', port, ...words], { encoding: 'latin1' });
    const server = under.start(['redis-server', '--bind', '127.0.0.1', '--port', port, '--save', '', '--appendonly', 'no',
      '--dir', under.work, '--daemonize', 'no']);
    try {
      for (let tries = 0; !cli('ping').stdout.includes('PONG'); tries++) {
        must(tries < 100 && server.running(), 'redis: the server does not answer');
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const tests = ['set', 'get', 'lpush', 'lrange_100', 'sadd', 'hset'];
      const begin = process.hrtime.bigint();
      const load = spawnSync('redis-benchmark', ['-h', '127.0.0.1', '-p', port, '-t', tests.join(','), '-n',
        quick ? '5000' : '30000', '-r', '50000', '-d', '300', '-P', '8', '--csv'], { encoding: 'latin1' });
      const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
      must(load.status === 0 && !/error/i.test(load.stdout + load.stderr), `redis-benchmark: ${load.stdout}${load.stderr}`);
      const lines = load.stdout.split('\n').filter((line) => /^"(SET|GET|LPUSH|LRANGE|SADD|HSET)/.test(line));
      must(lines.length >= tests.length, `redis-benchmark: ${load.stdout}`);
      must(Number(cli('dbsize').stdout) > 1000, 'redis: the keys are not there');
      const version = /redis_version:(\S+)/.exec(cli('info', 'server').stdout)?.[1];
      cli('shutdown', 'nosave');
      const figures = await server.ended();
      return { figures: { ...figures, seconds }, output: version };
    } finally {
      server.stop();
    }
  },
};

// ---- stress-ng -------------------------------------------------------------

const stress = {
  name: 'stress-ng',
  title: 'stress-ng --malloc: two processes of two threads, verified',
  run(under, quick) {
    const { figures, stdout, stderr } = under.run(['stress-ng', '--malloc', '2', '--malloc-pthreads', '2', '--malloc-bytes', '4M',
      '--malloc-ops', quick ? '5000' : '50000', '--verify', '--seed', '1', '--timeout', '60', '--temp-path', under.work]);
    must(/successful run completed/.test(stdout + stderr), `stress-ng: ${stdout}${stderr}`);
    return { figures, output: '' };
  },
};

export const PROGRAMS = [python, sqlite, compiler, xz, redis, stress];
