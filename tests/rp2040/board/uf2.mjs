#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// node uf2.mjs IMAGE.elf OUT.uf2: packs an image for the RP2040's USB boot loader.

import { writeFileSync } from 'node:fs';
import { Elf } from '../emu/elf.mjs';

const FLASH_BASE = 0x10000000;
const FLASH_LIMIT = 16 * 1024 * 1024;
const SECTOR = 4096;
const PAGE = 256;
const FAMILY_RP2040 = 0xe48bff56;
const FLAG_FAMILY = 0x2000;

/** The boot loader erases whole sectors and expects all their pages: fill them. */
function padToSector(image) {
  const padded = Buffer.alloc(Math.ceil(image.length / SECTOR) * SECTOR, 0xff);
  image.copy(padded);
  return padded;
}

function block(page, index, count) {
  const b = Buffer.alloc(512);
  const header = [0x0a324655, 0x9e5d5157, FLAG_FAMILY, FLASH_BASE + PAGE * index, PAGE, index, count,
    FAMILY_RP2040];
  header.forEach((word, i) => b.writeUInt32LE(word >>> 0, 4 * i));
  page.copy(b, 32);
  b.writeUInt32LE(0x0ab16f30, 508);
  return b;
}

const [input, output] = process.argv.slice(2);
if (!output) {
  process.stderr.write('usage: node uf2.mjs IMAGE.elf OUT.uf2\n');
  process.exit(2);
}
const image = padToSector(new Elf(input).imageAt(FLASH_BASE, FLASH_LIMIT));
const count = image.length / PAGE;
const blocks = Array.from({ length: count },
  (_, i) => block(image.subarray(PAGE * i, PAGE * (i + 1)), i, count));
writeFileSync(output, Buffer.concat(blocks));
