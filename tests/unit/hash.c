/* hash.h: how hashes are written. */
#include "hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void
same_as_printf(uint64_t h)
{
	char got[17], want[17];

	memset(got, '?', sizeof(got));
	dl_hash_print(h, got);
	assert_int_equal(got[16], '?');
	got[16] = '\0';
	snprintf(want, sizeof(want), "%016llx", (unsigned long long)h);
	assert_string_equal(got, want);
}

static void
print(void **state)
{
	uint64_t h = 0x9e3779b97f4a7c15u;

	(void)state;
	same_as_printf(0);
	same_as_printf(UINT64_MAX);
	/* Every digit at every place. */
	for (uint64_t digit = 1; digit < 16; digit++)
		for (int i = 0; i < 64; i += 4)
			same_as_printf(digit << i);
	for (int i = 0; i < 100000; i++, h *= 0xd6e8feb86659fd93u)
		same_as_printf(h);
}

static void
hex(void **state)
{
	char all[17], few[17];

	(void)state;
	dl_hash_hex(DL_SPAN("text"), all, 99);
	assert_int_equal(strlen(all), 16);
	dl_hash_hex(DL_SPAN("text"), few, 8);
	assert_int_equal(strlen(few), 8);
	assert_memory_equal(few, all, 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(print),
	    cmocka_unit_test(hex),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
