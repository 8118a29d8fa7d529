// SPDX-License-Identifier: MIT
// The two-core chip. rp2040js has one core and its peripherals; here are two
// cores, each with its own NVIC, SysTick and SIO, on the peripherals and the
// memory of one rp2040js chip.

import { RP2040 } from 'rp2040js';
import { Bus, SRAM_BASE } from './bus.mjs';
import { Core1Rom } from './bootrom.mjs';
import { defineCore } from './core.mjs';
import { Fault } from './fault.mjs';
import { Injector } from './inject.mjs';
import { Ppb } from './ppb.mjs';
import { Rng } from './rng.mjs';
import { Sio, SioShared } from './sio.mjs';

const STREAM_INJECT = 1;                             // + core number
const STREAM_SRAM = 3;

let Core;                                            // one class, so that calls stay monomorphic

export class DualRP2040 {
  /** @param seed    of the injectors and of the power-up contents of SRAM
   *  @param irqMean mean cycles between injected interrupts per core, 0 = none */
  constructor({ seed = 1, irqMean = 0 } = {}) {
    const chip = new RP2040();
    this.chip = chip;
    this.halt = null;                                // { core, code } after a bkpt
    this.onByte = null;                              // called with each byte from UART0
    this.sioShared = new SioShared();
    this.bus = new Bus(this, chip, seed);
    Core ??= defineCore(chip.core.constructor);
    this.cores = [];
    this.sio = [];
    for (const id of [0, 1]) this.#addCore(id, seed, irqMean);

    chip.logger = strictLogger;
    chip.setInterrupt = (irq, level) => this.cores.forEach((c) => c.setInterrupt(irq, level));
    chip.uart[0].onByte = (byte) => this.onByte?.(byte);
    this.#fillSram(new Rng(seed, STREAM_SRAM));
    this.core1Held = false;
    this.rom = new Core1Rom(this);
  }

  #addCore(id, seed, irqMean) {
    const { chip } = this;
    const facade = {
      logger: strictLogger,
      clock: chip.clock,
      clkSys: chip.clkSys,
      onBreak() { throw new Fault('undefined instruction'); },      // udf.w; bkpt is ours
    };
    const core = new Core(facade, this, id);
    facade.core = core;
    this.cores[id] = core;
    this.sio[id] = new Sio(this, id, chip.sio, new chip.sio.constructor(chip));
    core.sio = this.sio[id];
    core.ppb = new Ppb(core, new chip.ppb.constructor(facade, `PPB${id}`));
    core.injector = new Injector(core, new Rng(seed, STREAM_INJECT + id), irqMean);
  }

  /** SRAM does not start as zeros on the chip; junk finds what relies on it. */
  #fillSram(rng) {
    const words = this.cores[0].sram32;
    for (let i = 0; i < words.length; i++) words[i] = rng.next();
  }

  /** Core 0 starts at a vector table, as after the second-stage loader. */
  start(vectors) {
    const [core] = this.cores;
    core.start({ vtor: vectors, sp: core.readUint32(vectors), entry: core.readUint32(vectors + 4) });
  }

  startCore1(words) {
    const [first, second] = this.cores;
    second.cycles = Math.max(first.cycles, second.cycles);          // one time line
    second.start(words);
  }

  /** The power-on state machine forces core 1 off, or lets it start in the ROM again. */
  holdCore1(held) {
    if (held === this.core1Held) return;
    this.core1Held = held;
    const core = this.cores[1];
    if (held) this.#resetCore(core);
    else this.rom.reset();
  }

  #resetCore(core) {
    core.meter.end();
    core.running = core.waiting = core.eventRegistered = false;
    core.PM = false;
    core.IPSR = core.currentMode = 0;
    core.SPSEL = 0;
    core.pendingInterrupts = core.enabledInterrupts = core.irqLines = 0;
    core.pendingPendSV = core.pendingSVCall = core.pendingSystick = core.pendingNMI = false;
    core.interruptPriorities = [0xffffffff, 0, 0, 0];
    core.ppb.systick.writeControl(0);
    core.injector.dueAt = Infinity;
    core.updateNextEvent();
    this.rom.waiting = false;
  }

  mailboxWritten(reader) {
    if (reader === 1 && this.rom.waiting) {
      this.sio[1].updateIrq();                       // the NVIC latches it, as on the chip
      this.rom.poll();
    } else this.sio[reader].updateIrq();
  }

  sendEvent(id) {
    this.cores[id].sendEvent();
  }

  breakpoint(core, code) {
    this.halt = { core: core.id, code };
  }

  /** Both cores sleep: lets time pass up to the next SysTick interrupt. False if
   *  there is none. Injected interrupts do not count, or they would hide a lost
   *  wake-up. */
  idle() {
    const asleep = this.cores.filter((c) => c.running);
    const wait = Math.min(...asleep.map((c) => c.ppb.systick.dueAt - c.cycles));
    if (!Number.isFinite(wait)) return false;
    for (const c of asleep) c.sleepFor(Math.max(1, wait));
    return true;
  }

  /** Writes bytes where an ELF segment or a test wants them. */
  load(address, data) {
    const { sram, flash } = this.chip;
    const [memory, offset] = address >= SRAM_BASE
      ? [sram, address - SRAM_BASE] : [flash, address - 0x10000000];
    if (offset < 0 || offset + data.length > memory.length) throw new Fault('cannot load at', address);
    memory.set(data, offset);
  }
}

/** rp2040js reports what it does not model as warnings: those end the run. */
const strictLogger = {
  debug() {},
  info() {},
  warn(component, message) { throw new Fault(`${component}: ${message}`); },
  error(component, message) { throw new Fault(`${component}: ${message}`); },
};
