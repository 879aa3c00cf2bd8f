/* What was done, in words. */
#include "lake_tidy.h"

#include "num.h"

static void
add_parts(struct dl_buf *b, uint64_t n, uint64_t bytes)
{
	char size[32];

	dl_num_print_size((int64_t)bytes, size);
	dl_buf_printf(b, "%llu part%s (%s)", (unsigned long long)n,
	    n == 1 ? "" : "s", size);
}

void
dl_lake_tidied_print(
    struct dl_buf *b, const struct dl_lake_tidied *what, bool dry)
{
	size_t start = b->len;
	char size[32];

	if (what->merged > 0) {
		add_parts(b, what->merged, what->merged_bytes);
		dl_buf_printf(b, " %s %llu", dry ? "would become" : "became",
		    (unsigned long long)what->made);
	}
	if (what->made > 0 && !dry) {
		dl_num_print_size((int64_t)what->made_bytes, size);
		dl_buf_printf(b, " (%s)", size);
	}
	if (what->duplicates > 0)
		dl_buf_printf(b, "%s%llu duplicate%s left out",
		    b->len > start ? "; " : "",
		    (unsigned long long)what->duplicates,
		    what->duplicates == 1 ? "" : "s");
	if (what->expired > 0) {
		dl_buf_adds(b, b->len > start ? "; " : "");
		add_parts(b, what->expired, what->expired_bytes);
		dl_buf_adds(b, dry ? " would expire" : " expired");
	}
	if (what->superseded > 0)
		dl_buf_printf(b, "%s%llu left by a run that died",
		    b->len > start ? "; " : "",
		    (unsigned long long)what->superseded);
	if (what->passed_over > 0)
		dl_buf_printf(b, "%s%llu passed over",
		    b->len > start ? "; " : "",
		    (unsigned long long)what->passed_over);
	if (what->corrupt > 0)
		dl_buf_printf(b, "%s%llu corrupt", b->len > start ? "; " : "",
		    (unsigned long long)what->corrupt);
	if (b->len == start)
		dl_buf_adds(b, "nothing to do");
}
