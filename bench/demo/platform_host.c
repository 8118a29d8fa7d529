/* SPDX-License-Identifier: MIT */
/*
 * The demo on Linux. Two threads play the cores; signals, sent at random times by a third, play
 * their interrupts: handlers run on top of whatever the thread is doing, the heap included.
 */
#define _GNU_SOURCE
#include "platform.h"

#include <errno.h>
#include <nearheap/host.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pattern.h"

/* Headers, pointers and the least block are twice those of the microcontroller, so are the banks. */
#define LOCAL_BYTES (96u * 1024u)
#define SHARED_BYTES (320u * 1024u)
#define SCRATCH_BYTES (8u * 1024u)
#define INTERRUPT_MEAN_US 60u

const char demo_time_unit[] = "ns of a call";
const uint32_t demo_scale = 20;
const bool demo_irq_off_measured = false;

static _Alignas(64) unsigned char local_bank[DEMO_CORES][LOCAL_BYTES];
static _Alignas(64) unsigned char shared_bank[SHARED_BYTES];
static _Alignas(64) unsigned char scratch_bank[DEMO_CORES][SCRATCH_BYTES];

static _Thread_local unsigned this_core;
static _Thread_local volatile uint32_t stolen;

static pthread_t threads[DEMO_CORES];
static pthread_t timer;
static atomic_bool stop_timer, stop_core1;
static uint32_t timer_seed;
static void (*core1_function)(void);

void demo_bank_memory(enum demo_bank bank, void **base, size_t *size)
{
	switch (bank) {
	case DEMO_LOCAL0:
	case DEMO_LOCAL1:
		*base = local_bank[bank - DEMO_LOCAL0];
		*size = LOCAL_BYTES;
		break;
	case DEMO_SCRATCH_Y:
	case DEMO_SCRATCH_X:
		*base = scratch_bank[bank - DEMO_SCRATCH_Y];
		*size = SCRATCH_BYTES;
		break;
	default:
		*base = shared_bank;
		*size = SHARED_BYTES;
		break;
	}
}

uint32_t demo_time(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint32_t)now.tv_sec * UINT32_C(1000000000) + (uint32_t)now.tv_nsec;
}

uint32_t demo_time_since(uint32_t start)
{
	return demo_time() - start;
}

uint32_t demo_time_stolen(void)
{
	return stolen;
}

void demo_wait(void)
{
	sched_yield();
}

void demo_wake(void)
{
}

void demo_pend(unsigned source)
{
	raise(source == 0 ? SIGUSR1 : SIGUSR2);
}

/* Entry and exit of a signal cost more than its handler; that part stays in the call's time. */
static void on_signal(int number)
{
	const int saved = errno;
	const uint32_t start = demo_time();
	demo_handler(this_core, number == SIGUSR1 ? 0u : 1u);
	stolen += demo_time_since(start);
	errno = saved;
}

static void *timer_thread(void *unused)
{
	uint32_t random = demo_random_start(timer_seed, 9);
	(void)unused;
	while (!atomic_load_explicit(&stop_timer, memory_order_acquire)) {
		usleep(demo_between(&random, 1, 2u * INTERRUPT_MEAN_US));
		const uint32_t coin = demo_random(&random) >> 8;
		pthread_kill(threads[coin & 1u], coin & 2u ? SIGUSR1 : SIGUSR2);
	}
	return NULL;
}

/* Stays until the timer thread is gone, which sends it signals. */
static void *core1_thread(void *unused)
{
	(void)unused;
	this_core = 1;
	if (nh_host_attach(1) != NH_OK)
		abort();
	core1_function();
	while (!atomic_load_explicit(&stop_core1, memory_order_acquire))
		sched_yield();
	return NULL;
}

void demo_start_core1(void (*fn)(void))
{
	core1_function = fn;
	threads[0] = pthread_self();
	if (pthread_create(&threads[1], NULL, core1_thread, NULL) != 0 ||
	    pthread_create(&timer, NULL, timer_thread, NULL) != 0)
		abort();
}

static void install_handlers(void)
{
	struct sigaction action;
	memset(&action, 0, sizeof action);
	action.sa_handler = on_signal;
	action.sa_flags = SA_RESTART;
	sigaddset(&action.sa_mask, SIGUSR1);
	sigaddset(&action.sa_mask, SIGUSR2);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
}

static bool parse_seed(int count, char **words, uint32_t *seed)
{
	if (count == 1) {
		*seed = demo_time() % 1000000u;
		return true;
	}
	char *end;
	errno = 0;
	if (count != 3 || strcmp(words[1], "--seed") != 0 || words[2][0] == '\0')
		return false;
	const unsigned long value = strtoul(words[2], &end, 10);
	*seed = (uint32_t)value;
	return errno == 0 && *end == '\0' && value <= UINT32_MAX;
}

int main(int count, char **words)
{
	uint32_t seed;
	if (!parse_seed(count, words, &seed)) {
		fprintf(stderr, "usage: %s [--seed N]\n", words[0]);
		return 2;
	}
	timer_seed = seed;
	install_handlers();
	if (nh_host_attach(0) != NH_OK)
		return 1;
	printf("nearheap %s, two threads, seed %u; again: ./run demo host --seed %u\n", nh_version(),
	       (unsigned)seed, (unsigned)seed);
	const bool ok = demo_run(seed);
	fflush(stdout);
	atomic_store_explicit(&stop_timer, true, memory_order_release);
	pthread_join(timer, NULL);
	atomic_store_explicit(&stop_core1, true, memory_order_release);
	pthread_join(threads[1], NULL);
	return ok ? 0 : 1;
}
