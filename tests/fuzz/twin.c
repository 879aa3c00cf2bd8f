/*
 * Any bytes as a stored record, or as a block of the change log: within them,
 * or an error; and back the same.
 */
#include "twin_log.h"
#include "twin_record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
record(struct dl_span bytes)
{
	struct dl_twin_obs o, p;
	struct dl_err err = {0};
	struct dl_buf head = {0}, b = {0};

	if (dl_twin_decode(bytes, &o, &err) < 0)
		return;
	dl_twin_pack(&head, &o);
	p = o;
	p.head = dl_buf_as_span(&head);
	dl_buf_room(&b, dl_twin_encoded(&p));
	dl_twin_encode(&p, b.p);
	b.len = dl_twin_encoded(&p);
	if (dl_twin_decode(dl_buf_as_span(&b), &p, &err) < 0 ||
	    dl_twin_join_cmp(&o, &p) != 0 || o.change != p.change)
		abort();
	dl_buf_release(&head);
	dl_buf_release(&b);
}

static void
print(struct dl_span key, struct dl_span bytes)
{
	struct dl_twin_record rec;
	struct dl_twin_texts texts;
	struct dl_err err = {0};
	struct dl_buf b = {0};

	if (dl_twin_record_of(key, bytes, &rec, &texts, &err) == 0)
		dl_twin_print(&b, &rec);
	dl_buf_release(&b);
}

/* What is read can be made again, and is no longer. */
static void
block(struct dl_span bytes)
{
	struct dl_twin_log_iter it, again;
	struct dl_twin_log_block b = {.len = 0};
	uint64_t last = 0;
	int r;

	dl_twin_log_iter(&it, 7, bytes);
	while ((r = dl_twin_log_next(&it)) > 0) {
		struct dl_span key = dl_span(it.key, it.key_len);

		if (it.number <= last || !dl_twin_log_add(&b, it.number, key))
			return;
		last = it.number;
	}
	if (r < 0 || b.len == 0)
		return;
	if (b.len > bytes.len)
		abort();
	dl_twin_log_iter(&again, b.first, dl_span((char *)b.bytes, b.len));
	while (dl_twin_log_next(&again) > 0)
		;
	if (again.number != last || again.key_len != it.key_len ||
	    memcmp(again.key, it.key, it.key_len) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dl_span bytes = dl_span((const char *)data, size);
	size_t n;

	record(bytes);
	block(bytes);
	/* The first byte tells where the key ends. */
	if (size > 0) {
		n = data[0] < size - 1 ? data[0] : size - 1;
		print(dl_span(bytes.p + 1, n),
		    dl_span(bytes.p + 1 + n, size - 1 - n));
	}
	return 0;
}
