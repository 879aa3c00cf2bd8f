/* mqtt: URLs and filters, what came last, what a refusal means. */
#include "mqtt_fail.h"
#include "mqtt_recent.h"
#include "mqtt_spec.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

static void
a_url_is_taken_apart(void **state)
{
	static const struct {
		const char *url, *host, *filter;
		int port;
		bool tls;
	} cases[] = {
	    {"mqtt://h", "h", "", 1883, false},
	    {"mqtts://h/", "h", "", 8883, true},
	    {"MQTT://h.example:18/a/+/b/#", "h.example", "a/+/b/#", 18, false},
	    {"mqtt://[fe80::1]:99/x", "fe80::1", "x", 99, false},
	    {"mqtt://[::1]/x", "::1", "x", 1883, false},
	    {"mqtt://h//x", "h", "/x", 1883, false},
	    {"mqtt://h/$share/g/a/%23", "h", "$share/g/a/#", 1883, false},
	    {"mqtt://h/a%2Bb%c3%a4", "h", NULL, 0, false},
	    {"mqtt://h/a%c3%A4/%2b", "h", "a\xc3\xa4/+", 1883, false},
	    {"mqtt://h/a?b=c", "h", "a?b=c", 1883, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct dl_mqtt_url url;
		struct dl_err err = {0};
		int r = dl_mqtt_url_parse(cases[i].url, &url, &err);

		if (cases[i].filter == NULL) {
			assert_int_equal(r, -1);
			continue;
		}
		assert_int_equal(r, 0);
		assert_string_equal(url.host, cases[i].host);
		assert_string_equal(url.filter, cases[i].filter);
		assert_int_equal(url.port, cases[i].port);
		assert_int_equal(url.tls, cases[i].tls);
	}
}

static void
what_is_no_url_is_refused(void **state)
{
	static const char *const urls[] = {"http://h/a", "mqtt:h", "mqtt://",
	    "mqtt://:1883/a", "mqtt://h:/a", "mqtt://h:0/a", "mqtt://h:65536/a",
	    "mqtt://h:1x/a", "mqtt://[::1/a", "mqtt://[::1]x/a", "mqtt://u@h/a",
	    "mqtt://u:p@h/a", "mqtt://h h/a", "mqtt://h/%", "mqtt://h/%0",
	    "mqtt://h/%00", "mqtt://h/%zz", "mqtt://h/a#", "mqtt://h/#/a",
	    "mqtt://h/a+", "mqtt://h/\xff", "mqtt://h/$share/g",
	    "mqtt://h/$share//a", "mqtt://h/$share/g/", "mqtt://h/$share/+/a"};
	char *longest = malloc(3000);

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		struct dl_mqtt_url url;
		struct dl_err err = {0};

		assert_int_equal(dl_mqtt_url_parse(urls[i], &url, &err), -1);
		assert_int_equal(err.status, DL_EXIT_CONF);
	}
	for (int more = 0; more < 2; more++) {
		struct dl_mqtt_url url;
		struct dl_err err = {0};

		memcpy(longest, "mqtt://h/", 9);
		memset(longest + 9, 'x', DL_MQTT_TEXT + 1);
		longest[9 + DL_MQTT_TEXT + more] = '\0';
		assert_int_equal(dl_mqtt_url_parse(longest, &url, &err), -more);
		memset(longest + 7, 'h', 260);
		longest[7 + 255 + more] = '\0';
		assert_int_equal(dl_mqtt_url_parse(longest, &url, &err), -more);
	}
	free(longest);
}

static void
what_came_last_is_known_by_both(void **state)
{
	struct dl_mqtt_recent r, copy;
	struct dl_buf b = {0};

	(void)state;
	dl_mqtt_recent_init(&r, 4);
	dl_mqtt_recent_init(&copy, 3);
	for (uint16_t i = 1; i <= 6; i++)
		dl_mqtt_recent_add(&r, i, i * 1000);
	assert_false(dl_mqtt_recent_has(&r, 2, 2000));
	assert_true(dl_mqtt_recent_has(&r, 3, 3000));
	assert_true(dl_mqtt_recent_has(&r, 6, 6000));
	assert_false(dl_mqtt_recent_has(&r, 6, 5000));
	/* Fewer places: the newest are kept. */
	dl_mqtt_recent_print(&r, &b);
	dl_mqtt_recent_read(&copy, dl_buf_as_span(&b));
	assert_false(dl_mqtt_recent_has(&copy, 3, 3000));
	assert_true(dl_mqtt_recent_has(&copy, 4, 4000));
	assert_true(dl_mqtt_recent_has(&copy, 6, 6000));
	dl_mqtt_recent_clear(&r);
	assert_false(dl_mqtt_recent_has(&r, 6, 6000));
	/* Bytes that are none of ours. */
	dl_mqtt_recent_read(&copy, dl_span(b.p, b.len - 1));
	assert_false(dl_mqtt_recent_has(&copy, 6, 6000));
	dl_mqtt_recent_read(&copy, (struct dl_span){0});
	assert_int_equal(copy.n, 0);
	dl_buf_release(&b);
	dl_mqtt_recent_release(&r);
	dl_mqtt_recent_release(&copy);
}

/* Of one identifier only what it stood for last can come again. */
static void
an_identifier_is_used_again(void **state)
{
	struct dl_mqtt_recent r;

	(void)state;
	dl_mqtt_recent_init(&r, 3);
	dl_mqtt_recent_add(&r, 1, 1000);
	dl_mqtt_recent_add(&r, 2, 2000);
	dl_mqtt_recent_add(&r, 1, 3000);
	assert_false(dl_mqtt_recent_has(&r, 1, 1000));
	assert_true(dl_mqtt_recent_has(&r, 1, 3000));
	assert_true(dl_mqtt_recent_has(&r, 2, 2000));
	assert_true(dl_mqtt_recent_has_hash(&r, 1000));
	dl_mqtt_recent_add(&r, 2, 4000);
	assert_false(dl_mqtt_recent_has_hash(&r, 1000));
	assert_false(dl_mqtt_recent_has(&r, 2, 2000));
	assert_true(dl_mqtt_recent_has(&r, 1, 3000));
	dl_mqtt_recent_release(&r);
}

static void
filters_overlap_or_not(void **state)
{
	static const char *const yes[][2] = {{"a", "a"}, {"a/#", "a"},
	    {"#", "a/b"}, {"a/+/c", "a/b/+"}, {"+", "a"}, {"a/b/#", "a/#"},
	    {"+/#", "a"}, {"$share/g/a/+", "a/b"}, {"a/", "a/+"},
	    {"+/b", "/b"}};
	static const char *const no[][2] = {{"a", "b"}, {"a", "a/b"},
	    {"a/+", "a"}, {"a/+", "a/b/c"}, {"a/#", "ab"}, {"a/b/#", "a"},
	    {"a/b", "a/bc"}, {"+/b", "a/c"}, {"a/+/+", "a/b"}};

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		for (size_t j = 0; j < 2; j++)
			assert_true(
			    dl_mqtt_filters_overlap(yes[i][j], yes[i][1 - j]));
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		for (size_t j = 0; j < 2; j++)
			assert_false(
			    dl_mqtt_filters_overlap(no[i][j], no[i][1 - j]));
}

static void
topic_and_payload_make_a_message(void **state)
{
	struct dl_span ab = DL_SPAN("ab"), a = DL_SPAN("a");
	struct dl_span c = DL_SPAN("c"), bc = DL_SPAN("bc");

	(void)state;
	assert_true(dl_mqtt_recent_hash(ab, c) == dl_mqtt_recent_hash(ab, c));
	assert_true(dl_mqtt_recent_hash(ab, c) != dl_mqtt_recent_hash(a, bc));
	assert_true(dl_mqtt_recent_hash(ab, c) != dl_mqtt_recent_hash(c, ab));
}

static void
a_refusal_has_its_status(void **state)
{
	static const struct {
		int code;
		bool v5;
		enum dl_exit status;
	} connects[] = {{0x86, true, DL_EXIT_DENIED},
	    {0x87, true, DL_EXIT_DENIED}, {0x84, true, DL_EXIT_CONF},
	    {0x85, true, DL_EXIT_CONF}, {0x88, true, DL_EXIT_TEMP},
	    {0x97, true, DL_EXIT_TEMP}, {0x9a, true, DL_EXIT_CONF},
	    {0xff, true, DL_EXIT_TEMP}, {1, false, DL_EXIT_CONF},
	    {2, false, DL_EXIT_CONF}, {3, false, DL_EXIT_TEMP},
	    {4, false, DL_EXIT_DENIED}, {5, false, DL_EXIT_DENIED},
	    {77, false, DL_EXIT_TEMP}};

	(void)state;
	for (size_t i = 0; i < sizeof(connects) / sizeof(*connects); i++) {
		struct dl_err err = {0};

		assert_int_equal(dl_mqtt_fail_connect(
				     connects[i].code, connects[i].v5, &err),
		    -1);
		assert_int_equal(err.status, connects[i].status);
	}
}

static int
subscribed(int code, int qos)
{
	struct dl_err err = {0};

	return dl_mqtt_fail_subscribe(code, qos, &err) == 0 ? 0
	                                                    : (int)err.status;
}

static void
a_topic_is_granted_or_not(void **state)
{
	(void)state;
	assert_int_equal(subscribed(0, 0), DL_EXIT_OK);
	assert_int_equal(subscribed(1, 1), DL_EXIT_OK);
	assert_int_equal(subscribed(0, 1), DL_EXIT_CONF);
	assert_int_equal(subscribed(0x80, 1), DL_EXIT_DENIED);
	assert_int_equal(subscribed(0x87, 1), DL_EXIT_DENIED);
	assert_int_equal(subscribed(0x9e, 1), DL_EXIT_CONF);
	assert_int_equal(subscribed(0x97, 1), DL_EXIT_TEMP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_url_is_taken_apart),
	    cmocka_unit_test(what_is_no_url_is_refused),
	    cmocka_unit_test(what_came_last_is_known_by_both),
	    cmocka_unit_test(an_identifier_is_used_again),
	    cmocka_unit_test(filters_overlap_or_not),
	    cmocka_unit_test(topic_and_payload_make_a_message),
	    cmocka_unit_test(a_refusal_has_its_status),
	    cmocka_unit_test(a_topic_is_granted_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
