/* idset: members, those met, and hashes made to collide. */
#include "idset.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

static void
what_was_added_is_met_and_nothing_else(void **state)
{
	struct dl_idset s = {0};

	(void)state;
	assert_false(dl_idset_meet(&s, (struct dl_hash128){1, 8}));
	for (uint64_t i = 0; i < 5000; i++) {
		dl_idset_add(&s, (struct dl_hash128){i, 8});
		dl_idset_add(&s, (struct dl_hash128){i, 8});
	}
	assert_int_equal(s.n, 5000);
	assert_int_equal(s.unmet, 5000);
	for (uint64_t i = 0; i < 5000; i += 2) {
		assert_true(dl_idset_meet(&s, (struct dl_hash128){i, 8}));
		assert_true(dl_idset_meet(&s, (struct dl_hash128){i, 8}));
		assert_false(dl_idset_meet(&s, (struct dl_hash128){i, 16}));
	}
	assert_int_equal(s.unmet, 2500);
	assert_false(dl_idset_meet(&s, (struct dl_hash128){5000, 8}));
	dl_idset_release(&s);
	assert_int_equal(s.n, 0);
}

/* Who chooses the ids knows their hashes, but not where they go. */
static void
ids_can_not_be_made_to_collide(void **state)
{
	struct dl_idset s = {0};
	clock_t start = clock();

	(void)state;
	for (uint64_t i = 0; i < 200000; i++)
		dl_idset_add(&s, (struct dl_hash128){i << 32, i});
	assert_int_equal(s.n, 200000);
	/* A walk over all that came before takes a minute. */
	assert_true(clock() - start < 3 * CLOCKS_PER_SEC);
	dl_idset_release(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_added_is_met_and_nothing_else),
	    cmocka_unit_test(ids_can_not_be_made_to_collide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
