/* GET /metrics: what the server says of itself, in OpenMetrics 1.0. */
#include "serve_feed.h"

#define TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

static void
family(struct dl_buf *b, const char *name, const char *type, const char *unit,
    const char *help)
{
	dl_buf_printf(b, "# TYPE %s %s\n", name, type);
	if (unit != NULL)
		dl_buf_printf(b, "# UNIT %s %s\n", name, unit);
	dl_buf_printf(b, "# HELP %s %s\n", name, help);
}

static void
counter(struct dl_buf *b, const char *name, const char *unit, const char *help,
    uint64_t n)
{
	family(b, name, "counter", unit, help);
	dl_buf_printf(b, "%s_total %llu\n", name, (unsigned long long)n);
}

static void
gauge(struct dl_buf *b, const char *name, const char *unit, const char *help,
    uint64_t n)
{
	family(b, name, "gauge", unit, help);
	dl_buf_printf(b, "%s %llu\n", name, (unsigned long long)n);
}

static void
put_requests(struct dl_buf *b, const struct dl_http_counts *c)
{
	static const char *const classes[6] = {
	    "broken", "1xx", "2xx", "3xx", "4xx", "5xx"};

	family(b, "dl_http_requests", "counter", NULL,
	    "Requests that were answered, by the class of their status.");
	for (int i = 0; i < 6; i++)
		dl_buf_printf(b, "dl_http_requests_total{class=\"%s\"} %llu\n",
		    classes[i], (unsigned long long)c->by_class[i]);
}

static void
put_durations(struct dl_buf *b, const struct dl_http_counts *c)
{
	static const char name[] = "dl_http_request_duration_seconds";
	uint64_t n = 0;

	family(b, name, "histogram", "seconds",
	    "How long requests took, but streams.");
	for (int i = 0; i < 12; i++) {
		n += c->seconds_le[i];
		if (i < 11)
			dl_buf_printf(b, "%s_bucket{le=\"%g%s\"} %llu\n", name,
			    dl_http_bounds[i],
			    dl_http_bounds[i] < 1 ? "" : ".0",
			    (unsigned long long)n);
	}
	dl_buf_printf(
	    b, "%s_bucket{le=\"+Inf\"} %llu\n", name, (unsigned long long)n);
	dl_buf_printf(b, "%s_count %llu\n", name, (unsigned long long)n);
	dl_buf_printf(b, "%s_sum %llu.%06llu\n", name,
	    (unsigned long long)(c->micros / 1000000),
	    (unsigned long long)(c->micros % 1000000));
}

static void
put_http(struct dl_buf *b, const struct dl_serve *s)
{
	const struct dl_http *h = atomic_load(&s->http);
	struct dl_http_counts c;

	if (h == NULL)
		return;
	dl_http_counts(h, &c);
	put_requests(b, &c);
	put_durations(b, &c);
	counter(b, "dl_http_sent_bytes", "bytes",
	    "Bytes of answers' bodies that were sent.", c.bytes_out);
	counter(b, "dl_http_refused_connections", NULL,
	    "Connections refused, there being too many.",
	    c.refused_connections);
	counter(b, "dl_http_timeouts", NULL,
	    "Connections cut, having taken too long.", c.timeouts);
	gauge(b, "dl_http_connections", NULL, "Connections that are open.",
	    c.connections);
	gauge(b, "dl_http_streams", NULL, "Streams that are open.", c.streams);
}

static void
put_tokens(struct dl_buf *b, const struct dl_serve *s)
{
	struct dl_bearer_counts c;

	if (s->bearer == NULL)
		return;
	dl_bearer_counts(s->bearer, &c);
	counter(b, "dl_token_cache_hits", NULL,
	    "Tokens that had been verified before.", c.hits);
	counter(b, "dl_token_verified", NULL,
	    "Tokens whose signature was verified.", c.verified);
	counter(b, "dl_token_refused", NULL, "Tokens that were refused.",
	    c.refused);
}

/* What can't be read is left out: scraping says so of itself. */
static void
put_twin(struct dl_buf *b, struct dl_serve *s)
{
	bool ready = atomic_load_explicit(&s->ready, memory_order_acquire);
	struct dl_serve_feed_counts feed;
	struct dl_err ignored = {0};
	struct dl_twin *t;
	uint64_t last;
	int64_t n;

	gauge(b, "dl_twin_ready", NULL, "1 where there is a twin to serve.",
	    ready);
	if (!ready)
		return;
	t = dl_serve_reader(s);
	if ((n = dl_twin_count(t, &ignored)) >= 0)
		gauge(b, "dl_twin_records", NULL, "Records in the twin.",
		    (uint64_t)n);
	if (dl_twin_last_change(t, &last, &ignored) == 0)
		counter(b, "dl_twin_changes", NULL,
		    "Number of the newest change.", last);
	dl_serve_feed_counts(s->feed, &feed);
	gauge(b, "dl_feed_followers", NULL, "Followers of the changes.",
	    feed.followers);
	gauge(b, "dl_feed_ring_bytes", "bytes",
	    "Memory that keeps the newest changes.", feed.ring_bytes);
	gauge(b, "dl_feed_held_bytes", "bytes",
	    "Memory of large changes on their way.", feed.held_bytes);
}

static void
put_process(struct dl_buf *b, const struct dl_serve *s)
{
	family(b, "dl_serve_start_time_seconds", "gauge", "seconds",
	    "When the server was started, in Unix time.");
	dl_buf_printf(b, "dl_serve_start_time_seconds %lld.%06d\n",
	    (long long)s->started.sec, s->started.nsec / 1000);
	family(b, "dl_serve_build", "info", NULL, "What is running.");
	dl_buf_printf(b, "dl_serve_build_info{version=\"%s\"} 1\n", DL_VERSION);
}

enum dl_http_next
dl_serve_prometheus(struct dl_serve_call *call)
{
	struct dl_http_request *q = call->q;
	struct dl_buf *b = &q->out;

	put_http(b, call->s);
	put_tokens(b, call->s);
	put_twin(b, call->s);
	put_process(b, call->s);
	dl_buf_adds(b, "# EOF\n");
	dl_http_header(q, "Cache-Control", "no-store");
	return dl_http_answer(q, 200, TYPE, true);
}
