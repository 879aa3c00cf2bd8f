#include "serve_names.h"

#include "http.h"

#include <stdlib.h>

/* The raw value of param in query: 1, 0 it is not there, -1 it is twice. */
static int
find(struct dl_span query, const char *param, struct dl_span *value)
{
	const char *p = query.p, *end = dl_span_end(query);
	size_t len = strlen(param);
	int n = 0;

	for (const char *next; p < end; p = next + 1) {
		if ((next = memchr(p, '&', (size_t)(end - p))) == NULL)
			next = end;
		/* Without "=" it is empty: no name, and not all of them. */
		if ((size_t)(next - p) >= len && memcmp(p, param, len) == 0 &&
		    (p + len == next || p[len] == '=')) {
			p += p + len == next ? len : len + 1;
			*value = dl_span(p, (size_t)(next - p));
			n++;
		}
	}
	return n > 1 ? -1 : n;
}

static int
cmp(const void *a, const void *b)
{
	return dl_span_cmp(
	    *(const struct dl_span *)a, *(const struct dl_span *)b);
}

static void
sort(struct dl_serve_names *names)
{
	size_t n = 0;

	qsort(names->name, names->n, sizeof(*names->name), cmp);
	for (size_t i = 0; i < names->n; i++)
		if (n == 0 || !dl_span_eq(names->name[i], names->name[n - 1]))
			names->name[n++] = names->name[i];
	names->n = n;
}

/* Decode what stands between commas; the spans are set when all are there. */
static int
take(struct dl_serve_names *names, struct dl_span list, const char *param,
    size_t most, struct dl_err *err)
{
	const char *p = list.p, *end = dl_span_end(list), *comma;
	size_t at = 0;

	names->name = dl_calloc(most, sizeof(*names->name));
	do {
		if ((comma = memchr(p, ',', (size_t)(end - p))) == NULL)
			comma = end;
		if (names->n == most)
			return dl_err_data(
			    err, "'%s' has more than %zu names", param, most);
		if (comma == p ||
		    !dl_http_decode(
			dl_span(p, (size_t)(comma - p)), &names->texts))
			return dl_err_data(err,
			    "'%s' has a name that is empty or badly encoded",
			    param);
		names->name[names->n++].len = names->texts.len - at;
		at = names->texts.len;
		p = comma + 1;
	} while (comma < end);
	p = names->texts.p;
	for (size_t i = 0; i < names->n; i++) {
		names->name[i].p = p;
		p += names->name[i].len;
	}
	return 0;
}

int
dl_serve_names(struct dl_serve_names *names, struct dl_span query,
    const char *param, size_t most, struct dl_err *err)
{
	struct dl_span list = {NULL, 0};
	int r;

	*names = (struct dl_serve_names){0};
	if ((r = find(query, param, &list)) < 0)
		return dl_err_data(err, "'%s' is there twice", param);
	if (r == 0)
		return 0;
	names->given = true;
	if (take(names, list, param, most, err) < 0)
		return -1;
	sort(names);
	return 0;
}

void
dl_serve_names_release(struct dl_serve_names *names)
{
	free(names->name);
	dl_buf_release(&names->texts);
	*names = (struct dl_serve_names){0};
}

bool
dl_serve_names_has(const struct dl_serve_names *names, struct dl_span name)
{
	return names->n > 0 && bsearch(&name, names->name, names->n,
				   sizeof(*names->name), cmp) != NULL;
}
