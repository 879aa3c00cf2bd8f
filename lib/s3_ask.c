/* A small document of a service, asked for over HTTP. */
#include "s3_cred_private.h"

#include "auth_text.h"
#include "seal.h"

#include <time.h>

#define PAUSE_MS 200 /* before the second try; then twice that */

static int
collect(void *arg, const struct dl_fetch_reply *reply, const char *p, size_t n,
    struct dl_err *err)
{
	struct dl_s3_answer *a = arg;

	(void)reply;
	if (n > DL_S3_ANSWER_MAX - a->len)
		return dl_err_conf(err, "the answer is longer than %d bytes",
		    DL_S3_ANSWER_MAX);
	memcpy(a->bytes + a->len, p, n);
	a->len += n;
	return 0;
}

/* fetch speaks to those who write a source; here it is about variables. */
static int
no_answer(
    const struct dl_s3_ask *ask, const struct dl_err *its, struct dl_err *err)
{
	if (its->status == DL_EXIT_DENIED)
		dl_err_denied(err,
		    "%s: %s ($AWS_CA_BUNDLE is the file of whom to trust)",
		    ask->what, its->msg);
	else if (its->status == DL_EXIT_TEMP)
		dl_err_temp(err, "%s: %s", ask->what, its->msg);
	else
		dl_err_conf(err, "%s: %s", ask->what, its->msg);
	return -1;
}

static void
pause_ms(long ms)
{
	const struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

static enum dl_fetch_result
attempt(struct dl_fetch *f, const struct dl_s3_ask *ask,
    struct dl_s3_answer *answer, struct dl_err *its)
{
	const struct dl_fetch_ask what = {.body = ask->body};
	struct dl_fetch_reply reply = {.status = 0};
	enum dl_fetch_result r;

	dl_err_clear(its);
	answer->len = 0;
	r = dl_fetch_get(f, &what, &reply, its);
	answer->status = reply.status;
	return r;
}

static int
get(struct dl_fetch *f, const struct dl_s3_ask *ask,
    struct dl_s3_answer *answer, struct dl_err *err)
{
	struct dl_err its = {0};
	enum dl_fetch_result r = DL_FETCH_AGAIN;

	for (int i = 0; i < ask->tries && r == DL_FETCH_AGAIN; i++) {
		if (i > 0)
			pause_ms(PAUSE_MS << (i - 1));
		r = attempt(f, ask, answer, &its);
	}
	if (r == DL_FETCH_STOPPED)
		return dl_err_temp(err, "%s: ended by a signal", ask->what);
	if (r == DL_FETCH_DONE) {
		answer->bytes[answer->len] = '\0';
		return 1;
	}
	if (answer->status >= 300)
		return 0;
	answer->status = 0;
	return no_answer(ask, &its, err);
}

int
dl_s3_ask(const struct dl_s3_ask *ask, struct dl_s3_answer *answer,
    struct dl_err *err)
{
	const struct dl_fetch_options options = {.url = ask->url,
	    .method = ask->method,
	    .headers = ask->headers,
	    .tls = {.ca = ask->ca},
	    .proxy = ask->direct ? "" : NULL,
	    .auth = ask->auth,
	    .timeout_ms = ask->timeout_ms,
	    .beside = true,
	    .fn = collect,
	    .arg = answer,
	    .refusal = &answer->refusal,
	    .stop = ask->stop};
	struct dl_err its = {0};
	struct dl_fetch *f;
	int r;

	*answer = (struct dl_s3_answer){.status = 0};
	if ((answer->bytes = dl_seal_alloc(DL_S3_ANSWER_MAX + 1, err)) == NULL)
		return -1;
	if ((f = dl_fetch_new(&options, &its)) == NULL)
		return no_answer(ask, &its, err);
	r = get(f, ask, answer, err);
	dl_fetch_free(f);
	return r;
}

void
dl_s3_answer_release(struct dl_s3_answer *answer)
{
	dl_seal_free(answer->bytes);
	dl_auth_wipe(&answer->refusal);
	answer->bytes = NULL;
}

int
dl_s3_ask_refused(const struct dl_s3_ask *ask, int status, struct dl_err *err)
{
	if (status >= 500 || status == 408 || status == 429)
		return dl_err_temp(
		    err, "%s: HTTP status %d", ask->what, status);
	return dl_err_denied(err, "%s: HTTP status %d", ask->what, status);
}
