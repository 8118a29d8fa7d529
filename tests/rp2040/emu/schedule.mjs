// SPDX-License-Identifier: MIT
// Which core runs next, and for how many instructions. next() sets .core and
// .length and allocates nothing: it is called up to once per instruction.

const BURST_MAX_LOG2 = 10;
const STALL_MAX_LOG2 = 17;

/** Strict alternation. Repeatable, but hides races that need an uneven pace. */
class RoundRobin {
  core = 1;
  length = 1;
  next() { this.core ^= 1; }
}

/** A coin per instruction. */
class Coin {
  core = 0;
  length = 1;
  bits = 1;
  constructor(rng) { this.rng = rng; }
  next() {
    if (this.bits === 1) this.bits = this.rng.next() | 0x80000000;   // a mark above 31 coins
    this.core = this.bits & 1;
    this.bits >>>= 1;
  }
}

/** Alternating bursts of 1..2^k instructions, k itself random: many short ones,
 *  and now and then one core stands still while the other does whole calls. */
class Burst {
  core = 1;
  length = 1;
  constructor(rng, cores, maxLog2 = BURST_MAX_LOG2) {
    this.rng = rng;
    this.maxLog2 = maxLog2;
  }
  next() {
    const r = this.rng.next();
    const range = 1 << (r % (this.maxLog2 + 1));
    this.core ^= 1;
    this.length = 1 + ((r >>> 8) & (range - 1));
  }
}

/** The same up to 2^17: one core stands still while the other does many calls. */
class Stall extends Burst {
  constructor(rng, cores) { super(rng, cores, STALL_MAX_LOG2); }
}

/** The core whose clock is behind: the pace of the chip as far as the cycle model
 *  goes. For timing contended code; it explores few interleavings. */
class Lockstep {
  core = 0;
  length = 1;
  constructor(rng, cores) { this.cores = cores; }
  next() { this.core = this.cores[1].running && this.cores[1].cycles < this.cores[0].cycles ? 1 : 0; }
}

const kinds = { rr: RoundRobin, random: Coin, burst: Burst, stall: Stall, lockstep: Lockstep };

export const scheduleNames = Object.keys(kinds);

export function makeSchedule(name, rng, cores) {
  if (!Object.hasOwn(kinds, name)) {
    throw new Error(`unknown schedule '${name}' (one of ${scheduleNames.join(', ')})`);
  }
  return new kinds[name](rng, cores);
}
