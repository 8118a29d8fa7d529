/* SPDX-License-Identifier: MIT */
#include "bench/host/queue.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"
#include <ck_ring.h>
#pragma GCC diagnostic pop

#define POLLS 256u

struct bench_queue {
	ck_ring_t ring;
	ck_ring_buffer_t slots[];
};

struct bench_queue *bench_queue_new(unsigned capacity)
{
	size_t bytes = sizeof(struct bench_queue) + (capacity + 1u) * sizeof(ck_ring_buffer_t);
	struct bench_queue *queue = aligned_alloc(64, (bytes + 63u) & ~(size_t)63u);
	if (queue == NULL) {
		fprintf(stderr, "bench_host: no memory for a queue\n");
		exit(1);
	}
	ck_ring_init(&queue->ring, capacity + 1u);
	return queue;
}

void bench_queue_delete(struct bench_queue *queue)
{
	free(queue);
}

static void wait(unsigned *polls)
{
	if (++*polls < POLLS)
		ck_pr_stall();
	else
		sched_yield();
}

void bench_queue_put(struct bench_queue *queue, void *pointer)
{
	unsigned polls = 0;
	while (!ck_ring_enqueue_spsc(&queue->ring, queue->slots, pointer))
		wait(&polls);
}

void *bench_queue_take(struct bench_queue *queue)
{
	unsigned polls = 0;
	void *pointer;
	while (!ck_ring_dequeue_spsc(&queue->ring, queue->slots, &pointer))
		wait(&polls);
	return pointer;
}

void bench_queue_put_shared(struct bench_queue *queue, void *pointer)
{
	unsigned polls = 0;
	while (!ck_ring_enqueue_mpmc(&queue->ring, queue->slots, pointer))
		wait(&polls);
}

void *bench_queue_take_shared(struct bench_queue *queue)
{
	unsigned polls = 0;
	void *pointer;
	while (!ck_ring_dequeue_mpmc(&queue->ring, queue->slots, &pointer))
		wait(&polls);
	return pointer;
}
