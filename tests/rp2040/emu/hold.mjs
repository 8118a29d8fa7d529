// SPDX-License-Identifier: MIT
// How long a lock is held: from the return of one function to the entry of another, on each core. It looks at
// every instruction, which halves the speed; so only who asks for it pays.

/** @returns { count, cycles, instructions }: the longest hold of any core, kept up to date */
export function watchHold(machine, acquire, release) {
  const [enter, leave] = [acquire, release].map((name) => machine.elf.symbol(name).address);
  const longest = { count: 0, cycles: 0, instructions: 0 };
  for (const core of machine.cores) watchCore(core, enter, leave, longest);
  return longest;
}

function watchCore(core, enter, leave, longest) {
  const step = core.step.bind(core);
  let returnsTo = -1;
  let since = null;
  core.step = () => {
    const pc = core.registers[15] >>> 0;
    if (pc === enter) returnsTo = (core.LR & ~1) >>> 0;
    else if (pc === returnsTo) {
      returnsTo = -1;
      since = [core.cycles, core.instructions];
    } else if (pc === leave && since) {
      longest.count++;
      longest.cycles = Math.max(longest.cycles, core.cycles - since[0]);
      longest.instructions = Math.max(longest.instructions, core.instructions - since[1]);
      since = null;
    }
    step();
  };
}
