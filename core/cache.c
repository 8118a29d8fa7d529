/* SPDX-License-Identifier: MIT */
/* Classes, depot and inbox: see core/cache.h. */
#include "core/cache.h"

#if NH_CACHES

/* Odd, and seized: every form of the gate refuses, and none writes to it. Where the hits look at bounds instead, nothing
 * lies below these, and its slots are empty. */
const struct nh__cache nh__no_cache = {
	.head.gate = {
		.busy = 1,
#if NH__GATE
		.seized = 1,
#endif
	},
};

/* ---- classes ------------------------------------------------------------------------------ */

uint32_t nh__class_span(unsigned klass)
{
	if (klass < NH_CLASS_EXACT)
		return NH_SPAN_MIN + klass;
	unsigned above = klass - NH_CLASS_EXACT;
	return (9u + above % 8u) << (above / 8u + 1u);
}

unsigned nh__class_below(uint32_t span)
{
	unsigned klass = span - NH_SPAN_MIN;
	if (klass >= NH_CLASS_EXACT) {
		unsigned log = nh_port_log2(span); /* 4 or more where there are doublings */
		klass = NH_CLASS_DOUBLINGS ? (log - 4u) * 8u + (span >> (log - 3u)) - 9u + NH_CLASS_EXACT
		                           : NH_CLASS_EXACT - 1u;
		if (klass >= NH_CLASSES)
			klass = NH_CLASSES - 1u;
	}
	return span - nh__class_span(klass) < NH_SPAN_MIN ? klass : NH__NO_CLASS;
}

void nh__class_table(_Atomic uint8_t *table)
{
	unsigned klass = 0;
	for (size_t index = 0; index < NH__CLASS_TABLE; index++) {
		size_t largest = (index + 1u) << NH__CLASS_STEP;
		while (NH_USABLE(nh__class_span(klass)) < largest)
			klass++;
		nh__store_relaxed(&table[index], NH__CODE(klass));
	}
}

/* ---- depot -------------------------------------------------------------------------------- */

#if NH__DEPOT

bool nh__depot_put(struct nh__shared *shared, uint32_t chain)
{
	for (unsigned i = 0; i < NH_DEPOT_SLOTS; i++) {
		uint32_t seen = nh__load_relaxed(&shared->depot[i]);
		/* release: to the exchange in nh__depot_get and in a reclaim */
		if (seen == 0 && nh_port_cas_release(&shared->depot[i], &seen, chain))
			return true;
	}
	return false;
}

uint32_t nh__depot_get(struct nh__shared *shared)
{
	for (unsigned i = 0; i < NH_DEPOT_SLOTS; i++) {
		if (nh__load_relaxed(&shared->depot[i]) == 0)
			continue;
		/* acquire: of the CAS in nh__depot_put */
		uint32_t chain = nh_port_exchange_acquire(&shared->depot[i], 0);
		if (chain != 0)
			return chain;
	}
	return 0;
}

/* ---- inbox -------------------------------------------------------------------------------- */

uint32_t nh__inbox_take(struct nh__shared *shared)
{
	uint32_t chain = nh__load_relaxed(&shared->inbox);
	if (chain == 0 || chain == NH__CLOSED)
		return 0;
	/* acquire: of the CAS in nh__inbox_push. It cannot have been closed meanwhile: that takes a
	 * reclaimer that found this gate quiet. */
	return nh_port_exchange_acquire(&shared->inbox, 0);
}

bool nh__inbox_push(struct nh__shared *shared, uint32_t secret, struct nh__block *block, uint32_t offset)
{
	uint32_t limit = nh__load_relaxed(&shared->inbox_limit);
	uint32_t seen = nh__load_relaxed(&shared->inbox);
	for (unsigned tries = 0; tries < NH_INBOX_TRIES; tries++) {
		if (NH__COUNT(seen) >= limit) /* closed counts most */
			return false;
		uint32_t chain = nh__chain_link(secret, seen, NH__COUNT(seen), block, offset);
		/* release: to the exchange in nh__inbox_take and in a reclaim */
		if (nh_port_cas_release(&shared->inbox, &seen, chain))
			return true;
	}
	return false;
}

#endif /* NH__DEPOT */

#endif /* NH_CACHES */
