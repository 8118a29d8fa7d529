/* SPDX-License-Identifier: MIT */
/*
 * Pointers from thread to thread: ConcurrencyKit's ring, whose headers are not C++. Waiting is a pause at first and
 * a yield later, since the other side may not be running.
 */
#ifndef BENCH_QUEUE_H
#define BENCH_QUEUE_H

#ifdef __cplusplus
extern "C" {
#endif

struct bench_queue;

/* Capacity: a power of two, less one. Ends the program if there is no memory. */
struct bench_queue *bench_queue_new(unsigned capacity);
void bench_queue_delete(struct bench_queue *queue);

/* One producer and one consumer. Both wait. */
void bench_queue_put(struct bench_queue *queue, void *pointer);
void *bench_queue_take(struct bench_queue *queue);

/* Any number of both. */
void bench_queue_put_shared(struct bench_queue *queue, void *pointer);
void *bench_queue_take_shared(struct bench_queue *queue);

#ifdef __cplusplus
}
#endif

#endif
