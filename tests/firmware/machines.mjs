// SPDX-License-Identifier: MIT
// QEMU's machines with two CPUs, by the name that qemu.mjs takes.

export const machines = {
  an521: {
    program: 'qemu-system-arm',
    options: ['-machine', 'mps2-an521'],
    isa: 'thumb',
  },
};
