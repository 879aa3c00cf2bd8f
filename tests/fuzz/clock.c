/*
 * Times from outside: whatever is accepted must print as a time that parses
 * to itself.  The first byte chooses the format.
 */
#include "clock.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const formats[] = {"rfc3339", "s", "ms", "us", "ns",
	    "%Y-%m-%d %H:%M:%S", "%d %b %y %I:%M %p %z", "%j %Y"};
	struct dl_time t, back;
	struct dl_err err = {0};
	char out[DL_TIME_MAX];
	size_t n;

	if (size == 0)
		return 0;
	if (dl_time_parse_as(dl_span((const char *)data + 1, size - 1),
		formats[data[0] % 8], &t, &err) < 0)
		return 0;
	n = dl_time_print(&t, out);
	if (n >= DL_TIME_MAX ||
	    dl_time_parse(dl_span(out, n), &back, &err) < 0 ||
	    dl_time_cmp(&t, &back) != 0 || t.digits != back.digits)
		abort();
	return 0;
}
