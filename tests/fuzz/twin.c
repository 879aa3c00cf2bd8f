/* Any bytes as a stored record: within them, or an error; and back the same. */
#include "twin_record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dl_span bytes = dl_span((const char *)data, size), key;
	struct dl_twin_record rec;
	struct dl_twin_obs o, p;
	struct dl_err err = {0};
	struct dl_buf b = {0};
	char time[DL_TIME_MAX];

	if (dl_twin_decode(bytes, &o, &err) == 0) {
		dl_buf_room(&b, dl_twin_encoded(&o));
		dl_twin_encode(&o, b.p);
		b.len = dl_twin_encoded(&o);
		if (!dl_span_eq(dl_buf_as_span(&b), bytes) ||
		    dl_twin_decode(dl_buf_as_span(&b), &p, &err) < 0 ||
		    dl_twin_join_cmp(&o, &p) != 0)
			abort();
		dl_buf_clear(&b);
	}
	/* The first byte tells where the key ends. */
	if (size > 0) {
		size_t n = data[0] < size - 1 ? data[0] : size - 1;

		key = dl_span(bytes.p + 1, n);
		bytes = dl_span(key.p + n, size - 1 - n);
		dl_err_clear(&err);
		if (dl_twin_record_of(key, bytes, &rec, time, &err) == 0)
			dl_twin_print(&b, &rec);
	}
	dl_buf_release(&b);
	return 0;
}
