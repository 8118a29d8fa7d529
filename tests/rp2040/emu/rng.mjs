// SPDX-License-Identifier: MIT
// Seeded 32-bit generator. Each user of randomness (schedule, injector of each
// core, SRAM contents) has its own stream, so that switching one of them off
// leaves the others as they were for the same seed.

export class Rng {
  constructor(seed, stream) {
    this.state = mix(mix(seed >>> 0) ^ Math.imul(stream + 1, 0x9e3779b9)) || 1;
  }

  /** The next 32 bits, never 0 (xorshift32). */
  next() {
    let s = this.state;
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    this.state = s;
    return s >>> 0;
  }

  /** Uniform enough for tests: 0 .. bound-1. */
  below(bound) {
    return Math.floor((this.next() / 0x100000000) * bound);
  }
}

/** A bijection on 32 bits, so that neighbouring seeds give unrelated streams. */
function mix(x) {
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}
