// SPDX-License-Identifier: MIT
// What stops a run: everything that would be a HardFault on the chip, and every
// register the emulator does not model. Nothing is answered with a made-up value.

export class Fault extends Error {
  /** @param what    one line for the failure message
   *  @param address the address concerned, or undefined */
  constructor(what, address) {
    super(address === undefined ? what : `${what} 0x${hex(address)}`);
    this.address = address;
  }
}

/** An image, or a request about it, that cannot be used: the runner prints the
 *  message without a stack trace. */
export class ImageError extends Error {}

export function hex(value, digits = 8) {
  return (value >>> 0).toString(16).padStart(digits, '0');
}
