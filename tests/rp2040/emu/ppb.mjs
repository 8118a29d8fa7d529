// SPDX-License-Identifier: MIT
// The private peripherals of one core: NVIC, system control block, SysTick.
// Replaces rp2040js's NVIC pending logic, where a wired interrupt that software
// pends stays pending for ever, and its SysTick, which counts wall time.

import { Fault } from './fault.mjs';
import { SysTick } from './systick.mjs';

const SYST_CSR = 0x010;
const SYST_RVR = 0x014;
const SYST_CVR = 0x018;
const NVIC_ISPR = 0x200;
const NVIC_ICPR = 0x280;
const AIRCR = 0xd0c;
const SCR = 0xd10;
const CCR = 0xd14;

const AIRCR_KEY = 0x05fa;
const AIRCR_SYSRESETREQ = 1 << 2;
const SCR_SEVONPEND = 1 << 4;
const SCR_SLEEPONEXIT = 1 << 1;

export class Ppb {
  /** @param base rp2040js's PPB of this core: priorities, enables, VTOR, ICSR */
  constructor(core, base) {
    this.core = core;
    this.base = base;
    this.systick = new SysTick(core);
    this.scr = 0;
  }

  read(offset) {
    switch (offset) {
      case SYST_CSR: return this.systick.readControl();
      case SYST_RVR: return this.systick.reload;
      case SYST_CVR: return this.systick.current;
      case AIRCR: return 0xfa050000;
      case SCR: return this.scr;
      case CCR: return 0x208;                        // fixed on ARMv6-M
      default: return this.base.readUint32(offset);
    }
  }

  write(offset, value) {
    const core = this.core;
    switch (offset) {
      case SYST_CSR: this.systick.writeControl(value); break;
      case SYST_RVR: this.systick.writeReload(value); break;
      case SYST_CVR: this.systick.clear(); break;
      case NVIC_ISPR: core.pend(value); break;
      // A source that still asserts its line keeps the interrupt pending.
      case NVIC_ICPR: core.pendingInterrupts &= ~value | core.irqLines; break;
      case AIRCR:
        if (value >>> 16 === AIRCR_KEY && value & AIRCR_SYSRESETREQ) {
          throw new Fault('system reset requested');
        }
        break;
      case SCR:
        if (value & SCR_SLEEPONEXIT) throw new Fault('SLEEPONEXIT is not modelled');
        this.scr = value;
        core.sevOnPend = (value & SCR_SEVONPEND) !== 0;
        break;
      default: this.base.writeUint32(offset, value);
    }
  }
}
