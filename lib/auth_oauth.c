#include "auth_oauth.h"

#include "auth_text.h"
#include "clock.h"
#include "json.h"
#include "num.h"
#include "seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define TIMEOUT_MS (60 * 1000)
#define LIFE_S (5 * 60) /* where the server does not say */
#define LIFE_MAX_S ((int64_t)365 * 86400)
#define MARGIN_S 30 /* before it expires */

struct dl_auth_oauth {
	const struct dl_auth_spec *spec;
	struct dl_secret_refs *refs;
	const struct dl_tls *tls;
	const char *proxy;
	const volatile sig_atomic_t *stop;

	char *token;      /* sealed; NULL: none was got yet */
	bool fresh;       /* it may be used, until ... */
	int64_t until_ms; /* of dl_clock_ms() */

	/* Of the request at hand; sealed. */
	char *answer;
	size_t len;
	char *user, *password, *body;
};

struct dl_auth_oauth *
dl_auth_oauth_new(const struct dl_auth_spec *spec, struct dl_secret_refs *refs,
    const struct dl_tls *tls, const char *proxy,
    const volatile sig_atomic_t *stop)
{
	struct dl_auth_oauth *o = dl_calloc(1, sizeof(*o));

	o->spec = spec;
	o->refs = refs;
	o->tls = tls;
	o->proxy = proxy;
	o->stop = stop;
	return o;
}

static void
forget_request(struct dl_auth_oauth *o)
{
	dl_seal_free(o->answer);
	dl_seal_free(o->user);
	dl_seal_free(o->password);
	dl_seal_free(o->body);
	o->answer = o->user = o->password = o->body = NULL;
	o->len = 0;
}

void
dl_auth_oauth_free(struct dl_auth_oauth *o)
{
	if (o == NULL)
		return;
	forget_request(o);
	dl_seal_free(o->token);
	free(o);
}

void
dl_auth_oauth_forget(struct dl_auth_oauth *o)
{
	o->fresh = false;
}

/* A token is what RFC 6749 says it is: visible characters and spaces. */
static int
take_token(struct dl_span value, char *out, struct dl_err *err)
{
	struct dl_buf scratch = {0};
	struct dl_span text;
	int r = 0;

	if (dl_json_string(value, &scratch, &text) < 0 || text.len == 0 ||
	    text.len > DL_AUTH_OAUTH_ANSWER)
		r = dl_err_data(err, "'access_token' is not a text");
	for (size_t i = 0; r == 0 && i < text.len; i++)
		if (text.p[i] < ' ' || text.p[i] > '~')
			r = dl_err_data(err,
			    "'access_token' has a character that a token "
			    "can't have");
	if (r == 0) {
		memcpy(out, text.p, text.len);
		out[text.len] = '\0';
	}
	dl_auth_wipe(&scratch);
	return r;
}

static int
take_type(struct dl_span value, struct dl_err *err)
{
	struct dl_buf scratch = {0};
	struct dl_span text = {"", 0};
	bool bearer = dl_json_string(value, &scratch, &text) == 0 &&
	              text.len == 6 && strncasecmp(text.p, "bearer", 6) == 0;

	dl_buf_release(&scratch);
	return bearer ? 0 : dl_err_data(err, "'token_type' is not Bearer");
}

/* Some servers write it as a string. */
static int64_t
take_life(struct dl_span value)
{
	struct dl_err err = {0};
	int64_t n;

	if (value.len >= 2 && *value.p == '"')
		value = dl_span(value.p + 1, value.len - 2);
	if (dl_num_count(value, &n, &err) < 0)
		return LIFE_S;
	return n < LIFE_MAX_S ? n : LIFE_MAX_S;
}

int
dl_auth_oauth_parse(
    struct dl_span answer, char *out, int64_t *seconds, struct dl_err *err)
{
	struct dl_span value, key, member;
	struct dl_err why = {0};
	struct dl_json_iter it;
	bool found = false;

	*seconds = LIFE_S;
	if (dl_json_check(answer, &why) < 0 ||
	    dl_json_value(answer, &value) < 0 ||
	    dl_json_kind(value) != DL_JSON_OBJECT)
		return dl_err_data(err, "the answer is not an object of JSON");
	dl_json_enter(&it, value);
	while (dl_json_member(&it, &key, &member) > 0) {
		if (dl_span_is(key, "expires_in"))
			*seconds = take_life(member);
		else if (dl_span_is(key, "token_type") &&
			 take_type(member, err) < 0)
			return -1;
		else if (dl_span_is(key, "access_token")) {
			if (take_token(member, out, err) < 0)
				return -1;
			found = true;
		}
	}
	return found ? 0 : dl_err_data(err, "the answer has no 'access_token'");
}

bool
dl_auth_oauth_code(struct dl_span answer, char out[DL_AUTH_OAUTH_CODE])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
	struct dl_span value, key, member;
	struct dl_err why = {0};
	struct dl_json_iter it;

	if (dl_json_check(answer, &why) < 0 ||
	    dl_json_value(answer, &value) < 0)
		return false;
	dl_json_enter(&it, value);
	while (dl_json_member(&it, &key, &member) > 0) {
		if (!dl_span_is(key, "error") ||
		    dl_json_kind(member) != DL_JSON_STRING || member.len <= 2 ||
		    member.len - 2 >= DL_AUTH_OAUTH_CODE)
			continue;
		memcpy(out, member.p + 1, member.len - 2);
		out[member.len - 2] = '\0';
		return strspn(out, letters) == member.len - 2;
	}
	return false;
}

static struct dl_span
escaped(struct dl_buf *b, const char *text)
{
	size_t start = b->len;

	dl_auth_escape(b, dl_span_str(text));
	return dl_span(b->p + start, b->len - start);
}

static void
add_member(struct dl_buf *b, const char *name, const char *value)
{
	if (value == NULL)
		return;
	dl_buf_printf(b, "&%s=", name);
	dl_auth_escape(b, dl_span_str(value));
}

/* What is sent: o->body, and o->user and o->password where it is by Basic. */
static int
prepare(struct dl_auth_oauth *o, struct dl_span secret, struct dl_err *err)
{
	const struct dl_auth_spec *s = o->spec;
	struct dl_buf b = {0};

	dl_buf_adds(&b, "grant_type=client_credentials");
	add_member(&b, "scope", s->scope);
	add_member(&b, "audience", s->audience);
	if (s->style == DL_AUTH_OAUTH_BODY) {
		add_member(&b, "client_id", s->client_id);
		add_member(&b, "client_secret", secret.p);
	}
	o->body = dl_auth_join(
	    (struct dl_span[]){dl_buf_as_span(&b), {NULL, 0}}, err);
	if (s->style != DL_AUTH_OAUTH_BODY) {
		/* RFC 6749, 2.3.1: as they would be in a form. */
		dl_buf_clear(&b);
		o->user = dl_auth_join(
		    (struct dl_span[]){escaped(&b, s->client_id), {NULL, 0}},
		    err);
		dl_buf_clear(&b);
		o->password = dl_auth_join(
		    (struct dl_span[]){escaped(&b, secret.p), {NULL, 0}}, err);
	}
	dl_auth_wipe(&b);
	return err->status == DL_EXIT_OK ? 0 : -1;
}

static int
prove(void *arg, const struct dl_fetch_request *request,
    struct dl_fetch_proof *proof, struct dl_err *err)
{
	struct dl_auth_oauth *o = arg;
	struct dl_span password;

	(void)request;
	proof->user = o->user;
	proof->password = o->password;
	if (o->tls == NULL || o->tls->key_password == NULL)
		return 0;
	if (dl_secret_ref_get(o->refs, o->tls->key_password, &password, err) <
	    0)
		return -1;
	proof->key_password = password.p;
	return 0;
}

static int
collect(void *arg, const struct dl_fetch_reply *reply, const char *p, size_t n,
    struct dl_err *err)
{
	struct dl_auth_oauth *o = arg;

	(void)reply;
	if (n > DL_AUTH_OAUTH_ANSWER - o->len)
		return dl_err_data(err, "the answer is longer than %d bytes",
		    DL_AUTH_OAUTH_ANSWER);
	memcpy(o->answer + o->len, p, n);
	o->len += n;
	return 0;
}

/* What was refused, as the server's error code says it. */
static int
refused(const char *shown, const struct dl_err *its, struct dl_span body,
    struct dl_span secret, struct dl_err *err)
{
	static const char *const denied[] = {"invalid_client", "invalid_grant",
	    "unauthorized_client", "access_denied"};
	enum dl_exit status = its->status;
	char code[DL_AUTH_OAUTH_CODE];

	*err = *its;
	if (!dl_auth_oauth_code(body, code) || strstr(code, secret.p) != NULL)
		return -1;
	for (size_t i = 0; i < sizeof(denied) / sizeof(*denied); i++)
		if (strcmp(code, denied[i]) == 0)
			status = DL_EXIT_DENIED;
	dl_err_clear(err);
	dl_err_conf(err, "%s: the server says %s", shown, code);
	err->status = status;
	return -1;
}

static int
request(struct dl_auth_oauth *o, struct dl_span secret, struct dl_err *err)
{
	static const char *const headers[] = {
	    "Content-Type: application/x-www-form-urlencoded",
	    "Accept: application/json", NULL};
	struct dl_buf refusal = {0};
	const struct dl_fetch_options options = {.url = o->spec->token_url,
	    .method = "POST",
	    .headers = headers,
	    .tls = o->tls == NULL ? (struct dl_tls){0} : *o->tls,
	    .proxy = o->proxy,
	    .auth = {.prove = prove, .arg = o},
	    .timeout_ms = TIMEOUT_MS,
	    .max_bytes = DL_AUTH_OAUTH_ANSWER,
	    .fn = collect,
	    .arg = o,
	    .refusal = &refusal,
	    .stop = o->stop};
	const struct dl_fetch_ask ask = {.body = dl_span_str(o->body)};
	struct dl_fetch *f = dl_fetch_new(&options, err);
	struct dl_fetch_reply reply = {.status = 0};
	struct dl_err its = {0};
	enum dl_fetch_result r;

	if (f == NULL)
		return -1;
	r = dl_fetch_get(f, &ask, &reply, &its);
	if (r == DL_FETCH_STOPPED)
		dl_err_temp(err, "ended by a signal");
	else if (r != DL_FETCH_DONE)
		refused(dl_fetch_shown(f), &its, dl_buf_as_span(&refusal),
		    secret, err);
	dl_fetch_free(f);
	dl_auth_wipe(&refusal);
	return r == DL_FETCH_DONE ? 0 : -1;
}

/* Take the answer as the token, until a moment before it expires. */
static int
take(struct dl_auth_oauth *o, struct dl_err *err)
{
	int64_t life, margin;

	if (o->token == NULL &&
	    (o->token = dl_seal_alloc(DL_AUTH_OAUTH_ANSWER + 1, err)) == NULL)
		return -1;
	if (dl_auth_oauth_parse(
		dl_span(o->answer, o->len), o->token, &life, err) < 0)
		return -1;
	margin = life / 5 < MARGIN_S ? life * 1000 / 5 : MARGIN_S * 1000;
	o->until_ms = dl_clock_ms() + life * 1000 - margin;
	o->fresh = true;
	return 0;
}

static int
get(struct dl_auth_oauth *o, struct dl_err *err)
{
	const char *ref = o->spec->client_secret;
	struct dl_span secret;
	int r = -1;

	if (dl_secret_ref_get(o->refs, ref, &secret, err) == 0 &&
	    (o->answer = dl_seal_alloc(DL_AUTH_OAUTH_ANSWER + 1, err)) !=
		NULL &&
	    prepare(o, secret, err) == 0 && request(o, secret, err) == 0)
		r = take(o, err);
	forget_request(o);
	return r;
}

const char *
dl_auth_oauth_token(struct dl_auth_oauth *o, struct dl_err *err)
{
	int r = 0;

	if (o->fresh && dl_clock_ms() < o->until_ms)
		return o->token;
	o->fresh = false;
	if ((r = get(o, err)) < 0 && err->status == DL_EXIT_DENIED &&
	    dl_secret_ref_renew(o->refs, o->spec->client_secret)) {
		dl_err_clear(err);
		r = get(o, err);
	}
	if (r < 0)
		dl_err_prefix(err, "'auth.oauth2'");
	return r < 0 ? NULL : o->token;
}
