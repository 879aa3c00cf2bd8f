/* serve_feed: followers of the twin's changes, fast, slow and choosy. */
#include "serve_help.h"

/* What came since the last time. */
static const char *
got(struct client *c)
{
	static char text[4096];

	take_all(c, 512);
	snprintf(text, sizeof(text), "%s", dl_buf_str(&c->got));
	dl_buf_clear(&c->got);
	return text;
}

static void
put_now(struct feed *t, const char *component, const char *data)
{
	put_value(t, component, data);
	commit(t->s.twin);
	settle(t);
}

/* {"component":"c","metric":"m","value":1, ... */
static bool
has(const char *text, const char *id, const char *component, const char *metric,
    const char *value)
{
	char want[256];

	snprintf(want, sizeof(want),
	    "id: %s\ndata: {\"component\":\"%s\",\"metric\":\"%s\","
	    "\"value\":%s,\"time\":",
	    id, component, metric, value);
	return strstr(text, want) != NULL;
}

static void
what_changes_is_sent(void **unused)
{
	struct feed t;
	struct client c;
	const char *text;

	(void)unused;
	feed_start(&t);
	put_now(&t, "a", "{\"x\":1}");
	assert_int_equal(join(&t, &c, "", NULL, -1), DL_SERVE_JOINED);
	assert_string_equal(
	    got(&c), "retry: 1000\nevent: ready\nid: 1\ndata: {}\n\n");
	assert_int_equal(c.wakes, 0);
	put_now(&t, "a", "{\"x\":2}");
	assert_int_equal(c.wakes, 1);
	text = got(&c);
	assert_true(has(text, "2", "a", "x", "2"));
	assert_string_equal(text + strlen(text) - 3, "}\n\n");
	put_now(&t, "a", "{\"y\":3,\"z\":4}");
	put_now(&t, "b", "{\"x\":5}");
	/* It was told once, and not again before it came. */
	assert_int_equal(c.wakes, 2);
	text = got(&c);
	assert_true(has(text, "3", "a", "y", "3"));
	assert_true(has(text, "4", "a", "z", "4"));
	assert_true(has(text, "5", "b", "x", "5"));
	assert_string_equal(got(&c), "");
	/* Of two values of a key that were not taken the newer is enough. */
	put_now(&t, "a", "{\"x\":6}");
	put_now(&t, "a", "{\"x\":7}");
	text = got(&c);
	assert_true(has(text, "7", "a", "x", "7"));
	assert_null(strstr(text, "id: 6\n"));
	leave(&c);
	feed_stop(&t);
}

static void
it_goes_on_where_it_was(void **unused)
{
	struct feed t;
	struct client c;
	struct dl_buf log = {0};
	struct dl_err err = {0};
	const char *text;
	uint64_t last;

	(void)unused;
	feed_start(&t);
	put_now(&t, "a", "{\"x\":1}");
	put_now(&t, "b", "{\"x\":2}");
	put_now(&t, "a", "{\"x\":3}");
	assert_int_equal(join(&t, &c, "", NULL, 0), DL_SERVE_JOINED);
	assert_int_equal(
	    dl_twin_changes(t.reader, 0, &last, append_names, &log, &err), 2);
	assert_string_equal(dl_buf_str(&log), "b.x=2 a.x=3 ");
	dl_buf_release(&log);
	text = got(&c);
	assert_ptr_equal(strstr(text, "retry: 1000\n:\nid: 0\n\n"), text);
	assert_true(has(text, "2", "b", "x", "2"));
	assert_true(has(text, "3", "a", "x", "3"));
	assert_null(strstr(text, "id: 1\n"));
	leave(&c);
	assert_int_equal(join(&t, &c, "", NULL, 2), DL_SERVE_JOINED);
	text = got(&c);
	assert_null(strstr(text, "\"b\""));
	assert_true(has(text, "3", "a", "x", "3"));
	leave(&c);
	assert_int_equal(join(&t, &c, "", NULL, 3), DL_SERVE_JOINED);
	assert_string_equal(got(&c), "retry: 1000\n:\nid: 3\n\n");
	leave(&c);
	assert_int_equal(join(&t, &c, "", NULL, 4), DL_SERVE_JOINED);
	assert_string_equal(
	    got(&c), "retry: 1000\nevent: reset\nid: 3\ndata: {}\n\n");
	put_now(&t, "a", "{\"x\":4}");
	assert_true(has(got(&c), "4", "a", "x", "4"));
	leave(&c);
	feed_stop(&t);
}

static void
only_what_was_asked_for(void **unused)
{
	struct feed t;
	struct client a, ax, none;

	(void)unused;
	feed_start(&t);
	assert_int_equal(join(&t, &a, "a", NULL, -1), DL_SERVE_JOINED);
	assert_int_equal(join(&t, &ax, "a", "x", -1), DL_SERVE_JOINED);
	assert_int_equal(join(&t, &none, "zz", NULL, -1), DL_SERVE_JOINED);
	assert_int_equal(t.f->ninterests, 3);
	got(&a);
	got(&ax);
	got(&none);
	put_now(&t, "b", "{\"x\":1}");
	put_now(&t, "a2", "{\"y\":1}");
	assert_int_equal(ax.wakes, 0);
	assert_int_equal(a.wakes, 1);
	assert_string_equal(got(&ax), "");
	assert_true(has(got(&a), "2", "a2", "y", "1"));
	put_now(&t, "a2", "{\"x\":1}");
	assert_int_equal(ax.wakes, 1);
	assert_true(has(got(&ax), "3", "a2", "x", "1"));
	assert_int_equal(none.wakes, 0);
	leave(&a);
	leave(&ax);
	leave(&none);
	feed_stop(&t);
}

/* One that nothing is for moves on all the same, and says so. */
static void
a_beat_moves_on(void **unused)
{
	struct feed t;
	struct client c;
	char text[64];
	ssize_t n;

	(void)unused;
	feed_start(&t);
	assert_int_equal(join(&t, &c, "zz", NULL, -1), DL_SERVE_JOINED);
	got(&c);
	for (int i = 0; i < 10; i++)
		put_now(&t, "a", "{\"x\":1,\"y\":2}");
	assert_string_equal(got(&c), "");
	t.f->beat_ms = 0;
	c.w->sent_ms -= 1000;
	n = dl_serve_follower_fill(c.w, text, sizeof(text));
	assert_int_equal(n, 10);
	assert_memory_equal(text, ":\nid: 20\n\n", 10);
	assert_int_equal(c.wakes, 0);
	leave(&c);
	feed_stop(&t);
}

/* In front of the ring, from the log, and with each size of the block. */
static void
a_large_frame_comes_in_pieces(void **unused)
{
	struct feed t;
	struct client live, late;
	struct dl_buf data = {0};

	(void)unused;
	feed_start(&t);
	assert_int_equal(join(&t, &live, "", NULL, -1), DL_SERVE_JOINED);
	take_all(&live, 100);
	dl_buf_clear(&live.got);
	dl_buf_printf(&data, "{\"x\":\"%0*d\"}", 100000, 7);
	put_value(&t, "b", "{\"x\":1}");
	put_now(&t, "a", dl_buf_str(&data));
	put_now(&t, "c", "{\"x\":2}");
	for (size_t max = 64; max < 300000; max *= 3) {
		assert_int_equal(join(&t, &late, "", NULL, 0), DL_SERVE_JOINED);
		take_all(&late, max);
		take_all(&live, max);
		assert_ptr_equal(
		    strstr(dl_buf_str(&late.got), "retry: 1000\n:\nid: 0\n\n"),
		    late.got.p);
		assert_string_equal(
		    late.got.p + strlen("retry: 1000\n:\nid: 0\n\n"),
		    dl_buf_str(&live.got));
		leave(&late);
	}
	assert_true(live.got.len > 100000);
	/* Cut off in the midst of it. */
	put_now(&t, "a", "{\"x\":1}");
	put_now(&t, "a", dl_buf_str(&data));
	{
		char few[64];

		assert_int_equal(
		    dl_serve_follower_fill(live.w, few, sizeof(few)), 64);
	}
	assert_true(t.f->held > 100000);
	leave(&live);
	dl_buf_release(&data);
	feed_stop(&t);
}

/* Lines of a value would be fields of the event. */
static void
a_frame_has_one_line(void **unused)
{
	struct feed t;
	struct client live, late;
	const char *text;

	(void)unused;
	feed_start(&t);
	assert_int_equal(join(&t, &live, "", NULL, -1), DL_SERVE_JOINED);
	got(&live);
	put_now(&t, "a", "{\"x\":[1,\r\n\n\"\\n\"]}");
	text = got(&live);
	assert_true(has(text, "1", "a", "x", "[1,   \"\\n\"]"));
	assert_int_equal(join(&t, &late, "", NULL, 0), DL_SERVE_JOINED);
	assert_non_null(strstr(got(&late), text));
	leave(&live);
	leave(&late);
	feed_stop(&t);
}

static void
it_ends(void **unused)
{
	struct feed t;
	struct client a, b;
	struct dl_grant over;
	char text[64];

	(void)unused;
	feed_start(&t);
	assert_int_equal(join(&t, &a, "", NULL, -1), DL_SERVE_JOINED);
	got(&a);
	assert_false(a.ended);
	/* At the next look of the feed's thread; the clock stands still. */
	over = (struct dl_grant){.rights = t.grant.rights, .refs = 2};
	pthread_mutex_lock(&t.f->lock);
	a.w->grant = &over;
	pthread_mutex_unlock(&t.f->lock);
	for (int i = 0; a.wakes == 0 && i < 5000; i++)
		usleep(1000);
	assert_int_equal(a.wakes, 1);
	assert_int_equal(dl_serve_follower_fill(a.w, text, 64), -1);
	pthread_mutex_lock(&t.f->lock);
	a.w->grant = &t.grant;
	pthread_mutex_unlock(&t.f->lock);
	assert_int_equal(join(&t, &b, "", NULL, -1), DL_SERVE_JOINED);
	got(&b);
	dl_serve_feed_end_all(t.f);
	assert_int_equal(a.wakes, 1);
	assert_int_equal(b.wakes, 1);
	assert_int_equal(dl_serve_follower_fill(b.w, text, 64), -1);
	leave(&a);
	leave(&b);
	feed_stop(&t);
}

static void
there_are_only_so_many(void **unused)
{
	struct feed t;
	struct client a, b, c;

	(void)unused;
	feed_start(&t);
	t.f->most = 2;
	assert_int_equal(join(&t, &a, "", NULL, -1), DL_SERVE_JOINED);
	assert_int_equal(join(&t, &b, "", NULL, -1), DL_SERVE_JOINED);
	assert_int_equal(join(&t, &c, "", NULL, -1), DL_SERVE_FULL);
	assert_int_equal(t.f->ninterests, 1);
	leave(&a);
	assert_int_equal(join(&t, &c, "", NULL, -1), DL_SERVE_JOINED);
	leave(&b);
	leave(&c);
	feed_stop(&t);
}

/* Those that never read have no more than so much together. */
static void
copies_are_bounded(void **unused)
{
	enum { N = 66 };
	static struct client c[N];
	struct feed t;
	struct dl_buf data = {0};
	char few[64];
	int ended = 0;

	(void)unused;
	feed_start(&t);
	dl_buf_printf(&data, "{\"x\":\"%0*d\"}", DL_TWIN_VALUE_MAX - 2, 7);
	put_now(&t, "a", dl_buf_str(&data));
	for (int i = 0; i < N; i++) {
		assert_int_equal(join(&t, &c[i], "", NULL, 0), DL_SERVE_JOINED);
		for (int n = 0; n < 3; n++)
			if (dl_serve_follower_fill(c[i].w, few, 64) < 0) {
				ended++;
				break;
			}
	}
	assert_true(ended >= 2 && ended < 4);
	assert_true(t.f->held <= DL_SERVE_HELD_BYTES);
	for (int i = 0; i < N; i++)
		leave(&c[i]);
	dl_buf_release(&data);
	feed_stop(&t);
}

static void
another_file_is_noticed(void **unused)
{
	struct feed t;
	char name[80], other[80];
	struct dl_err failed;

	(void)unused;
	feed_start(&t);
	snprintf(name, sizeof(name), "%s/data.mdb", t.dir);
	snprintf(other, sizeof(other), "%s/x", t.dir);
	assert_int_equal(rename(name, other), 0);
	for (int i = 0; i < 5000; i++) {
		pthread_mutex_lock(&t.s.lock);
		failed = t.s.failed;
		pthread_mutex_unlock(&t.s.lock);
		if (failed.status != DL_EXIT_OK)
			break;
		usleep(1000);
	}
	assert_int_equal(failed.status, DL_EXIT_TEMP);
	assert_non_null(strstr(failed.msg, "data.mdb' is gone"));
	feed_stop(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_changes_is_sent),
	    cmocka_unit_test(it_goes_on_where_it_was),
	    cmocka_unit_test(only_what_was_asked_for),
	    cmocka_unit_test(a_beat_moves_on),
	    cmocka_unit_test(a_large_frame_comes_in_pieces),
	    cmocka_unit_test(a_frame_has_one_line),
	    cmocka_unit_test(it_ends),
	    cmocka_unit_test(there_are_only_so_many),
	    cmocka_unit_test(copies_are_bounded),
	    cmocka_unit_test(another_file_is_noticed),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
