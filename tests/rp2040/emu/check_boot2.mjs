#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// node check_boot2.mjs IMAGE.elf: would the boot ROM start this image? The runner
// starts at the vector table, so this is checked apart: the loader's checksum, the
// first two words of the vector table, and that the loader, run from where the ROM
// copies it to, arrives at the reset handler.

import { BOOT2_CODE_SIZE, crc32mpeg2 } from '../board/crc.mjs';
import { DualRP2040 } from './dual.mjs';
import { Elf } from './elf.mjs';
import { Fault, hex } from './fault.mjs';

const FLASH_BASE = 0x10000000;
const VECTORS = 0x100;
const SRAM_BASE = 0x20000000;
const SRAM_END = 0x20042000;
const LOADER_COPY = 0x20041f00;
const MAX_STEPS = 1000;

function problemOf(image) {
  if (image.length < VECTORS + 8) return 'the image is shorter than loader and vectors';
  const code = image.subarray(0, BOOT2_CODE_SIZE);
  const expected = crc32mpeg2(code);
  const found = image.readUInt32LE(BOOT2_CODE_SIZE);
  if (code.every((b) => b === 0 || b === 0xff)) return 'there is no second-stage loader';
  if (found !== expected) return `loader checksum 0x${hex(found)}, expected 0x${hex(expected)}`;
  const [sp, reset] = [image.readUInt32LE(VECTORS), image.readUInt32LE(VECTORS + 4)];
  if (sp <= SRAM_BASE || sp > SRAM_END || sp & 7) return `initial stack pointer 0x${hex(sp)}`;
  if (!(reset & 1) || reset < FLASH_BASE || reset >= FLASH_BASE + image.length) {
    return `reset vector 0x${hex(reset)}`;
  }
  return loaderProblem(image, sp, reset);
}

function loaderProblem(image, sp, reset) {
  const chip = new DualRP2040();
  const core = chip.cores[0];
  chip.load(FLASH_BASE, image);
  chip.load(LOADER_COPY, image.subarray(0, VECTORS));
  core.start({ vtor: 0, sp: LOADER_COPY, entry: LOADER_COPY | 1 });
  try {
    for (let i = 0; i < MAX_STEPS && (core.PC | 1) !== reset; i++) core.step();
  } catch (e) {
    if (!(e instanceof Fault)) throw e;
    return `loader: ${e.message} at 0x${hex(core.pcNow)}`;
  }
  if ((core.PC | 1) !== reset) return 'the loader does not arrive at the reset handler';
  if (core.SP !== sp || core.VTOR !== FLASH_BASE + VECTORS) return 'the loader leaves SP or VTOR wrong';
  return null;
}

const path = process.argv[2];
if (!path) {
  process.stderr.write('usage: node check_boot2.mjs IMAGE.elf\n');
  process.exit(2);
}
const problem = problemOf(new Elf(path).imageAt(FLASH_BASE, 16 * 1024 * 1024));
process.stdout.write(problem ? `FAIL: ${path}: ${problem}\n` : `ok: ${path} would boot\n`);
process.exitCode = problem ? 1 : 0;
