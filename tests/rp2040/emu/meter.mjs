// SPDX-License-Identifier: MIT
// Measures, for one core, every stretch with PRIMASK set: from the end of the
// instruction that sets it to the end of the one that clears it. Sleep inside a
// stretch does not count, because an interrupt ends it.

export class IrqOffMeter {
  constructor(core) {
    this.core = core;
    this.byPc = new Map();          // where a section began -> longest
    this.count = 0;
    this.open = false;
  }

  begin(pc) {
    const c = this.core;
    this.open = true;
    this.pc = pc;
    this.caller = c.registers[14];
    this.startCycles = c.cycles - c.sleepCycles;
    this.startInstructions = c.instructions;
  }

  /** Runs for every masked section: allocates only when one is the longest yet. */
  end() {
    if (!this.open) return;
    this.open = false;
    this.count++;
    const known = this.byPc.get(this.pc);
    if (!known || this.#cycles > known.cycles) this.byPc.set(this.pc, this.#current());
  }

  get #cycles() {
    return this.core.cycles - this.core.sleepCycles - this.startCycles;
  }

  #current() {
    return {
      pc: this.pc,
      caller: this.caller,
      cycles: this.#cycles,
      instructions: this.core.instructions - this.startInstructions,
    };
  }

  /** Forget what was measured; a section that is open now is measured from here. */
  reset() {
    this.byPc.clear();
    this.count = 0;
    if (this.open) {
      this.startCycles = this.core.cycles - this.core.sleepCycles;
      this.startInstructions = this.core.instructions;
    }
  }

  /** The longest section of each place, longest first; one still open is marked. */
  sections() {
    const all = [...this.byPc.values()];
    if (this.open) all.push({ ...this.#current(), open: true });
    return all.sort((a, b) => b.cycles - a.cycles);
  }
}
