/* twin_batch: what stays of many observations, beside a plain array of keys. */
#include "twin_batch.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define S(lit) DL_SPAN(lit)
#define NKEYS 120000 /* so many that they are staged */
#define NOBS 250000
#define METRICS 3

static uint64_t state = 88172645463325252u;

static uint32_t
below(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 33) % n;
}

/* What there is of a key: the greatest of its observations, by a number. */
struct key {
	bool there;
	uint32_t second, id, value;
};

struct model {
	struct dl_twin_batch batch;
	struct key *keys; /* component, then metric */
	uint64_t nmetrics;
};

static void
setup(struct model *m, bool keep_losers)
{
	dl_twin_batch_init(&m->batch);
	m->batch.keep_losers = keep_losers;
	m->keys = dl_calloc((size_t)NKEYS * METRICS, sizeof(*m->keys));
	m->nmetrics = 0;
}

static void
teardown(struct model *m)
{
	dl_twin_batch_release(&m->batch);
	free(m->keys);
}

static bool
less(const struct key *a, const struct key *b)
{
	if (a->second != b->second)
		return a->second < b->second;
	return a->id != b->id ? a->id < b->id : a->value < b->value;
}

/* Values and ids have lengths of their own; the order of both is a number's. */
static void
add(struct model *m, uint32_t component, uint32_t n)
{
	char id[80], name[32], metric[16], value[80];
	struct key new = {true, below(4), below(3), 0};
	struct dl_twin_obs o = {.time = {new.second, 0, 0},
	    .source = S("source"),
	    .id = dl_span(id, (size_t)snprintf(id, sizeof(id), "%c%0*u",
				  'a' + (int)new.id, 1 + (int)new.id * 20, 0))};

	snprintf(name, sizeof(name), "component-%u", component);
	dl_twin_batch_begin(&m->batch, &o, n);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t which = n == 1 ? below(METRICS) : i;
		struct key *k = &m->keys[component * METRICS + which];

		new.value = below(3);
		snprintf(metric, sizeof(metric), "m%u", which);
		dl_twin_batch_add(&m->batch, dl_span_str(name),
		    dl_span_str(metric),
		    dl_span(
			value, (size_t)snprintf(value, sizeof(value), "%u%0*u",
				   1 + new.value, 1 + (int)new.value * 30, 0)));
		if (!k->there || less(k, &new))
			*k = new;
		m->nmetrics++;
	}
}

static void
check_entry(struct model *m, const struct dl_twin_entry *e)
{
	struct dl_span key = dl_twin_batch_key(&m->batch, e);
	struct dl_twin_obs o;
	unsigned component, metric;
	struct key *k;

	/* The NUL between both ends the first number. */
	assert_int_equal(sscanf(key.p, "component-%u", &component), 1);
	metric = (unsigned)(key.p[key.len - 1] - '0');
	k = &m->keys[component * METRICS + metric];
	assert_true(k->there);
	k->there = false;
	dl_twin_batch_obs(&m->batch, e, &o);
	assert_int_equal(o.time.sec, k->second);
	assert_int_equal(o.value.p[0], '1' + (int)k->value);
	assert_int_equal(o.value.len, 2 + k->value * 30);
	assert_true(dl_span_eq(o.source, S("source")));
	/* Beginning with hex digits, they are packed. */
	assert_int_equal(2 * o.hex.len + o.id.len, 2 + k->id * 20);
}

/* All keys are there once, in order, each as the greatest of its own. */
static void
check(struct model *m)
{
	struct dl_twin_batch *b = &m->batch;
	size_t n = 0, losers = 0;

	dl_twin_batch_sort(b);
	for (size_t i = 0; i < (size_t)NKEYS * METRICS; i++)
		n += m->keys[i].there;
	assert_int_equal(b->norder, n);
	for (size_t i = 0; i < n; i++) {
		const struct dl_twin_entry *e = &b->entries[b->order[i].index];

		if (i > 0)
			assert_true(
			    dl_span_cmp(dl_twin_batch_key(b, e),
				dl_twin_batch_key(b,
				    &b->entries[b->order[i - 1].index])) > 0);
		check_entry(m, e);
		for (uint32_t l = e->loser; l != 0; l = b->entries[l - 1].loser)
			losers++;
	}
	assert_int_equal(losers + b->nstale + b->ndup + n, m->nmetrics);
}

static void
the_greatest_of_each_key_stays(void **unused)
{
	struct model m;

	(void)unused;
	for (int round = 0; round < 3; round++) {
		setup(&m, round == 2);
		for (int again = 0; again < 2; again++) {
			for (uint32_t i = 0; i < NOBS; i++)
				add(&m, below(NKEYS),
				    round == 1 && below(4) == 0 ? METRICS : 1);
			if (round != 2)
				assert_true(m.batch.nslots >= 64 << 10);
			check(&m);
			dl_twin_batch_clear(&m.batch);
			m.nmetrics = 0;
			memset(m.keys, 0,
			    (size_t)NKEYS * METRICS * sizeof(*m.keys));
		}
		teardown(&m);
	}
}

/* What is staged only is in the batch: after a clear it isn't. */
static void
clearing_forgets_all(void **unused)
{
	struct model m;

	(void)unused;
	setup(&m, false);
	for (uint32_t i = 0; i < NKEYS; i++)
		add(&m, i, 1);
	assert_true(m.batch.nstaged > 0);
	dl_twin_batch_clear(&m.batch);
	dl_twin_batch_sort(&m.batch);
	assert_int_equal(m.batch.norder, 0);
	teardown(&m);
}

/* A metric that comes again and again takes the room that it has. */
static void
hot_keys_stay_where_they_are(void **unused)
{
	struct dl_twin_batch b;
	struct dl_twin_obs o = {.id = S("i"), .source = S("s")};
	size_t before = 0;

	(void)unused;
	dl_twin_batch_init(&b);
	for (int i = 0; i < 100000; i++) {
		char name[8];

		o.time.sec = i;
		snprintf(name, sizeof(name), "c%d", i % 100);
		dl_twin_batch_begin(&b, &o, 1);
		dl_twin_batch_add(&b, dl_span_str(name), S("m"), S("1.25"));
		if (i == 99)
			before = b.arena.len;
	}
	assert_int_equal(b.arena.len, before);
	assert_int_equal(b.nstale, 99900);
	dl_twin_batch_sort(&b);
	assert_int_equal(b.norder, 100);
	dl_twin_batch_obs(&b, &b.entries[b.order[0].index], &o);
	assert_true(o.time.sec >= 99900);
	dl_twin_batch_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_greatest_of_each_key_stays),
	    cmocka_unit_test(clearing_forgets_all),
	    cmocka_unit_test(hot_keys_stay_where_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
