/* serve_feed: its ring, and followers beside a model of what they must know. */
#include "serve_help.h"

/* The ring alone: what is dropped, found, and old. */
static void
the_ring_is_bounded(void **unused)
{
	struct dl_serve_ring *r = dl_serve_ring_new(10, DL_SERVE_RING_BYTES);
	struct dl_serve_block *b;
	struct dl_buf value = {0};
	char name[16];
	uint64_t id = 10;

	(void)unused;
	assert_null(dl_serve_ring_find(r, 10));
	dl_buf_printf(&value, "%0*d", 1000, 1);
	while (id < 200010) {
		b = dl_serve_block_new();
		for (uint32_t n = 1 + below(100); n > 0; n--) {
			struct dl_twin_record rec = {.metric = S("m"),
			    .value = dl_span(value.p, 1 + below(200)),
			    .change = id += 1 + below(3)};

			snprintf(name, sizeof(name), "%u", below(1000));
			rec.component = dl_span_str(name);
			dl_serve_block_add(b, &rec);
		}
		dl_serve_block_seal(b);
		dl_serve_ring_push(r, b);
		assert_true(dl_serve_ring_bytes(r) <= DL_SERVE_RING_BYTES);
		assert_int_equal(dl_serve_ring_newest(r), id);
	}
	assert_true(dl_serve_ring_after(r) > 10);
	assert_null(dl_serve_ring_find(r, id));
	for (uint64_t at = dl_serve_ring_after(r); at < id; at += 7) {
		size_t i;

		b = dl_serve_ring_find(r, at);
		i = dl_serve_block_after(b, at);
		assert_true(i < b->n && b->frames[i].id > at);
		assert_true(i == 0 || b->frames[i - 1].id <= at);
		i = dl_serve_block_from(b, S("5"));
		assert_true(i == b->n || dl_serve_frame_component(
					     b, &b->frames[b->sorted[i]])
						 .p[0] >= '5');
		assert_true(i == 0 || dl_serve_frame_component(
					  b, &b->frames[b->sorted[i - 1]])
					      .p[0] < '5');
		dl_serve_block_unref(b);
	}
	dl_buf_release(&value);
	dl_serve_ring_free(r);
}

/*
 * The model: of N keys, changed in any order, with followers that are slow in
 * their own way, leave and come again with what they had last.
 */
enum { KEYS = 300, CLIENTS = 12, ROUNDS = 400 };

struct reader {
	struct client c;
	bool there;
	uint64_t last;    /* id of the last whole event */
	int values[KEYS]; /* as it was told */
	size_t max;
};

static void
read_event(struct reader *r, struct dl_span event)
{
	const char *id = memmem(event.p, event.len, "id: ", 4), *data, *value;
	uint64_t number;
	int key;

	if (id == NULL)
		return;
	number = strtoull(id + 4, NULL, 10);
	data = memmem(event.p, event.len, "\"component\":\"k", 14);
	assert_true(data == NULL ? number >= r->last : number > r->last);
	r->last = number;
	if (data == NULL)
		return;
	value = memmem(event.p, event.len, "\"value\":", 8);
	key = atoi(data + 14);
	assert_in_range(key, 0, KEYS - 1);
	assert_true(atoi(value + 9) > r->values[key]);
	r->values[key] = atoi(value + 9);
}

static void
read_events(struct reader *r)
{
	char *p = r->c.got.p, *end = p + r->c.got.len, *stop;

	while (p < end &&
	       (stop = memmem(p, (size_t)(end - p), "\n\n", 2)) != NULL) {
		read_event(r, dl_span(p, (size_t)(stop - p)));
		p = stop + 2;
	}
	if (p == NULL)
		return;
	memmove(r->c.got.p, p, (size_t)(end - p));
	r->c.got.len = (size_t)(end - p);
}

static void
come_and_go(struct feed *t, struct reader *r, int i)
{
	char prefix[4] = "";

	if (r->there && below(10) == 0) {
		leave(&r->c);
		r->there = false;
	} else if (!r->there) {
		if (i % 3 == 1)
			snprintf(prefix, sizeof(prefix), "k%d", i % 10);
		assert_int_equal(join(t, &r->c, prefix, NULL, (int64_t)r->last),
		    DL_SERVE_JOINED);
		r->there = true;
		r->max = 64 + below(4000);
	}
}

static void
all_end_with_the_newest(void **unused)
{
	static struct reader readers[CLIENTS];
	static int values[KEYS];
	struct feed t;
	char name[16], data[3000], piece[4096];

	(void)unused;
	feed_start(&t);
	/* So small that many are behind it, and read the twin. */
	pthread_mutex_lock(&t.f->lock);
	dl_serve_ring_free(t.f->ring);
	t.f->ring = dl_serve_ring_new(0, 64 << 10);
	pthread_mutex_unlock(&t.f->lock);
	for (int round = 1; round <= ROUNDS; round++) {
		for (uint32_t n = below(200); n > 0; n--) {
			int key = (int)below(KEYS);

			values[key] = round;
			snprintf(name, sizeof(name), "k%d", key);
			snprintf(data, sizeof(data), "{\"v\":[%d,\"%*s\"]}",
			    round, below(20) == 0 ? 2000 : 200, "");
			put_value(&t, name, data);
		}
		commit(t.s.twin);
		for (int i = 0; i < CLIENTS; i++) {
			struct reader *r = &readers[i];
			ssize_t n;

			come_and_go(&t, r, i);
			if (!r->there || below((uint32_t)i + 1) > 0)
				continue;
			n = dl_serve_follower_fill(r->c.w, piece, r->max);
			assert_true(n >= 0);
			dl_buf_add(&r->c.got, piece, (size_t)n);
			read_events(r);
		}
	}
	settle(&t);
	for (int i = 0; i < CLIENTS; i++) {
		struct reader *r = &readers[i];

		while (!r->there)
			come_and_go(&t, r, i);
		take_all(&r->c, r->max);
		read_events(r);
		assert_int_equal(r->c.got.len, 0);
		for (int key = 0; key < KEYS; key++) {
			snprintf(name, sizeof(name), "%d", key);
			if (i % 3 != 1 || name[0] == '0' + i % 10)
				assert_int_equal(r->values[key], values[key]);
			else
				assert_int_equal(r->values[key], 0);
		}
		leave(&r->c);
	}
	feed_stop(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_ring_is_bounded),
	    cmocka_unit_test(all_end_with_the_newest),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
