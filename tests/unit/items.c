/* items: each format in chunks of any size gives the same items. */
#include "items.h"

#include "buf.h"
#include "json.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#define E_ACUTE_10 \
	"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9" \
	"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"

static int
take(void *arg, struct dl_span item, size_t total, const char *code,
    const struct dl_err *bad, struct dl_err *err)
{
	struct dl_buf *b = arg;

	if (bad == NULL) {
		assert_null(code);
		assert_int_equal(dl_json_check(item, err), 0);
		dl_buf_span(b, item);
	} else {
		dl_buf_printf(b, "!%s %zu: %s", code, total, bad->msg);
	}
	dl_buf_addc(b, '\n');
	return 0;
}

static void
feed(struct dl_items *it, struct dl_span text, size_t chunk, struct dl_buf *b)
{
	struct dl_err err = {0};
	int r = 0;

	dl_buf_clear(b);
	dl_items_start(it);
	for (size_t i = 0; r == 0 && i < text.len; i += chunk) {
		size_t n = text.len - i < chunk ? text.len - i : chunk;
		char *copy = dl_alloc(n); /* so that ASan sees its end */

		memcpy(copy, text.p + i, n);
		r = dl_items_feed(it, copy, n, &err);
		free(copy);
	}
	if (r == 0)
		r = dl_items_end(it, &err);
	if (r < 0)
		dl_buf_printf(b, "error %d: %s%s\n", (int)err.status, err.msg,
		    dl_items_cut_off(it) ? " (cut off)" : "");
}

/* One reader takes the document again and again. */
static void
expect_n(struct dl_items_options o, struct dl_span text, const char *want)
{
	static const size_t chunks[] = {1, 2, 3, 7, 16, 100000};
	struct dl_err err = {0};
	struct dl_buf b = {0};
	struct dl_items *it;

	o.where = "here";
	o.pattern_where = "there";
	o.max_item = o.max_item == 0 ? 200 : o.max_item;
	if ((it = dl_items_new(&o, take, &b, &err)) == NULL)
		fail_msg("%s", err.msg);
	for (size_t i = 0; i < sizeof(chunks) / sizeof(*chunks); i++) {
		feed(it, text, chunks[i], &b);
		assert_string_equal(dl_buf_str(&b), want);
	}
	dl_items_free(it);
	dl_buf_release(&b);
}

static void
expect(struct dl_items_options o, const char *text, const char *want)
{
	expect_n(o, dl_span_str(text), want);
}

static void
lines_and_rows(void **state)
{
	static const char *const names[] = {"x", "y", NULL};
	struct dl_items_options text = {.format = DL_ITEMS_TEXT};
	struct dl_items_options tsv = {.format = DL_ITEMS_TSV};
	struct dl_items_options number = {
	    .format = DL_ITEMS_CSV, .delimiter = ','};
	static const struct dl_column_rule numeric = {"x", DL_COLUMN_NUMBER};

	(void)state;
	expect(text,
	    "\xef\xbb\xbf"
	    "a\r\n\n\"b\"",
	    "{\"line\":\"a\"}\n{\"line\":\"\\\"b\\\"\"}\n");
	text.max_item = 64;
	expect(text,
	    "0123456789012345678901234567890123456789"
	    "0123456789012345678901234567890123456789\nb\n",
	    "!too-long 80: line 1: 80 bytes, longer than the limit of 64\n"
	    "{\"line\":\"b\"}\n");
	text.pattern = "(?<k>\\w+)=(?<v>\\d+)?";
	expect(text, "a=1\n b=\nc\n",
	    "{\"k\":\"a\",\"v\":1}\n{\"k\":\"b\",\"v\":null}\n"
	    "!pattern 1: line 3: it does not match 'pattern'\n");
	expect(tsv, "a\tb\n1\tx\\ty\\\\n\\q\n\r\n2\n",
	    "{\"a\":1,\"b\":\"x\\ty\\\\n\\\\q\"}\n"
	    "!tsv 1: line 4: 1 field where the header has 2\n");
	tsv.columns.names = names;
	expect(tsv, "1\t2", "{\"x\":1,\"y\":2}\n");
	number.columns.types = &numeric;
	number.columns.ntypes = 1;
	/* What is shown of the field does not end inside of a character. */
	expect(number, "x\na" E_ACUTE_10 E_ACUTE_10 "\n",
	    "!type 41: row 1 (line 2): column 'x': 'a" E_ACUTE_10
	    "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
	    "\xc3\xa9\xc3\xa9' is no number\n");
}

static void
xml_elements(void **state)
{
	struct dl_items_options o = {.format = DL_ITEMS_XML, .path = "/l/i"};

	(void)state;
	expect(o,
	    "<l><i k='&amp;'>a<b/>c<b>&#233;</b></i><i><![CDATA[]]></i></l>\n",
	    "{\"@k\":\"&\",\"b\":[null,\"\xc3\xa9\"],\"#text\":\"ac\"}\n"
	    "null\n");
	expect(o, "<l><i>x</i><j>",
	    "\"x\"\nerror 65: the document is not XML: line 1: no element "
	    "found (cut off)\n");
	expect(o, "<m/>", "error 65: '/l/i' leads only to '/' of it\n");
	o.path = "/l";
	expect(o, "<m/>", "error 65: '/l' leads only to '/' of it\n");
	/* An item that was not to be is not handed out before its failure. */
	expect(o, "<!DOCTYPE l SYSTEM 'x'><l a='&u;'/>",
	    "error 65: line 1: the entity 'u' is not declared in the "
	    "document\n");
	o.path = "/l/i";
	o.max_item = 64;
	expect(o,
	    "<l><i>0123456789012345678901234567890123456789"
	    "0123456789</i><i>1</i></l>",
	    "!too-long 57: element 1 (line 1): longer than the limit of 64 "
	    "bytes\n\"1\"\n");
}

static void
sent_events(void **state)
{
	struct dl_items_options o = {.format = DL_ITEMS_SSE};

	(void)state;
	expect(o,
	    "id:7\rdata: {\"a\":1}\r\revent: e\r\ndata:x\ndata: y\r\n\ndata:z",
	    "{\"event\":\"message\",\"id\":\"7\",\"data\":{\"a\":1}}\n"
	    "{\"event\":\"e\",\"id\":\"7\",\"data\":\"x\\ny\"}\n");
	o.columns.strings = true;
	expect(o, "data: 1\n\n", "{\"event\":\"message\",\"data\":\"1\"}\n");
}

/* Each byte alone: an item is there as soon as its end is, and not before. */
static void
expect_at_once(enum dl_items_format format, const char *text, const char *ends)
{
	struct dl_items_options o = {
	    .format = format, .max_item = 200, .stream = true};
	struct dl_err err = {0};
	struct dl_buf b = {0};
	struct dl_items *it = dl_items_new(&o, take, &b, &err);

	assert_non_null(it);
	for (; *text != '\0'; text++, ends++) {
		dl_buf_clear(&b);
		assert_int_equal(dl_items_feed(it, text, 1, &err), 0);
		if ((b.len > 0) != (*ends == '^'))
			fail_msg("at '%s': %zu bytes", text, b.len);
	}
	dl_items_free(it);
	dl_buf_release(&b);
}

static void
streams(void **state)
{
	struct dl_items_options o = {.format = DL_ITEMS_NDJSON, .stream = true};

	(void)state;
	expect_at_once(DL_ITEMS_SSE, "data:1\n\ndata:2\r\n\r\ndata:3\r\rid\r\r",
	    /**/ "       ^        ^        ^    ");
	expect_at_once(DL_ITEMS_NDJSON, "1\n22\r\n3", " ^   ^ ");
	expect_at_once(DL_ITEMS_TEXT, "a\n\nb\n", " ^  ^");
	expect(o, "1\n22",
	    "1\nerror 65: the stream broke off in the middle of "
	    "line 2 (cut off)\n");
	expect(o, "1\n2\n", "1\n2\n");
	o.format = DL_ITEMS_TEXT;
	expect(o, "a\nb",
	    "{\"line\":\"a\"}\nerror 65: the stream broke off in "
	    "the middle of line 2 (cut off)\n");
	o.format = DL_ITEMS_SSE;
	expect(o, "data:1\n\ndata:2\n", "{\"event\":\"message\",\"data\":1}\n");
}

static void
expect_id(const struct dl_items *it, const char *want)
{
	struct dl_span id = dl_items_last_id(it);

	if (want == NULL)
		assert_null(id.p);
	else
		assert_true(id.p != NULL && dl_span_is(id, want));
}

static void
feed_n(struct dl_items *it, struct dl_span text)
{
	struct dl_err err = {0};

	for (size_t i = 0; i < text.len; i++)
		assert_int_equal(dl_items_feed(it, text.p + i, 1, &err), 0);
}

/* What the HTML standard says of the last event ID and the reconnection time. */
static void
last_ids(void **state)
{
	struct dl_items_options o = {.format = DL_ITEMS_SSE, .max_item = 10000};
	struct dl_err err = {0};
	struct dl_buf b = {0}, id = {0};
	struct dl_items *it = dl_items_new(&o, take, &b, &err);

	(void)state;
	assert_non_null(it);
	feed_n(it, DL_SPAN("data: 0\n\n"));
	expect_id(it, NULL);
	assert_int_equal(dl_items_retry_ms(it), -1);
	feed_n(it, DL_SPAN("id: 7\ndata: 1\n"));
	expect_id(it, NULL); /* not handed out yet */
	feed_n(it, DL_SPAN("\ndata: 2\n\nid: 8\ndata: 3\n"));
	expect_id(it, "7"); /* stays over events without one */
	feed_n(it, DL_SPAN("\nid: 9\n\n"));
	expect_id(it, "9"); /* of an event without data, too */
	feed_n(it, DL_SPAN("id: 1\0\n:\0\xff\nx\0:1\ndata: 4\n\n"));
	expect_id(it, "9"); /* one with a NUL is none, the event is one */
	feed_n(it, DL_SPAN("id: \xff\n\n"));
	expect_id(it, "9");
	feed_n(it, DL_SPAN("id: 10\ndata: \xff\n\n"));
	expect_id(it, "10"); /* a wrong event is behind us as well */
	feed_n(it, DL_SPAN("id\ndata: 5\n\n"));
	expect_id(it, "");
	assert_string_equal(dl_buf_str(&b),
	    "{\"event\":\"message\",\"data\":0}\n"
	    "{\"event\":\"message\",\"id\":\"7\",\"data\":1}\n"
	    "{\"event\":\"message\",\"id\":\"7\",\"data\":2}\n"
	    "{\"event\":\"message\",\"id\":\"8\",\"data\":3}\n"
	    "{\"event\":\"message\",\"id\":\"9\",\"data\":4}\n"
	    "!sse 5: line 18: it isn't valid UTF-8\n"
	    "!sse 7: line 20: it isn't valid UTF-8\n"
	    "{\"event\":\"message\",\"data\":5}\n");

	dl_items_start(it);
	expect_id(it, NULL);
	dl_items_resume(it, (struct dl_span){0});
	expect_id(it, NULL);
	dl_items_resume(it, DL_SPAN("11"));
	expect_id(it, "11");
	dl_buf_clear(&b);
	feed_n(it, DL_SPAN("retry: 250\nretry: 1x\nretry\ndata: 6\n\n"));
	assert_string_equal(dl_buf_str(&b),
	    "{\"event\":\"message\",\"id\":\"11\",\"data\":6}\n");
	expect_id(it, "11");
	assert_int_equal(dl_items_retry_ms(it), 250);
	feed_n(it, DL_SPAN("retry: 99999999999999999999999999\n"));
	assert_int_equal(dl_items_retry_ms(it), 24 * 60 * 60 * 1000);

	dl_buf_adds(&id, "id:");
	for (int i = 0; i < DL_ITEMS_ID_MAX; i++)
		dl_buf_addc(&id, 'x');
	feed_n(it, dl_buf_as_span(&id));
	feed_n(it, DL_SPAN("y\n\n"));
	expect_id(it, "11"); /* too long for a header */
	feed_n(it, dl_buf_as_span(&id));
	feed_n(it, DL_SPAN("\n\n"));
	assert_int_equal(dl_items_last_id(it).len, DL_ITEMS_ID_MAX);
	dl_items_free(it);
	dl_buf_release(&b);
	dl_buf_release(&id);

	o.format = DL_ITEMS_NDJSON;
	it = dl_items_new(&o, take, &b, &err);
	dl_items_resume(it, DL_SPAN("1"));
	expect_id(it, NULL);
	assert_int_equal(dl_items_retry_ms(it), -1);
	dl_items_free(it);
}

static void
raw_bytes(void **state)
{
	struct dl_items_options o = {.format = DL_ITEMS_RAW};

	(void)state;
	expect_n(o, DL_SPAN("\xef\xbb\xbf\0\xff"), "\"77u/AP8=\"\n");
	o.max_item = 64;
	expect(o, "01234567890123456789012345678901234567890123456789",
	    "!too-long 50: a document of 50 bytes, longer than 3/4 of "
	    "max_item\n");
}

static void
other_encodings(void **state)
{
	struct dl_items_options o = {
	    .format = DL_ITEMS_NDJSON, .encoding = "UTF-16LE"};

	(void)state;
	expect_n(o,
	    DL_SPAN("\xff\xfe\"\0\xac\x20\"\0\n\0\"\0\0\xd8\"\0\n\0001\0\n"),
	    "\"\xe2\x82\xac\"\n"
	    "!json 3: line 2: invalid UTF-8 at byte 2\n"
	    "!json 2: line 3: more after the JSON value at byte 2\n");
	o.encoding = "SHIFT_JIS";
	expect(o, "{\"k\":\"\x83\x5c\"}\n", "{\"k\":\"\xe3\x82\xbd\"}\n");
}

/* A document's byte order is its own, not that of the one before it. */
static void
byte_orders(void **state)
{
	struct dl_items_options o = {
	    .format = DL_ITEMS_TEXT, .encoding = "UTF-16", .max_item = 64};
	struct dl_err err = {0};
	struct dl_buf b = {0};
	struct dl_items *it = dl_items_new(&o, take, &b, &err);

	(void)state;
	assert_non_null(it);
	feed(it, DL_SPAN("\xfe\xff\0a"), 100, &b);
	assert_string_equal(dl_buf_str(&b), "{\"line\":\"a\"}\n");
	feed(it, DL_SPAN("\xff\xfe\x61\0"), 100, &b);
	assert_string_equal(dl_buf_str(&b), "{\"line\":\"a\"}\n");
	dl_items_free(it);
	dl_buf_release(&b);
}

static void
wrong_options(void **state)
{
	static const struct {
		struct dl_items_options o;
		const char *want;
	} bad[] = {
	    {{.format = DL_ITEMS_XML, .path = "a/b"},
		"here: 'a/b' is no path of elements"},
	    {{.format = DL_ITEMS_XML, .path = "/a//b"}, "is no path"},
	    {{.format = DL_ITEMS_XML, .path = "/"}, "is no path"},
	    {{.format = DL_ITEMS_TEXT, .pattern = "a"},
		"there: it has no named group"},
	    {{.format = DL_ITEMS_TEXT, .pattern = "(?J)(?<a>x)|(?<a>y)"},
		"there: two columns are named 'a'"},
	    {{.format = DL_ITEMS_CSV, .encoding = ""}, "no encoding"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct dl_items_options o = bad[i].o;
		struct dl_err err = {0};

		o.where = "here";
		o.pattern_where = "there";
		o.max_item = 64;
		assert_null(dl_items_new(&o, take, NULL, &err));
		assert_int_equal(err.status, DL_EXIT_CONF);
		if (strstr(err.msg, bad[i].want) == NULL)
			fail_msg("%s", err.msg);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_and_rows),
	    cmocka_unit_test(xml_elements),
	    cmocka_unit_test(sent_events),
	    cmocka_unit_test(streams),
	    cmocka_unit_test(last_ids),
	    cmocka_unit_test(raw_bytes),
	    cmocka_unit_test(other_encodings),
	    cmocka_unit_test(byte_orders),
	    cmocka_unit_test(wrong_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
