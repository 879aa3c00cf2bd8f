#include "num.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

typedef int parse_fn(struct dl_span, int64_t *, struct dl_err *);

struct row {
	const char *text;
	int64_t value; /* -1: an error */
};

static void
check(parse_fn *parse, const struct row *rows)
{
	struct dl_err err;
	int64_t n;
	int r;

	for (; rows->text != NULL; rows++) {
		err = (struct dl_err){0};
		n = -1;
		r = parse(dl_span_str(rows->text), &n, &err);
		if (n != rows->value || (r == 0) != (n >= 0))
			fail_msg("\"%s\": %" PRId64, rows->text, n);
		assert_int_equal(err.status, r == 0 ? 0 : DL_EXIT_USAGE);
	}
}

static void
counts(void **state)
{
	static const struct row rows[] = {
	    {"0", 0},
	    {"1000", 1000},
	    {"007", 7},
	    {"9223372036854775807", INT64_MAX},
	    {"9223372036854775808", -1},
	    {"99999999999999999999", -1},
	    {"", -1},
	    {"-1", -1},
	    {"+1", -1},
	    {" 1", -1},
	    {"1 ", -1},
	    {"1_000", -1},
	    {"1k", -1},
	    {NULL, 0},
	};

	(void)state;
	check(dl_num_count, rows);
}

static void
sizes(void **state)
{
	static const struct row rows[] = {
	    {"512", 512},
	    {"1K", 1024},
	    {"64M", 64 << 20},
	    {"2G", INT64_C(2) << 30},
	    {"8388607T", INT64_C(8388607) << 40},
	    {"8388608T", -1},
	    {"1k", -1},
	    {"1MB", -1},
	    {"M", -1},
	    {"1.5M", -1},
	    {"", -1},
	    {NULL, 0},
	};

	(void)state;
	check(dl_num_size, rows);
}

static void
durations(void **state)
{
	static const struct row rows[] = {
	    {"250ms", 250},
	    {"30s", 30000},
	    {"5m", 300000},
	    {"2h", 7200000},
	    {"7d", 604800000},
	    {"2w", 1209600000},
	    {"1y1w", INT64_C(372) * 86400000},
	    {"1h30m", 5400000},
	    {"1m500ms", 60500},
	    {"0s", 0},
	    {"106751991167d", INT64_C(106751991167) * 86400000},
	    {"106751991168d", -1},
	    {"106751991167d1d", -1},
	    {"60", -1},
	    {"s", -1},
	    {"1h30", -1},
	    {"1.5h", -1},
	    {"-1s", -1},
	    {"1 s", -1},
	    {"1M", -1},
	    {"", -1},
	    {NULL, 0},
	};

	(void)state;
	check(dl_num_duration, rows);
}

/* A NUL is a byte like another, and not the end of the text. */
static void
nul_bytes(void **state)
{
	struct dl_err err = {0};
	int64_t n;

	(void)state;
	assert_int_equal(dl_num_size(DL_SPAN("1\0"), &n, &err), -1);
	assert_int_equal(dl_num_count(DL_SPAN("1\0"), &n, &err), -1);
	assert_int_equal(dl_num_duration(DL_SPAN("1s\0"), &n, &err), -1);
}

static void
message(void **state)
{
	struct dl_err err = {0};
	int64_t n;

	(void)state;
	dl_num_duration(DL_SPAN("soon"), &n, &err);
	assert_string_equal(err.msg, "'soon' is not a duration such as 60s");
}

static void
print_size(void **state)
{
	static const struct {
		int64_t bytes;
		const char *text;
	} rows[] = {
	    {0, "0 B"},
	    {1023, "1023 B"},
	    {1024, "1.0 KiB"},
	    {1258291, "1.2 MiB"},
	    {1048524, "1023.9 KiB"},
	    {1048525, "1.0 MiB"},
	    {1 << 20, "1.0 MiB"},
	    {INT64_C(1073741823), "1.0 GiB"},
	    {INT64_MAX, "8.0 EiB"},
	    {-2048, "-2.0 KiB"},
	    {INT64_MIN, "-8.0 EiB"},
	};
	char out[32];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		dl_num_print_size(rows[i].bytes, out);
		assert_string_equal(out, rows[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counts),
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(durations),
	    cmocka_unit_test(nul_bytes),
	    cmocka_unit_test(message),
	    cmocka_unit_test(print_size),
	};

	return cmocka_run_group_tests_name("num", tests, NULL, NULL);
}
