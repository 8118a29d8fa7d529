/* SPDX-License-Identifier: MIT */
/* Port to Linux hosts: slots of threads, fork, fences, and what the C library gives. */
#define _GNU_SOURCE
#include "arch/port.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

_Thread_local _Atomic uint8_t nh_host__in_hook;

/* ---- slots -------------------------------------------------------------------------------- */

#if NH_HOST_THREADS

_Thread_local unsigned nh_host__slot = NH_CPUS;

/* Set while this thread holds, or waits for, a heap lock. Read by a signal handler on top of it. */
static _Thread_local volatile sig_atomic_t lock_held;

/* Who has a slot: written under no lock, by the thread that takes or gives it. Taking acquires
 * what the thread before left in the slot's caches, giving back releases it. */
static atomic_bool slot_taken[NH_CPUS];

/* A slot that no thread owned lately may be full of blocks; that is the reclaim's business. */
static bool slot_take(unsigned slot)
{
	bool taken = false;
	/* acquire: of slot_give */
	return atomic_compare_exchange_strong_explicit(&slot_taken[slot], &taken, true, memory_order_acquire,
	                                               memory_order_relaxed);
}

static void slot_give(unsigned slot)
{
	/* release: to slot_take */
	atomic_store_explicit(&slot_taken[slot], false, memory_order_release);
}

static unsigned slot_take_any(void)
{
	for (unsigned slot = 0; slot < NH_CPUS; slot++)
		if (!atomic_load_explicit(&slot_taken[slot], memory_order_relaxed) && slot_take(slot))
			return slot;
	return NH_CPUS;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;
static bool exit_key_made;
static _Thread_local bool ended; /* its caches were drained; nobody would notice a second end */
static pthread_mutex_t outsiders = PTHREAD_MUTEX_INITIALIZER;

static void thread_exits(void *unused)
{
	(void)unused;
	ended = true;
	nh_host_detach();
}

#if NH_HOST_MUTEX
/* Ranks behind the outsiders' mutex and before every heap lock; see port_host.h. Whoever waits inside lets go of it: what
 * is waited for may be behind it. */
static pthread_mutex_t entrance = PTHREAD_MUTEX_INITIALIZER;
#define entrance_take() pthread_mutex_lock(&entrance)
#define entrance_leave() pthread_mutex_unlock(&entrance)
#define entrance_anew() pthread_mutex_init(&entrance, NULL)
#else
#define entrance_take() ((void)0)
#define entrance_leave() ((void)0)
#define entrance_anew() ((void)0)
#endif

/* The outsiders' mutex ranks before every heap lock. An outsider that forks takes it with the first of these. */
static void fork_prepare(void)
{
	if (nh_host__slot < NH_CPUS)
		pthread_mutex_lock(&outsiders);
	nh__fork_prepare();
}

static void fork_parent(void)
{
	nh__fork_parent();
	if (nh_host__slot < NH_CPUS)
		pthread_mutex_unlock(&outsiders);
}

/* Only the forking thread exists here. What the others had cached stays in their slots, for new
 * threads and reclaims; the slots are free. */
static void fork_child(void)
{
	nh__fork_child();
	pthread_mutex_init(&outsiders, NULL);
	entrance_anew();
	for (unsigned slot = 0; slot < NH_CPUS; slot++)
		if (slot != nh_host__slot)
			slot_give(slot);
}

static void set_up(void)
{
	exit_key_made = pthread_key_create(&exit_key, thread_exits) == 0;
	pthread_atfork(fork_prepare, fork_parent, fork_child);
}

/* pthread_setspecific may allocate: the slot is taken first, so that it may come back here. */
static void slot_own(unsigned slot)
{
	nh_host__slot = slot;
	pthread_once(&once, set_up);
	if (exit_key_made && slot < NH_CPUS)
		pthread_setspecific(exit_key, &slot_taken[slot]);
}

unsigned nh_port_attach(void)
{
	if (nh_host__slot == NH_CPUS && !lock_held && !ended) {
		unsigned slot = slot_take_any();
		if (slot < NH_CPUS)
			slot_own(slot);
	}
	return nh_host__slot;
}

nh_status nh_host_attach(int cpu)
{
	if (cpu >= NH_CPUS || cpu < -1)
		return NH_ENOENT;
	unsigned old = nh_host__slot;
	if (cpu == -1 && old < NH_CPUS)
		return NH_OK;
	if (cpu >= 0 && old == (unsigned)cpu)
		return NH_OK;
	unsigned slot = cpu < 0 ? slot_take_any() : slot_take((unsigned)cpu) ? (unsigned)cpu : NH_CPUS;
	if (slot == NH_CPUS)
		return cpu < 0 ? NH_ENOSPC : NH_EBUSY;
	slot_own(slot);
	if (old < NH_CPUS)
		slot_give(old);
	return NH_OK;
}

void nh_host_detach(void)
{
	unsigned slot = nh_host__slot;
	if (slot == NH_CPUS)
		return;
	nh__cpu_drain(slot);
	nh_host__slot = NH_CPUS;
	slot_give(slot);
	if (exit_key_made)
		pthread_setspecific(exit_key, NULL);
}

bool nh_port_lock_begin(void)
{
	if (lock_held)
		return false;
	lock_held = 1;
	atomic_signal_fence(memory_order_seq_cst);
	if (nh_host__slot == NH_CPUS)
		pthread_mutex_lock(&outsiders);
	entrance_take();
	return true;
}

void nh_port_lock_end(void)
{
	entrance_leave();
	if (nh_host__slot == NH_CPUS)
		pthread_mutex_unlock(&outsiders);
	atomic_signal_fence(memory_order_seq_cst);
	lock_held = 0;
}

#else /* one thread */

static volatile sig_atomic_t lock_held;

unsigned nh_port_attach(void)
{
	return 0;
}

nh_status nh_host_attach(int cpu)
{
	return cpu == 0 || cpu == -1 ? NH_OK : NH_ENOENT;
}

void nh_host_detach(void)
{
	/* the one thread keeps the one slot */
}

bool nh_port_lock_begin(void)
{
	if (lock_held)
		return false;
	lock_held = 1;
	atomic_signal_fence(memory_order_seq_cst);
	return true;
}

void nh_port_lock_end(void)
{
	atomic_signal_fence(memory_order_seq_cst);
	lock_held = 0;
}

#endif

unsigned nh_host_cpu(void)
{
	return nh_port_cpu();
}

/* ---- fences ------------------------------------------------------------------------------- */

uint32_t nh_host__gate_open;
static bool fences_chosen;

static int membarrier(int command)
{
	return (int)syscall(__NR_membarrier, command, 0u, 0);
}

__attribute__((constructor)) static void register_membarrier(void)
{
	if (membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) != 0)
		nh_host__gate_open = 2;
}

void nh_host_force_fences(void)
{
	fences_chosen = true;
	nh_host__gate_open = 2;
}

bool nh_host_membarrier(void)
{
	return nh_host__gate_open == 0 && !fences_chosen;
}

void nh_port_heavy_fence(void)
{
	if (nh_host__gate_open == 0)
		(void)membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

bool nh_host__gate_enter_fenced(_Atomic uint32_t *busy, _Atomic uint32_t *seized, uint32_t count)
{
	/* seq_cst pair with nh_port_gate_seize and nh_port_gate_quiet: of the two stores and the two
	 * loads that follow them, at least one load sees the other side's store. */
	atomic_store_explicit(busy, count + 1u, memory_order_seq_cst);
	if (atomic_load_explicit(seized, memory_order_seq_cst) != 1u)
		return true;
	/* release: nothing was touched, but a reader of this word must not see less than one of the last */
	atomic_store_explicit(busy, count, memory_order_release);
	return false;
}

/* ---- the rest ----------------------------------------------------------------------------- */

void nh_port_relax(uint32_t polls)
{
#if NH_HOST_MUTEX
	if (lock_held) {
		entrance_leave();
		sched_yield();
		entrance_take();
		return;
	}
#endif
	if (nh_port_relax_yields(polls))
		sched_yield();
}

uint32_t nh_port_entropy(void)
{
	uint32_t word;
	if (getrandom(&word, sizeof word, GRND_NONBLOCK) != (ssize_t)sizeof word)
		word = (uint32_t)((uintptr_t)&word >> 4) ^ (uint32_t)getpid() * UINT32_C(2654435761);
	return word;
}

void nh_port_fatal(const nh_fault *fault)
{
	fprintf(stderr, "nearheap: %s at %p (cpu %u)\n", nh_fault_string(fault->code), fault->address, fault->cpu);
	abort();
}

/* Where RAM is, and what of it is taken, the board knows. */
__attribute__((weak)) nh_status nh_port_region_check(const void *base, size_t size, uint32_t attributes)
{
	(void)base;
	(void)size;
	(void)attributes;
	return NH_OK;
}
