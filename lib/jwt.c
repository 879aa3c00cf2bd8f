/* A token taken apart: its three parts and its header. */
#include "jwt.h"

#include "json.h"

#include <sodium.h>
#include <strings.h>

static const char *const algs[DL_JWT_ALGS] = {"RS256", "RS384", "RS512",
    "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"};

bool
dl_jwt_alg_of(struct dl_span name, enum dl_jwt_alg *alg)
{
	for (int i = 0; i < DL_JWT_ALGS; i++)
		if (dl_span_is(name, algs[i])) {
			*alg = (enum dl_jwt_alg)i;
			return true;
		}
	return false;
}

const char *
dl_jwt_alg_name(enum dl_jwt_alg alg)
{
	return algs[alg];
}

bool
dl_jwt_decode(struct dl_span part, struct dl_buf *b)
{
	size_t max = part.len / 4 * 3 + 3, n;

	dl_buf_room(b, max);
	if (sodium_base642bin((unsigned char *)b->p + b->len, max, part.p,
		part.len, NULL, &n, NULL,
		sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
		return false;
	b->len += n;
	return true;
}

/* Exactly two dots, and nothing empty. */
static int
split(struct dl_span token, struct dl_span part[3], struct dl_err *err)
{
	const char *p = token.p, *end = dl_span_end(token), *dot;

	if (token.len > DL_JWT_MAX)
		return dl_err_denied(
		    err, "the token is longer than %d bytes", DL_JWT_MAX);
	for (int i = 0; i < 3; i++) {
		dot = p == end ? NULL : memchr(p, '.', (size_t)(end - p));
		if ((dot == NULL) != (i == 2) ||
		    (part[i].len = (size_t)((dot == NULL ? end : dot) - p)) ==
			0)
			return dl_err_denied(err,
			    "the token is not a signed JWT of three parts");
		part[i].p = p;
		p = dot == NULL ? end : dot + 1;
	}
	return 0;
}

/* A part that is a JSON object. */
static int
object(struct dl_span part, const char *name, struct dl_buf *b,
    struct dl_span *value, struct dl_err *err)
{
	struct dl_err why = {0};

	dl_buf_clear(b);
	if (!dl_jwt_decode(part, b))
		return dl_err_denied(
		    err, "the token's %s is not base64url", name);
	if (dl_json_check(dl_buf_as_span(b), &why) < 0)
		return dl_err_denied(
		    err, "the token's %s is not JSON: %s", name, why.msg);
	if (dl_json_value(dl_buf_as_span(b), value) < 0 ||
	    dl_json_kind(*value) != DL_JSON_OBJECT)
		return dl_err_denied(
		    err, "the token's %s is not a JSON object", name);
	return 0;
}

/* As RFC 9068 and RFC 7519 have it; what is made for other uses has another. */
static bool
good_type(struct dl_span typ)
{
	static const char *const good[] = {
	    "JWT", "at+jwt", "application/at+jwt"};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		if (typ.len == strlen(good[i]) &&
		    strncasecmp(typ.p, good[i], typ.len) == 0)
			return true;
	return false;
}

/* One member of the header; found says that there was an alg. */
static int
take_member(struct dl_jwt *t, struct dl_span name, struct dl_span value,
    bool *found, struct dl_err *err)
{
	static const char *const refused[] = {"crit", "b64", "zip", "cty"};
	static const char *const used[] = {"alg", "kid", "typ"};
	struct dl_span text;
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		if (dl_span_is(name, refused[i]))
			return dl_err_denied(err,
			    "the token's header has '%s', which is not "
			    "supported",
			    refused[i]);
	for (i = 0; i < 3 && !dl_span_is(name, used[i]); i++)
		;
	if (i == 3)
		return 0;
	if (dl_json_string(value, &t->text, &text) < 0)
		return dl_err_denied(
		    err, "the token's '%s' is not a string", used[i]);
	if (i == 0 && !dl_jwt_alg_of(text, &t->alg))
		return dl_err_denied(
		    err, "the token's algorithm is not allowed");
	if (i == 1 && text.len > DL_JWT_KID_MAX)
		return dl_err_denied(err,
		    "the token's 'kid' is longer than %d bytes",
		    DL_JWT_KID_MAX);
	if (i == 2 && !good_type(text))
		return dl_err_denied(
		    err, "the token's 'typ' is not that of an access token");
	*found |= i == 0;
	if (i == 1)
		t->kid = text;
	return 0;
}

static int
take_header(struct dl_jwt *t, struct dl_span header, struct dl_err *err)
{
	struct dl_span key, value, name;
	struct dl_json_iter it;
	bool found = false;
	int r;

	/* What is decoded fits, so that spans of it stay valid. */
	dl_buf_clear(&t->text);
	dl_buf_room(&t->text, header.len);
	dl_json_enter(&it, header);
	while ((r = dl_json_member(&it, &key, &value)) > 0) {
		if ((r = dl_json_text(key, &t->text, &name)) < 0)
			break;
		if (take_member(t, name, value, &found, err) < 0)
			return -1;
	}
	if (r < 0)
		return dl_err_denied(err, "the token's header is not JSON");
	if (!found)
		return dl_err_denied(err, "the token names no algorithm");
	return 0;
}

int
dl_jwt_read(struct dl_jwt *t, struct dl_span token, struct dl_err *err)
{
	struct dl_span part[3], header;

	t->kid = (struct dl_span){0};
	if (split(token, part, err) < 0 ||
	    object(part[0], "header", &t->header_bytes, &header, err) < 0 ||
	    take_header(t, header, err) < 0 ||
	    object(part[1], "payload", &t->payload_bytes, &t->payload, err) < 0)
		return -1;
	t->signed_part =
	    dl_span(token.p, (size_t)(dl_span_end(part[1]) - token.p));
	t->signature = part[2];
	return 0;
}

void
dl_jwt_release(struct dl_jwt *t)
{
	dl_buf_release(&t->header_bytes);
	dl_buf_release(&t->payload_bytes);
	dl_buf_release(&t->text);
}
