// SPDX-License-Identifier: MIT
// One Cortex-M0+ core: rp2040js's instruction set with our own exceptions,
// sleep, memory access and corrections.
//
// Corrections to the cycle counts of rp2040js 1.4.1 (reference: Cortex-M0+ TRM,
// instruction set summary, zero wait states):
//   PUSH {.., lr}     1+N with lr counted in N      rp2040js leaves lr out:    +1
//   POP {.., pc}      3+N with pc counted in N      rp2040js leaves pc out:    +1
//   exception entry   15 (the TRM's worst latency)  rp2040js charges nothing: +15
//   exception return  BX or POP, plus the 8 words of the frame (the TRM gives no
//                     number for this; assumed)     rp2040js charges nothing:  +8
//   divider operands  1, an SIO store; rp2040js adds 8 to each (see sio.mjs)
// Found right: loads and stores 2, SIO 1, APB 4 and 5, LDM/STM 1+N, taken branches
// and BX/BLX 2, BL 3, MRS/MSR/DMB/DSB/ISB 3, MULS 1, WFE/WFI 2, the rest 1.
//
// Corrections to results: V of ADCS and SBCS with a carry that wraps the operand;
// C of register shifts by 0 and of LSLS by more than 32; a branch that clears the
// Thumb bit, UDF and unaligned accesses are faults; WFI and WFE look at pending
// interrupts as ARMv6-M says, also with PRIMASK set; a wired interrupt latches.

import { Fault } from './fault.mjs';
import { FLASH_BASE, FLASH_SIZE, SRAM_BASE, SRAM_SIZE } from './bus.mjs';
import { IrqOffMeter } from './meter.mjs';

const ENTRY_CYCLES = 15;
const RETURN_CYCLES = 8;

const EXC_NMI = 2;
const EXC_SVCALL = 11;
const EXC_PENDSV = 14;
const EXC_SYSTICK = 15;
const EXC_IRQ0 = 16;
const THREAD_PRIORITY = 4;                           // below the four of ARMv6-M

// What step() has to do beyond executing, by opcode.
const PLAIN = 0;
const ONE_CYCLE_MORE = 1;
const SEV = 2;
const WFE = 3;
const WFI = 4;
const BKPT = 5;
const UDF = 6;
const BLX = 7;
const PRIMASK = 8;
const WITH_CARRY = 9;
const SHIFT = 10;

function kindOf(op) {
  if ((op & 0xff00) === 0xb500 || (op & 0xff00) === 0xbd00) return ONE_CYCLE_MORE;
  if (op === 0xbf40) return SEV;
  if (op === 0xbf20) return WFE;
  if (op === 0xbf30) return WFI;
  if ((op & 0xff00) === 0xbe00) return BKPT;
  if ((op & 0xff00) === 0xde00) return UDF;
  if ((op & 0xff87) === 0x4780) return BLX;
  if (op === 0xb672 || op === 0xb662 || (op & 0xfff0) === 0xf380) return PRIMASK;
  if ((op & 0xffc0) === 0x4140 || (op & 0xffc0) === 0x4180) return WITH_CARRY;
  if ((op & 0xffc0) === 0x4080 || (op & 0xffc0) === 0x40c0 || (op & 0xffc0) === 0x4100 ||
      (op & 0xffc0) === 0x41c0) return SHIFT;
  return PLAIN;
}

const KIND = Uint8Array.from({ length: 0x10000 }, (_, op) => kindOf(op));

/** The core class on top of rp2040js's, which its package does not export by name. */
export function defineCore(Base) {
  return class Core extends Base {
    constructor(facade, machine, id) {
      super(facade);
      this.machine = machine;
      this.id = id;
      this.bus = machine.bus;
      const { sram, flash } = machine.chip;
      this.sram8 = sram;
      this.sram16 = new Uint16Array(sram.buffer);
      this.sram32 = new Uint32Array(sram.buffer);
      this.flash8 = flash;
      this.flash16 = new Uint16Array(flash.buffer);
      this.flash32 = new Uint32Array(flash.buffer);
      this.running = false;                          // false: held in reset or in the ROM
      this.pcNow = 0;                                // the instruction being executed
      this.startedAt = 0;
      this.instructions = 0;
      this.exceptions = 0;
      this.sleepCycles = 0;
      this.sleepKind = WFI;
      this.sevOnPend = false;
      this.irqLines = 0;                             // level of the wired interrupts
      this.nextEvent = Infinity;
      this.injector = null;
      this.ppb = null;
      this.sio = null;
      this.meter = new IrqOffMeter(this);
    }

    /** Leaves reset through a vector table, or with the words given to the boot ROM. */
    start({ vtor, sp, entry }) {
      if (!(entry & 1)) throw new Fault('entry point without the Thumb bit', entry);
      this.VTOR = vtor;
      this.SP = sp;
      this.PC = entry & ~1;
      this.LR = 0xffffffff;
      this.running = true;
      this.startedAt = this.cycles;
      this.injector.arm();
      this.updateNextEvent();
    }

    get runnable() {
      return this.running && !this.waiting;
    }

    // ---- execution -------------------------------------------------------

    /** One instruction, or the entry to an exception and its first instruction. */
    step() {
      if (this.cycles >= this.nextEvent) this.serviceEvents();
      if (this.interruptsUpdated) this.checkForInterrupts();
      const pc = this.registers[15];
      this.pcNow = pc;
      const op = this.readUint16(pc);
      const kind = KIND[op];
      if (kind === PLAIN) this.executeInstruction();
      else this.#special(kind, op, pc);
      this.instructions++;
    }

    #special(kind, op, pc) {
      switch (kind) {
        case ONE_CYCLE_MORE: this.executeInstruction(); this.cycles++; break;
        case SEV: this.executeInstruction(); this.machine.sendEvent(0); this.machine.sendEvent(1); break;
        case WFE: case WFI: this.#sleep(kind); break;
        case BKPT: this.machine.breakpoint(this, op & 0xff); break;
        case UDF: throw new Fault(`undefined instruction, udf #0x${(op & 0xff).toString(16)}`);
        case BLX: this.#blx(op); break;
        case PRIMASK: this.#changePrimask(pc); break;
        case WITH_CARRY: this.#withCarry(op); break;
        default: this.#shift(op);
      }
    }

    #sleep(kind) {
      this.executeInstruction();
      this.sleepKind = kind;
      if (this.waiting) this.tryWake();
    }

    #blx(op) {
      const target = this.registers[(op >> 3) & 15];
      if (!(target & 1)) throw new Fault('blx without the Thumb bit to', target);
      this.executeInstruction();
    }

    BXWritePC(address) {
      if (!(address & 1)) throw new Fault('branch without the Thumb bit to', address);
      super.BXWritePC(address);
    }

    #changePrimask(pc) {
      const before = this.PM;
      this.executeInstruction();
      if (this.PM === before) return;
      if (this.PM) this.meter.begin(pc);
      else this.meter.end();
    }

    #withCarry(op) {
      const subtract = (op & 0xffc0) === 0x4180;
      const a = this.registers[op & 7] | 0;
      const b = this.registers[(op >> 3) & 7] | 0;
      const carry = this.C ? 1 : 0;
      this.executeInstruction();
      const exact = subtract ? a - b - 1 + carry : a + b + carry;
      this.V = exact !== (exact | 0);
    }

    #shift(op) {
      const amount = this.registers[(op >> 3) & 7] & 0xff;
      const carry = this.C;
      this.executeInstruction();
      if (amount === 0) this.C = carry;
      else if (amount > 32 && (op & 0xffc0) === 0x4080) this.C = false;
    }

    // ---- sleep, events, interrupts ---------------------------------------

    /** The other core's time passes while this one sleeps. */
    sleepFor(cycles) {
      this.cycles += cycles;
      this.sleepCycles += cycles;
      if (this.cycles >= this.nextEvent) this.serviceEvents();
    }

    updateNextEvent() {
      this.nextEvent = Math.min(this.injector.dueAt, this.ppb.systick.dueAt);
    }

    serviceEvents() {
      if (this.cycles >= this.injector.dueAt) this.injector.fire();
      if (this.cycles >= this.ppb.systick.dueAt) this.ppb.systick.fire();
      this.updateNextEvent();
    }

    sendEvent() {
      if (this.waiting && this.sleepKind === WFE) this.waiting = false;
      else this.eventRegistered = true;
    }

    pend(bits) {
      this.pendingInterrupts |= bits;
      this.#pended();
    }

    pendSysTick() {
      this.pendingSystick = true;
      this.#pended();
    }

    #pended() {
      this.interruptsUpdated = true;
      if (this.sevOnPend) this.sendEvent();
      if (this.waiting) this.tryWake();
    }

    /** A wired interrupt pends on the rising edge and stays so until it is taken or
     *  cleared; the level is looked at again when its handler returns. */
    setInterrupt(irq, level) {
      const bit = 1 << irq;
      if (!level) this.irqLines &= ~bit;
      else if (!(this.irqLines & bit)) {
        this.irqLines |= bit;
        this.pend(bit);
      }
    }

    /** The priority something must beat. WFI ignores PRIMASK, WFE and execution do not. */
    #currentPriority(ignorePrimask) {
      const active = this.IPSR ? this.exceptionPriority(this.IPSR) : THREAD_PRIORITY;
      return this.PM && !ignorePrimask ? Math.min(active, 0) : active;
    }

    /** The exception to take at a priority, or 0. The lowest number wins a tie. */
    #nextException(limit) {
      if (this.pendingNMI && limit > -2) return EXC_NMI;
      const ready = this.pendingInterrupts & this.enabledInterrupts;
      for (let priority = 0; priority < limit; priority++) {
        if (this.pendingSVCall && priority === this.svCallPriority) return EXC_SVCALL;
        if (this.pendingPendSV && priority === this.pendSVPriority) return EXC_PENDSV;
        if (this.pendingSystick && priority === this.systickPriority) return EXC_SYSTICK;
        const level = ready & this.interruptPriorities[priority];
        if (level) return EXC_IRQ0 + 31 - Math.clz32(level & -level);
      }
      return 0;
    }

    tryWake() {
      if (this.#nextException(this.#currentPriority(this.sleepKind === WFI))) this.waiting = false;
    }

    checkForInterrupts() {
      this.interruptsUpdated = false;
      const n = this.#nextException(this.#currentPriority(false));
      if (n === EXC_NMI) this.pendingNMI = false;
      else if (n === EXC_SVCALL) this.pendingSVCall = false;
      else if (n === EXC_PENDSV) this.pendingPendSV = false;
      else if (n === EXC_SYSTICK) this.pendingSystick = false;
      else if (n) this.pendingInterrupts &= ~(1 << (n - EXC_IRQ0));
      if (n !== EXC_SVCALL && this.pendingSVCall) throw new Fault('svc that may not be taken here');
      if (n) this.exceptionEntry(n);
      return n !== 0;
    }

    exceptionEntry(n) {
      super.exceptionEntry(n);
      if (!(this.PC & 1)) throw new Fault(`no handler for exception ${n}, vector`, this.PC);
      this.PC = this.PC & ~1;
      this.cycles += ENTRY_CYCLES;
      this.exceptions++;
    }

    exceptionReturn(excReturn) {
      if (excReturn !== 0xffffff1 && excReturn !== 0xffffff9 && excReturn !== 0xffffffd) {
        throw new Fault('bad exception return', excReturn | 0xf0000000);
      }
      super.exceptionReturn(excReturn);
      this.PC = this.PC & ~1;
      this.cycles += RETURN_CYCLES;
      this.pendingInterrupts |= this.irqLines;
    }

    // ---- memory ----------------------------------------------------------

    readUint32(address) {
      if (address & 3) throw new Fault('unaligned word read at', address);
      let o = (address - SRAM_BASE) >>> 0;
      if (o < SRAM_SIZE) return this.sram32[o >>> 2];
      o = (address - FLASH_BASE) >>> 0;
      if (o < FLASH_SIZE) return this.flash32[o >>> 2];
      return this.bus.read32(this, address >>> 0);
    }

    readUint16(address) {
      if (address & 1) throw new Fault('unaligned halfword read at', address);
      let o = (address - FLASH_BASE) >>> 0;          // flash first: instruction fetches
      if (o < FLASH_SIZE) return this.flash16[o >>> 1];
      o = (address - SRAM_BASE) >>> 0;
      if (o < SRAM_SIZE) return this.sram16[o >>> 1];
      return this.bus.readNarrow(this, address >>> 0, 0xffff);
    }

    readUint8(address) {
      let o = (address - SRAM_BASE) >>> 0;
      if (o < SRAM_SIZE) return this.sram8[o];
      o = (address - FLASH_BASE) >>> 0;
      if (o < FLASH_SIZE) return this.flash8[o];
      return this.bus.readNarrow(this, address >>> 0, 0xff);
    }

    writeUint32(address, value) {
      if (address & 3) throw new Fault('unaligned word write at', address);
      const o = (address - SRAM_BASE) >>> 0;
      if (o < SRAM_SIZE) this.sram32[o >>> 2] = value;
      else this.bus.write32(this, address >>> 0, value);
    }

    writeUint16(address, value) {
      if (address & 1) throw new Fault('unaligned halfword write at', address);
      const o = (address - SRAM_BASE) >>> 0;
      if (o < SRAM_SIZE) this.sram16[o >>> 1] = value;
      else this.bus.writeNarrow(this, address >>> 0, value, Math.imul(value & 0xffff, 0x10001));
    }

    writeUint8(address, value) {
      const o = (address - SRAM_BASE) >>> 0;
      if (o < SRAM_SIZE) this.sram8[o] = value;
      else this.bus.writeNarrow(this, address >>> 0, value, Math.imul(value & 0xff, 0x1010101));
    }
  };
}
