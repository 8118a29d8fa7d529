/* SPDX-License-Identifier: MIT */
/* CPUs, threads and processes that come and go. */
#ifndef NH_CORE_LIFECYCLE_H
#define NH_CORE_LIFECYCLE_H

#include "core/instance.h"

/* Instances that threads which end, and forks, must reach. Nothing on ports without outsiders. */
void nh__instance_register(nh_instance *instance);
void nh__instance_unregister(nh_instance *instance);

/* As never used: no heaps, every CPU's first cache the empty one. */
void nh__instance_clear(nh_instance *instance);

/* Each CPU's first cache, after a change. Admin lock held, or nobody else there. */
void nh__first_update(nh_instance *instance);

/* Ends a removal whose CPU died: forward if it was decided, else everything is as before. */
void nh__removal_resume(nh_instance *instance, const struct nh__removal *removal, struct nh__note *note);

/* Admin lock held. What this hold has begun of a removal's end, or one that a CPU died in; twice is as good as once. */
void nh__removal_settle(nh_instance *instance);

nh_status nh__default_init(const nh_heap_config *heaps, unsigned count, unsigned *failed);

#endif
