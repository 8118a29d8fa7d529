// SPDX-License-Identifier: MIT
// Pends interrupts 26..31 at random times. They have no source on the chip, so
// whatever arrives on them was put there by the test. Only interrupts that the
// core has enabled in its NVIC are chosen.

const UNWIRED = 0xfc000000 | 0;

export class Injector {
  /** @param meanCycles mean distance of two interrupts on the core, 0 = none */
  constructor(core, rng, meanCycles) {
    this.core = core;
    this.rng = rng;
    this.mean = meanCycles;
    this.count = 0;
    this.dueAt = Infinity;
  }

  /** Uniform over 1 .. 2*mean-1 cycles from now. */
  arm() {
    this.dueAt = this.mean ? this.core.cycles + 1 + this.rng.below(2 * this.mean - 1) : Infinity;
  }

  fire() {
    const enabled = this.core.enabledInterrupts & UNWIRED;
    if (enabled) {
      let irq = 26 + this.rng.below(6);
      while (!(enabled & (1 << irq))) irq = irq === 31 ? 26 : irq + 1;
      this.core.pend(1 << irq);
      this.count++;
    }
    this.arm();
  }
}
