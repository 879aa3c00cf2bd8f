/* A transfer, until it has ended. */
#include "fetch_private.h"

#include "clock.h"
#include "metric.h"

#define POLL_MS 100 /* between looks at *stop */

/*
 * As in expand.h.  libcurl follows five packings, one inside the other, of
 * which each may be a thousand times what it was.
 */
#define FREE_BYTES ((uint64_t)256 << 20)
#define RATIO_MAX 1100

static int
fail(struct dl_fetch *f)
{
	f->failed = true;
	return -1;
}

/* The caller's function was called from then on: its time is not ours. */
static void
waited(struct dl_fetch *f, int64_t then_ms)
{
	f->came_ms = f->heard_ms = dl_clock_ms();
	f->waited_ms += f->heard_ms - then_ms;
}

static int
check_ratio(struct dl_fetch *f)
{
	curl_off_t came = 0;

	if (f->reply->bytes < FREE_BYTES)
		return 0;
	curl_easy_getinfo(f->easy, CURLINFO_SIZE_DOWNLOAD_T, &came);
	if (f->reply->bytes / RATIO_MAX <= (uint64_t)came)
		return 0;
	dl_err_data(f->err,
	    "%s: the answer unpacks to more than %d times its size", f->label,
	    RATIO_MAX);
	return fail(f);
}

static int
hand_out(struct dl_fetch *f, const char *p, size_t n)
{
	int64_t before = dl_clock_ms();

	f->reply->bytes += n;
	if (f->o.max_bytes > 0 && f->reply->bytes > (uint64_t)f->o.max_bytes) {
		dl_err_data(f->err,
		    "%s: the document is longer than 'max_bytes', %lld bytes",
		    f->label, (long long)f->o.max_bytes);
		return fail(f);
	}
	if (check_ratio(f) < 0)
		return -1;
	f->untold = true;
	if (f->o.fn(f->o.arg, f->reply, p, n, f->err) < 0)
		return fail(f);
	waited(f, before);
	return 0;
}

/* Some of what a server says of a failure, for who wants it. */
static void
keep_refusal(struct dl_fetch *f, const char *p, size_t n)
{
	struct dl_buf *b = f->o.refusal;

	if (b == NULL)
		return;
	if (f->refused == 0)
		dl_buf_clear(b);
	if (n > DL_FETCH_REFUSAL_MAX - b->len)
		n = DL_FETCH_REFUSAL_MAX - b->len;
	dl_buf_add(b, p, n);
}

size_t
dl_fetch_run_body(char *p, size_t size, size_t n, void *arg)
{
	struct dl_fetch *f = arg;

	n *= size;
	f->came_ms = dl_clock_ms();
	dl_fetch_head_take(f);
	if (dl_fetch_stopped(f))
		return 0;
	/* Read, so that the connection can be used again. */
	if (f->look != DL_FETCH_WHOLE || f->reply->status / 100 != 2) {
		keep_refusal(f, p, n);
		f->refused += n;
		return f->refused > DL_FETCH_REFUSED_MAX ? 0 : n;
	}
	if (f->packed) {
		dl_err_data(f->err,
		    "%s: the answer's Content-Encoding was not asked for: "
		    "only " DL_FETCH_ENCODINGS " were",
		    f->label);
		fail(f);
		return 0;
	}
	return hand_out(f, p, n) < 0 ? 0 : n;
}

/* Has it taken too long, or has too long nothing come? */
static enum dl_fetch_result
check_time(struct dl_fetch *f, struct dl_err *err)
{
	long stall_s = f->o.stall_s > 0 ? f->o.stall_s : DL_FETCH_STALL_S;
	int64_t now = dl_clock_ms();

	if (f->scheme == DL_FETCH_FILE || (f->o.endless && f->flowing))
		return DL_FETCH_DONE;
	if (f->o.timeout_ms > 0 &&
	    now - f->since_ms - f->waited_ms > f->o.timeout_ms)
		dl_err_temp(err, "%s: not finished after %lld ms", f->label,
		    (long long)f->o.timeout_ms);
	else if (!f->o.endless && now - f->came_ms > stall_s * 1000)
		dl_err_temp(
		    err, "%s: nothing came for %ld s", f->label, stall_s);
	else
		return DL_FETCH_DONE;
	return DL_FETCH_AGAIN;
}

/* Is what has no end long enough? */
static bool
has_listened(struct dl_fetch *f)
{
	if (f->o.endless && f->o.listen_ms > 0 && f->flowing)
		f->listened =
		    dl_clock_ms() - f->since_ms - f->waited_ms > f->o.listen_ms;
	return f->listened;
}

/* Tell the caller of a silence, once. */
static int
tell_idle(struct dl_fetch *f)
{
	int64_t now = dl_clock_ms();

	if (!f->untold || f->o.idle == NULL ||
	    now - f->heard_ms < DL_FETCH_IDLE_MS)
		return 0;
	f->untold = false;
	if (f->o.idle(f->o.arg, f->err) < 0)
		return fail(f);
	waited(f, now);
	return 0;
}

/* Until libcurl has ended. */
static enum dl_fetch_result
loop(struct dl_fetch *f, struct dl_err *err)
{
	int running = 1;

	for (;;) {
		if (curl_multi_perform(f->multi, &running) != CURLM_OK) {
			dl_err_temp(err, "%s: libcurl failed", f->label);
			return DL_FETCH_FAIL;
		}
		if (dl_fetch_stopped(f))
			return DL_FETCH_STOPPED;
		if (running == 0 || has_listened(f))
			return DL_FETCH_DONE;
		if (check_time(f, err) != DL_FETCH_DONE)
			return DL_FETCH_AGAIN;
		if (!f->o.beside)
			dl_metric_tick();
		if (tell_idle(f) < 0)
			return DL_FETCH_FAIL;
		curl_multi_poll(f->multi, NULL, 0,
		    f->untold && f->o.idle != NULL ? DL_FETCH_IDLE_MS : POLL_MS,
		    NULL);
	}
}

static CURLcode
how_it_ended(struct dl_fetch *f)
{
	CURLcode code = CURLE_FAILED_INIT;
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(f->multi, &left)) != NULL)
		if (msg->msg == CURLMSG_DONE)
			code = msg->data.result;
	return code;
}

enum dl_fetch_result
dl_fetch_run(struct dl_fetch *f, struct dl_err *err)
{
	enum dl_fetch_result r;

	f->began = f->failed = f->packed = f->untold = false;
	f->headed = f->flowing = f->listened = false;
	f->refused = f->head_bytes = 0;
	f->host_key = -1;
	f->text[0] = '\0';
	f->came_ms = f->heard_ms = dl_clock_ms();
	curl_multi_add_handle(f->multi, f->easy);
	r = loop(f, err);
	f->code = how_it_ended(f);
	if (r == DL_FETCH_DONE && !f->failed)
		dl_fetch_head_take(f);
	curl_multi_remove_handle(f->multi, f->easy);
	if (f->failed)
		return DL_FETCH_FAIL;
	if (r != DL_FETCH_DONE || f->refused > DL_FETCH_REFUSED_MAX)
		return r;
	if (f->listened)
		return DL_FETCH_DONE;
	if (f->code != CURLE_OK)
		return dl_fetch_fail_transfer(f, err);
	if (f->scheme != DL_FETCH_HTTP || f->headed)
		return DL_FETCH_DONE;
	/* For libcurl that is a whole answer, of nothing. */
	dl_err_temp(err, "%s: the answer ends in its headers", f->label);
	return DL_FETCH_AGAIN;
}
