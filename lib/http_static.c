/*
 * Answers that are the same for everybody: their tag and their packed bytes are
 * made once, when they are first asked for.
 */
#include "http_private.h"

#include "hash.h"
#include "http_text.h"

#include <stdlib.h>

struct dl_http_static {
	struct dl_http_static *next;
	struct dl_span body;
	struct dl_buf packed;
	char tag[16 + 3];
};

static struct dl_http_static *
find(struct dl_http *h, struct dl_span body)
{
	struct dl_http_static *s;

	pthread_mutex_lock(&h->statics_lock);
	for (s = h->statics; s != NULL; s = s->next)
		if (s->body.p == body.p && s->body.len == body.len)
			break;
	if (s == NULL) {
		s = dl_calloc(1, sizeof(*s));
		s->body = body;
		s->tag[0] = s->tag[17] = '"';
		dl_hash_print(dl_hash64(body), s->tag + 1);
		if (!dl_http_pack(h, body, &s->packed))
			dl_buf_clear(&s->packed);
		s->next = h->statics;
		h->statics = s;
	}
	pthread_mutex_unlock(&h->statics_lock);
	return s;
}

enum dl_http_next
dl_http_answer_static(struct dl_http_request *q, int status, const char *type,
    struct dl_span body)
{
	struct dl_http_private *p = q->private;
	const struct dl_http_static *s = find(p->http, body);
	bool packed = s->packed.len > 0 && s->packed.len < body.len;

	if (packed)
		dl_http_header(q, "Vary", "Accept-Encoding");
	packed = packed &&
	         dl_http_takes_gzip(dl_http_get_header(q, "Accept-Encoding"));
	dl_http_header(q, "ETag", "%s%s", packed ? "W/" : "", s->tag);
	if (dl_http_answer_header(p, "Cache-Control") == NULL)
		dl_http_header(q, "Cache-Control", "no-cache");
	if (dl_http_matches(q, s->tag))
		status = 304;
	else if (packed)
		dl_http_header(q, "Content-Encoding", "gzip");
	if (packed)
		body = dl_buf_as_span(&s->packed);
	return dl_http_respond(p, status, type, body);
}

void
dl_http_statics_free(struct dl_http *h)
{
	struct dl_http_static *s;

	while ((s = h->statics) != NULL) {
		h->statics = s->next;
		dl_buf_release(&s->packed);
		free(s);
	}
}
