// SPDX-License-Identifier: MIT
// The boot ROM as core 1 runs it: wait for {0, 0, 1, VTOR, SP, entry} in the
// mailbox, echo every word, start. A wrong word starts the sequence again. This
// stands in for the ROM binary, which the runner therefore does not need.

const steps = ['sync', 'vtor', 'sp', 'entry'];

export class Core1Rom {
  constructor(machine) {
    this.machine = machine;
    this.reset();
  }

  /** Core 1 comes out of reset: its mailbox is drained and core 0 is told by a 0. */
  reset() {
    this.waiting = true;
    this.step = 0;
    this.words = {};
    this.machine.sio[1].reset();
    this.#echo(0);
  }

  #echo(word) {
    const { machine } = this;
    machine.sioShared.mailbox[0].push(word);
    machine.sio[0].updateIrq();
    machine.sendEvent(0);
  }

  /** Called when core 0 has written to core 1's mailbox. */
  poll() {
    const queue = this.machine.sioShared.mailbox[1];
    while (this.waiting && queue.length) this.#take(queue.shift());
    this.machine.sio[1].updateIrq();
  }

  #take(word) {
    if (word === 0) this.step = 0;
    else if (this.step === 0) this.step = word === 1 ? 1 : 0;
    else this.words[steps[this.step++]] = word;
    this.#echo(this.step === 0 ? 0 : word);
    if (this.step === steps.length) {
      this.waiting = false;
      this.machine.startCore1(this.words);
    }
  }
}
