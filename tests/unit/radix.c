/* radix: sorts as qsort does, and is stable. */
#include "radix.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static uint64_t state = 88172645463325252u;

static uint64_t
next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static void
check(size_t n, uint64_t mask)
{
	struct dl_radix *items = calloc(n + 1, sizeof(*items));
	struct dl_radix *spare = calloc(n + 1, sizeof(*spare));
	uint64_t *keys = calloc(n + 1, sizeof(*keys));

	for (size_t i = 0; i < n; i++) {
		keys[i] = next() & mask;
		items[i] = (struct dl_radix){keys[i], (uint32_t)i};
	}
	dl_radix_sort(items, spare, n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(items[i].key, keys[items[i].index]);
		if (i == 0)
			continue;
		assert_true(items[i - 1].key <= items[i].key);
		if (items[i - 1].key == items[i].key)
			assert_true(items[i - 1].index < items[i].index);
	}
	free(items);
	free(spare);
	free(keys);
}

static void
sorts_and_is_stable(void **unused)
{
	static const uint64_t masks[] = {0, 1, 0xff, 0xff00, UINT64_MAX,
	    0x8000000000000001u, 0xff000000000000ffu, 0x00ff00ff0000u};
	static const size_t sizes[] = {0, 1, 2, 31, 32, 33, 1000, 5000};

	(void)unused;
	for (size_t i = 0; i < sizeof(masks) / sizeof(*masks); i++)
		for (size_t j = 0; j < sizeof(sizes) / sizeof(*sizes); j++)
			check(sizes[j], masks[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sorts_and_is_stable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
