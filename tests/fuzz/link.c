/* Link headers: a target lies between its angle brackets, in the header. */
#include "link.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dl_span header = dl_span((const char *)data, size), target;

	if (dl_link_find(header, "next", &target) &&
	    (target.p <= header.p ||
		target.p + target.len >= header.p + header.len ||
		target.p[-1] != '<' || target.p[target.len] != '>' ||
		memchr(target.p, '>', target.len) != NULL))
		abort();
	return 0;
}
