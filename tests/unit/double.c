/* The double of a JSON number is strtod's. */
#include "double.h"

#include "buf.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

static void
same(const char *text)
{
	double ours = dl_double(dl_span_str(text));
	double want = strtod(text, NULL);

	/* By their bits: -0 is not 0. */
	if (memcmp(&ours, &want, sizeof(ours)) != 0)
		fail_msg("%s is %.17g, not %.17g", text, ours, want);
}

static void
known_numbers(void **state)
{
	static const char *const texts[] = {"0", "-0", "0.0", "-0.0", "1", "-1",
	    "0.1", "1.10", "123456789012345", "1234567890123456",
	    "9007199254740993", "13911860366432393", "99999999999999.9",
	    "0.0000000000001", "0.12345678901234567", "1e22", "1E-7", "1e400",
	    "-1e400", "1e-400", "5e-324", "2.2250738585072011e-308",
	    "123456789012345678901234567890", "1.7976931348623157e+308"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		same(texts[i]);
}

static void
numbers_at_random(void **state)
{
	char text[64];
	int i;

	(void)state;
	srand(1);
	for (i = 0; i < 200000; i++) {
		int whole = rand() % (1 << rand() % 30 | 1);
		int part = rand() % 100000000;

		snprintf(text, sizeof(text), "%s%d.%0*d%s",
		    rand() % 2 ? "-" : "", whole, 1 + rand() % 9, part,
		    rand() % 8 ? "" : "e-11");
		same(text);
	}
}

static void
a_long_number(void **state)
{
	struct dl_buf b = {0};
	int i;

	(void)state;
	dl_buf_adds(&b, "0.");
	for (i = 0; i < 100000; i++)
		dl_buf_addc(&b, (char)('0' + i % 10));
	same(dl_buf_str(&b));
	dl_buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_numbers),
	    cmocka_unit_test(numbers_at_random),
	    cmocka_unit_test(a_long_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
