/* SPDX-License-Identifier: MIT */
/*
 * The script of the demo. Core 0 leads: it gives core 1 an order and, where the next step needs it,
 * waits for the answer.
 *
 *   greet -> calm -> pressure -> calm -> limit on core 0 -> limit on core 1 -> calm -> clear
 */
#include "workload.h"

#include "report.h"

#if NH_CPUS >= 2 && NH_CACHES && NH_STATS && NH_MAX_HEAPS >= 5

#define PERIODS_CALM 250u
#define PERIODS_PRESSURE 120u
#define FALLBACKS 40u

/* ---- orders to core 1 ------------------------------------------------------------------- */

enum verb {
	GREET = 1,    /* answer greetings, until the next order */
	WORK,         /* packets, until the next order */
	PRESSURE,     /* the same with a full local bank */
	RELEASE_HALF, /* of what was kept, and on with packets */
	RELEASE_ALL,
	REST,  /* from here: no packets. Sleep; caches stay as they are */
	STOCK, /* fill the caches */
	LIMIT, /* take all memory there is, and more */
	CLEAR, /* free everything */
};

#define VERBS 16u

static _Atomic uint32_t order;    /* verb + a multiple of VERBS; core 0 */
static _Atomic uint32_t answered; /* the last order that was carried out; core 1 */

static struct report_findings findings;
static struct {
	nh_status status;
	nh_report report;
} validity[DEMO_CORES];

static void send_order(enum verb verb)
{
	const uint32_t last = atomic_load_explicit(&order, memory_order_relaxed);
	/* release: to the acquire in core1_main, what the order is about */
	atomic_store_explicit(&order, last - last % VERBS + VERBS + (uint32_t)verb, memory_order_release);
	demo_wake();
}

static void await_answer(void)
{
	const uint32_t wanted = atomic_load_explicit(&order, memory_order_relaxed);
	/* acquire: of the release in core1_main */
	while (atomic_load_explicit(&answered, memory_order_acquire) != wanted)
		demo_wait();
}

static void tell(enum verb verb)
{
	send_order(verb);
	await_answer();
}

/* Only its own magazines are visible to a core, so both look. */
static void validate(unsigned core)
{
	if (validity[core].status == NH_OK)
		validity[core].status = nh_validate(-1, &validity[core].report);
}

/* ---- both cores ------------------------------------------------------------------------- */

/* All that plain requests can have; then what only the other core's caches can give. */
static void reach_limit(struct meter *me)
{
	hoard_everything(me);
	if (me->core == 0)
		report_draw(REPORT_BUSIEST);
	findings.reclaimed[me->core] += hoard_beyond(me);
	hoard_release(me, 4);
}

/* ---- core 1 ----------------------------------------------------------------------------- */

static void carry_out(struct meter *me, enum verb verb)
{
	switch (verb) {
	case PRESSURE:
		hoard_fill_local(me, FALLBACKS);
		break;
	case RELEASE_HALF:
		hoard_release(me, 2);
		break;
	case RELEASE_ALL:
		hoard_release(me, 4);
		break;
	case STOCK:
		hoard_stock_caches(me);
		break;
	case LIMIT:
		reach_limit(me);
		break;
	case CLEAR:
		work_clear(me);
		break;
	case GREET:
	case WORK:
	case REST:
		break;
	}
	if (verb >= REST)
		validate(me->core);
}

static bool do_work(struct meter *me, uint32_t verb)
{
	return verb == GREET ? work_greeted(me) : verb >= WORK && verb < REST && work_packets(me);
}

static void core1_main(void)
{
	struct meter *me = &meters[1][0];
	uint32_t current = 0;
	while (current % VERBS != CLEAR) {
		/* acquire: of the release in send_order */
		const uint32_t next = atomic_load_explicit(&order, memory_order_acquire);
		if (next != current) {
			carry_out(me, (enum verb)(next % VERBS));
			current = next;
			/* release: to the acquire in await_answer */
			atomic_store_explicit(&answered, current, memory_order_release);
			demo_wake();
		} else if (!do_work(me, current % VERBS)) {
			demo_wait();
		}
	}
}

/* ---- core 0 ----------------------------------------------------------------------------- */

static void handlers(bool on)
{
	/* release: to the acquire in demo_handler */
	atomic_store_explicit(&work_handlers_on, on, memory_order_release);
}

static void calm_begins(bool begins)
{
	atomic_store_explicit(&meter_calm, begins, memory_order_relaxed);
}

static void work_for(uint32_t periods)
{
	for (uint32_t i = 0; i < periods * demo_scale; i++)
		work_control(&meters[0][0]);
}

static void look_at_room(void)
{
	for (int bank = DEMO_LOCAL0; bank <= (int)DEMO_LOCAL1; bank++) {
		nh_heap_stats stats;
		if (nh_heap_stats_get(bank, &stats) != NH_OK || stats.taken > stats.size / 4u * 3u)
			findings.calm_had_room = false;
	}
}

static void greet(void)
{
	tell(GREET);
	work_greet(&meters[0][0]);
	tell(REST);
}

static void calm(uint32_t periods)
{
	handlers(true);
	calm_begins(true);
	tell(WORK);
	work_for(periods);
	look_at_room();
	tell(REST);
	calm_begins(false);
	validate(0);
}

/* Local banks are full: plain requests go to shared memory, and come back when there is room. */
static void pressure(void)
{
	struct meter *me = &meters[0][0];
	send_order(PRESSURE);
	hoard_fill_local(me, FALLBACKS);
	await_answer();
	work_for(PERIODS_PRESSURE);
	send_order(RELEASE_HALF);
	hoard_release(me, 2);
	await_answer();
	work_for(PERIODS_PRESSURE);
	send_order(RELEASE_ALL);
	hoard_release(me, 4);
	await_answer();
	tell(REST);
	validate(0);
}

/* One core sleeps with full caches, the other needs what is in them. Handlers rest: nobody else
 * touches the heap, so that every NULL can be judged. */
static void limit(void)
{
	struct meter *me = &meters[0][0];
	handlers(false);
	tell(STOCK);
	reach_limit(me);
	validate(0);
	hoard_stock_caches(me);
	tell(LIMIT);
	validate(0);
}

static void clear(void)
{
	handlers(false);
	tell(CLEAR);
	work_clear(&meters[0][0]);
	nh_trim(-1);
	validate(0);
	report_draw(REPORT_END);
	for (unsigned core = DEMO_CORES; core-- != 0;) {
		if (validity[core].status != NH_OK) {
			findings.validity = validity[core].status;
			findings.damage = validity[core].report;
		}
	}
}

/* ---- heaps ------------------------------------------------------------------------------ */

/* The scratch banks are small: only who names their attribute gets them. */
static nh_status heaps_begin(void)
{
	nh_heap_config heaps[DEMO_BANKS] = {
		[DEMO_LOCAL0] = { .name = "local0", .affinity = NH_CPU(0) },
		[DEMO_LOCAL1] = { .name = "local1", .affinity = NH_CPU(1) },
		[DEMO_SHARED] = { .name = "shared", .attributes = NH_ATTR_DMA },
		[DEMO_SCRATCH_Y] = { .name = "scratch_y", .affinity = NH_CPU(0) },
		[DEMO_SCRATCH_X] = { .name = "scratch_x", .affinity = NH_CPU(1) },
	};
	for (unsigned bank = 0; bank < DEMO_BANKS; bank++) {
		demo_bank_memory((enum demo_bank)bank, &heaps[bank].base, &heaps[bank].size);
		if (bank >= DEMO_SCRATCH_Y) {
			heaps[bank].attributes = NH_ATTR_FAST;
			heaps[bank].flags = NH_HEAP_NOT_DEFAULT;
		}
	}
	return nh_init(heaps, DEMO_BANKS, NULL);
}

bool demo_run(uint32_t seed)
{
	const nh_status status = heaps_begin();
	if (status != NH_OK) {
		demo_print("nh_init: %s\ndemo: FAILED\n", nh_status_string(status));
		return false;
	}
	findings.calm_had_room = true;
	meter_begin(seed);
	demo_start_core1(core1_main);

	greet();
	calm(PERIODS_CALM);
	pressure();
	calm(PERIODS_CALM);
	limit();
	calm(PERIODS_CALM);
	clear();

	const bool ok = report_print(&findings);
	demo_print("demo: %s\n", ok ? "ok" : "FAILED");
	return ok;
}

#else

bool demo_run(uint32_t seed)
{
	(void)seed;
	demo_print("demo: needs two CPUs, five heaps, caches and statistics\n");
	return false;
}

#endif
