#include "serve_paging.h"

#include "json.h"
#include "num.h"

#include <sodium.h>

#define VERSION 1
#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define RAW_MAX (1 + DL_TWIN_KEY_MAX)
#define CURSOR_MAX (RAW_MAX * 4 / 3 + 4)

void
dl_serve_cursor_put(struct dl_buf *b, struct dl_span name)
{
	unsigned char raw[RAW_MAX] = {VERSION};
	char text[CURSOR_MAX];

	if (name.len > DL_TWIN_KEY_MAX)
		return;
	memcpy(raw + 1, name.p, name.len);
	sodium_bin2base64(text, sizeof(text), raw, 1 + name.len, VARIANT);
	dl_buf_adds(b, text);
}

int
dl_serve_cursor_take(struct dl_span cursor, struct dl_buf *name)
{
	unsigned char raw[RAW_MAX];
	const char *end;
	size_t n;

	if (sodium_base642bin(raw, sizeof(raw), cursor.p, cursor.len, NULL, &n,
		&end, VARIANT) < 0 ||
	    end != cursor.p + cursor.len || n < 2 || raw[0] != VERSION ||
	    memchr(raw + 1, '\0', n - 1) != NULL)
		return -1;
	dl_buf_add(name, raw + 1, n - 1);
	return 0;
}

static int
take_limit(struct dl_serve_paging *p, struct dl_span text, size_t most,
    struct dl_err *err)
{
	struct dl_err ignored = {0};
	int64_t n;

	if (dl_num_count(text, &n, &ignored) < 0 || n < 1 || n > (int64_t)most)
		return dl_err_data(err, "'limit' is 1 to %zu", most);
	p->limit = (size_t)n;
	return 0;
}

int
dl_serve_paging(struct dl_serve_paging *p, const struct dl_http_request *q,
    size_t usual, size_t most, struct dl_err *err)
{
	struct dl_buf text = {0};
	int r;

	*p = (struct dl_serve_paging){.limit = usual};
	if (q->query.len == 0)
		return 0;
	if ((r = dl_http_param(q, "limit", &text, err)) > 0)
		r = take_limit(p, dl_buf_as_span(&text), most, err);
	dl_buf_clear(&text);
	if (r >= 0 && (r = dl_http_param(q, "after", &text, err)) > 0 &&
	    (r = dl_serve_cursor_take(dl_buf_as_span(&text), &p->after)) < 0)
		dl_err_data(err, "'after' is no cursor of a page");
	dl_buf_release(&text);
	return r < 0 ? -1 : 0;
}

void
dl_serve_paging_release(struct dl_serve_paging *p)
{
	dl_buf_release(&p->after);
}

/* A part of a target, as it may stand between < and > in a header. */
static void
add_target(struct dl_buf *b, struct dl_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c > '~' || strchr("<>\"\\^`{|}", c) != NULL)
			dl_buf_printf(b, "%%%02X", c);
		else
			dl_buf_addc(b, (char)c);
	}
}

/* The query without its `after`, each parameter with a '&' behind it. */
static void
add_query(struct dl_buf *b, struct dl_span query)
{
	const char *p = query.p, *end = dl_span_end(query);

	for (const char *next; p < end; p = next + 1) {
		if ((next = memchr(p, '&', (size_t)(end - p))) == NULL)
			next = end;
		if (next == p || (next - p >= 6 && memcmp(p, "after=", 6) == 0))
			continue;
		add_target(b, dl_span(p, (size_t)(next - p)));
		dl_buf_addc(b, '&');
	}
}

void
dl_serve_paging_end(struct dl_http_request *q, struct dl_span last)
{
	struct dl_buf cursor = {0}, link = {0};

	dl_buf_addc(&q->out, ']');
	if (last.p != NULL) {
		dl_serve_cursor_put(&cursor, last);
		dl_buf_adds(&q->out, ",\"next\":");
		dl_json_quote(&q->out, dl_buf_as_span(&cursor));
		add_target(&link, q->path);
		dl_buf_addc(&link, '?');
		add_query(&link, q->query);
		dl_http_header(q, "Link", "<%safter=%s>; rel=\"next\"",
		    dl_buf_str(&link), dl_buf_str(&cursor));
	}
	dl_buf_adds(&q->out, "}\n");
	dl_buf_release(&cursor);
	dl_buf_release(&link);
}
