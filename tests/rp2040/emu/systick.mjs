// SPDX-License-Identifier: MIT
// The SysTick timer of one core: a 24-bit down counter of that core's clock. It is
// computed from the cycle count when it is read, so it costs nothing per step.
//
// Counting from value c at cycle t: c, c-1, .. 0, RELOAD, RELOAD-1, .. 0, RELOAD ..

import { Fault } from './fault.mjs';

const MASK24 = 0xffffff;
const ENABLE = 1;
const TICKINT = 2;
const CLKSOURCE = 4;
const COUNTFLAG = 1 << 16;

export class SysTick {
  constructor(core) {
    this.core = core;
    this.control = 0;
    this.reload = 0;
    this.base = 0;                  // the value at cycle .since
    this.since = 0;
    this.seen = 0;                  // times 0 was reached that COUNTFLAG no longer tells
    this.dueAt = Infinity;          // cycle of the next interrupt
  }

  get elapsed() {
    return this.control & ENABLE ? this.core.cycles - this.since : 0;
  }

  get current() {
    const beyond = this.elapsed - this.base - 1;
    return beyond < 0 ? this.base - this.elapsed : this.reload - (beyond % (this.reload + 1));
  }

  /** How often the counter has gone from 1 to 0 since .since. */
  get zeros() {
    if (!this.reload && !this.base) return 0;
    const period = this.reload + 1;
    if (!this.base) return Math.floor(this.elapsed / period);
    if (this.elapsed < this.base) return 0;
    return this.reload ? 1 + Math.floor((this.elapsed - this.base) / period) : 1;
  }

  #restart(value) {
    this.base = value;
    this.since = this.core.cycles;
    this.seen = 0;
  }

  #arm() {
    const on = (this.control & (ENABLE | TICKINT)) === (ENABLE | TICKINT);
    if (!on || !this.reload) this.dueAt = Infinity;
    else this.dueAt = this.since + (this.base || this.reload + 1) + this.zeros * (this.reload + 1);
    this.core.updateNextEvent();
  }

  /** The counter reached 0 with its interrupt enabled. */
  fire() {
    this.core.pendSysTick();
    this.#arm();
  }

  readControl() {
    const wrapped = this.zeros > this.seen;
    this.seen = this.zeros;
    return this.control | (wrapped ? COUNTFLAG : 0);
  }

  writeControl(value) {
    if ((value & ENABLE) && !(value & CLKSOURCE)) {
      throw new Fault('SysTick on the external reference clock is not modelled');
    }
    this.#restart(this.current);
    this.control = value & (ENABLE | TICKINT | CLKSOURCE);
    this.#arm();
  }

  writeReload(value) {
    const current = this.current;
    this.reload = value & MASK24;
    this.#restart(current);
    this.#arm();
  }

  /** Any write clears the counter; the next clock loads RELOAD. */
  clear() {
    this.#restart(0);
    this.#arm();
  }
}
