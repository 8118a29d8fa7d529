// SPDX-License-Identifier: MIT
// Values written into an image before it starts. A variable in .data is written
// in the load image in flash, from where the startup code copies it; one that
// startup leaves alone (.noinit, .rodata) is written in place. One in .bss would
// be zeroed, which is reported rather than ignored.

import { ImageError } from './fault.mjs';

/** @param pokes [[symbol, value, optional]]: an optional symbol may be missing */
export function applyPokes(machine, pokes) {
  for (const [name, value, optional] of pokes) {
    if (optional && !machine.elf.symbols.has(name)) continue;
    poke(machine, machine.elf.symbol(name), value);
  }
}

function poke(machine, symbol, value) {
  const { elf, chip } = machine;
  const { name, address, size, section } = symbol;
  if (![1, 2, 4].includes(size)) throw new ImageError(`cannot set '${name}': its size is ${size}`);
  if (section?.zeroed && !section.name.startsWith('.noinit')) {
    throw new ImageError(`cannot set '${name}': startup clears ${section.name}; ` +
      'give it an initial value other than 0 or put it in .noinit');
  }
  const limit = 2 ** (8 * size);
  if (!Number.isInteger(value) || value >= limit || value < -limit / 2) {
    throw new ImageError(`cannot set '${name}': ${value} does not fit ${size} bytes`);
  }
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = value >> (8 * i);
  const home = elf.segments.find((s) => address >= s.vaddr && address + size <= s.vaddr + s.data.length);
  chip.load(address, bytes);
  if (home) chip.load(home.paddr + address - home.vaddr, bytes);
}
