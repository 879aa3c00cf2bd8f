/* fixed: numbers are exact, or refused. */
#include "fixed.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static const struct {
	const char *text, *printed; /* NULL: it is none of these */
} cases[] = {
    {"0", "0"},
    {"-0", "0"},
    {"0.0e5", "0"},
    {"0e999999999999", "0"},
    {"1", "1"},
    {"-17", "-17"},
    {"1.50", "1.5"},
    {"0.000000000000000001", "0.000000000000000001"},
    {"0.0000000000000000010", "0.000000000000000001"},
    {"0.0000000000000000001", NULL},
    {"18446744073709551616", "18446744073709551616"},
    {"99999999999999999999", "99999999999999999999"},
    {"99999999999999999999.999999999999999999",
	"99999999999999999999.999999999999999999"},
    {"-99999999999999999999.999999999999999999",
	"-99999999999999999999.999999999999999999"},
    {"100000000000000000000", NULL},
    {"1e20", NULL},
    {"1e19", "10000000000000000000"},
    {"12345e-3", "12.345"},
    {"1.5E+3", "1500"},
    {"1e-18", "0.000000000000000001"},
    {"1e-19", NULL},
    {"1e99999999999999999999", NULL},
    {"1e-99999999999999999999", NULL},
    {"1000000000000000000000000000000e-20", "10000000000"},
    {"1.000000000000000000000000000000000000000000000000", "1"},
};

static void
numbers_are_exact_or_refused(void **state)
{
	struct dl_buf b = {0};
	__int128 n;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct dl_span text = dl_span_str(cases[i].text);
		bool ok;

		assert_true(dl_fixed_is_number(text));
		ok = dl_fixed_parse(text, &n);
		if (ok != (cases[i].printed != NULL))
			fail_msg("%s", cases[i].text);
		if (!ok)
			continue;
		dl_buf_clear(&b);
		dl_fixed_print(&b, n);
		assert_string_equal(dl_buf_str(&b), cases[i].printed);
	}
	dl_buf_release(&b);
}

static void
other_texts_are_no_numbers(void **state)
{
	static const char *const texts[] = {"", "-", "+1", "007", "1.", ".5",
	    "1e", "1 ", " 1", "0x1", "1,5", "NaN", "--1", "1e+", "1-"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (dl_fixed_is_number(dl_span_str(texts[i])))
			fail_msg("%s", texts[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_are_exact_or_refused),
	    cmocka_unit_test(other_texts_are_no_numbers),
	};

	return cmocka_run_group_tests_name("fixed", tests, NULL, NULL);
}
