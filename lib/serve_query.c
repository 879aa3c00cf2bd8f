/* POST /v1/query: many pairs of component and metric at once. */
#include "json.h"
#include "serve.h"

#include <strings.h>

#define PAIRS_MAX 1000

struct ask {
	struct dl_serve_call *call;
	struct dl_twin *twin;
	struct dl_buf texts; /* names whose escapes were decoded */
	size_t n;            /* pairs so far */
	bool large;          /* the answer is */
};

struct pair {
	struct dl_span component, metric; /* p NULL: not there yet */
};

static int
print(void *arg, const struct dl_twin_record *rec, struct dl_err *err)
{
	(void)err;
	dl_twin_print(arg, rec);
	return 0;
}

/* Members of any order; "component" and "metric" alone, each once. */
static int
take_pair(struct ask *ask, struct dl_span value, struct pair *pair,
    struct dl_err *err)
{
	struct dl_span key, member, *to;
	struct dl_json_iter it;
	int r;

	*pair = (struct pair){{NULL, 0}, {NULL, 0}};
	/* What is decoded doesn't move any more: it is shorter than its text. */
	dl_buf_clear(&ask->texts);
	dl_buf_room(&ask->texts, value.len);
	dl_json_enter(&it, value);
	while ((r = dl_json_member(&it, &key, &member)) > 0) {
		if (dl_span_is(key, "component"))
			to = &pair->component;
		else if (dl_span_is(key, "metric"))
			to = &pair->metric;
		else
			break;
		if (dl_json_string(member, &ask->texts, to) < 0)
			break;
	}
	if (r != 0 || pair->component.p == NULL || pair->metric.p == NULL)
		return dl_err_data(err,
		    "pair %zu is not {\"component\":TEXT,\"metric\":TEXT}",
		    ask->n);
	return 0;
}

/* The record, or null: what is not there, and what may not be seen. */
static int
answer_pair(struct ask *ask, const struct pair *pair, struct dl_err *err)
{
	struct dl_buf *out = &ask->call->q->out;
	int r = 0;

	if (memchr(pair->component.p, '\0', pair->component.len) == NULL &&
	    dl_rights_metric(ask->call->grant->rights, DL_RIGHT_READ,
		pair->component, pair->metric))
		r = dl_twin_get(
		    ask->twin, pair->component, pair->metric, print, out, err);
	if (r == 0)
		dl_buf_adds(out, "null");
	return r < 0 ? -1 : 0;
}

/* 1: all are answered; 0: err is for a 400; -1: the twin failed. */
static int
answer_pairs(struct ask *ask, struct dl_span list, struct dl_err *err)
{
	struct dl_buf *out = &ask->call->q->out;
	struct dl_json_iter it;
	struct dl_span value;
	struct pair pair;

	dl_buf_adds(out, "{\"records\":[");
	dl_json_enter(&it, list);
	while (dl_json_element(&it, &value) > 0 && !ask->large) {
		if (ask->n++ == PAIRS_MAX) {
			dl_err_data(
			    err, "there are more than %d pairs", PAIRS_MAX);
			return 0;
		}
		if (ask->n > 1)
			dl_buf_addc(out, ',');
		if (take_pair(ask, value, &pair, err) < 0)
			return 0;
		if (answer_pair(ask, &pair, err) < 0)
			return -1;
		ask->large = out->len > DL_SERVE_ANSWER_BYTES;
	}
	if (ask->n == 0) {
		dl_err_data(err, "'pairs' is empty");
		return 0;
	}
	dl_buf_adds(out, "]}\n");
	return 1;
}

/* The list of {"pairs":[...]}. */
static int
take_list(struct dl_span body, struct dl_span *list, struct dl_err *err)
{
	struct dl_json_iter it;
	struct dl_span whole, key, more;

	if (dl_json_check(body, err) < 0) {
		dl_err_prefix(err, "the body is not JSON");
		return -1;
	}
	if (dl_json_value(body, &whole) == 0) {
		dl_json_enter(&it, whole);
		if (dl_json_member(&it, &key, list) > 0 &&
		    dl_span_is(key, "pairs") &&
		    dl_json_kind(*list) == DL_JSON_ARRAY &&
		    dl_json_member(&it, &key, &more) == 0)
			return 0;
	}
	return dl_err_data(err, "the body is not {\"pairs\":[...]}");
}

static bool
is_json(const struct dl_http_request *q)
{
	static const char want[] = "application/json";
	struct dl_span type = dl_http_get_header(q, "Content-Type");
	size_t n = sizeof(want) - 1;

	return type.p != NULL && type.len >= n &&
	       strncasecmp(type.p, want, n) == 0 &&
	       (type.len == n || strchr("; \t", type.p[n]) != NULL);
}

static enum dl_http_next
answer(struct ask *ask)
{
	struct dl_serve_call *call = ask->call;
	struct dl_http_request *q = call->q;
	struct dl_err err = {0};
	struct dl_span list;
	int r;

	if (take_list(q->body, &list, &err) < 0)
		return dl_serve_bad(call, &err);
	if ((r = answer_pairs(ask, list, &err)) < 0)
		return dl_serve_failed(call, &err);
	if (r > 0 && !ask->large) {
		dl_http_header(q, "Cache-Control", "no-store");
		return dl_http_answer(q, 200, "application/json", true);
	}
	dl_buf_clear(&q->out);
	if (ask->large)
		return dl_http_problem(q, 413, "too-large",
		    "the answer is larger than %zu MiB: ask for fewer pairs",
		    DL_SERVE_ANSWER_BYTES >> 20);
	return dl_serve_bad(call, &err);
}

enum dl_http_next
dl_serve_query(struct dl_serve_call *call)
{
	struct ask ask = {.call = call, .twin = dl_serve_reader(call->s)};
	enum dl_http_next next;

	if (!is_json(call->q))
		return dl_http_problem(call->q, 415, "media-type",
		    "the Content-Type is to be application/json");
	next = answer(&ask);
	dl_buf_release(&ask.texts);
	return next;
}
