// SPDX-License-Identifier: MIT
// Reads a 32-bit little-endian ARM ELF: the loadable segments, the symbols and
// the sections. No dependency, so that the packing scripts can use it too.

import { readFileSync } from 'node:fs';
import { ImageError, hex } from './fault.mjs';

const PT_LOAD = 1;
const SHT_SYMTAB = 2;
const SHT_NOBITS = 8;
const STT_OBJECT = 1;
const STT_FUNC = 2;
const STB_GLOBAL = 1;
const EM_ARM = 40;

export class Elf {
  constructor(path) {
    this.path = path;
    this.bytes = read(path);
    const b = this.bytes;
    if (b.length < 52 || b.readUInt32BE(0) !== 0x7f454c46 || b[4] !== 1 || b[5] !== 1 ||
        b.readUInt16LE(18) !== EM_ARM) {
      throw new ImageError(`${path}: not a 32-bit little-endian ARM ELF file`);
    }
    this.entry = b.readUInt32LE(24);
    this.segments = this.#readSegments();
    this.sections = this.#readSections();
    this.symbols = this.#readSymbols();
    this.functions = [...this.symbols.values()]
      .filter((s) => s.type === STT_FUNC)
      .sort((a, c) => a.address - c.address);
  }

  #readSegments() {
    const b = this.bytes;
    const [table, entrySize, count] = [b.readUInt32LE(28), b.readUInt16LE(42), b.readUInt16LE(44)];
    const segments = [];
    for (let i = 0; i < count; i++) {
      const [type, offset, vaddr, paddr, filesz, memsz] =
        [0, 4, 8, 12, 16, 20].map((o) => b.readUInt32LE(table + i * entrySize + o));
      if (type === PT_LOAD && filesz) {
        segments.push({ vaddr, paddr, memsz, data: b.subarray(offset, offset + filesz) });
      }
    }
    return segments;
  }

  #readSections() {
    const b = this.bytes;
    const [table, size, count, names] =
      [b.readUInt32LE(32), b.readUInt16LE(46), b.readUInt16LE(48), b.readUInt16LE(50)];
    const header = (i) => {
      const [name, type, , address, offset, length, link] =
        [0, 4, 8, 12, 16, 20, 24].map((o) => b.readUInt32LE(table + i * size + o));
      return { name, type, address, offset, length, link };
    };
    if (!count) return [];
    const nameTable = header(names).offset;
    return Array.from({ length: count }, (_, i) => {
      const h = header(i);
      return { ...h, name: this.#string(nameTable + h.name), zeroed: h.type === SHT_NOBITS };
    });
  }

  #readSymbols() {
    const b = this.bytes;
    const symbols = new Map();
    for (const table of this.sections.filter((s) => s.type === SHT_SYMTAB)) {
      const names = this.sections[table.link].offset;
      for (let o = table.offset; o < table.offset + table.length; o += 16) {
        const name = this.#string(names + b.readUInt32LE(o));
        if (!name || name[0] === '$') continue;            // $t, $d: mapping symbols
        const info = b[o + 12];
        const type = info & 15;
        if (symbols.has(name) && info >> 4 !== STB_GLOBAL) continue;
        const value = b.readUInt32LE(o + 4);
        symbols.set(name, {
          name, type, size: b.readUInt32LE(o + 8), object: type === STT_OBJECT,
          address: type === STT_FUNC ? (value & ~1) >>> 0 : value,
          section: this.sections[b.readUInt16LE(o + 14)],
        });
      }
    }
    return symbols;
  }

  #string(offset) {
    return this.bytes.toString('latin1', offset, this.bytes.indexOf(0, offset));
  }

  /** The symbol, or an error that names the image. */
  symbol(name) {
    const s = this.symbols.get(name);
    if (!s) throw new ImageError(`${this.path}: no symbol '${name}'`);
    return s;
  }

  /** The function that contains an address, or undefined. */
  functionAt(address) {
    let low = 0;
    let high = this.functions.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (this.functions[mid].address <= address) low = mid + 1;
      else high = mid;
    }
    const f = this.functions[low - 1];
    return f && address < f.address + Math.max(f.size, 2) ? f : undefined;
  }

  /** "0x10000234 (name+0x12)". */
  describe(address) {
    const a = (address & ~1) >>> 0;
    const f = this.functionAt(a);
    return `0x${hex(a)}${f ? ` (${f.name}+0x${(a - f.address).toString(16)})` : ''}`;
  }

  /** The bytes that the image programs into [base, base+limit), gaps as 0xff. */
  imageAt(base, limit) {
    const parts = this.segments.filter((s) => s.paddr >= base && s.paddr < base + limit);
    const end = Math.max(base, ...parts.map((s) => s.paddr + s.data.length));
    const image = Buffer.alloc(end - base, 0xff);
    for (const s of parts) s.data.copy(image, s.paddr - base);
    return image;
  }
}

function read(path) {
  try {
    return readFileSync(path);
  } catch (e) {
    throw new ImageError(e.message);
  }
}
