// SPDX-License-Identifier: MIT
// The library form of the runner: an image on the two-core chip, a seeded
// schedule, the end of the run and what was measured.
//
//   const m = createMachine('image.elf', { seed: 7, schedule: 'burst' });
//   const result = m.run();          // { kind: 'ok' | 'fail' | ..., message }
//   console.log(m.report());

import { DualRP2040 } from './dual.mjs';
import { Elf } from './elf.mjs';
import { Fault, hex } from './fault.mjs';
import { applyPokes } from './poke.mjs';
import { Rng } from './rng.mjs';
import { makeSchedule } from './schedule.mjs';

const STREAM_SCHEDULE = 0;
const SUCCESS = 0x2a;

export const defaults = {
  schedule: 'rr',
  seed: 1,
  irqMean: 0,                       // cycles; 0 = no injected interrupts
  maxSteps: 400e6,
  set: [],                          // [['symbol', value], ...]
  onByte: null,                     // (byte) => void, UART0
};

/** An image, loaded, poked and ready to run.
 *  The seed is also written to the image's nh_board_seed, if it has one. */
export function createMachine(elfPath, options = {}) {
  return new Machine(new Elf(elfPath), { ...defaults, ...options });
}

export class Machine {
  constructor(elf, options) {
    this.elf = elf;
    this.options = options;
    this.steps = 0;
    this.result = null;
    this.chip = new DualRP2040(options);
    this.chip.onByte = options.onByte;
    this.cores = this.chip.cores;
    this.schedule = makeSchedule(options.schedule, new Rng(options.seed, STREAM_SCHEDULE), this.cores);
    for (const s of elf.segments) this.chip.load(s.paddr, s.data);
    applyPokes(this, [['nh_board_seed', options.seed >>> 0, true], ...options.set]);
    this.chip.start(elf.symbol('vectors').address);
  }

  /** Runs to the end or to the step limit. Calling it again after a limit goes on.
   *  kind: ok, fail (bkpt), fault, deadlock, limit. */
  run(maxSteps = this.options.maxSteps) {
    try {
      this.result = this.#loop(maxSteps);
    } catch (e) {
      if (!(e instanceof Fault)) throw e;
      this.steps = this.cores[0].instructions + this.cores[1].instructions + 1;
      this.result = this.#outcome('fault', this.#active, `fault: ${e.message}`);
    }
    return this.result;
  }

  #active = null;

  #loop(maxSteps) {
    const { chip, schedule, cores } = this;
    while (this.steps < maxSteps) {
      schedule.next();
      let core = cores[schedule.core];
      if (!core.runnable) core = cores[core.id ^ 1];
      if (!core.runnable) {
        if (chip.idle()) continue;
        return this.#outcome('deadlock', cores[0], 'deadlock: both cores asleep, nothing pending');
      }
      this.#burst(core, Math.min(schedule.length, maxSteps - this.steps));
      if (chip.halt) return this.#halted();
    }
    return this.#outcome('limit', this.#active ?? cores[0], `step limit of ${maxSteps} reached`);
  }

  /** Up to n instructions of one core; ends early when it sleeps or stops. */
  #burst(core, n) {
    const other = this.cores[core.id ^ 1];
    const { chip } = this;
    this.#active = core;
    let done = 0;
    while (done < n && core.runnable && chip.halt === null) {
      const before = core.cycles;
      core.step();
      done++;
      if (other.waiting) other.sleepFor(core.cycles - before);
    }
    this.steps += done;
  }

  #halted() {
    const { core: id, code } = this.chip.halt;
    const core = this.cores[id];
    if (code === SUCCESS) return this.#outcome('ok', core, 'ok');
    const exit = code === 0x2b ? ` board_exit(${core.registers[0] | 0})` : '';
    return this.#outcome('fail', core, `bkpt #0x${code.toString(16)}${exit}`, code);
  }

  #outcome(kind, core, what, code) {
    const pc = core.pcNow >>> 0;
    const { schedule, seed } = this.options;
    const where = kind === 'ok' ? '' : ` on core ${core.id} at ${this.elf.describe(pc)}`;
    return {
      kind, code, core: core.id, pc, what,
      message: `${what}${where}, schedule ${schedule}, seed ${seed}, after ${this.steps} steps`,
    };
  }

  /** One line per core: where it is, whether it sleeps, what is pending. */
  describeCores() {
    return this.cores.map((c) => {
      if (!c.running) return `  core ${c.id}: not started`;
      const asleep = c.waiting ? (c.sleepKind === 3 ? ', in WFE' : ', in WFI') : '';
      return `  core ${c.id}: pc ${this.elf.describe(c.PC)} lr ${this.elf.describe(c.LR)} ` +
        `sp 0x${hex(c.SP)} ipsr ${c.IPSR} primask ${c.PM ? 1 : 0} ` +
        `pending 0x${hex(c.pendingInterrupts)} enabled 0x${hex(c.enabledInterrupts)}${asleep}`;
    });
  }

  /** Runs one instruction of a core outside the schedule, for step-wise tools. */
  step(id) {
    const core = this.cores[id];
    this.#active = core;
    core.step();
    this.steps++;
  }

  /** Pends an interrupt on a core. */
  pend(id, irq) {
    this.cores[id].pend(1 << irq);
  }

  read32(address) {
    return this.cores[0].readUint32(address) >>> 0;
  }

  write32(address, value) {
    this.cores[0].writeUint32(address, value);
  }

  /** The word at a symbol, as the running image sees it. */
  readSymbol(name) {
    return this.read32(this.elf.symbol(name).address);
  }

  /** Everything measured, ready for JSON. */
  report() {
    const { schedule, seed, irqMean } = this.options;
    return {
      image: this.elf.path, schedule, seed, irqMean,
      steps: this.steps,
      result: this.result?.kind, message: this.result?.message,
      cores: this.cores.map((c) => this.#coreReport(c)),
    };
  }

  #coreReport(core) {
    const sections = core.meter.sections().map((s) => ({
      cycles: s.cycles,
      instructions: s.instructions,
      function: this.elf.functionAt(s.pc)?.name ?? null,
      pc: `0x${hex(s.pc)}`,
      caller: this.elf.functionAt(s.caller)?.name ?? null,
      ...(s.open && { open: true }),
    }));
    return {
      started: core.running || core.instructions > 0,
      instructions: core.instructions,
      cycles: core.cycles - core.startedAt - core.sleepCycles,
      sleepCycles: core.sleepCycles,
      exceptions: core.exceptions,
      injected: core.injector.count,
      irqOff: sections[0] ?? { cycles: 0, instructions: 0, function: null },
      irqOffCount: core.meter.count,
      irqOffPlaces: sections,
    };
  }
}
