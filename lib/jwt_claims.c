/* A token's claims: who, for whom, and from when to when. */
#include "jwt.h"

#include "double.h"
#include "json.h"

#include <math.h>

#define TIME_MAX 9007199254740992.0 /* 2^53: whole seconds are exact up to it */

struct claims {
	struct dl_span iss, aud, exp, nbf, iat, sub, client_id, azp, cnf;
};

/* The claims that are looked at, by name; p NULL where absent. */
static int
gather(struct dl_span payload, struct claims *c, struct dl_err *err)
{
	const struct {
		const char *name;
		struct dl_span *value;
	} known[] = {{"iss", &c->iss}, {"aud", &c->aud}, {"exp", &c->exp},
	    {"nbf", &c->nbf}, {"iat", &c->iat}, {"sub", &c->sub},
	    {"client_id", &c->client_id}, {"azp", &c->azp}, {"cnf", &c->cnf}};
	struct dl_span key, value, name;
	struct dl_buf text = {0};
	struct dl_json_iter it;
	int r;

	dl_json_enter(&it, payload);
	while ((r = dl_json_member(&it, &key, &value)) > 0) {
		dl_buf_clear(&text);
		if ((r = dl_json_text(key, &text, &name)) < 0)
			break;
		for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
			if (dl_span_is(name, known[i].name))
				*known[i].value = value;
	}
	dl_buf_release(&text);
	return r < 0 ? dl_err_denied(err, "the token's payload is not JSON")
	             : 0;
}

/* Is value the string want? */
static bool
is_string(struct dl_span value, const char *want)
{
	struct dl_buf scratch = {0};
	struct dl_span text;
	bool same;

	same = dl_json_string(value, &scratch, &text) == 0 &&
	       dl_span_is(text, want);
	dl_buf_release(&scratch);
	return same;
}

static bool
is_ours(struct dl_span value, const char *const *audiences)
{
	for (; *audiences != NULL; audiences++)
		if (is_string(value, *audiences))
			return true;
	return false;
}

static int
check_audience(
    struct dl_span aud, const char *const *audiences, struct dl_err *err)
{
	bool ours = false, odd = false;
	struct dl_span value;
	struct dl_json_iter it;
	int r = 0;

	if (aud.p != NULL && dl_json_kind(aud) == DL_JSON_ARRAY) {
		dl_json_enter(&it, aud);
		while ((r = dl_json_element(&it, &value)) > 0) {
			odd |= dl_json_kind(value) != DL_JSON_STRING;
			ours |= is_ours(value, audiences);
		}
	} else if (aud.p != NULL)
		ours = is_ours(aud, audiences);
	if (r < 0 || odd || !ours)
		return dl_err_denied(
		    err, "the token is for another audience ('aud')");
	return 0;
}

/* A time, in milliseconds; a claim that is absent leaves *ms. */
static int
take_time(
    struct dl_span value, const char *name, int64_t *ms, struct dl_err *err)
{
	double s;

	if (value.p == NULL)
		return 0;
	if (dl_json_kind(value) != DL_JSON_NUMBER)
		return dl_err_denied(
		    err, "the token's '%s' is not a number", name);
	s = dl_double(value);
	if (!(s >= 0 && s <= TIME_MAX))
		return dl_err_denied(
		    err, "the token's '%s' is not a time", name);
	*ms = (int64_t)floor(s) * 1000 + (int64_t)((s - floor(s)) * 1000);
	return 0;
}

static int
check_times(const struct claims *c, int64_t leeway_ms, int64_t now_ms,
    int64_t *expires_s, struct dl_err *err)
{
	int64_t exp = -1, nbf = 0, iat = 0;

	if (take_time(c->exp, "exp", &exp, err) < 0 ||
	    take_time(c->nbf, "nbf", &nbf, err) < 0 ||
	    take_time(c->iat, "iat", &iat, err) < 0)
		return -1;
	if (exp < 0)
		return dl_err_denied(err, "the token never expires: no 'exp'");
	*expires_s = (exp + leeway_ms) / 1000;
	if (now_ms / 1000 >= *expires_s)
		return dl_err_denied(err, "the token has expired");
	if (now_ms + leeway_ms < nbf)
		return dl_err_denied(err, "the token is not valid yet ('nbf')");
	if (now_ms + leeway_ms < iat)
		return dl_err_denied(
		    err, "the token was issued in the future ('iat')");
	return 0;
}

/* What a log and a terminal can show; no two of them look the same. */
static void
show(struct dl_span text, struct dl_buf *b)
{
	const unsigned char *p = (const unsigned char *)text.p;
	const unsigned char *end = p + text.len;

	for (; p < end; p++) {
		/* U+0080 to U+009F are control characters too. */
		bool wide = *p == 0xc2 && end - p > 1 && p[1] < 0xa0;

		if (wide || *p < 0x20 || *p == 0x7f || *p == '\\')
			dl_buf_printf(b, "\\x%02x", *p);
		else
			dl_buf_addc(b, (char)*p);
		if (wide)
			dl_buf_printf(b, "\\x%02x", *++p);
	}
}

static int
take_subject(const struct claims *c, struct dl_buf *subject, struct dl_err *err)
{
	struct dl_span value = c->sub.p != NULL         ? c->sub
	                       : c->client_id.p != NULL ? c->client_id
	                                                : c->azp;
	struct dl_buf scratch = {0};
	struct dl_span text;
	int r = 0;

	if (value.p == NULL)
		r = dl_err_denied(
		    err, "the token names nobody: no 'sub' and no 'client_id'");
	else if (dl_json_string(value, &scratch, &text) < 0 || text.len == 0 ||
		 text.len > DL_JWT_SUBJECT_MAX)
		r = dl_err_denied(err,
		    "the token's 'sub' or 'client_id' is not a string of 1 to "
		    "%d bytes",
		    DL_JWT_SUBJECT_MAX);
	else
		show(text, subject);
	dl_buf_release(&scratch);
	return r;
}

int
dl_jwt_check(const struct dl_jwt *t, const struct dl_jwt_want *want,
    int64_t now_ms, struct dl_buf *subject, int64_t *expires_s,
    struct dl_err *err)
{
	struct claims c = {0};

	if (gather(t->payload, &c, err) < 0)
		return -1;
	if (c.iss.p == NULL || !is_string(c.iss, want->issuer))
		return dl_err_denied(
		    err, "the token is of another issuer ('iss')");
	if (check_audience(c.aud, want->audiences, err) < 0 ||
	    check_times(&c, want->leeway_ms, now_ms, expires_s, err) < 0)
		return -1;
	/* It is good only with a proof of its key, which nobody asks for. */
	if (c.cnf.p != NULL)
		return dl_err_denied(err,
		    "the token is bound to a key ('cnf'): it is no bearer "
		    "token");
	return take_subject(&c, subject, err);
}
