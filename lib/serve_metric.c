/* GET /v1/components/{c}/metrics/{m}: one record, and whether it has changed. */
#include "hash.h"
#include "num.h"
#include "serve.h"
#include "serve_if.h"

struct one {
	struct dl_buf *out;
	struct dl_time time;
};

static int
print(void *arg, const struct dl_twin_record *rec, struct dl_err *err)
{
	struct one *one = arg;

	(void)err;
	one->time = rec->instant;
	dl_twin_print(one->out, rec);
	dl_buf_addc(one->out, '\n');
	return 0;
}

static int64_t
age_ms(const struct dl_time *now, const struct dl_time *t)
{
	return (now->sec - t->sec) * 1000 + (now->nsec - t->nsec) / 1000000;
}

/* `max_age` in *ms, -1 where there is none; -1: it is none, for a 400. */
static int
take_max_age(const struct dl_http_request *q, int64_t *ms, struct dl_err *err)
{
	struct dl_buf text = {0};
	struct dl_err ignored = {0};
	int r;

	*ms = -1;
	if (q->query.len == 0)
		return 0;
	if ((r = dl_http_param(q, "max_age", &text, err)) > 0 &&
	    (r = dl_num_duration(dl_buf_as_span(&text), ms, &ignored)) < 0)
		dl_err_data(err, "'max_age' is a time, as 30s, 5m or 1h30m");
	dl_buf_release(&text);
	return r < 0 ? -1 : 0;
}

static enum dl_http_next
stale(struct dl_serve_call *call, int64_t age)
{
	char text[32];

	dl_num_print_age(age, text);
	dl_buf_clear(&call->q->out);
	return dl_http_problem(
	    call->q, 404, "stale", "the newest value is %s old", text);
}

static enum dl_http_next
answer(struct dl_serve_call *call, const struct one *one,
    const struct dl_time *now)
{
	struct dl_http_request *q = call->q;
	struct dl_hash128 hash = dl_hash128(dl_buf_as_span(&q->out));
	char etag[DL_SERVE_ETAG], date[DL_SERVE_DATE];
	int64_t modified = one->time.sec + (one->time.nsec > 0);
	int status;

	etag[0] = '"';
	dl_hash_print(hash.hi, etag + 1);
	dl_hash_print(hash.lo, etag + 17);
	memcpy(etag + 33, "\"", 2);
	/*
	 * To the next whole second: what comes later in the second that goes on
	 * now is then never taken for what was there before.
	 */
	if (modified > now->sec)
		modified = INT64_MIN;
	dl_http_header(q, "ETag", "%s", etag);
	dl_http_header(q, "Cache-Control", "private, no-cache");
	if (modified != INT64_MIN) {
		dl_serve_date(modified, date);
		dl_http_header(q, "Last-Modified", "%s", date);
	}
	if (dl_serve_refused(q, etag, modified))
		return dl_http_problem(q, 412, "precondition-failed",
		    "it has changed: its ETag is %s now", etag);
	status = dl_serve_unchanged(q, etag, modified) ? 304 : 200;
	return dl_http_answer(q, status, "application/json", true);
}

enum dl_http_next
dl_serve_metric(struct dl_serve_call *call)
{
	struct dl_http_request *q = call->q;
	struct one one = {.out = &q->out};
	struct dl_err err = {0};
	struct dl_time now;
	int64_t max_age;
	int r;

	if (take_max_age(q, &max_age, &err) < 0)
		return dl_serve_bad(call, &err);
	if (!dl_rights_metric(call->grant->rights, DL_RIGHT_READ, call->args[0],
		call->args[1]))
		return dl_serve_absent(call);
	r = dl_twin_get(dl_serve_reader(call->s), call->args[0], call->args[1],
	    print, &one, &err);
	if (r < 0)
		return dl_serve_failed(call, &err);
	if (r == 0)
		return dl_serve_absent(call);
	dl_now(&now);
	if (max_age >= 0 && age_ms(&now, &one.time) > max_age)
		return stale(call, age_ms(&now, &one.time));
	return answer(call, &one, &now);
}
