// SPDX-License-Identifier: MIT
// The single-cycle IO block as one core sees it. Per core: CPUID, mailbox FIFO
// ends, divider, interpolators. Shared: spinlocks and GPIO.

import { Fault } from './fault.mjs';

const CPUID = 0x000;
const GPIO_LAST = 0x04c;
const FIFO_ST = 0x050;
const FIFO_WR = 0x054;
const FIFO_RD = 0x058;
const SPINLOCK_ST = 0x05c;
const DIV_FIRST = 0x060;
const DIV_LAST = 0x078;
const INTERP_LAST = 0x0fc;
const SPINLOCK_FIRST = 0x100;
const SPINLOCK_LAST = 0x17c;

const FIFO_DEPTH = 8;
const ST_VALID = 1;
const ST_READY = 2;
const ST_WRITE_LOST = 4;
const ST_READ_EMPTY = 8;

/** What both cores' SIO share. mailbox[i] is the queue that core i reads. */
export class SioShared {
  constructor() {
    this.spinlocks = 0;
    this.mailbox = [[], []];
  }
}

/** The 32-bit divider. The result is ready at once: firmware waits 8 cycles by
 *  contract, so modelling them would change nothing but broken code. */
class Divider {
  dividend = 0;
  divisor = 0;
  quotient = 0;
  remainder = 0;
  dirty = 0;

  read(offset) {
    switch (offset) {
      case 0x060: case 0x068: return this.dividend;
      case 0x064: case 0x06c: return this.divisor;
      case 0x070: this.dirty = 0; return this.quotient;
      case 0x074: return this.remainder;
      default: return 1 | (this.dirty << 1);         // CSR: ready, dirty
    }
  }

  write(offset, value) {
    switch (offset) {
      case 0x060: case 0x068: this.dividend = value; break;
      case 0x064: case 0x06c: this.divisor = value; break;
      case 0x070: this.quotient = value; break;
      case 0x074: this.remainder = value; break;
      default: return;
    }
    if (offset < 0x070) this.#divide((offset & 8) !== 0);
    this.dirty = 1;
  }

  #divide(signed) {
    const n = signed ? this.dividend | 0 : this.dividend >>> 0;
    const d = signed ? this.divisor | 0 : this.divisor >>> 0;
    if (d === 0) {
      this.quotient = signed && n < 0 ? 1 : 0xffffffff;
      this.remainder = n >>> 0;
    } else {
      this.quotient = Math.trunc(n / d) >>> 0;
      this.remainder = (n % d) >>> 0;
    }
  }
}

export class Sio {
  /** @param gpio   rp2040js's SIO of the chip, for the GPIO registers
   *  @param interp another one, for this core's interpolators */
  constructor(machine, id, gpio, interp) {
    this.machine = machine;
    this.shared = machine.sioShared;
    this.id = id;
    this.gpio = gpio;
    this.interp = interp;
    this.divider = new Divider();
    this.flags = 0;                                  // ST_WRITE_LOST, ST_READ_EMPTY
  }

  reset() {
    this.flags = 0;
    this.shared.mailbox[this.id].length = 0;
    this.updateIrq();
  }

  read(offset) {
    if (offset >= SPINLOCK_FIRST && offset <= SPINLOCK_LAST) return this.#claim(offset);
    switch (offset) {
      case CPUID: return this.id;
      case FIFO_ST: return this.#status();
      case FIFO_RD: return this.#pop();
      case SPINLOCK_ST: return this.shared.spinlocks >>> 0;
      case FIFO_WR: return 0;
    }
    if (offset <= GPIO_LAST) return this.gpio.readUint32(offset);
    if (offset >= DIV_FIRST && offset <= DIV_LAST) return this.divider.read(offset);
    if (offset > DIV_LAST && offset <= INTERP_LAST) return this.interp.readUint32(offset);
    throw new Fault('read of unknown SIO register', 0xd0000000 + offset);
  }

  write(offset, value) {
    if (offset >= SPINLOCK_FIRST && offset <= SPINLOCK_LAST) {
      this.shared.spinlocks &= ~(1 << ((offset - SPINLOCK_FIRST) >> 2));
    } else if (offset === FIFO_WR) this.#push(value);
    else if (offset === FIFO_ST) { this.flags = 0; this.updateIrq(); }
    else if (offset > CPUID && offset <= GPIO_LAST) this.gpio.writeUint32(offset, value);
    else if (offset >= DIV_FIRST && offset <= DIV_LAST) this.divider.write(offset, value);
    else if (offset > DIV_LAST && offset <= INTERP_LAST) this.interp.writeUint32(offset, value);
    else throw new Fault('write to unknown SIO register', 0xd0000000 + offset);
  }

  #claim(offset) {
    const bit = 1 << ((offset - SPINLOCK_FIRST) >> 2);
    if (this.shared.spinlocks & bit) return 0;
    this.shared.spinlocks |= bit;
    return bit >>> 0;
  }

  #status() {
    const { mailbox } = this.shared;
    return (mailbox[this.id].length ? ST_VALID : 0) |
           (mailbox[this.id ^ 1].length < FIFO_DEPTH ? ST_READY : 0) | this.flags;
  }

  #pop() {
    const queue = this.shared.mailbox[this.id];
    let word = 0;
    if (queue.length) word = queue.shift();
    else this.flags |= ST_READ_EMPTY;
    this.updateIrq();
    return word;
  }

  #push(value) {
    const queue = this.shared.mailbox[this.id ^ 1];
    if (queue.length < FIFO_DEPTH) {
      queue.push(value >>> 0);
      this.machine.mailboxWritten(this.id ^ 1);
    } else {
      this.flags |= ST_WRITE_LOST;
      this.updateIrq();
    }
  }

  /** IRQ 15 of core 0, 16 of core 1: data to read, or a flag to clear. */
  updateIrq() {
    const asserted = this.shared.mailbox[this.id].length > 0 || this.flags !== 0;
    this.machine.cores[this.id].setInterrupt(15 + this.id, asserted);
  }
}
