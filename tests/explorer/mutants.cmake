# SPDX-License-Identifier: MIT
# Mutants: core with one mistake each. The explorer must catch every one.
#
# ex_mutant(NAME FILE file FIND text REPLACE text [UNITS file...] [VARIANT c11] [OPTIONS word...])
# FILE is edited; UNITS are the sources that include it, if it is a header. OPTIONS are the explorer's, to say
# where to look: else it looks everywhere.

function(ex_mutant name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "FILE;FIND;REPLACE;VARIANT" "UNITS;OPTIONS")
	if(arg_UNPARSED_ARGUMENTS OR NOT arg_FILE)
		message(FATAL_ERROR "ex_mutant(${name}): what is '${arg_UNPARSED_ARGUMENTS}'?")
	endif()
	if(NOT arg_VARIANT)
		set(arg_VARIANT c11)
	endif()
	set(folder ${CMAKE_CURRENT_BINARY_DIR}/mutants/${name})
	get_target_property(variant_folder ex_core_${arg_VARIANT} EX_FOLDER)
	get_target_property(variant_edited ex_core_${arg_VARIANT} EX_EDITED)
	set(ex_source ${nh_root})
	if(arg_FILE IN_LIST variant_edited)
		set(ex_source ${variant_folder})
	endif()
	ex_edit(${folder} ${arg_FILE} "${arg_FIND}" "${arg_REPLACE}")
	if(arg_FILE MATCHES "\\.c$")
		set(arg_UNITS ${folder}/${arg_FILE})
	else()
		list(TRANSFORM arg_UNITS PREPEND ${nh_root}/)
	endif()
	set(program mutant_${name})
	add_executable(${program} ${arg_UNITS} ${folder}/${arg_FILE} $<TARGET_OBJECTS:ex_engine_${arg_VARIANT}>)
	ex_settle(${program} ${folder} ${variant_folder})
	get_target_property(definitions ex_core_${arg_VARIANT} COMPILE_DEFINITIONS)
	target_compile_definitions(${program} PRIVATE ${definitions})
	target_compile_options(${program} PRIVATE ${ex_flags} -w)
	# An object that is there already leaves the archive's out.
	target_link_libraries(${program} PRIVATE ex_core_${arg_VARIANT})
	ex_link(${program})
	add_dependencies(explorers ${program})
	add_test(NAME mutant-${name} COMMAND ${program} --hunt ${arg_OPTIONS})
	set_tests_properties(mutant-${name} PROPERTIES LABELS "explorer;mutant" TIMEOUT 120)
endfunction()

# ---- the gate -----------------------------------------------------------------------------

ex_mutant(gate-busy-release
          FILE arch/c11.h
          FIND "atomic_store_explicit(busy, count + 1u, memory_order_seq_cst);"
          REPLACE "atomic_store_explicit(busy, count + 1u, memory_order_release);"
          UNITS core/allocate.c core/heap.c
          OPTIONS --scenario two)
ex_mutant(gate-owner-acquire
          FILE arch/c11.h
          FIND "atomic_load_explicit(seized, memory_order_seq_cst)"
          REPLACE "atomic_load_explicit(seized, memory_order_acquire)"
          UNITS core/allocate.c core/heap.c
          OPTIONS --scenario two)
ex_mutant(gate-bound-acquire
          FILE arch/c11.h
          FIND "#define nh_port_load_ordered(word) atomic_load_explicit((word), memory_order_seq_cst)"
          REPLACE "#define nh_port_load_ordered(word) atomic_load_explicit((word), memory_order_acquire)"
          UNITS core/allocate.c core/heap.c
          OPTIONS --scenario two)
ex_mutant(gate-bounds-closed-release
          FILE core/heap.h
          FIND "	atomic_store_explicit(&head->limit, 0u, memory_order_seq_cst);
	atomic_store_explicit(&head->open, 0u, memory_order_seq_cst);"
          REPLACE "	nh__store_release(&head->limit, 0u);
	nh__store_release(&head->open, 0u);"
          UNITS core/reclaim.c
          OPTIONS --scenario two)
ex_mutant(gate-seize-release
          FILE arch/gate_pair.h
          FIND "atomic_store_explicit(seized, 1u, memory_order_seq_cst);"
          REPLACE "atomic_store_explicit(seized, 1u, memory_order_release);"
          UNITS core/reclaim.c
          OPTIONS --scenario two)
ex_mutant(gate-quiet-acquire
          FILE arch/gate_pair.h
          FIND "return (atomic_load_explicit(busy, memory_order_seq_cst) & 1u) == 0;"
          REPLACE "return (atomic_load_explicit(busy, memory_order_acquire) & 1u) == 0;"
          UNITS core/reclaim.c
          OPTIONS --scenario two)
ex_mutant(gate-quiet-relaxed
          FILE arch/gate_pair.h
          FIND "return (atomic_load_explicit(busy, memory_order_seq_cst) & 1u) == 0;"
          REPLACE "return (atomic_load_explicit(busy, memory_order_relaxed) & 1u) == 0;"
          UNITS core/reclaim.c
          OPTIONS --scenario two)
ex_mutant(gate-leave-relaxed
          FILE arch/gate_pair.h
          FIND "atomic_store_explicit(busy, count + 1u, memory_order_release);"
          REPLACE "atomic_store_explicit(busy, count + 1u, memory_order_relaxed);"
          UNITS core/heap.c
          OPTIONS --scenario depot --scenario thaw --scenario inbox --scenario take)
ex_mutant(gate-done-relaxed
          FILE arch/gate_pair.h
          FIND "atomic_store_explicit((busy), (key) + 2u, memory_order_release)"
          REPLACE "atomic_store_explicit((busy), (key) + 2u, memory_order_relaxed)"
          UNITS core/allocate.c
          OPTIONS --scenario two)
ex_mutant(gate-undo-relaxed
          FILE arch/gate_pair.h
          FIND "atomic_store_explicit((busy), (key), memory_order_release)"
          REPLACE "atomic_store_explicit((busy), (key), memory_order_relaxed)"
          UNITS core/allocate.c
          OPTIONS --scenario two --scenario helpers)
ex_mutant(gate-open-relaxed
          FILE arch/gate_pair.h
          FIND "atomic_store_explicit(seized, NH_PORT_GATE_OPEN, memory_order_release);"
          REPLACE "atomic_store_explicit(seized, NH_PORT_GATE_OPEN, memory_order_relaxed);"
          UNITS core/reclaim.c
          OPTIONS --scenario two)
ex_mutant(gate-cancel-relaxed
          FILE arch/gate_pair.h
          FIND "atomic_store_explicit(busy, count - 1u, memory_order_release);"
          REPLACE "atomic_store_explicit(busy, count - 1u, memory_order_relaxed);"
          UNITS core/heap.c core/check.c
          OPTIONS --scenario looks)
ex_mutant(gate-refused-relaxed
          FILE arch/c11.h
          FIND "atomic_store_explicit(busy, count, memory_order_release);"
          REPLACE "atomic_store_explicit(busy, count, memory_order_relaxed);"
          UNITS core/allocate.c core/heap.c
          OPTIONS --scenario two)
ex_mutant(gate-seized-first
          FILE arch/c11.h
          FIND "	if (!nh_port__gate_try(busy, &count))
		return false;
	/* acquire: of nh_port_gate_open */
	if (__builtin_expect(atomic_load_explicit(seized, memory_order_seq_cst) == NH_PORT_GATE_OPEN, 1))
		return true;"
          REPLACE "	uint32_t seen = atomic_load_explicit(seized, memory_order_seq_cst);
	if (!nh_port__gate_try(busy, &count))
		return false;
	if (__builtin_expect(seen == NH_PORT_GATE_OPEN, 1))
		return true;"
          UNITS core/allocate.c core/heap.c
          OPTIONS --scenario two)
ex_mutant(gate-not-tested
          FILE core/reclaim.c
          FIND "if (cache != NULL && !nh_port_gate_quiet(&cache->head.gate.busy, freeze->cursor))"
          REPLACE "if (cache != NULL && nh_port_gate_quiet(&cache->head.gate.busy, freeze->cursor) && freeze->cursor > NH_CPUS)"
          OPTIONS --scenario idle)
ex_mutant(gate-waited-for-under-lock
          FILE core/reclaim.c
          FIND "		if (cache != NULL && !nh_port_gate_quiet(&cache->head.gate.busy, freeze->cursor))
			return false;"
          REPLACE "		while (cache != NULL && !nh_port_gate_quiet(&cache->head.gate.busy, freeze->cursor))
			nh_port_relax(0);"
          OPTIONS --scenario idle)
# ---- depot and inbox ----------------------------------------------------------------------

ex_mutant(depot-put-relaxed
          FILE core/cache.c
          FIND "if (seen == 0 && nh_port_cas_release(&shared->depot[i], &seen, chain))"
          REPLACE "if (seen == 0 && atomic_compare_exchange_strong_explicit(&shared->depot[i], &seen, chain, memory_order_relaxed, memory_order_relaxed))"
          OPTIONS --scenario thaw --scenario depot --scenario exchange)
ex_mutant(depot-get-relaxed
          FILE core/cache.c
          FIND "nh_port_exchange_acquire(&shared->depot[i], 0)"
          REPLACE "atomic_exchange_explicit(&shared->depot[i], 0, memory_order_relaxed)"
          OPTIONS --scenario thaw --scenario depot --scenario exchange)
ex_mutant(depot-put-plain
          FILE core/cache.c
          FIND "if (seen == 0 && nh_port_cas_release(&shared->depot[i], &seen, chain))
			return true;"
          REPLACE "if (seen == 0) {
			nh__store_release(&shared->depot[i], chain);
			return true;
		}"
          OPTIONS --scenario depot-puts)
ex_mutant(inbox-push-relaxed
          FILE core/cache.c
          FIND "if (nh_port_cas_release(&shared->inbox, &seen, chain))"
          REPLACE "if (atomic_compare_exchange_strong_explicit(&shared->inbox, &seen, chain, memory_order_relaxed, memory_order_relaxed))"
          OPTIONS --scenario take --scenario inbox --scenario inbox3 --scenario push --scenario pushes --scenario mail)
ex_mutant(inbox-take-relaxed
          FILE core/cache.c
          FIND "return nh_port_exchange_acquire(&shared->inbox, 0);"
          REPLACE "return atomic_exchange_explicit(&shared->inbox, 0, memory_order_relaxed);"
          OPTIONS --scenario take --scenario inbox --scenario inbox3 --scenario push --scenario pushes --scenario mail)
ex_mutant(inbox-take-two-steps
          FILE core/cache.c
          FIND "	return nh_port_exchange_acquire(&shared->inbox, 0);"
          REPLACE "	chain = nh__load_acquire(&shared->inbox);
	nh__store_relaxed(&shared->inbox, 0);
	return chain;"
          OPTIONS --scenario take --scenario inbox --scenario inbox3 --scenario push --scenario pushes --scenario mail)
ex_mutant(inbox-close-relaxed
          FILE core/reclaim.c
          FIND "nh_port_exchange_acquire(&heap->shared[freeze->closed].inbox, NH__CLOSED)"
          REPLACE "atomic_exchange_explicit(&heap->shared[freeze->closed].inbox, NH__CLOSED, memory_order_relaxed)"
          OPTIONS --scenario take --scenario inbox --scenario inbox3 --scenario push --scenario pushes --scenario mail)
ex_mutant(inbox-not-closed
          FILE core/reclaim.c
          FIND "nh_port_exchange_acquire(&heap->shared[freeze->closed].inbox, NH__CLOSED)"
          REPLACE "nh_port_exchange_acquire(&heap->shared[freeze->closed].inbox, 0)"
          OPTIONS --scenario take --scenario inbox --scenario inbox3 --scenario push --scenario pushes --scenario mail)
ex_mutant(inbox-closed-before-quiet
          FILE core/reclaim.c
          FIND "	freeze->phase = NH_PORT_HEAVY ? NH__BARRIER : NH__QUIET;"
          REPLACE "	for (; freeze->rest == 0 && freeze->closed < NH_CLASSES; freeze->closed++)
		freeze->rest = nh_port_exchange_acquire(&heap->shared[freeze->closed].inbox, NH__CLOSED);
	freeze->phase = NH_PORT_HEAVY ? NH__BARRIER : NH__QUIET;"
          OPTIONS --scenario take --scenario inbox --scenario inbox3 --scenario push --scenario pushes --scenario mail)
ex_mutant(inbox-not-reopened
          FILE core/reclaim.c
          FIND "	while (freeze->closed > 0)
		nh__store_relaxed(&heap->shared[--freeze->closed].inbox, 0);"
          REPLACE "	freeze->closed = 0;"
          OPTIONS --scenario take --scenario inbox --scenario inbox3 --scenario push --scenario pushes --scenario mail)
ex_mutant(inbox-push-over-closed
          FILE core/cache.c
          FIND "if (NH__COUNT(seen) >= limit) /* closed counts most */"
          REPLACE "if (seen != NH__CLOSED && NH__COUNT(seen) >= limit)"
          OPTIONS --scenario take --scenario inbox --scenario inbox3 --scenario push --scenario pushes --scenario mail)

ex_mutant(rp2040-inbox-take-two-steps VARIANT rp2040
          FILE core/cache.c
          FIND "	return nh_port_exchange_acquire(&shared->inbox, 0);"
          REPLACE "	chain = nh__load_acquire(&shared->inbox);
	nh__store_relaxed(&shared->inbox, 0);
	return chain;"
          OPTIONS --scenario take --scenario inbox --scenario push --scenario mail)

# ---- the lock -----------------------------------------------------------------------------

ex_mutant(lock-acquire-relaxed
          FILE core/lock.h
          FIND "if (NH__UNLIKELY(!nh_port_cas_acquire(&lock->word, &word, self)))"
          REPLACE "if (NH__UNLIKELY(!atomic_compare_exchange_strong_explicit(&lock->word, &word, self, memory_order_relaxed, memory_order_relaxed)))"
          UNITS core/lock.c core/heap.c core/reclaim.c core/drain.c
          OPTIONS --scenario two)
ex_mutant(lock-queue-relaxed
          FILE core/lock.c
          FIND "		/* acquire: of the release in nh__lock_release_flat */
		uint32_t word = nh__load_acquire(&lock->word);"
          REPLACE "		uint32_t word = nh__load_relaxed(&lock->word);"
          OPTIONS --scenario two)
ex_mutant(lock-hand-over-relaxed
          FILE core/lock.h
          FIND "nh__store_release(&lock->word, next + 1u);"
          REPLACE "nh__store_relaxed(&lock->word, next + 1u);"
          UNITS core/lock.c core/heap.c core/reclaim.c core/drain.c
          OPTIONS --scenario two)
ex_mutant(lock-release-relaxed
          FILE core/lock.h
          FIND "nh__store_release(&lock->word, 0u);"
          REPLACE "nh__store_relaxed(&lock->word, 0u);"
          UNITS core/lock.c core/heap.c core/reclaim.c core/drain.c
          OPTIONS --scenario two)
ex_mutant(lock-want-stays
          FILE core/lock.c
          FIND "	nh__store_relaxed(&lock->want[id], 0u);
	count_wait"
          REPLACE "	count_wait"
          OPTIONS --scenario two)
ex_mutant(lock-free-not-taken
          FILE core/lock.c
          FIND "		if (word == 0) {
			if (nh_port_cas_acquire(&lock->word, &word, self))
				break;
			continue; /* lost the race or failed spuriously; the winner hands on */
		}"
          REPLACE ""
          OPTIONS --scenario two)

# ---- interrupts ---------------------------------------------------------------------------

ex_mutant(unmasked-take
          FILE core/heap.c
          FIND "	nh_port_irq irq = nh_port_irq_save();
	void *payload = take_first(heap, need, note);
	nh_port_irq_restore(irq);"
          REPLACE "	void *payload = take_first(heap, need, note);"
          OPTIONS --scenario tasks --scenario handler)
ex_mutant(unmasked-free
          FILE core/allocate.c
          FIND "	nh_port_irq irq = nh_port_irq_save();
	unsigned cpu = nh_port_cpu();
	struct nh__block_ref ref"
          REPLACE "	nh_port_irq irq = 0;
	unsigned cpu = nh_port_cpu();
	struct nh__block_ref ref"
          OPTIONS --scenario tasks --scenario handler)
ex_mutant(unmasked-malloc-hit
          FILE core/hit.h
          FIND "		return NH__SIZE;
	nh_port_irq_begin(irq);"
          REPLACE "		return NH__SIZE;
	nh_port_irq irq = 0;"
          UNITS core/allocate.c
          OPTIONS --scenario tasks --scenario handler)
ex_mutant(unmasked-free-hit
          FILE core/hit.h
          FIND "#if NH_CACHES && NH_HARDENING < NH_HARDENING_FULL
	nh_port_irq_begin(irq);"
          REPLACE "#if NH_CACHES && NH_HARDENING < NH_HARDENING_FULL
	nh_port_irq irq = 0;"
          UNITS core/allocate.c
          OPTIONS --scenario tasks --scenario handler)

# ---- reclaim ------------------------------------------------------------------------------

ex_mutant(freeze-reopened-at-once
          FILE core/reclaim.c
          FIND "	freeze->phase = NH__DONE;
	freeze->thaw = NH_THAW_FREES;"
          REPLACE "	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++)
		if (heap->cache[cpu] != NULL)
			nh_port_gate_open(&heap->cache[cpu]->head.gate.seized);
	freeze->phase = NH__DONE;
	freeze->thaw = NH_THAW_FREES;"
          OPTIONS --scenario left --scenario helpers --scenario two --scenario thaw)
ex_mutant(freeze-null-after-anothers
          FILE core/reclaim.c
          FIND "	if (join_->joined && join_->generation != freeze->generation)
		join_->joined = false; /* it thawed without this waiter */
	void *payload = take(heap, need, scan, outcome);
	if (*outcome != NOTHING)
		return payload;"
          REPLACE "	bool anothers = join_->joined && join_->generation != freeze->generation;
	void *payload = take(heap, need, scan, outcome);
	if (*outcome != NOTHING || anothers) {
		join_->joined &= !anothers;
		return payload;
	}"
          OPTIONS --scenario left)
ex_mutant(freeze-null-uncounted
          FILE core/reclaim.c
          FIND "(heap->freeze.complete && activity(heap, &inside) == heap->freeze.activity && !inside)"
          REPLACE "heap->freeze.complete"
          OPTIONS --scenario two --scenario classes --scenario thaw --scenario helpers --scenario idle --scenario depot)
ex_mutant(freeze-inside-ignored
          FILE core/reclaim.c
          FIND "activity(heap, &inside) == heap->freeze.activity && !inside)"
          REPLACE "activity(heap, &inside) == heap->freeze.activity)"
          OPTIONS --scenario heaps --scenario pushes)
ex_mutant(freeze-old-waiter-leaves
          FILE core/reclaim.c
          FIND "if (join->generation == freeze->generation && --freeze->waiters == 0)"
          REPLACE "if (--freeze->waiters == 0)"
          OPTIONS --scenario two --scenario classes --scenario thaw --scenario helpers --scenario idle --scenario depot)
ex_mutant(freeze-nobody-thaws
          FILE core/reclaim.c
          FIND "if (join->generation == freeze->generation && --freeze->waiters == 0)"
          REPLACE "if (join->generation == freeze->generation && --freeze->waiters == 1)"
          OPTIONS --scenario two --scenario classes --scenario thaw --scenario helpers --scenario idle --scenario depot)
ex_mutant(freeze-rest-forgotten
          FILE core/reclaim.c
          FIND "		freeze->rest = nh__drain(heap, freeze->rest);"
          REPLACE "		nh__drain(heap, freeze->rest);
		freeze->rest = 0;"
          OPTIONS --scenario long)
ex_mutant(freeze-rest-kept
          FILE core/reclaim.c
          FIND "	freeze->rest = 0;
	if (chain == 0)"
          REPLACE "	if (chain == 0)"
          OPTIONS --scenario long --scenario long-depot)
ex_mutant(freeze-rest-lost
          FILE core/reclaim.c
          FIND "	*magazine(heap, freeze->cursor - 1u) = chain;"
          REPLACE "	(void)chain;"
          OPTIONS --scenario long)
ex_mutant(freeze-rest-lost-depot
          FILE core/reclaim.c
          FIND "nh__store_relaxed(depot_slot(heap, freeze->cursor - 1u), chain)"
          REPLACE "(void)chain"
          OPTIONS --scenario long-depot)
ex_mutant(freeze-source-kept
          FILE core/reclaim.c
          FIND "	uint32_t word = *chain;
	*chain = 0;"
          REPLACE "	uint32_t word = *chain;"
          OPTIONS --scenario two --scenario classes --scenario thaw --scenario helpers --scenario idle --scenario depot)
ex_mutant(freeze-depot-forgotten
          FILE core/reclaim.c
          FIND "		return nh__load_relaxed(slot) == 0 ? 0 : nh_port_exchange_acquire(slot, 0);"
          REPLACE "		(void)slot;
		return 0;"
          OPTIONS --scenario two --scenario classes --scenario thaw --scenario helpers --scenario idle --scenario depot)
ex_mutant(freeze-prev-forgotten
          FILE core/drain.c
          FIND "	return heap->two ? &cache->prev[number - NH_CLASSES] : NULL;"
          REPLACE "	return NULL;"
          OPTIONS --scenario two --scenario classes --scenario thaw --scenario helpers --scenario idle --scenario depot)
ex_mutant(heap-by-heap
          FILE core/select.c
          FIND "for (bool stale = count > 1; payload == NULL && stale;) {"
          REPLACE "for (bool stale = false; payload == NULL && stale;) {"
          OPTIONS --scenario turns)

# ---- magazines ----------------------------------------------------------------------------

ex_mutant(rotate-outside-gate
          FILE core/heap.c
          FIND "	if (slot != NULL && (widen(heap, cache, cpu, klass, note) || rotate(heap, cache, klass))) {"
          REPLACE "	nh__gate_leave(&cache->head.gate, cpu);
	bool rotated = slot != NULL && rotate(heap, cache, klass);
	nh__bump(&cache->head.gate.busy, 1u);
	if (rotated) {"
          OPTIONS --scenario thaw)
ex_mutant(rotate-keeps-source
          FILE core/heap.c
          FIND "	uint32_t chain = cache->slot[klass].cur;
	cache->slot[klass].cur = 0;
	nh_port_in_order();
	cache->prev[klass] = chain;"
          REPLACE "	uint32_t chain = cache->slot[klass].cur;
	cache->prev[klass] = chain;
	cache->slot[klass].cur = 0;"
          OPTIONS --scenario killed-depot)
ex_mutant(take-keeps-source
          FILE core/heap.c
          FIND "		cache->prev[need->klass] = 0;
		nh_port_in_order();
		slot->cur = chain;"
          REPLACE "		slot->cur = chain;
		cache->prev[need->klass] = 0;"
          OPTIONS --scenario killed-depot)
ex_mutant(put-keeps-source
          FILE core/heap.c
          FIND "		cache->prev[klass] = 0;
		if (!nh__depot_put(&heap->shared[klass], full)) {
			cache->prev[klass] = full;
			return false;
		}"
          REPLACE "		if (!nh__depot_put(&heap->shared[klass], full))
			return false;
		cache->prev[klass] = 0;"
          OPTIONS --scenario killed-depot)

# ---- removals -----------------------------------------------------------------------------

ex_mutant(sweep-turn-ignored
          FILE core/sweep.c
          FIND "	if (sweep->turn == 0 || sweep->turn != sweep->heap->walk_turn) {"
          REPLACE "	if (sweep->turn == 0) {"
          OPTIONS --scenario remove-walks)
ex_mutant(sweep-live-ignored
          FILE core/sweep.c
          FIND "		sweep->tally.live++; /* quarantined ones too: somebody may be writing there */"
          REPLACE "		;"
          OPTIONS --scenario region-remove)
ex_mutant(sweep-cached-ignored
          FILE core/sweep.c
          FIND "		sweep->tally.cached++;"
          REPLACE ""
          OPTIONS --scenario region-remove)
ex_mutant(sweep-holds-nothing
          FILE core/sweep.c
          FIND "(!is_free(block) || !nh__tlsf_hold(tlsf, block))"
          REPLACE "!is_free(block)"
          OPTIONS --scenario region-remove)
ex_mutant(sweep-gives-nothing
          FILE core/sweep.c
          FIND "		if (held)
			nh__tlsf_give(tlsf, block);"
          REPLACE "		;"
          OPTIONS --scenario region-remove)
ex_mutant(remove-walk-stays
          FILE core/remove.c
          FIND "			nh__walks_end(heap);"
          REPLACE ""
          OPTIONS --scenario remove-walks)
ex_mutant(remove-caches-ignored
          FILE core/remove.c
          FIND "decide(instance, &removal, tally.live + tally.cached == 0);"
          REPLACE "decide(instance, &removal, tally.live == 0);"
          OPTIONS --scenario region-remove)
ex_mutant(remove-beside-addition
          FILE core/remove.c
          FIND "nh__heap_grows(instance, removal->heap->id)"
          REPLACE "false"
          OPTIONS --scenario extend-remove)
ex_mutant(remove-not-taken-back
          FILE core/remove.c
          FIND "	nh__sweep(instance, removal, NH__GIVE, note);"
          REPLACE ""
          OPTIONS --scenario region-remove)
ex_mutant(remove-not-ended
          FILE core/remove.c
          FIND "	instance->removal.heap = NULL;
	nh__admin_leave"
          REPLACE "	nh__admin_leave"
          OPTIONS --scenario region-remove)

# ---- recovery -----------------------------------------------------------------------------

ex_mutant(recover-torn-goes-on
          FILE core/recover.c
          FIND "			status = found == NH__TORN ? NH_ECORRUPT : NH_OK;
			if (found == NH__TORN) {"
          REPLACE "			status = NH_OK;
			if (found == NH__INSIDE) {"
          OPTIONS --scenario recover --scenario recover-trim)
ex_mutant(recover-freeze-kept
          FILE core/recover.c
          FIND "			nh__freeze_recover(heap, dead);"
          REPLACE ""
          OPTIONS --scenario recover-trim)
ex_mutant(recover-gate-busy
          FILE core/reclaim.c
          FIND "		nh_port_gate_recover(&heap->cache[dead]->head.gate.busy, dead);"
          REPLACE "		(void)dead;"
          OPTIONS --scenario recover)
ex_mutant(recover-frozen
          FILE core/reclaim.c
          FIND "	if (freeze->phase != NH__IDLE)
		thaw(heap);"
          REPLACE ""
          OPTIONS --scenario recover-trim)
ex_mutant(recover-removal-kept
          FILE core/recover.c
          FIND "			nh__removal_resume(instance, &removal, &note);"
          REPLACE "			;"
          OPTIONS --scenario recover-remove)
ex_mutant(recover-decided-before
          FILE core/remove.c
          FIND "		instance->removal.decided = false;"
          REPLACE ""
          OPTIONS --scenario recover-remove)
ex_mutant(recover-undecided
          FILE core/remove.c
          FIND "	instance->removal.decided = status == NH_OK;"
          REPLACE ""
          OPTIONS --scenario recover-removed --scenario recover-heap-removed)
ex_mutant(recover-entry-half-cleared
          FILE core/recover.c
          FIND "			nh__removal_settle(instance);"
          REPLACE "			;"
          OPTIONS --scenario recover-removed)
ex_mutant(recover-forgets-twice
          FILE core/remove.c
          FIND "		if (nh__tlsf_remove(&heap->tlsf, &entry->region)) {"
          REPLACE "		nh__tlsf_remove(&heap->tlsf, &entry->region);
		{"
          OPTIONS --scenario recover-removed)
ex_mutant(recover-number-kept
          FILE core/remove.c
          FIND "	forget_all(instance, removal, note);
	if (removal->region == NULL)
		heap_gone(instance, removal);"
          REPLACE "	forget_all(instance, removal, note);"
          OPTIONS --scenario recover-heap-removed)
ex_mutant(withdrawn-is-removed
          FILE core/remove.c
          FIND "	nh_status status = NH_ECORRUPT;
	nh_port_irq irq"
          REPLACE "	nh_status status = NH_OK;
	nh_port_irq irq"
          OPTIONS --scenario withdrawn)
ex_mutant(withdrawn-swept-on
          FILE core/sweep.c
          FIND "	if (tlsf->regions == NULL) { /* out of service */"
          REPLACE "	if (false) {"
          OPTIONS --scenario withdrawn)
ex_mutant(withdrawn-walked-on
          FILE core/recover.c
          FIND "				nh__walks_end(heap);"
          REPLACE ""
          OPTIONS --scenario withdrawn-walk)
ex_mutant(withdrawn-removal-dropped
          FILE core/recover.c
          FIND "		    !(completed && nh__concerned(removal, &instance->regions[i])))"
          REPLACE "		    true)"
          OPTIONS --scenario withdrawn --scenario withdrawn-heap)
ex_mutant(recover-misses-hidden
          FILE core/recover.c
          FIND "		heap = leaving;"
          REPLACE "		;"
          OPTIONS --scenario withdrawn-heap)
ex_mutant(withdrawn-reclaimed-from
          FILE core/reclaim.c VARIANT patience
          FIND "heap->shared == NULL || heap->tlsf.regions == NULL ||"
          REPLACE "heap->shared == NULL ||"
          OPTIONS --scenario stuck-gate)
ex_mutant(stuck-not-told
          FILE core/lock.c VARIANT patience
          FIND "	if (*polls == NH_PATIENCE)"
          REPLACE "	if (*polls == 0)"
          OPTIONS --scenario stuck-lock --scenario stuck-gate)
ex_mutant(extreme-walk-stays
          FILE core/sweep.c VARIANT extreme
          FIND "	heap->call_turn++;"
          REPLACE ""
          OPTIONS --scenario region-remove --scenario withdrawn-walk)
ex_mutant(salvage-beside-caches
          FILE core/recover.c
          FIND "	nh__reclaim(&join, NULL, &note);
	struct nh__tally tally"
          REPLACE "	struct nh__tally tally"
          OPTIONS --scenario recover-depot)
ex_mutant(salvage-gives-nothing
          FILE core/sweep.c
          FIND "		if (sweep->way == NH__SALVAGE)
			nh__tlsf_give(tlsf, block);"
          REPLACE ""
          OPTIONS --scenario recover-depot)
ex_mutant(recover-entry-kept
          FILE core/recover.c
          FIND "		if (!whole)
			nh__entry_clear(&instance->regions[i]);"
          REPLACE ""
          OPTIONS --scenario recover-add)
ex_mutant(recover-claim-kept
          FILE core/recover.c
          FIND "			nh__claim_set(instance, id, 0, 0);"
          REPLACE ""
          OPTIONS --scenario recover-heap-add)
ex_mutant(recover-takes-a-heap
          FILE core/recover.c
          FIND "whole && nh__heap_by_id(instance, (int)id) == NULL"
          REPLACE "whole"
          OPTIONS --scenario recover-heap-found)
ex_mutant(adding-noted-late
          FILE core/reserve.c
          FIND "	nh__store_relaxed(&instance->adding[index], (nh__adding)adding);
	nh_port_in_order();
	entry->region = (struct nh__region){.first = first, .end = end};"
          REPLACE "	entry->region = (struct nh__region){.first = first, .end = end};
	nh_port_in_order();
	nh__store_relaxed(&instance->adding[index], (nh__adding)adding);"
          OPTIONS --scenario recover-add)
ex_mutant(offline-chain-kept
          FILE core/drain.c
          FIND "			*chain = nh__drain(heap, *chain);"
          REPLACE "			nh__drain(heap, *chain);"
          OPTIONS --scenario offline)
ex_mutant(offline-unseen
          FILE core/recover.c
          FIND "	return left_inside(instance, cpu) ? NH_EBUSY : NH_OK;"
          REPLACE "	return left_inside(instance, 0) ? NH_EBUSY : NH_OK;"
          OPTIONS --scenario offline-mail)
ex_mutant(rp2040-recover-gate-claimed VARIANT rp2040
          FILE arch/rp2040/port_rp2040.h
          FIND "		NH_RP2040_SPINLOCK(NH_RP2040_GATE_LOCK + (cpu)) = 0; \\
"
          REPLACE ""
          UNITS core/recover.c OPTIONS --scenario recover)
ex_mutant(rp2040-recover-words-claimed VARIANT rp2040
          FILE arch/rp2040/port_rp2040.h
          FIND "		NH_RP2040_SPINLOCK(NH_RP2040_RMW_LOCK) = 0;       \\
"
          REPLACE ""
          UNITS core/recover.c OPTIONS --scenario recover-inbox)

# ---- publication --------------------------------------------------------------------------

ex_mutant(heap-published-relaxed
          FILE core/admit.c
          FIND "nh__store_release(&instance->heaps, (uint16_t)(nh__load_relaxed(&instance->heaps) | 1u << id));"
          REPLACE "nh__store_relaxed(&instance->heaps, (uint16_t)(nh__load_relaxed(&instance->heaps) | 1u << id));"
          OPTIONS --scenario heap-add --scenario heap-adds)
ex_mutant(heap-published-early
          FILE core/admit.c
          FIND "	nh__store_release(&instance->heap[id], heap);"
          REPLACE "	nh__store_release(&instance->heaps, (uint16_t)(nh__load_relaxed(&instance->heaps) | 1u << id));
	nh__store_release(&instance->heap[id], heap);"
          OPTIONS --scenario heap-add --scenario heap-adds)
ex_mutant(first-published-relaxed
          FILE core/instance.c
          FIND "nh__store_release(&instance->first[cpu], cache == NULL ? NH__NO_CACHE : &cache->head);"
          REPLACE "nh__store_relaxed(&instance->first[cpu], cache == NULL ? NH__NO_CACHE : &cache->head);"
          OPTIONS --scenario heap-adds)
# ---- blocks and TLSF ----------------------------------------------------------------------

ex_mutant(walk-ignores-merges
          FILE core/tlsf_links.h
          FIND "	if (tlsf->walk == block)
		tlsf->walk = nh__block_after(whole, span);"
          REPLACE "	(void)whole;
	(void)span;"
          UNITS core/tlsf.c OPTIONS --scenario merges --scenario validate)

ex_mutant(claim-two-steps VARIANT full
          FILE core/harden.c
          FIND "	bool ours = nh_port_claim(&block->owner, owner, NH__OWNER_BUSY);"
          REPLACE "	bool ours = nh__load_relaxed(&block->owner) == owner;
	nh__store_relaxed(&block->owner, NH__OWNER_BUSY);"
          OPTIONS --scenario double)

# ---- the RP2040's spinlocks ---------------------------------------------------------------

ex_mutant(rp2040-claim-unlocked VARIANT rp2040_full
          FILE arch/rp2040/port_rp2040.c
          FIND "	nh_port__rmw_claim();
	bool same"
          REPLACE "	bool same"
          OPTIONS --scenario double)

ex_mutant(rp2040-claim-without-patience VARIANT rp2040_patience
          FILE arch/rp2040/port_rp2040.c
          FIND "	nh_port__rmw_claim();
	bool same"
          REPLACE "	while (NH_RP2040_SPINLOCK(NH_RP2040_RMW_LOCK) == 0) {
	}
	nh_port__barrier();
	bool same"
          OPTIONS --scenario stuck-lock)
ex_mutant(rp2040-compare-read-unlocked VARIANT rp2040
          FILE arch/rp2040/port_rp2040.h
          FIND "	uint32_t wanted = *expected;
	nh_port__rmw_claim();
	uint32_t seen = atomic_load_explicit(word, memory_order_relaxed);"
          REPLACE "	uint32_t wanted = *expected;
	uint32_t seen = atomic_load_explicit(word, memory_order_relaxed);
	nh_port__rmw_claim();"
          UNITS core/cache.c core/lock.c core/heap.c OPTIONS --scenario two --scenario inbox --scenario depot-puts)
ex_mutant(rp2040-compare-writes-back VARIANT rp2040
          FILE arch/rp2040/port_rp2040.h
          FIND "	if (seen == wanted)
		atomic_store_explicit(word, desired, memory_order_relaxed);"
          REPLACE "	atomic_store_explicit(word, seen == wanted ? desired : seen, memory_order_relaxed);"
          UNITS core/cache.c core/lock.c core/heap.c OPTIONS --scenario two --scenario inbox --scenario take)
ex_mutant(rp2040-quiet-unseen VARIANT rp2040
          FILE arch/rp2040/port_rp2040.h
          FIND "	bool quiet = (NH_RP2040_SPINLOCK_ST >> (NH_RP2040_GATE_LOCK + cpu) & 1u) == 0;"
          REPLACE "	bool quiet = cpu < 2;"
          UNITS core/reclaim.c OPTIONS --scenario two)
ex_mutant(rp2040-seized-first VARIANT rp2040
          FILE arch/rp2040/port_rp2040.h
          FIND "	if (__builtin_expect(NH_RP2040_SPINLOCK(NH_RP2040_GATE_LOCK + cpu) == 0, 0))
		return false;
	nh_port__barrier();
	if (__builtin_expect(atomic_load_explicit(seized, memory_order_relaxed) == 0, 1))
		return true;"
          REPLACE "	uint32_t seen = atomic_load_explicit(seized, memory_order_relaxed);
	if (__builtin_expect(NH_RP2040_SPINLOCK(NH_RP2040_GATE_LOCK + cpu) == 0, 0))
		return false;
	nh_port__barrier();
	if (__builtin_expect(seen == 0, 1))
		return true;"
          UNITS core/heap.c OPTIONS --scenario two --scenario grow --scenario trim)
ex_mutant(rp2040-bounds-open VARIANT rp2040
          FILE core/heap.h
          FIND "	atomic_store_explicit(&head->open, 0u, memory_order_seq_cst);"
          REPLACE ""
          UNITS core/reclaim.c
          OPTIONS --scenario two)
ex_mutant(rp2040-limit-open VARIANT rp2040
          FILE core/heap.h
          FIND "	atomic_store_explicit(&head->limit, 0u, memory_order_seq_cst);"
          REPLACE ""
          UNITS core/reclaim.c
          OPTIONS --scenario two)

# A hit that began in a freeze must not end after the thaw with what it read in it.
ex_mutant(rp2040-bound-last VARIANT rp2040
          FILE core/cache.h
          FIND "	if (NH__UNLIKELY(link >= bound))"
          REPLACE "	if (NH__UNLIKELY(link >= nh__load_relaxed(&head->open)))"
          UNITS core/allocate.c OPTIONS --scenario two)

# The bound counts for what is read after it.
ex_mutant(rp2040-bound-after-chain VARIANT rp2040
          FILE core/cache.h
          FIND "	uint32_t chain = *word;
	if (NH__UNLIKELY(NH__EMPTY(chain)))"
          REPLACE "	uint32_t chain = *word;
	bound = nh_port_load_ordered(&head->open);
	if (NH__UNLIKELY(NH__EMPTY(chain)))"
          UNITS core/allocate.c OPTIONS --scenario again)

# ---- membarrier ---------------------------------------------------------------------------

ex_mutant(host-no-membarrier VARIANT host
          FILE core/reclaim.c
          FIND "	nh_port_heavy_fence();
	nh_port_irq irq"
          REPLACE "	nh_port_irq irq"
          OPTIONS --scenario two)
ex_mutant(host-leave-relaxed VARIANT host
          FILE arch/gate_pair.h
          FIND "atomic_store_explicit(busy, count + 1u, memory_order_release);"
          REPLACE "atomic_store_explicit(busy, count + 1u, memory_order_relaxed);"
          UNITS core/heap.c OPTIONS --scenario depot --scenario thaw --scenario inbox --scenario take)
ex_mutant(host-done-relaxed VARIANT host
          FILE arch/gate_pair.h
          FIND "atomic_store_explicit((busy), (key) + 2u, memory_order_release)"
          REPLACE "atomic_store_explicit((busy), (key) + 2u, memory_order_relaxed)"
          UNITS core/allocate.c OPTIONS --scenario two)
ex_mutant(host-seized-relaxed VARIANT host
          FILE arch/host/port_host.h
          FIND "atomic_load_explicit(seized, memory_order_acquire) == 0"
          REPLACE "atomic_load_explicit(seized, memory_order_relaxed) == 0"
          UNITS core/heap.c OPTIONS --scenario two)
ex_mutant(host-bound-relaxed VARIANT host
          FILE arch/host/port_host.h
          FIND "#define nh_port_load_ordered(word) atomic_load_explicit((word), memory_order_acquire)"
          REPLACE "#define nh_port_load_ordered(word) atomic_load_explicit((word), memory_order_relaxed)"
          UNITS core/allocate.c OPTIONS --scenario two)
ex_mutant(host-bounds-opened-relaxed VARIANT host
          FILE core/heap.h
          FIND "	nh__store_release(&head->limit, NH_PORT_GATE_OPEN == 0 ? heap->tlsf.primary : 0u);
	nh__store_release(&head->open, NH_PORT_GATE_OPEN == 0 ? nh__chain_bound(heap->reach) : 0u);"
          REPLACE "	nh__store_relaxed(&head->limit, NH_PORT_GATE_OPEN == 0 ? heap->tlsf.primary : 0u);
	nh__store_relaxed(&head->open, NH_PORT_GATE_OPEN == 0 ? nh__chain_bound(heap->reach) : 0u);"
          UNITS core/reclaim.c OPTIONS --scenario two)
ex_mutant(host-bounds-left-open VARIANT host
          FILE core/heap.h
          FIND "	atomic_store_explicit(&head->open, 0u, memory_order_seq_cst);"
          REPLACE ""
          UNITS core/reclaim.c
          OPTIONS --scenario two)
