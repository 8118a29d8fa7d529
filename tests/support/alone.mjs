// SPDX-License-Identifier: MIT

/** A host as a microcontroller with one CPU: its options, and no threads beside it, so that neither lock nor gate exists. */
export const ALONE = {
  NH_HOST_THREADS: '0', NH_CPUS: '1', NH_CLASS_DOUBLINGS: '0', NH_CAP_SMALL_SPAN: '80', NH_CAP_SMALL: '16', NH_CAP_LARGE: '4',
  NH_REFILL: '1', NH_MERGE_LOOK: '2', NH_DEPOT_SLOTS: '2', NH_CACHE_SHARE: '6',
};
