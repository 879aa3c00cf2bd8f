#include "http_private.h"

#include "json.h"

#include <stdio.h>

/* "not-found" is "Not found". */
static void
add_title(struct dl_buf *b, const char *name)
{
	size_t from = b->len + 1;

	dl_buf_addc(b, '"');
	if (strncmp(name, "uri-", 4) == 0) {
		dl_buf_adds(b, "URI");
		name += 3;
	}
	for (; *name != '\0'; name++)
		dl_buf_addc(b, *name == '-' ? ' ' : *name);
	if (b->p[from] >= 'a' && b->p[from] <= 'z')
		b->p[from] = (char)(b->p[from] - 'a' + 'A');
	dl_buf_addc(b, '"');
}

void
dl_http_problem_text(struct dl_buf *b, int status, const char *name,
    const char *id, const char *detail)
{
	dl_buf_adds(b, "{\"type\":\"urn:dl:problem:");
	dl_buf_adds(b, name);
	dl_buf_adds(b, "\",\"title\":");
	add_title(b, name);
	dl_buf_printf(b, ",\"status\":%d,\"detail\":", status);
	dl_json_quote(b, dl_span_str(detail));
	if (id != NULL) {
		dl_buf_adds(b, ",\"instance\":\"urn:dl:request:");
		dl_buf_adds(b, id);
		dl_buf_addc(b, '"');
	}
	dl_buf_adds(b, "}\n");
}

enum dl_http_next
dl_http_problem(struct dl_http_request *q, int status, const char *name,
    const char *fmt, ...)
{
	static const char *const not [] = {
	    "Cache-Control", "ETag", "Last-Modified", "Link"};
	char detail[DL_ERR_MAX];
	struct dl_span shown;
	va_list ap;
	size_t i;

	/* What was said of the answer that this one takes the place of. */
	for (i = 0; i < sizeof(not ) / sizeof(not [0]); i++)
		dl_http_drop_header(q->private, not [i]);
	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	/* It may have been cut in the middle of a character. */
	shown = dl_span_str(detail);
	while (!dl_utf8_valid(shown) && shown.len > 0)
		detail[--shown.len] = '\0';
	dl_buf_clear(&q->out);
	dl_http_problem_text(&q->out, status, name, q->id, detail);
	dl_http_header(q, "Cache-Control", "no-store");
	return dl_http_answer(q, status, "application/problem+json", false);
}
