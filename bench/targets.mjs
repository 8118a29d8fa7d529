// SPDX-License-Identifier: MIT
// What the library is to reach, as numbers. Rows with one number belong together: it is reached if all of its rows are.
// `most`: the figure may be at most this; `least`: at least. Figures without either are told, not judged.

export const LEVELS = ['none', 'basic', 'moderate'];

/** Expands "..._<level>" of a name. */
const each = (name) => LEVELS.map((level) => `${name}_${level}`);

/** Every key that the summary must have, by part. */
export const KEYS = {
  ratios: [...each('pair64_vs_best'), ...each('random512_vs_best'), ...each('random4096_vs_tcmalloc'),
    'random512_vs_tlsf_ticket_moderate', 'handover64_vs_mimalloc', 'handover_random_vs_mimalloc', 'scaling2'],
  counts: each('pair64_net_instructions'),
  memory: ['sustained_192k_1cpu', 'sustained_192k_2cpu', 'contiguity_60_1cpu', 'contiguity_60_2cpu', 'phases_loss_1cpu',
    'phases_loss_2cpu', 'control_192k', 'bank4k_usable', 'overhead_per_block_32'],
  m0plus: [...each('hit_malloc_cycles'), ...each('hit_free_cycles'), 'worst_malloc_cycles', 'worst_free_cycles',
    'text_bytes_none', 'text_bytes_moderate', 'text_bytes_nocache', 'longest_irq_off_instructions'],
  m33: ['hit_malloc_instructions', 'hit_free_instructions'],
  growth: ['blocks', 'heap_size', 'heaps'],
};

const most = (number, figure, gate, stretch) => ({ number, figure, sense: 'most', gate, stretch });
const least = (number, figure, gate, stretch) => ({ number, figure, sense: 'least', gate, stretch });

export const TARGETS = [
  most(1, 'ratios.pair64_vs_best_basic', 1.0),
  most(1, 'ratios.pair64_vs_best_moderate', 1.2, 1.0),
  most(2, 'ratios.random512_vs_best_basic', 1.1, 1.0),
  most(2, 'ratios.random512_vs_best_moderate', 1.4, 1.1),
  most(2, 'ratios.random512_vs_tlsf_ticket_moderate', 0.2),
  most(3, 'ratios.random4096_vs_tcmalloc_moderate', 1.5, 1.0),
  most(4, 'counts.pair64_net_instructions_none', 50, 45),
  most(4, 'counts.pair64_net_instructions_basic', 57, 50),
  most(4, 'counts.pair64_net_instructions_moderate', 74, 60),
  least(5, 'ratios.scaling2', 1.9),
  most(6, 'ratios.handover64_vs_mimalloc', 1.0, 0.5),
  most(6, 'ratios.handover_random_vs_mimalloc', 1.0, 0.5),
  most(7, 'm0plus.hit_malloc_cycles_moderate', 80, 72),
  most(7, 'm0plus.hit_free_cycles_moderate', 90, 77),
  most(7, 'm0plus.hit_malloc_cycles_none', 62),
  most(7, 'm0plus.hit_free_cycles_none', 72),
  most(8, 'm0plus.worst_malloc_cycles', 600, 440),
  most(8, 'm0plus.worst_free_cycles', 540, 370),
  most(9, 'm33.hit_malloc_instructions', 52),
  most(9, 'm33.hit_free_instructions', 56),
  { number: 10, figure: 'm0plus.longest_irq_off_instructions' },
  least(11, 'memory.sustained_192k_1cpu', 75, 76),
  least(11, 'memory.contiguity_60_1cpu', 0.62, 0.66),
  least(11, 'memory.sustained_192k_2cpu', 74, 76),
  least(11, 'memory.contiguity_60_2cpu', 0.60, 0.66),
  most(12, 'memory.phases_loss_1cpu', 1, 0),
  most(12, 'memory.phases_loss_2cpu', 2.5, 0),
  most(13, 'memory.control_192k', 1024),
  least(13, 'memory.bank4k_usable', 92),
  most(13, 'memory.overhead_per_block_32', 4),
  most(14, 'm0plus.text_bytes_none', 3072),
  most(14, 'm0plus.text_bytes_moderate', 4096),
  most(14, 'm0plus.text_bytes_nocache', 1843),
  most(15, 'growth.blocks', 1.1),
  most(15, 'growth.heap_size', 1.1),
  most(15, 'growth.heaps', 1.1),
];

/** "stretch", "gate", "no", or "" where nothing is demanded. */
export function verdict({ sense, gate, stretch }, value) {
  if (!sense) return '';
  const meets = (bound) => bound !== undefined && (sense === 'most' ? value <= bound : value >= bound);
  return meets(stretch) ? 'stretch' : meets(gate) ? 'gate' : 'no';
}
