#include "transport_request.h"

#include "hash.h"

#include <stdlib.h>

struct dl_request {
	const struct dl_source_spec *spec;
	uint64_t spec_hash;
	const char **fixed;   /* headers without names, NULL-ended */
	const char **varying; /* those with names */
	size_t nvarying;
	struct dl_buf url, body;
	struct dl_buf *filled; /* of the varying ones */
	const char **headers;  /* NULL-ended */
};

static bool
has_names(const char *header)
{
	struct dl_err ignored = {0};
	unsigned int names = 0;

	return dl_template_check(
		   header, DL_TEMPLATE_HEADER, &names, &ignored) == 0 &&
	       names != 0;
}

struct dl_request *
dl_request_new(const struct dl_source_spec *spec)
{
	struct dl_request *r = dl_calloc(1, sizeof(*r));
	size_t n = 0, nfixed = 0;

	r->spec = spec;
	r->spec_hash = dl_source_spec_hash(spec);
	while (spec->headers != NULL && spec->headers[n] != NULL)
		n++;
	r->fixed = dl_calloc(n + 1, sizeof(*r->fixed));
	r->varying = dl_calloc(n + 1, sizeof(*r->varying));
	r->headers = dl_calloc(n + 1, sizeof(*r->headers));
	r->filled = dl_calloc(n + 1, sizeof(*r->filled));
	for (size_t i = 0; i < n; i++)
		if (has_names(spec->headers[i]))
			r->varying[r->nvarying++] = spec->headers[i];
		else
			r->fixed[nfixed++] = spec->headers[i];
	return r;
}

void
dl_request_free(struct dl_request *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->nvarying; i++)
		dl_buf_release(&r->filled[i]);
	dl_buf_release(&r->url);
	dl_buf_release(&r->body);
	free(r->fixed);
	free(r->varying);
	free(r->filled);
	free(r->headers);
	free(r);
}

const char *const *
dl_request_headers(const struct dl_request *r)
{
	return r->fixed;
}

static int
fill_headers(struct dl_request *r, const struct dl_template_values *values,
    struct dl_err *err)
{
	for (size_t i = 0; i < r->nvarying; i++) {
		dl_buf_clear(&r->filled[i]);
		if (dl_template_fill(&r->filled[i], r->varying[i],
			DL_TEMPLATE_HEADER, values, err) < 0)
			return -1;
		r->headers[i] = dl_buf_str(&r->filled[i]);
	}
	return 0;
}

int
dl_request_fill(struct dl_request *r, const struct dl_template_values *values,
    struct dl_pages *pages, struct dl_fetch_ask *ask, struct dl_err *err)
{
	const struct dl_source_spec *s = r->spec;
	struct dl_template_values v = *values;
	const char *url;

	if (pages != NULL)
		v.of[DL_TEMPLATE_PAGE].text = dl_pages_token(pages);
	dl_buf_clear(&r->url);
	dl_buf_clear(&r->body);
	if (dl_template_fill(&r->url, s->url, DL_TEMPLATE_URL, &v, err) < 0 ||
	    fill_headers(r, &v, err) < 0)
		return -1;
	if (s->body != NULL && dl_template_fill(&r->body, s->body,
				   dl_template_of_body(s->body), &v, err) < 0)
		return -1;
	url = dl_buf_str(&r->url);
	if (pages != NULL)
		url = dl_pages_url(pages, url);
	*ask = (struct dl_fetch_ask){.headers = r->headers};
	/* The URL as it was opened has a login that this one would lose. */
	if (strcmp(url, s->url) != 0)
		ask->url = url;
	if (s->body != NULL)
		ask->body = dl_buf_as_span(&r->body);
	return 0;
}

uint64_t
dl_request_hash(const struct dl_request *r)
{
	struct dl_buf b = {0};
	uint64_t hash;

	if (r->spec->names == 0)
		return r->spec_hash;
	dl_buf_add(&b, &r->spec_hash, sizeof(r->spec_hash));
	dl_buf_span(&b, dl_buf_as_span(&r->url));
	dl_buf_addc(&b, '\0');
	dl_buf_span(&b, dl_buf_as_span(&r->body));
	for (size_t i = 0; i < r->nvarying; i++) {
		dl_buf_addc(&b, '\0');
		dl_buf_span(&b, dl_buf_as_span(&r->filled[i]));
	}
	hash = dl_hash64(dl_buf_as_span(&b));
	dl_buf_release(&b);
	return hash;
}
