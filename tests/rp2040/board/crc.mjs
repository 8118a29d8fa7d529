// SPDX-License-Identifier: MIT
// CRC-32/MPEG-2, with which the RP2040's boot ROM checks the second-stage loader.

export const BOOT2_CODE_SIZE = 252;                  // the checksum is the last word of 256

export function crc32mpeg2(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  return crc >>> 0;
}

if (crc32mpeg2(Buffer.from('123456789')) !== 0x0376e6e7) {
  throw new Error('crc32mpeg2 does not give the check value of CRC-32/MPEG-2');
}
