// SPDX-License-Identifier: MIT
// Address decoding for everything but SRAM and flash, which the cores access
// directly. What the chip does not have, or rp2040js does not model, is a Fault.

import { Fault } from './fault.mjs';
import { Rng } from './rng.mjs';

export const SRAM_BASE = 0x20000000;
export const SRAM_SIZE = 264 * 1024;
export const FLASH_BASE = 0x10000000;
export const FLASH_SIZE = 2 * 1024 * 1024;           // as on a Pico

const SIO_END = 0x180;
const PSM_PAGE = 0x40010;
const PSM_PROC1 = 1 << 16;
const ROSC_RANDOMBIT = 0x4006001c;                     // rp2040js has no ring oscillator
const STREAM_RANDOMBIT = 16;

export class Bus {
  constructor(machine, chip, seed) {
    this.machine = machine;
    this.randomBit = new Rng(seed, STREAM_RANDOMBIT);
    this.chip = chip;
    this.clockCycles = 0;
  }

  read32(core, a) {
    if (a >>> 28 === 0xd) {
      const offset = a & 0x0fffffff;
      if (offset < SIO_END) return core.sio.read(offset);
    } else if (a >>> 12 === 0xe000e) {
      return core.ppb.read(a & 0xfff);
    } else if (a >= 0x11000000 && a < 0x14000000 && (a & 0xffffff) < FLASH_SIZE) {
      return core.flash32[(a & 0xffffff) >>> 2];     // the uncached aliases of flash
    } else if (isUsbRam(a)) {
      return this.chip.readUint32(a);
    } else if (a === ROSC_RANDOMBIT) {
      return this.randomBit.next() >>> 31;
    } else {
      const p = this.chip.findPeripheral(a);
      if (p) {
        this.#syncClock(core);
        return p.readUint32(a & 0xfff);              // reads are alike in all four aliases
      }
    }
    throw new Fault('read of unmapped address', a);
  }

  /** Narrow reads take their lanes out of the word. */
  readNarrow(core, a, mask) {
    return (this.read32(core, (a & ~3) >>> 0) >>> (8 * (a & 3))) & mask;
  }

  write32(core, a, value) {
    if (a >>> 28 === 0xd) {
      const offset = a & 0x0fffffff;
      if (offset < SIO_END) return core.sio.write(offset, value);
    } else if (a >>> 12 === 0xe000e) {
      return core.ppb.write(a & 0xfff, value);
    } else if (isUsbRam(a)) {
      return this.chip.writeUint32(a, value);
    } else {
      const p = this.chip.findPeripheral(a);
      if (p) {
        this.#syncClock(core);
        p.writeUint32Atomic(a & 0xfff, value, (a & 0x3000) >>> 12);
        if (a >>> 14 << 2 === PSM_PAGE) this.machine.holdCore1((p.frceOff & PSM_PROC1) !== 0);
        return undefined;
      }
    }
    throw new Fault(isFlash(a) ? 'write to flash' : 'write to unmapped address', a);
  }

  /** Peripherals see a narrow write on every lane; SIO and PPB take words only. */
  writeNarrow(core, a, value, repeated) {
    if (a >>> 28 >= 0xd) throw new Fault('narrow write to SIO or PPB', a);
    if (isUsbRam(a)) throw new Fault('narrow write to USB RAM', a);
    this.write32(core, (a & ~3) >>> 0, repeated);
  }

  /** The microsecond timer follows the clock that is ahead. Its alarms are only
   *  looked at here, so they come late; nothing in these images uses them. */
  #syncClock(core) {
    const passed = core.cycles - this.clockCycles;
    if (passed <= 0) return;
    this.clockCycles = core.cycles;
    this.chip.clock.tick((passed * 1e9) / this.chip.clkSys);
  }
}

function isUsbRam(a) {
  return a >= 0x50100000 && a < 0x50101000;
}

function isFlash(a) {
  return a >= FLASH_BASE && a < 0x14000000;
}
