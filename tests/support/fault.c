/* SPDX-License-Identifier: MIT */
#include "fault.h"

#include <pthread.h>

#include "env.h"

/* Any thread may report; a mutex keeps the record whole. Handlers of signals must not get here:
 * programs with such handlers set hooks of their own. */
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static nh_fault kept[NHT_FAULTS_KEPT];
static unsigned count;
static unsigned by_code[NH_FAULT_CORRUPT + 1];

static void record(const nh_fault *fault)
{
	pthread_mutex_lock(&guard);
	if (count < NHT_FAULTS_KEPT)
		kept[count] = *fault;
	count++;
	if ((unsigned)fault->code <= (unsigned)NH_FAULT_CORRUPT)
		by_code[fault->code]++;
	pthread_mutex_unlock(&guard);
}

static void refuse(const nh_fault *fault)
{
	nht_fail(__FILE__, __LINE__, "no fault", "fault %d (%s) at %p on CPU %u", (int)fault->code,
	         nh_fault_string(fault->code), (void *)(uintptr_t)fault->address, fault->cpu);
}

void nht_fault_clear(void)
{
	pthread_mutex_lock(&guard);
	count = 0;
	for (unsigned i = 0; i <= (unsigned)NH_FAULT_CORRUPT; i++)
		by_code[i] = 0;
	pthread_mutex_unlock(&guard);
}

void nht_fault_catch(void)
{
	nht_fault_clear();
	nh_fatal_hook_set(record);
}

void nht_fault_forbid(void)
{
	nh_fatal_hook_set(refuse);
}

unsigned nht_fault_release(void)
{
	nh_fatal_hook_set(NULL);
	return nht_fault_count();
}

unsigned nht_fault_count(void)
{
	pthread_mutex_lock(&guard);
	unsigned result = count;
	pthread_mutex_unlock(&guard);
	return result;
}

unsigned nht_fault_count_of(nh_fault_code code)
{
	pthread_mutex_lock(&guard);
	unsigned result = by_code[code];
	pthread_mutex_unlock(&guard);
	return result;
}

nh_fault nht_fault_get(unsigned index)
{
	nh_fault result = {NH_FAULT_NONE, NULL, 0};
	pthread_mutex_lock(&guard);
	if (index < count && index < NHT_FAULTS_KEPT)
		result = kept[index];
	pthread_mutex_unlock(&guard);
	return result;
}
