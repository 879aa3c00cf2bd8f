/* GET /v1/components: the names that the caller may see something of. */
#include "json.h"
#include "serve_paging.h"

#define LIMIT 100
#define LIMIT_MAX 10000
#define METRICS_AT_A_TIME 64

struct names {
	const struct dl_rights *rights;
	struct dl_buf found; /* each with a NUL behind it */
	size_t n, most;
};

static int
take_name(void *arg, struct dl_span component, struct dl_err *err)
{
	struct names *names = arg;

	(void)err;
	if (!dl_rights_component(names->rights, DL_RIGHT_READ, component))
		return 1;
	dl_buf_span(&names->found, component);
	dl_buf_addc(&names->found, '\0');
	return ++names->n < names->most;
}

struct sight {
	const struct dl_rights *rights;
	struct dl_buf last; /* the metric that was looked at last */
	bool seen;
};

static int
look_at(void *arg, const struct dl_twin_record *rec, struct dl_err *err)
{
	struct sight *sight = arg;

	(void)err;
	sight->seen = dl_rights_metric(
	    sight->rights, DL_RIGHT_READ, rec->component, rec->metric);
	dl_buf_clear(&sight->last);
	dl_buf_span(&sight->last, rec->metric);
	return sight->seen ? -1 : 0;
}

/*
 * A component of which only such metrics are there that the caller may not see
 * is not there for him.  1, 0, -1.
 */
static int
is_visible(struct dl_twin *t, const struct dl_rights *rights,
    struct dl_span component, struct dl_err *err)
{
	struct sight sight = {.rights = rights};
	int64_t n = METRICS_AT_A_TIME;

	if (dl_rights_every(rights, DL_RIGHT_READ))
		return 1;
	while (n == METRICS_AT_A_TIME && !sight.seen)
		n = dl_twin_metrics(t, component, dl_buf_as_span(&sight.last),
		    METRICS_AT_A_TIME, look_at, &sight, err);
	dl_buf_release(&sight.last);
	return sight.seen ? 1 : n < 0 ? -1 : 0;
}

struct page {
	struct dl_http_request *q;
	const struct dl_serve_paging *paging;
	struct dl_buf last; /* the name that was printed last */
	size_t n;
	bool more; /* there is a name behind it */
};

static void
print_name(struct page *page, struct dl_span name)
{
	if (page->n == page->paging->limit) {
		page->more = true;
		return;
	}
	if (page->n++ > 0)
		dl_buf_addc(&page->q->out, ',');
	dl_json_quote(&page->q->out, name);
	dl_buf_clear(&page->last);
	dl_buf_span(&page->last, name);
}

/* Print those of names that are visible; after becomes the last of them. */
static int
print_names(struct page *page, struct dl_twin *t, const struct names *names,
    struct dl_buf *after, struct dl_err *err)
{
	const char *p = names->found.p;
	struct dl_span name = {NULL, 0};

	for (size_t i = 0; i < names->n && !page->more; i++) {
		int r;

		name = dl_span_str(p);
		if ((r = is_visible(t, names->rights, name, err)) < 0)
			return -1;
		if (r > 0)
			print_name(page, name);
		p += name.len + 1;
	}
	if (name.p != NULL) {
		dl_buf_clear(after);
		dl_buf_span(after, name);
	}
	return 0;
}

static int
list(struct page *page, const struct dl_rights *rights, struct dl_twin *t,
    struct dl_span prefix, struct dl_err *err)
{
	struct names names = {.rights = rights};
	struct dl_buf after = {0};
	int r = 0;

	dl_buf_span(&after, dl_buf_as_span(&page->paging->after));
	do {
		names.n = 0;
		names.most = page->paging->limit + 1 - page->n;
		dl_buf_clear(&names.found);
		if (dl_twin_components(t, prefix, dl_buf_as_span(&after),
			take_name, &names, err) < 0)
			r = -1;
		else
			r = print_names(page, t, &names, &after, err);
	} while (r == 0 && !page->more && names.n == names.most);
	dl_buf_release(&names.found);
	dl_buf_release(&after);
	return r;
}

static enum dl_http_next
answer(struct dl_serve_call *call, const struct dl_serve_paging *paging,
    struct dl_span prefix)
{
	struct dl_http_request *q = call->q;
	struct page page = {.q = q, .paging = paging};
	struct dl_err err = {0};
	struct dl_twin *t = dl_serve_reader(call->s);
	enum dl_http_next next;

	dl_buf_adds(&q->out, "{\"components\":[");
	if (t == NULL ||
	    list(&page, call->grant->rights, t, prefix, &err) < 0) {
		next = dl_serve_failed(call, &err);
	} else {
		dl_serve_paging_end(q,
		    page.more ? dl_buf_as_span(&page.last) : dl_span(NULL, 0));
		dl_http_header(q, "Cache-Control", "private, no-cache");
		next = dl_http_answer(q, 200, "application/json", true);
	}
	dl_buf_release(&page.last);
	return next;
}

enum dl_http_next
dl_serve_components(struct dl_serve_call *call)
{
	struct dl_serve_paging paging;
	struct dl_buf prefix = {0};
	struct dl_err err = {0};
	enum dl_http_next next;

	if (dl_serve_paging(&paging, call->q, LIMIT, LIMIT_MAX, &err) < 0 ||
	    dl_http_param(call->q, "prefix", &prefix, &err) < 0)
		next = dl_serve_bad(call, &err);
	else
		next = answer(call, &paging, dl_buf_as_span(&prefix));
	dl_buf_release(&prefix);
	dl_serve_paging_release(&paging);
	return next;
}
