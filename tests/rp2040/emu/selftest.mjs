// SPDX-License-Identifier: MIT
// node --test selftest.mjs: the corrections in core.mjs and the devices of our own,
// by a few instructions each, written in machine code so that no compiler is needed.

import assert from 'node:assert/strict';
import test from 'node:test';
import { DualRP2040 } from './dual.mjs';
import { Fault } from './fault.mjs';
import { watchHold } from './hold.mjs';
import { Rng } from './rng.mjs';
import { makeSchedule } from './schedule.mjs';

const CODE = 0x20000000;
const VECTORS = 0x20001000;
const HANDLER = 0x20002000;
const STACK = 0x20008000;
const SIO = 0xd0000000;

/** A chip whose core 0 is about to execute the given halfwords. */
function chipWith(...code) {
  const chip = new DualRP2040();
  const core = chip.cores[0];
  code.forEach((op, i) => core.writeUint16(CODE + 2 * i, op));
  for (let i = 0; i < 48; i++) core.writeUint32(VECTORS + 4 * i, HANDLER | 1);
  core.writeUint16(HANDLER, 0x4770);                 // bx lr
  core.start({ vtor: VECTORS, sp: STACK, entry: CODE | 1 });
  core.pendingInterrupts = core.irqLines = 0;        // the ROM's word in the mailbox
  return { chip, core };
}

/** Cycles of the last of the given instructions. */
function cyclesOf(prepare, ...code) {
  const { core } = chipWith(...code);
  prepare(core);
  const before = core.cycles;
  core.step();
  return core.cycles - before;
}

const address = (a) => (core) => { core.registers[1] = a; core.registers[2] = CODE + 64 | 1; };

test('cycles are those of the Cortex-M0+ manual', () => {
  const ram = address(0x20004000);
  const sio = address(SIO);
  const table = [
    ['movs r0, #1', 1, ram, 0x2001], ['ldr r0, [r1]', 2, ram, 0x6808], ['str r0, [r1]', 2, ram, 0x6008],
    ['ldrb r0, [r1]', 2, ram, 0x7808], ['ldr r0, [r1] in SIO', 1, sio, 0x6808],
    ['str r0, [r1] in SIO', 1, address(SIO + 0x100), 0x6008],
    ['str r0, [r1] to the divider', 1, address(SIO + 0x64), 0x6008],
    ['muls r0, r1', 1, ram, 0x4348], ['b .', 2, ram, 0xe7fe], ['bl', 3, ram, 0xf000, 0xf800],
    ['bx r2', 2, ram, 0x4710], ['blx r2', 2, ram, 0x4790],
    ['bne, not taken', 1, (c) => { c.Z = true; }, 0xd1fe], ['bne, taken', 2, (c) => { c.Z = false; }, 0xd1fe],
    ['push {r4}', 2, ram, 0xb410], ['push {r4, lr}', 3, ram, 0xb510], ['push {lr}', 2, ram, 0xb500],
    ['push {r4-r7, lr}', 6, ram, 0xb5f0], ['pop {r4}', 2, ram, 0xbc10],
    ['pop {r4, pc}', 5, (c) => c.writeUint32(STACK + 4, CODE | 1), 0xbd10],
    ['pop {r4-r7, pc}', 8, (c) => c.writeUint32(STACK + 16, CODE | 1), 0xbdf0],
    ['ldmia r1!, {r3, r4}', 3, ram, 0xc918], ['stmia r1!, {r3, r4}', 3, ram, 0xc118],
    ['mrs r0, primask', 3, ram, 0xf3ef, 0x8010], ['msr primask, r0', 3, ram, 0xf380, 0x8810],
    ['dmb', 3, ram, 0xf3bf, 0x8f5f], ['dsb', 3, ram, 0xf3bf, 0x8f4f], ['isb', 3, ram, 0xf3bf, 0x8f6f],
    ['cpsid i', 1, ram, 0xb672], ['sev', 1, ram, 0xbf40], ['nop', 1, ram, 0xbf00],
    ['wfe', 2, (c) => { c.eventRegistered = true; }, 0xbf20],
  ];
  for (const [name, expected, prepare, ...code] of table) {
    assert.equal(cyclesOf(prepare, ...code), expected, name);
  }
});

test('an interrupt costs 15 cycles in and 8 more than bx out', () => {
  const { core } = chipWith(0xbf00, 0xbf00);
  core.enabledInterrupts = 1 << 26;
  core.pend(1 << 26);
  core.step();
  assert.equal(core.cycles, 15 + 2 + 8);
  assert.equal(core.PC, CODE);
  assert.equal(core.pendingInterrupts, 0);
});

test('flags of instructions with carry and of shifts by 0', () => {
  const run = (op, a, b, carry) => {
    const { core } = chipWith(op);
    [core.registers[0], core.registers[1], core.C] = [a, b, carry];
    core.step();
    return [core.registers[0], core.N, core.Z, core.C, core.V];
  };
  assert.deepEqual(run(0x4148, 0, 0x7fffffff, true), [0x80000000, true, false, false, true]);   // adcs
  assert.deepEqual(run(0x4148, 0xffffffff, 0xffffffff, true), [0xffffffff, true, false, true, false]);
  assert.deepEqual(run(0x4188, 0, 0x7fffffff, false), [0x80000000, true, false, false, false]);  // sbcs
  assert.deepEqual(run(0x4188, 5, 5, true), [0, false, true, true, false]);
  for (const shift of [0x4088, 0x40c8, 0x4108, 0x41c8]) {
    assert.equal(run(shift, 0xff, 0, true)[3], true, `carry kept by 0x${shift.toString(16)}`);
    assert.equal(run(shift, 0xff, 0, false)[3], false);
  }
  assert.deepEqual(run(0x4088, 0xffffffff, 33, true), [0, false, true, false, false]);
});

test('what would be a HardFault ends the run', () => {
  const faults = (prepare, ...code) => {
    const { core } = chipWith(...code);
    prepare(core);
    assert.throws(() => core.step(), Fault);
  };
  for (const a of [0, 0x20042000, 0x30000000, 0x10200000, 0xd0000180, 0xe000ed90, 0x20000002]) {
    faults(address(a), 0x6808);                      // ldr r0, [r1]
  }
  faults(address(0x20000001), 0x8808);               // ldrh r0, [r1]
  faults(address(0x10000000), 0x6008);               // str to flash
  faults(address(SIO), 0x7008);                      // strb to SIO
  faults(address(0x20000000), 0x4708);               // bx r1, no Thumb bit
  faults(address(0), 0xde01);                        // udf
  faults(address(0), 0xb1ff);                        // not an ARMv6-M instruction
});

test('wfi wakes for a masked interrupt without taking it, wfe does not', () => {
  for (const [op, wakes] of [[0xbf30, true], [0xbf20, false]]) {
    const { core } = chipWith(op, 0xbf00);
    core.enabledInterrupts = 1 << 26;
    core.PM = true;
    core.eventRegistered = false;
    core.step();
    assert.equal(core.waiting, true);
    core.pend(1 << 26);
    assert.equal(core.waiting, !wakes);
    assert.equal(core.IPSR, 0);
    core.sendEvent();
    assert.equal(core.waiting, false, 'or by an event');
  }
});

test('wfi does not sleep when an interrupt is pending already', () => {
  const { core } = chipWith(0xbf00, 0xbf30);
  core.enabledInterrupts = 1 << 26;
  core.PM = true;
  core.pend(1 << 26);
  core.step();
  core.step();
  assert.equal(core.waiting, false);
});

test('a wired interrupt latches, and comes again while its line is high', () => {
  const { core } = chipWith(0xbf00, 0xbf00);
  core.setInterrupt(20, true);
  core.setInterrupt(20, false);
  assert.equal(core.pendingInterrupts, 1 << 20, 'an edge is enough');
  core.enabledInterrupts = 1 << 20;
  core.setInterrupt(20, true);
  core.step();
  assert.equal(core.pendingInterrupts, 1 << 20);
  core.setInterrupt(20, false);
  core.step();
  assert.equal(core.pendingInterrupts, 0);
});

test('SysTick counts processor cycles down and wraps through reload', () => {
  const { core } = chipWith(0xbf00);
  const ppb = 0xe000e000;
  core.writeUint32(ppb + 0x14, 9);
  core.writeUint32(ppb + 0x18, 0);
  core.writeUint32(ppb + 0x10, 5);
  const seen = [];
  for (let i = 0; i < 22; i++) { seen.push(core.readUint32(ppb + 0x18)); core.cycles++; }
  assert.deepEqual(seen, [0, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 9]);
  assert.equal(core.readUint32(ppb + 0x10), 0x10005);
  assert.equal(core.readUint32(ppb + 0x10), 5, 'reading clears COUNTFLAG');
});

test('SysTick interrupts, also a sleeping core', () => {
  const { chip, core } = chipWith(0xbf30, 0xbf00);
  core.writeUint32(0xe000e014, 999);
  core.writeUint32(0xe000e018, 0);
  core.writeUint32(0xe000e010, 7);
  core.step();
  assert.equal(core.waiting, true);
  assert.equal(chip.idle(), true);
  assert.equal(core.waiting, false);
  assert.equal(core.cycles, 1000);
  core.step();
  assert.equal(core.exceptions, 1);
});

test('the boot ROM starts core 1 and tells about a reset', () => {
  const { chip, core } = chipWith(0xbf00);
  const pop = () => { assert.equal(core.readUint32(SIO + 0x50) & 1, 1); return core.readUint32(SIO + 0x58); };
  const launch = () => {
    assert.equal(pop(), 0, 'out of reset');
    for (const word of [0, 0, 1, VECTORS, STACK, HANDLER | 1]) {
      core.writeUint32(SIO + 0x54, word);
      assert.equal(pop(), word);
    }
    assert.equal(core.readUint32(SIO + 0x50), 2);
    assert.equal(chip.cores[1].runnable, true);
  };
  launch();
  core.writeUint32(0x40010004 + 0x2000, 1 << 16);    // PSM FRCE_OFF, set alias
  assert.equal(chip.cores[1].running, false);
  core.writeUint32(0x40010004 + 0x3000, 1 << 16);
  launch();
});

test('mailbox, spinlock and divider', () => {
  const { chip, core } = chipWith(0xbf00);
  const other = chip.cores[1];
  chip.rom.waiting = false;
  core.readUint32(SIO + 0x58);
  for (let i = 0; i < 9; i++) core.writeUint32(SIO + 0x54, i);
  assert.equal(core.readUint32(SIO + 0x50), 4, 'full, and one word lost');
  assert.equal(other.pendingInterrupts, 1 << 16);
  for (let i = 0; i < 8; i++) assert.equal(other.readUint32(SIO + 0x58), i);
  assert.equal(other.readUint32(SIO + 0x50), 2);
  other.readUint32(SIO + 0x58);
  assert.equal(other.readUint32(SIO + 0x50), 2 | 8);
  assert.equal(core.readUint32(SIO + 0x17c), 0x80000000);
  assert.equal(other.readUint32(SIO + 0x17c), 0);
  other.writeUint32(SIO + 0x17c, 0);
  assert.notEqual(other.readUint32(SIO + 0x17c), 0);
  const divide = (signed, n, d) => {
    core.writeUint32(SIO + (signed ? 0x68 : 0x60), n >>> 0);
    core.writeUint32(SIO + (signed ? 0x6c : 0x64), d >>> 0);
    return [core.readUint32(SIO + 0x74), core.readUint32(SIO + 0x70)];
  };
  assert.deepEqual(divide(false, 0xffffffff, 10), [5, 429496729]);
  assert.deepEqual(divide(true, -7, 2), [0xffffffff, 0xfffffffd]);
  assert.deepEqual(divide(false, 3, 0), [3, 0xffffffff]);
});

test('the meter finds the longest masked stretch', () => {
  const { core } = chipWith(0xb672, 0xbf00, 0xbf00, 0xb662, 0xb672, 0xb662);
  for (let i = 0; i < 6; i++) core.step();
  const [longest, next] = core.meter.sections();
  assert.deepEqual([longest.pc, longest.cycles, longest.instructions], [CODE, 3, 3]);
  assert.deepEqual([next.pc, next.cycles, next.instructions], [CODE + 8, 1, 1]);
});

test('a lock is held from the return of one function to the entry of another', () => {
  const { chip, core } = chipWith(0xf000, 0xf81e, 0xbf00, 0xbf00, 0xf000, 0xf81c);   // bl +0x40, 2 nops, bl +0x44
  core.writeUint16(CODE + 0x40, 0x4770);             // bx lr
  core.writeUint16(CODE + 0x44, 0x4770);
  const elf = { symbol: (name) => ({ address: CODE + (name === 'take' ? 0x40 : 0x44) }) };
  const hold = watchHold({ elf, cores: chip.cores }, 'take', 'give');
  for (let i = 0; i < 6; i++) core.step();
  assert.deepEqual(hold, { count: 1, cycles: 5, instructions: 3 });
});

test('schedules depend on the seed only and are fair', () => {
  const share = (name, seed) => {
    const schedule = makeSchedule(name, new Rng(seed, 0), [{ cycles: 0 }, { cycles: 0 }]);
    const steps = [0, 0];
    for (let i = 0; i < 100000; i++) { schedule.next(); steps[schedule.core] += schedule.length; }
    return steps;
  };
  for (const name of ['rr', 'random', 'burst']) {
    const [a, b] = share(name, 5);
    assert.ok(Math.abs(a - b) / (a + b) < 0.05, `${name}: ${a} and ${b}`);
    assert.deepEqual(share(name, 5), [a, b]);
  }
  assert.notDeepEqual(share('random', 5), share('random', 6));
});
