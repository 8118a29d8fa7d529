// SPDX-License-Identifier: MIT
// The summary as plots: gnuplot draws SVG files, a function here for each.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';
import { LEVELS } from './targets.mjs';

/** Allocators: name and colour. */
const NAMES = {
  nearheap_none: ['nearheap NONE', '#9ecae1'],
  nearheap_basic: ['nearheap BASIC', '#4292c6'],
  nearheap_moderate: ['nearheap MODERATE', '#084594'],
  glibc: ['glibc', '#a65628'],
  jemalloc: ['jemalloc', '#e41a1c'],
  mimalloc: ['mimalloc', '#4daf4a'],
  tcmalloc: ['tcmalloc', '#ff7f00'],
  tlsf_ticket: ['TLSF + ticket lock', '#777777'],
  tlsf_mutex: ['TLSF + mutex', '#bbbbbb'],
};

const quoted = (text) => `"${text}"`;

/** gnuplot's inline data: rows of cells, "?" where there is nothing. */
const block = (name, rows) => `$${name} << EOD\n${rows.map((cells) => cells.map((c) => c ?? '?').join(' ')).join('\n')}\nEOD\n`;

const HEAD = `set encoding utf8
set datafile missing "?"
set style fill solid 0.8 noborder
set style line 100 lc rgb "#dddddd"
set grid ytics ls 100
set key outside bottom center horizontal
set border 3
set tics nomirror
`;

/** Groups of bars: groups of [group, name] on the axis, series of [one, name, colour] in the key. */
function bars({ groups, series, value, title, axis, log }) {
  const rows = groups.map(([group, name]) => [quoted(name), ...series.map(([one]) => value(one, group))]);
  const plots = series.map(([, name, colour], i) =>
    `$bars using ${i + 2}${i ? '' : ':xtic(1)'} lc rgb ${quoted(colour)} title ${quoted(name)}`);
  return `${block('bars', rows)}set title ${quoted(title)}\nset ylabel ${quoted(axis)}\n${log ? 'set logscale y\n' : 'set yrange [0:*]\n'}` +
    `set style data histogram\nset style histogram clustered gap 1\nset xtics scale 0\nplot ${plots.join(', \\\n')}\n`;
}

/** Lines with points: series of { name, colour, points: [[x, y], ...] }. */
function lines({ series, title, x, y, logX }) {
  const data = series.map(({ points }, i) => block(`line${i}`, points)).join('');
  const plots = series.map(({ name, colour }, i) =>
    `$line${i} using 1:2 with linespoints lw 2 pt 7 ps 0.6 lc rgb ${quoted(colour)} title ${quoted(name)}`);
  return `${data}set title ${quoted(title)}\nset xlabel ${quoted(x)}\nset ylabel ${quoted(y)}\n` +
    `${logX ? `set logscale x ${logX}\n` : ''}set yrange [0:*]\nplot ${plots.join(', \\\n')}\n`;
}

const present = (allocators) => Object.entries(NAMES).filter(([name]) => allocators[name]).map(([name, style]) => [name, ...style]);

function hostPlot({ workloads }) {
  return bars({
    title: 'One thread on the host: a block taken, its first word written, given back',
    axis: 'ns per block',
    log: true,
    groups: [['pair64', '64 bytes in turn'], ['random512', '8 to 512 bytes'], ['random4096', '8 to 4096 bytes']],
    series: present(workloads.random512),
    value: (name, workload) => workloads[workload][name]?.median_ns,
  });
}

function scalingPlot({ growth_curves }) {
  const threads = growth_curves.time.threads;
  return lines({
    title: 'Threads on one heap, 8 to 512 bytes',
    x: 'threads',
    y: 'million blocks per second',
    series: present(threads).map(([name, title, colour]) =>
      ({ name: title, colour, points: threads[name].map(({ n, median_ns }) => [n, 1e3 / median_ns]) })),
  });
}

/** Three curves that have nothing in common but the unit. */
function growthPlot({ growth_curves }) {
  const axes = {
    blocks: { title: 'live blocks', unit: 1, base: 10 },
    heap_size: { title: 'MiB of heap', unit: 1 << 20, base: 10 },
    heaps: { title: 'heaps', unit: 1, base: 2 },
  };
  const styles = { cached: ['with caches', '#084594'], nocaches: ['without', '#777777'] };
  const panels = Object.entries(growth_curves.instructions).map(([axis, curves]) => lines({
    title: axes[axis].title,
    x: '',
    y: 'instructions',
    logX: axes[axis].base,
    series: Object.entries(curves).map(([style, points]) =>
      ({ name: styles[style][0], colour: styles[style][1], points: points.map(({ point, cost }) => [point / axes[axis].unit, cost]) })),
  }));
  return `set format x "%g"\nset multiplot layout 1,${panels.length} title "malloc and free, MODERATE"\n${panels.join('')}unset multiplot\n`;
}

function memoryPlot({ memory_runs }) {
  const sizes = [...new Set(memory_runs.map((r) => r.size))].sort((a, b) => a - b);
  const share = (cpus, caches, size) =>
    memory_runs.find((r) => r.scene === 'sustained' && r.size === size && r.cpus === cpus && r.caches === caches)?.median;
  return bars({
    title: 'Live share that survives replacement: 80 % of 8 to 64 bytes, 20 % of 128 to 1536',
    axis: '% of the heap',
    groups: sizes.map((size) => [size, `${size / 1024} KiB`]),
    series: [[[1, 1], '1 CPU', '#084594'], [[1, 0], '1 CPU, no caches', '#9ecae1'], [[2, 1], '2 CPUs', '#238b45'],
      [[2, 0], '2 CPUs, no caches', '#a1d99b']],
    value: ([cpus, caches], size) => share(cpus, caches, size),
  });
}

function boardPlot({ boards }) {
  const images = boards.rp2040.images;
  const own = LEVELS.map((level) => [level, ...NAMES[`nearheap_${level}`]]);
  const series = [...own, ['nocaches', 'TLSF + lock', '#777777'], ['newlib', 'newlib + lock', '#a65628']];
  return bars({
    title: 'Emulated Cortex-M0+, mean of single calls',
    axis: 'cycles',
    groups: [['pairMalloc', 'malloc 64'], ['pairFree', 'free 64'], ['mallocMiss', 'malloc: miss'], ['freeOverflow', 'overflow'],
      ['mallocLarge', 'malloc: large'], ['freeLarge', 'free: large']],
    series: series.filter(([image]) => images[image]),
    value: (image, kind) => images[image].kinds[kind]?.mean,
  });
}

const PLOTS = { host: hostPlot, threads: scalingPlot, growth: growthPlot, memory: memoryPlot, m0plus: boardPlot };

/** Writes one SVG file per plot into a folder. */
export function drawPlots(summary, folder) {
  mkdirSync(folder, { recursive: true });
  for (const [name, plot] of Object.entries(PLOTS)) {
    const output = join(folder, `${name}.svg`);
    const script = `set terminal svg size 860,420 font "sans-serif,12" background "white"\nset output ${quoted(output)}\n${HEAD}${plot(summary)}`;
    run(['gnuplot', '-'], { input: script });
  }
}
