/*
 * Any bytes as values and as what was saved of types: it stays in bounds, ends,
 * and what was fed can be put.
 */
#include "json.h"
#include "types.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dl_span text = dl_span((const char *)data, size);
	struct dl_types *t = dl_types_new();
	struct dl_err ignored = {0};
	struct dl_buf b = {0};
	const struct dl_type *type;
	bool valid;

	dl_types_feed(t, text);
	type = dl_types_settle(t, DL_TYPES_DUCKDB, false);
	valid = dl_json_check(text, &ignored) == 0;
	if (dl_types_put(&b, type, text) < 0 && valid && size > 0 &&
	    (data[0] == '{' || data[0] == '['))
		abort();
	dl_types_print(&b, type, DL_TYPES_DUCKDB);
	dl_types_print(
	    &b, dl_types_settle(t, DL_TYPES_HIVE, true), DL_TYPES_HIVE);
	dl_buf_clear(&b);
	dl_types_save(&b, t);
	if (dl_types_load(t, dl_buf_as_span(&b)) < 0)
		abort();
	(void)dl_types_load(t, text);
	dl_types_free(t);
	dl_buf_release(&b);
	return 0;
}
