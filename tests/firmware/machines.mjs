// SPDX-License-Identifier: MIT
// QEMU's machines with two CPUs, by the name that qemu.mjs takes.

export const machines = {
  an521: {
    program: 'qemu-system-arm',
    options: ['-machine', 'mps2-an521'],
    isa: 'thumb',
  },
  a9: {
    program: 'qemu-system-arm',
    options: ['-machine', 'vexpress-a9', '-smp', '2', '-m', '256'],
    isa: 'a32',
  },
  a15: {
    program: 'qemu-system-arm',
    options: ['-machine', 'virt', '-cpu', 'cortex-a15', '-smp', '2', '-m', '256'],
    isa: 'a32',
  },
  a7: {
    program: 'qemu-system-arm',
    options: ['-machine', 'virt', '-cpu', 'cortex-a7', '-smp', '2', '-m', '256'],
    isa: 'a32',
  },
  a53: {
    program: 'qemu-system-aarch64',
    options: ['-machine', 'virt', '-cpu', 'cortex-a53', '-smp', '2', '-m', '256'],
    isa: 'a64',
  },
  lse: {
    program: 'qemu-system-aarch64',
    options: ['-machine', 'virt', '-cpu', 'max', '-smp', '2', '-m', '256'],
    isa: 'a64',
  },
};
