/* SPDX-License-Identifier: MIT */
/* The list of listeners: appended to, removed from and walked under one guard. */
#include <zephyr/sys/heap_listener.h>

#include "core/compat/zephyr/guard.h"

static nh_zephyr_guard guard;
static sys_snode_t *first;       /* guard */
static _Atomic uint32_t present; /* written under the guard: without listeners nobody takes it */

/* The link that leads to `node`, or the last one. */
static sys_snode_t **link_to(const sys_snode_t *node)
{
	sys_snode_t **link = &first;
	while (*link != NULL && *link != node)
		link = &(*link)->next;
	return link;
}

static void note_presence(void)
{
	atomic_store_explicit(&present, first != NULL, memory_order_relaxed);
}

void heap_listener_register(struct heap_listener *listener)
{
	nh_port_irq irq = nh_zephyr_enter(&guard);
	sys_snode_t **link = link_to(&listener->node);
	if (*link == NULL) {
		listener->node.next = NULL;
		*link = &listener->node;
	}
	note_presence();
	nh_zephyr_leave(&guard, irq);
}

void heap_listener_unregister(struct heap_listener *listener)
{
	nh_port_irq irq = nh_zephyr_enter(&guard);
	sys_snode_t **link = link_to(&listener->node);
	if (*link != NULL)
		*link = listener->node.next;
	note_presence();
	nh_zephyr_leave(&guard, irq);
}

struct news {
	enum heap_event_types event;
	uintptr_t heap_id;
	void *address; /* resize: the old end */
	void *new_end;
	size_t bytes;
};

static void tell(const struct heap_listener *listener, const struct news *news)
{
	if (news->event == HEAP_ALLOC && listener->alloc_cb != NULL)
		listener->alloc_cb(news->heap_id, news->address, news->bytes);
	else if (news->event == HEAP_FREE && listener->free_cb != NULL)
		listener->free_cb(news->heap_id, news->address, news->bytes);
	else if (news->event == HEAP_RESIZE && listener->resize_cb != NULL)
		listener->resize_cb(news->heap_id, news->address, news->new_end);
}

static void notify(const struct news *news)
{
	if (atomic_load_explicit(&present, memory_order_relaxed) == 0)
		return;
	nh_port_irq irq = nh_zephyr_enter(&guard);
	for (const sys_snode_t *node = first; node != NULL; node = node->next) {
		/* the node is the first member */
		const struct heap_listener *listener = (const struct heap_listener *)(const void *)node;
		if (listener->heap_id == news->heap_id && listener->event == news->event)
			tell(listener, news);
	}
	nh_zephyr_leave(&guard, irq);
}

void heap_listener_notify_alloc(uintptr_t heap_id, void *mem, size_t bytes)
{
	struct news news = {HEAP_ALLOC, heap_id, mem, NULL, bytes};
	notify(&news);
}

void heap_listener_notify_free(uintptr_t heap_id, void *mem, size_t bytes)
{
	struct news news = {HEAP_FREE, heap_id, mem, NULL, bytes};
	notify(&news);
}

void heap_listener_notify_resize(uintptr_t heap_id, void *old_heap_end, void *new_heap_end)
{
	struct news news = {HEAP_RESIZE, heap_id, old_heap_end, new_heap_end, 0};
	notify(&news);
}
