/*
 * What a client sends, read as every text of HTTP that it may be: what is found
 * lies inside, and what is decoded is UTF-8 without NUL.
 */
#include "http_text.h"
#include "json.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
inside(struct dl_span part, struct dl_span whole)
{
	if (part.p != NULL && !dl_span_is(part, "/") &&
	    (part.p < whole.p || part.p + part.len > whole.p + whole.len))
		abort();
}

static void
plain(const struct dl_buf *b)
{
	if (b->len > 0 && (!dl_utf8_valid(dl_buf_as_span(b)) ||
			      memchr(b->p, '\0', b->len) != NULL))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dl_span text = dl_span((const char *)data, size), path, query;
	struct dl_buf b = {0};
	struct dl_err err = {0};
	int64_t n;

	if (dl_http_split(text, &path, &query)) {
		inside(path, text);
		inside(query, text);
		if (path.len == 0 || (path.p[0] != '/' && path.p[0] != '*'))
			abort();
		if (dl_http_decode(path, &b))
			plain(&b);
		dl_buf_clear(&b);
		if (dl_http_query_param(query, "a", &b, &err) == 1)
			plain(&b);
		dl_buf_clear(&b);
	}
	if (!dl_http_decode(text, &b) && b.len != 0)
		abort();
	plain(&b);
	dl_buf_clear(&b);
	if (dl_http_query_param(text, "a", &b, &err) <= 0 && b.len != 0)
		abort();
	plain(&b);
	dl_http_takes_gzip(text);
	dl_http_tag_listed(text, DL_SPAN("\"abc\""));
	if (dl_http_length(text, &n) && n < 0)
		abort();
	if (dl_http_good_id(text) && (size < 1 || size > 32))
		abort();
	dl_buf_release(&b);
	return 0;
}
