/* The envelope: read in any shape, written in one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "event.h"

#include <stdio.h>
#include <stdlib.h>

#define HEAD \
	"{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"s\"," \
	"\"type\":\"t\""

static void
same(struct dl_span got, const char *want)
{
	assert_int_equal(got.len, strlen(want));
	assert_memory_equal(got.p == NULL ? "" : got.p, want, got.len);
}

/* Parse a copy of exactly its size, so that a read past it is seen. */
static int
parse(struct dl_event *ev, const char *line, struct dl_err *err)
{
	static char *copy;
	size_t n = strlen(line);

	free(copy);
	copy = malloc(n == 0 ? 1 : n);
	memcpy(copy, line, n);
	dl_err_clear(err);
	return dl_event_parse(ev, dl_span(copy, n), err);
}

static void
round_trip(const char *in, const char *want)
{
	struct dl_event ev = {0};
	struct dl_err err = {0};
	struct dl_buf b = {0};

	assert_int_equal(parse(&ev, in, &err), 0);
	dl_event_write(&b, &ev);
	same(dl_buf_as_span(&b), want);
	dl_buf_release(&b);
	dl_event_release(&ev);
}

static void
reads_any_order(void **state)
{
	(void)state;
	round_trip(HEAD "}", HEAD "}\n");
	round_trip("{\"data\":{\"a\": 1.0},\"type\":\"t\",\"source\":\"s\","
		   "\"id\":\"i\",\"specversion\":\"1.0\"}",
	    HEAD ",\"data\":{\"a\": 1.0}}\n");
	round_trip(" { \"id\" : \"i\" , \"x\" : [1, {\"y\":2}] ,\n"
		   "\"source\":\"s\",\"type\":\"t\",\"specversion\":\"1.0\" } ",
	    HEAD ",\"x\" : [1, {\"y\":2}]}\n");
}

static void
reads_escapes(void **state)
{
	struct dl_event ev = {0};
	struct dl_err err = {0};

	(void)state;
	assert_int_equal(
	    parse(&ev,
		"{\"spec\\u0076ersion\":\"1\\u002e0\",\"\\u0069d\":\"a\\\"b\","
		"\"source\":\"\\ud83d\\ude00\",\"type\":\"t\","
		"\"subject\":\"\\\\\",\"time\":\"x\"}",
		&err),
	    0);
	same(ev.id, "a\"b");
	same(ev.source, "\xf0\x9f\x98\x80");
	same(ev.subject, "\\");
	dl_event_release(&ev);
	round_trip("{\"specversion\":\"1.0\",\"id\":\"a\\\"\\u0001\","
		   "\"source\":\"s\",\"type\":\"t\",\"data\":\"\\u0061\"}",
	    "{\"specversion\":\"1.0\",\"id\":\"a\\\"\\u0001\","
	    "\"source\":\"s\",\"type\":\"t\",\"data\":\"\\u0061\"}\n");
}

static void
keeps_unknown(void **state)
{
	(void)state;
	round_trip("{\"specversion\":\"1.0\",\"id\":\"i\",\"zz\":\"\\u0041\","
		   "\"source\":\"s\",\"type\":\"t\",\"n\":-0.10,\"data\":null}",
	    HEAD ",\"zz\":\"\\u0041\",\"n\":-0.10,\"data\":null}\n");
	round_trip(HEAD ",\"dlsteps\":\"a@1\",\"causationid\":\"c\","
			"\"time\":\"T\",\"subject\":null}",
	    HEAD
	    ",\"time\":\"T\",\"dlsteps\":\"a@1\",\"causationid\":\"c\"}\n");
}

static void
refuses(void **state)
{
	static const char *const wrong[] = {
	    "",
	    " ",
	    "null",
	    "[]",
	    "\"x\"",
	    "{}",
	    "{",
	    "{\"a\":1}{\"b\":2}",
	    HEAD,
	    HEAD "}{",
	    HEAD "} x",
	    HEAD ",}",
	    HEAD ",\"id\":\"j\"}",
	    HEAD ",\"data\":1,\"data\":2}",
	    HEAD ",\"time\":5}",
	    HEAD ",\"subject\":\"\\ud800\"}",
	    HEAD ",\"a\\x\":1}",
	    "{\"specversion\":\"0.3\",\"id\":\"i\",\"source\":\"s\","
	    "\"type\":\"t\"}",
	    "{\"id\":\"i\",\"source\":\"s\",\"type\":\"t\"}",
	    "{\"specversion\":\"1.0\",\"source\":\"s\",\"type\":\"t\"}",
	    "{\"specversion\":\"1.0\",\"id\":\"\",\"source\":\"s\","
	    "\"type\":\"t\"}",
	    "{\"specversion\":\"1.0\",\"id\":\"i\",\"type\":\"t\"}",
	    "{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"s\"}",
	    "{\"specversion\":\"1.0\",\"id\":1,\"source\":\"s\","
	    "\"type\":\"t\"}",
	};
	struct dl_event ev = {0};
	struct dl_err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(parse(&ev, wrong[i], &err), -1);
		assert_int_equal(err.status, DL_EXIT_DATA);
		assert_true(strlen(err.msg) > 0);
	}
	dl_event_release(&ev);
}

static void
bounds_unknown(void **state)
{
	struct dl_event ev = {0};
	struct dl_err err = {0};
	struct dl_buf b = {0};

	(void)state;
	dl_buf_adds(&b, HEAD);
	for (int i = 0; i < DL_EVENT_EXTRA; i++)
		dl_buf_printf(&b, ",\"x%d\":1", i);
	dl_buf_adds(&b, "}");
	assert_int_equal(parse(&ev, dl_buf_str(&b), &err), 0);
	assert_int_equal(ev.nextra, DL_EVENT_EXTRA);
	b.len--;
	dl_buf_adds(&b, ",\"y\":1}");
	assert_int_equal(parse(&ev, dl_buf_str(&b), &err), -1);
	dl_buf_release(&b);
	dl_event_release(&ev);
}

static void
ids_tell_parts_apart(void **state)
{
	struct dl_event a = {.source = DL_SPAN("s"),
	    .subject = DL_SPAN("ab"),
	    .time = DL_SPAN("c"),
	    .data = DL_SPAN("1")};
	struct dl_event b = a;
	char ida[DL_ID_LEN + 1], idb[DL_ID_LEN + 1];

	(void)state;
	dl_event_id(ida, &a);
	dl_event_id(idb, &b);
	assert_string_equal(ida, idb);
	assert_int_equal(strlen(ida), DL_ID_LEN);
	b.subject = DL_SPAN("a");
	b.time = DL_SPAN("bc");
	dl_event_id(idb, &b);
	assert_string_not_equal(ida, idb);
}

static void
steps_grow_and_end(void **state)
{
	struct dl_buf a = {0}, b = {0};

	(void)state;
	dl_event_step(&a, (struct dl_span){0}, DL_SPAN("clean"), DL_SPAN("."));
	assert_int_equal(a.len, strlen("clean@") + 8);
	for (int i = 0; i < 100; i++) {
		struct dl_buf t;

		dl_buf_clear(&b);
		dl_event_step(
		    &b, dl_buf_as_span(&a), DL_SPAN("x y"), DL_SPAN("."));
		t = a;
		a = b;
		b = t;
	}
	/* Only the last ones, each whole. */
	assert_int_equal(a.len, DL_STEPS_MAX * (strlen("x_y@") + 9) - 1);
	assert_memory_equal(a.p, "x_y@", 4);
	dl_buf_release(&a);
	dl_buf_release(&b);
}

static void
checkpoint_line(void **state)
{
	struct dl_buf b = {0};

	(void)state;
	dl_event_checkpoint(&b, DL_SPAN("source.q"), DL_SPAN("01"));
	same(dl_buf_as_span(&b),
	    "{\"specversion\":\"1.0\",\"id\":\"01\",\"source\":\"source.q\","
	    "\"type\":\"dl.checkpoint\"}\n");
	dl_buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_any_order),
	    cmocka_unit_test(reads_escapes),
	    cmocka_unit_test(keeps_unknown),
	    cmocka_unit_test(refuses),
	    cmocka_unit_test(bounds_unknown),
	    cmocka_unit_test(ids_tell_parts_apart),
	    cmocka_unit_test(steps_grow_and_end),
	    cmocka_unit_test(checkpoint_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
