/* SPDX-License-Identifier: MIT */
/*
 * The heap through newlib's functions, on both cores. newlib has one struct _reent for functions
 * without the _r, so core 1 brings its own.
 */
#include <malloc.h>
#include <reent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pico/multicore.h>

#include <nearheap/nearheap.h>

#include "app.h"

#define SLOTS 12u

struct worker {
	struct _reent *reent;
	uint32_t random;
	unsigned char *block[SLOTS];
	size_t size[SLOTS];
};

static uint32_t next(struct worker *me)
{
	return me->random = me->random * 1664525u + 1013904223u;
}

static void check_and_free(struct worker *me, unsigned slot)
{
	for (size_t i = 0; i < me->size[slot]; i++)
		CHECK(me->block[slot][i] == (unsigned char)(me->size[slot] + i));
	free(me->block[slot]);
	me->block[slot] = NULL;
}

static void paint(struct worker *me, unsigned slot, size_t size)
{
	me->size[slot] = size;
	for (size_t i = 0; i < size; i++)
		me->block[slot][i] = (unsigned char)(size + i);
}

/* One block: made, resized or freed. */
static void churn(struct worker *me)
{
	uint32_t dice = next(me) >> 8;
	unsigned slot = dice % SLOTS;
	size_t size = 1 + (dice >> 4) % 200;
	if (me->block[slot] != NULL) {
		check_and_free(me, slot);
		return;
	}
	if ((dice & 0x10000) != 0) {
		me->block[slot] = _calloc_r(me->reent, 1, size);
		CHECK(me->block[slot] != NULL && me->block[slot][size - 1] == 0);
	} else {
		me->block[slot] = malloc(1);
		me->block[slot] = realloc(me->block[slot], size);
		CHECK(me->block[slot] != NULL);
	}
	paint(me, slot, size);
}

/* Text that newlib allocates with its own calls, double precision included. */
static void text(struct worker *me, unsigned round)
{
	char expected[24];
	char *made = NULL, *copy;
	/* 1.25 * round in two digits, by whole numbers */
	_snprintf_r(me->reent, expected, sizeof expected, "%u: %u.%02u", round, round * 125 / 100,
	            round * 125 % 100);
	CHECK(_asprintf_r(me->reent, &made, "%u: %.2f", round, 1.25 * round) > 0);
	CHECK(nh_heap_of(made) >= 0 && strcmp(made, expected) == 0);
	copy = _strdup_r(me->reent, made);
	CHECK(copy != NULL && copy != made && strcmp(copy, expected) == 0);
	free(made);
	free(copy);
}

/* Each core frees what the other allocated. */
static void exchange(void)
{
	uint32_t *mine = memalign(64, 80);
	CHECK(mine != NULL && (uintptr_t)mine % 64 == 0);
	mine[0] = get_core_num();
	multicore_fifo_push_blocking((uint32_t)(uintptr_t)mine);
	uint32_t *theirs = (uint32_t *)multicore_fifo_pop_blocking();
	CHECK(theirs[0] == 1 - get_core_num());
	free(theirs);
}

void work(unsigned rounds)
{
	static struct _reent own;
	struct worker me = { .reent = _REENT, .random = get_core_num() + 1 };
	if (get_core_num() == 1) {
		_REENT_INIT_PTR(&own);
		me.reent = &own;
	}
	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < 8; i++)
			churn(&me);
		if (round % 8 == 0)
			text(&me, round);
		exchange();
	}
	for (unsigned slot = 0; slot < SLOTS; slot++)
		if (me.block[slot] != NULL)
			check_and_free(&me, slot);
	if (me.reent == &own)
		_reclaim_reent(&own);
}

void work_files(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);
	CHECK(file != NULL);
	for (int i = 0; i < 40; i++)
		CHECK(fprintf(file, "line %d\n", i) > 0);
	CHECK(fclose(file) == 0);
	CHECK(size == strlen(text) && nh_heap_of(text) >= 0);

	char *line = NULL;
	size_t room = 0;
	unsigned lines = 0;
	file = fmemopen(text, size, "r");
	CHECK(file != NULL);
	while (__getline(&line, &room, file) > 0)
		lines++;
	CHECK(lines == 40 && nh_heap_of(line) >= 0);
	CHECK(fclose(file) == 0);
	free(line);
	free(text);
}
