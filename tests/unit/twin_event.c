/*
 * event: lines as our tools write them are parsed in one pass, all others the
 * long way, and both say the same of any bytes.
 */
#include "event.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* Where s is in the line, or that it is absent. */
static void
tell(struct dl_buf *b, const struct dl_event *ev, struct dl_span s)
{
	if (s.p == NULL)
		dl_buf_adds(b, "- ");
	else
		dl_buf_printf(b, "%td+%zu ", s.p - ev->line.p, s.len);
}

/* What parsing says of line, after skip bytes. */
static const char *
said(struct dl_buf *b, struct dl_event *ev, struct dl_span line, size_t skip)
{
	struct dl_err err = {0};
	const struct dl_span *all[] = {&ev->id, &ev->source, &ev->type,
	    &ev->subject, &ev->time, &ev->recordedtime, &ev->sequence,
	    &ev->origin, &ev->steps, &ev->causationid, &ev->data};

	dl_buf_clear(b);
	if (dl_event_parse(ev, line, &err) < 0) {
		dl_buf_adds(b, err.msg);
		return dl_buf_str(b);
	}
	ev->line.p += skip;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		/* What was decoded is not in the line. */
		if (all[i]->p >= ev->scratch.p && ev->scratch.p != NULL &&
		    all[i]->p < ev->scratch.p + ev->scratch.cap)
			dl_buf_span(b, *all[i]);
		else
			tell(b, ev, *all[i]);
	dl_buf_printf(b, "%zu", ev->nextra);
	return dl_buf_str(b);
}

/* A space before it sends a line the long way. */
static void
both_ways(const char *text, size_t len)
{
	static struct dl_event a, b;
	static struct dl_buf x, y;
	char *plain = dl_alloc(len + 1), *spaced = dl_alloc(len + 1);
	const char *one, *other;

	memcpy(plain, text, len);
	spaced[0] = ' ';
	memcpy(spaced + 1, text, len);
	one = said(&x, &a, dl_span(plain, len), 0);
	other = said(&y, &b, dl_span(spaced, len + 1), 1);
	if (strcmp(one, other) != 0)
		fail_msg("%.*s\n%s\n%s", (int)len, text, one, other);
	free(plain);
	free(spaced);
	dl_event_release(&a);
	dl_event_release(&b);
	dl_buf_release(&x);
	dl_buf_release(&y);
}

#define START "{\"specversion\":\"1.0\",\"id\":\"1f:a\",\"source\":\"s\","
#define TYPE "\"type\":\"dl.observation\""

static const char *const lines[] = {START TYPE "}", START TYPE ",\"data\":{}}",
    START TYPE ",\"data\":1}", START TYPE ",\"data\":[{\"a\":\"]\"}]}",
    START TYPE ",\"subject\":\"wagon-000001\","
	       "\"time\":\"2026-11-01T00:00:00.000Z\","
	       "\"recordedtime\":\"2026-11-01T12:00:00Z\","
	       "\"data\":{\"metric3\":78.31,\"on\":true,\"s\":\"a b\"}}",
    START TYPE ",\"subject\":\"\",\"sequence\":\"7\",\"dlorigin\":\"o\","
	       "\"dlsteps\":\"a@00000000 b@11111111\",\"causationid\":\"c\","
	       "\"data\":{\"m\":{\"n\":[1,2]},\"k\":\"\\\"}\"}}",
    START TYPE ",\"time\":\"2026-11-01T00:00:00Z\",\"subject\":\"x\","
	       "\"other\":1,\"data\":{\"m\":1}}",
    START TYPE ",\"subject\":\"a\\u0062\",\"data\":{\"m\":1}}",
    START TYPE ",\"subject\":null,\"data\":{\"m\":1}}",
    START TYPE ",\"data\":{\"m\":1},\"data\":{\"m\":1}}",
    START TYPE ",\"data\":{\"m\":1} }", START TYPE ",\"data\":{\"m\":1}}}",
    START TYPE "," TYPE ",\"data\":{\"m\":1}}",
    START "\"type\":\"\",\"data\":{\"m\":1}}",
    "{\"specversion\":\"1.0\",\"id\":\"\",\"source\":\"s\"," TYPE
    ",\"data\":{\"m\":1}}"};

static void
both_ways_say_the_same(void **unused)
{
	static const char odd[] = "\"\\{}[],:na \x01\x7f\xc3";
	char line[512];

	(void)unused;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		size_t len = strlen(lines[i]);

		for (size_t cut = 1; cut <= len; cut++)
			both_ways(lines[i], cut);
		for (size_t at = 1; at < len; at++)
			for (size_t j = 0; j < sizeof(odd) - 1; j++) {
				memcpy(line, lines[i], len);
				line[at] = odd[j];
				both_ways(line, len);
				/* And with a byte more. */
				memcpy(line + at + 1, lines[i] + at, len - at);
				both_ways(line, len + 1);
			}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_ways_say_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
