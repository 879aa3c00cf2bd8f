/* GET /v1/components/{c}: all or some of its records. */
#include "json.h"
#include "serve_names.h"
#include "serve_paging.h"

#define LIMIT 1000
#define LIMIT_MAX 10000

struct page {
	struct dl_serve_call *call;
	const struct dl_serve_paging *paging;
	struct dl_buf last; /* the metric that was printed last */
	struct dl_buf seen; /* ... that was looked at last */
	size_t n;
	bool more; /* there is a record behind it */
};

static int
print(void *arg, const struct dl_twin_record *rec, struct dl_err *err)
{
	struct page *page = arg;
	struct dl_buf *out = &page->call->q->out;

	(void)err;
	dl_buf_clear(&page->seen);
	dl_buf_span(&page->seen, rec->metric);
	if (!dl_rights_metric(page->call->grant->rights, DL_RIGHT_READ,
		rec->component, rec->metric))
		return 0;
	if (page->n == page->paging->limit ||
	    (page->n > 0 && out->len >= DL_SERVE_PAGE_BYTES)) {
		page->more = true;
		return -1;
	}
	if (page->n++ > 0)
		dl_buf_addc(out, ',');
	dl_twin_print(out, rec);
	dl_buf_clear(&page->last);
	dl_buf_span(&page->last, rec->metric);
	return 0;
}

static int
print_all(struct page *page, struct dl_twin *t, struct dl_err *err)
{
	int64_t n, most;

	dl_buf_span(&page->seen, dl_buf_as_span(&page->paging->after));
	do {
		most = (int64_t)(page->paging->limit + 1 - page->n);
		n = dl_twin_metrics(t, page->call->args[0],
		    dl_buf_as_span(&page->seen), (size_t)most, print, page,
		    err);
	} while (n == most && !page->more);
	return n < 0 && !page->more ? -1 : 0;
}

static int
print_some(struct page *page, struct dl_twin *t,
    const struct dl_serve_names *names, struct dl_err *err)
{
	struct dl_span after = dl_buf_as_span(&page->paging->after);
	const struct dl_serve_call *call = page->call;

	for (size_t i = 0; i < names->n && !page->more; i++)
		if (dl_span_cmp(names->name[i], after) > 0 &&
		    dl_rights_metric(call->grant->rights, DL_RIGHT_READ,
			call->args[0], names->name[i]) &&
		    dl_twin_get(t, page->call->args[0], names->name[i], print,
			page, err) < 0 &&
		    !page->more)
			return -1;
	return 0;
}

static enum dl_http_next
answer(struct page *page, const struct dl_serve_names *names)
{
	struct dl_serve_call *call = page->call;
	struct dl_http_request *q = call->q;
	struct dl_err err = {0};
	struct dl_twin *t;

	/* The time that it takes would tell how many metrics are there. */
	if (!dl_rights_component(
		call->grant->rights, DL_RIGHT_READ, call->args[0]))
		return dl_serve_absent(call);
	t = dl_serve_reader(call->s);
	dl_buf_adds(&q->out, "{\"component\":");
	dl_json_quote(&q->out, call->args[0]);
	dl_buf_adds(&q->out, ",\"records\":[");
	if ((names->given ? print_some(page, t, names, &err)
			  : print_all(page, t, &err)) < 0)
		return dl_serve_failed(call, &err);
	if (page->n == 0) {
		dl_buf_clear(&q->out);
		return dl_serve_absent(call);
	}
	dl_serve_paging_end(
	    q, page->more ? dl_buf_as_span(&page->last) : dl_span(NULL, 0));
	dl_http_header(q, "Cache-Control", "private, no-cache");
	return dl_http_answer(q, 200, "application/json", true);
}

enum dl_http_next
dl_serve_component(struct dl_serve_call *call)
{
	struct dl_serve_paging paging;
	struct dl_serve_names names = {0};
	struct page page = {.call = call, .paging = &paging};
	struct dl_err err = {0};
	enum dl_http_next next;

	if (dl_serve_paging(&paging, call->q, LIMIT, LIMIT_MAX, &err) < 0 ||
	    dl_serve_names(&names, call->q->query, "metrics",
		DL_SERVE_NAMES_MAX, &err) < 0)
		next = dl_serve_bad(call, &err);
	else
		next = answer(&page, &names);
	dl_buf_release(&page.last);
	dl_buf_release(&page.seen);
	dl_serve_names_release(&names);
	dl_serve_paging_release(&paging);
	return next;
}
