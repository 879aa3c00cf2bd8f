/*
 * Numbers of expressions: printed and read as libjq does; large integers, which
 * it has not, by all their digits.
 */
#include "expr_help.h"

static void
check_double(double d)
{
	static struct dl_buf b;
	char text[40];

	dl_buf_clear(&b);
	dl_value_print_double(&b, d);
	snprintf(text, sizeof(text), "%.17g", d);
	same_text(&b, jv_dump_string(jv_number(d), 0), text);
}

static void
known_doubles(void **state)
{
	static const double known[] = {0, 1, 0.1, 0.01, 0.001, 1e-4, 1e-5, 1e-6,
	    9.999999999999999e-5, 1.0 / 3, 2.0 / 3, 0.3, 100.25, 1e14, 1e15,
	    1e16, 1e17, 1e18, 1e22, 1e23, 1.2345678901234568e17,
	    12345678901234568, 9007199254740991, 9007199254740992,
	    9007199254740994, 36028797018963976, 72057594037927952,
	    4503599627370495.5, 1125899906842623.125, 2251799813685247.25,
	    5e-324, 1e-310, 1e100, 2.2250738585072014e-308,
	    1.7976931348623157e308, 9.5367431640625e-7, 999999999999999.9,
	    99999999999999.99, 0.99999999999999989, 1e-300, INFINITY, NAN};
	struct dl_buf b = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(known); i++) {
		check_double(known[i]);
		check_double(-known[i]);
		check_double(nextafter(known[i], 0));
		check_double(nextafter(known[i], INFINITY));
	}
	for (int e = -1074; e < 1024; e++) {
		check_double(ldexp(1, e));
		check_double(nextafter(ldexp(1, e), 0));
	}
	for (double d = 1e-320; d < 1e308; d *= 10) {
		check_double(d);
		check_double(nextafter(d, 0));
		check_double(nextafter(d, INFINITY));
	}
	dl_value_print_double(&b, -INFINITY);
	assert_string_equal(dl_buf_str(&b), "-1.7976931348623157e+308");
	dl_buf_release(&b);
}

static void
doubles_at_random(void **state)
{
	uint64_t bits;
	double d;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		bits = any();
		memcpy(&d, &bits, sizeof(d));
		check_double(d);
		/* Sizes as they are met: a fraction of 16 or 17 digits. */
		d = (double)(any() >> 11) * 0x1p-53;
		check_double(d * pow(10, (double)below(25) - 8));
		check_double(
		    (double)(any() % 1000000000000) / pow(10, below(16)));
		check_double((double)(any() % 1000000) / pow(10, 7 + below(9)));
		check_double((double)(any() >> below(64)));
		check_double(ldexp((double)(any() >> 11), -(int)below(66)));
	}
}

/* Any number of digits, with a point anywhere, is the double that strtod has. */
static void
doubles_are_read(void **state)
{
	char text[64], *p;
	struct dl_err err = {0};
	struct dl_value v;
	size_t len;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		len = (size_t)snprintf(text, sizeof(text), "%s%llu%05llu",
		    below(2) ? "-" : "",
		    (unsigned long long)(any() >> below(64) | 1),
		    (unsigned long long)any() % 100000);
		text[len -= below(4)] = '\0';
		if (below(4) > 0 && len > 3) {
			p = text + 2 + below((unsigned)len - 3);
			memmove(p + 1, p, strlen(p) + 1);
			*p = '.';
		}
		v = value(text);
		if (dl_value_double(&v) != strtod(text, NULL))
			fail_msg("%s is not %.17g", text, dl_value_double(&v));
	}
	/* Many, so that some are next to the middle of two doubles. */
	for (int i = 0; i < 1000000; i++) {
		snprintf(text, sizeof(text), "%u.%018llu", below(10),
		    (unsigned long long)any() % 1000000000000000000);
		assert_int_equal(dl_value_json(dl_span_str(text), &v, &err), 0);
		if (dl_value_double(&v) != strtod(text, NULL))
			fail_msg("%s is not %.17g", text, dl_value_double(&v));
	}
	/* Halfway between two doubles, and next to it. */
	v = value("4503599627370497.50");
	assert_true(dl_value_double(&v) == 4503599627370498);
	v = value("4503599627370496.500");
	assert_true(dl_value_double(&v) == 4503599627370496);
	v = value("4503599627370496.501");
	assert_true(dl_value_double(&v) == 4503599627370497);
}

static void
integers(void **state)
{
	static const struct {
		const char *text;
		bool is;
		int64_t i;
	} cases[] = {{"0", true, 0}, {"-1", true, -1},
	    {"9007199254740993", true, 9007199254740993},
	    {"9223372036854775807", true, INT64_MAX},
	    {"-9223372036854775808", true, INT64_MIN},
	    {"9223372036854775808", false, 0},
	    {"-9223372036854775809", false, 0},
	    {"18446744073709551617", false, 0},
	    {"99999999999999999999999", false, 0}, {"-0", false, 0},
	    {"1.0", false, 0}, {"1e2", false, 0}, {"\"1\"", false, 0},
	    {"null", false, 0}, {"[1]", false, 0}};
	struct dl_err err = {0};
	struct dl_buf b = {0};
	struct dl_value v;
	int64_t i;

	(void)state;
	for (size_t k = 0; k < COUNT(cases); k++) {
		v = value(cases[k].text);
		assert_int_equal(dl_value_int(&v, &i), cases[k].is);
		if (!cases[k].is)
			continue;
		assert_true(i == cases[k].i);
		assert_int_equal(dl_value_of_int(&arena, i, &v, &err), 0);
		dl_buf_clear(&b);
		dl_value_put(&b, &v);
		assert_string_equal(dl_buf_str(&b), cases[k].text);
		assert_true(dl_value_int(&v, &i) && i == cases[k].i);
	}
	dl_buf_release(&b);
}

static void
doubles_that_are_integers(void **state)
{
	static const struct {
		double d;
		bool is;
	} cases[] = {{0, true}, {-0.0, false}, {-7, true}, {0.5, false},
	    {9007199254740991, true}, {9007199254740992, false},
	    {-9007199254740991, true}, {1e300, false}, {INFINITY, false},
	    {NAN, false}};
	struct dl_value v;
	int64_t i;

	(void)state;
	for (size_t k = 0; k < COUNT(cases); k++) {
		v = dl_value_number(cases[k].d);
		assert_int_equal(dl_value_int(&v, &i), cases[k].is);
		if (cases[k].is)
			assert_true((double)i == cases[k].d);
	}
}

static char *
digits(char first, size_t zeros, const char *end)
{
	char *p = dl_alloc(zeros + strlen(end) + 2);

	p[0] = first;
	memset(p + 1, '0', zeros);
	strcpy(p + 1 + zeros, end);
	return p;
}

static void
large_numbers_compare(void **state)
{
	static const struct {
		const char *x, *y;
		int cmp;
	} cases[] = {{"9007199254740993", "9007199254740992", 1},
	    {"-9007199254740993", "-9007199254740992", -1},
	    {"9007199254740993", "9007199254740993", 0},
	    {"9007199254740993", "9007199254740993.0", 0},
	    {"9007199254740993", "9.007199254740993e15", 0},
	    {"9007199254740993", "0.00009007199254740993E+20", 0},
	    {"9007199254740993", "90071992547409930e-1", 0},
	    {"1e20", "100000000000000000000", 0},
	    {"1e20", "100000000000000000001", -1},
	    {"100000000000000000000.000", "1E20", 0}, {"1e400", "1e500", -1},
	    {"-1e400", "-1e500", 1},
	    {"1e99999999999999999999", "1e99999999999999999998", 0},
	    {"1e400", "10e399", 0},
	    {"9223372036854775807", "9223372036854775806", 1},
	    {"[9007199254740993]", "[9007199254740992]", 1},
	    {"{\"a\":9007199254740993}", "{\"a\":9007199254740993}", 0},
	    /* Below 2^53, jq's doubles decide. */
	    {"0.1", "0.10000000000000000001", 0},
	    {"9007199254740991", "9007199254740991.0000000001", 0}};
	char *x = digits('1', 1 << 20, "1"), *y = digits('1', 1 << 20, "2");
	struct dl_value a, b;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		a = value(cases[i].x);
		b = value(cases[i].y);
		if (cmp(&a, &b) != cases[i].cmp || cmp(&b, &a) != -cases[i].cmp)
			fail_msg("%s and %s", cases[i].x, cases[i].y);
	}
	a = value(x);
	b = value(y);
	assert_int_equal(cmp(&a, &b), -1);
	assert_int_equal(cmp(&a, &a), 0);
	free(x);
	free(y);
	/* A double counts as it is printed. */
	a = dl_value_number(1e23);
	b = value("1e23");
	assert_int_equal(cmp(&a, &b), 0);
	b = value("100000000000000000000001");
	assert_int_equal(cmp(&a, &b), -1);
	assert_int_equal(cmp(&b, &a), 1);
	a = dl_value_number(INFINITY);
	b = value("1e400");
	assert_int_equal(cmp(&a, &b), 0);
}

static void
large_numbers_sort(void **state)
{
	struct dl_value v = value("[[9007199254740994],[9007199254740993],"
				  "[9007199254740992],[9007199254740993]]");
	uint32_t order[4] = {0, 1, 2, 3};
	struct dl_value *elements;
	struct dl_err err = {0};
	size_t n;

	(void)state;
	assert_int_equal(
	    dl_value_all(&arena, &v, NULL, &elements, &n, &err), 0);
	assert_int_equal(dl_value_sort(&arena, elements, order, n, &err), 0);
	assert_memory_equal(order, ((uint32_t[]){2, 1, 3, 0}), sizeof(order));
	/* A part of the values, by their indexes. */
	memcpy(order, (uint32_t[]){3, 2}, 8);
	assert_int_equal(dl_value_sort(&arena, elements, order, 2, &err), 0);
	assert_memory_equal(order, ((uint32_t[]){2, 3}), 8);
	assert_int_equal(dl_value_sort(&arena, elements, order, 0, &err), 0);
	/* The second elements count too, even if all have a first one. */
	v = value("[[1,4],[1,3],[1,2],[1]]");
	assert_int_equal(
	    dl_value_all(&arena, &v, NULL, &elements, &n, &err), 0);
	memcpy(order, (uint32_t[]){0, 1, 2, 3}, sizeof(order));
	assert_int_equal(dl_value_sort(&arena, elements, order, n, &err), 0);
	assert_memory_equal(order, ((uint32_t[]){3, 2, 1, 0}), sizeof(order));
	dl_arena_reset(&arena);
}

static void
large_numbers_print(void **state)
{
	static const char *const cases[][2] = {
	    {"9007199254740993", "9007199254740993"},
	    {"-12345678901234567890", "-12345678901234567890"},
	    {"1000000000000000", "1000000000000000"},
	    {"10000000000000000", "1e+16"},
	    {"10000000000000000000000", "1e+22"},
	    {"10000000000000000000001", "10000000000000000000001"},
	    {"100000000000000000000000000000000000000010000000000000000",
		"100000000000000000000000000000000000000010000000000000000"},
	    {"9007199254740993.0", "9007199254740992"},
	    {"1e400", "1.7976931348623157e+308"},
	    {"[ 1.10 , 1E2 ]", "[1.1,100]"}};
	char *huge = digits('1', 400, "");
	struct dl_err err = {0};
	struct dl_buf b = {0};
	struct dl_value v;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		v = value(cases[i][0]);
		dl_buf_clear(&b);
		assert_int_equal(dl_value_print(&arena, &b, &v, &err), 0);
		assert_string_equal(dl_buf_str(&b), cases[i][1]);
	}
	v = value(huge);
	dl_buf_clear(&b);
	assert_int_equal(dl_value_print(&arena, &b, &v, &err), 0);
	assert_string_equal(dl_buf_str(&b), huge);
	free(huge);
	dl_buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_doubles),
	    cmocka_unit_test(doubles_at_random),
	    cmocka_unit_test(doubles_are_read),
	    cmocka_unit_test(integers),
	    cmocka_unit_test(doubles_that_are_integers),
	    cmocka_unit_test(large_numbers_compare),
	    cmocka_unit_test(large_numbers_sort),
	    cmocka_unit_test(large_numbers_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
