#include "token.h"

#include "clock.h"
#include "json.h"

#include <sodium.h>
#include <stdio.h>

#define BASE64URL sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define JTI 16 /* random bytes */

static void
add_base64(struct dl_buf *b, const void *p, size_t n)
{
	size_t room = sodium_base64_ENCODED_LEN(n, BASE64URL);

	dl_buf_room(b, room);
	sodium_bin2base64(b->p + b->len, room, p, n, BASE64URL);
	b->len += room - 1;
}

void
dl_token_sign(const struct dl_token_key *key, struct dl_span header,
    struct dl_span payload, struct dl_buf *b)
{
	unsigned char signature[crypto_sign_BYTES];
	size_t start = b->len;

	add_base64(b, header.p, header.len);
	dl_buf_addc(b, '.');
	add_base64(b, payload.p, payload.len);
	crypto_sign_detached(signature, NULL,
	    (const unsigned char *)b->p + start, b->len - start, key->secret);
	dl_buf_addc(b, '.');
	add_base64(b, signature, sizeof(signature));
}

static void
add_text(struct dl_buf *b, const char *name, struct dl_span text)
{
	dl_buf_printf(b, "%s\"%s\":", b->len == 0 ? "{" : ",", name);
	dl_json_quote(b, text);
}

static void
make_payload(const struct dl_token_claims *c, struct dl_buf *b)
{
	unsigned char random[JTI];
	struct dl_time now;

	dl_now(&now);
	randombytes_buf(random, sizeof(random));
	add_text(b, "iss", dl_span_str(c->issuer));
	add_text(b, "sub", dl_span_str(c->subject));
	add_text(b, "aud", dl_span_str(c->audience));
	dl_buf_printf(b, ",\"iat\":%lld,\"exp\":%lld,\"jti\":\"",
	    (long long)now.sec, (long long)(now.sec + c->ttl_s));
	add_base64(b, random, sizeof(random));
	dl_buf_addc(b, '"');
	add_text(b, "client_id", dl_span_str(c->subject));
	if (c->scope.len > 0)
		add_text(b, "scope", c->scope);
	dl_buf_span(b, c->more);
	dl_buf_addc(b, '}');
}

static int
check_text(const char *what, const char *text, struct dl_err *err)
{
	if (*text == '\0')
		return dl_err_usage(err, "the %s is empty", what);
	if (!dl_utf8_valid(dl_span_str(text)))
		return dl_err_usage(err, "the %s is not UTF-8", what);
	return 0;
}

static int
check(const struct dl_token_claims *c, struct dl_err *err)
{
	if (check_text("issuer", c->issuer, err) < 0 ||
	    check_text("subject", c->subject, err) < 0 ||
	    check_text("audience", c->audience, err) < 0)
		return -1;
	if (strlen(c->subject) > DL_TOKEN_SUBJECT_MAX)
		return dl_err_usage(err,
		    "the subject is longer than %d bytes: servers take no more",
		    DL_TOKEN_SUBJECT_MAX);
	if (c->scope.len > 0 && !dl_token_scope_ok(c->scope))
		return dl_err_usage(err,
		    "the scope is not one: words with one space between them, "
		    "without '\"' and '\\', at most %d bytes",
		    DL_TOKEN_SCOPE_MAX);
	if (c->ttl_s < 1 || c->ttl_s > DL_TOKEN_TTL_MAX_S)
		return dl_err_usage(
		    err, "a token lives between a second and a year");
	return 0;
}

int
dl_token_mint(const struct dl_token_keys *keys,
    const struct dl_token_claims *claims, struct dl_buf *b, struct dl_err *err)
{
	const struct dl_token_key *key = &keys->key[0];
	struct dl_buf payload = {0};
	size_t start = b->len, n;
	char header[128];

	if (check(claims, err) < 0)
		return -1;
	n = (size_t)snprintf(header, sizeof(header),
	    "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", key->kid);
	make_payload(claims, &payload);
	dl_token_sign(key, dl_span(header, n), dl_buf_as_span(&payload), b);
	dl_buf_release(&payload);
	if ((n = b->len - start) <= DL_TOKEN_MAX)
		return 0;
	b->len = start;
	return dl_err_usage(err,
	    "the token would be %zu bytes long: servers take %d", n,
	    DL_TOKEN_MAX);
}

/* Every name of RFC 9068 that a token has anyway. */
static bool
is_ours(struct dl_span name)
{
	static const char *const ours[] = {
	    "iss", "sub", "aud", "iat", "exp", "jti", "client_id", "scope"};

	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (dl_span_is(name, ours[i]))
			return true;
	return false;
}

/* Is name among the members of more, which begin with a comma each? */
static bool
has_claim(const struct dl_buf *more, struct dl_span name)
{
	struct dl_buf whole = {0}, scratch = {0};
	struct dl_span key, value, text;
	struct dl_json_iter it;
	bool found = false;

	if (more->len == 0)
		return false;
	dl_buf_addc(&whole, '{');
	dl_buf_add(&whole, more->p + 1, more->len - 1);
	dl_buf_addc(&whole, '}');
	dl_json_enter(&it, dl_buf_as_span(&whole));
	while (!found && dl_json_member(&it, &key, &value) > 0) {
		dl_buf_clear(&scratch);
		found = dl_json_text(key, &scratch, &text) == 0 &&
		        dl_span_eq(text, name);
	}
	dl_buf_release(&scratch);
	dl_buf_release(&whole);
	return found;
}

static int
add_name(struct dl_buf *more, struct dl_span name, struct dl_err *err)
{
	if (name.len == 0 || !dl_utf8_valid(name))
		return dl_err_usage(err, "a claim's name is UTF-8, not empty");
	if (is_ours(name))
		return dl_err_usage(err,
		    "the claim '%.*s' is set by dl-token, not by this",
		    DL_SPAN_ARG(name));
	if (has_claim(more, name))
		return dl_err_usage(
		    err, "the claim '%.*s' is there twice", DL_SPAN_ARG(name));
	dl_buf_addc(more, ',');
	dl_json_quote(more, name);
	dl_buf_addc(more, ':');
	return 0;
}

int
dl_token_claim_text(struct dl_buf *more, struct dl_span name,
    struct dl_span value, struct dl_err *err)
{
	if (!dl_utf8_valid(value))
		return dl_err_usage(
		    err, "the value of '%.*s' is not UTF-8", DL_SPAN_ARG(name));
	if (add_name(more, name, err) < 0)
		return -1;
	dl_json_quote(more, value);
	return 0;
}

int
dl_token_claim_json(struct dl_buf *more, struct dl_span name,
    struct dl_span json, struct dl_err *err)
{
	struct dl_err why = {0};
	struct dl_span value;

	if (dl_json_check(json, &why) < 0 || dl_json_value(json, &value) < 0)
		return dl_err_usage(err, "the value of '%.*s' is no JSON: %s",
		    DL_SPAN_ARG(name), why.msg);
	if (add_name(more, name, err) < 0)
		return -1;
	dl_json_compact(more, value);
	return 0;
}

bool
dl_token_scope_ok(struct dl_span scope)
{
	bool word = false;

	for (size_t i = 0; i < scope.len; i++) {
		char c = scope.p[i];

		if (c == ' ' ? !word
			     : c < '!' || c > '~' || c == '"' || c == '\\')
			return false;
		word = c != ' ';
	}
	return word && scope.len <= DL_TOKEN_SCOPE_MAX;
}

/* Take the next word off scopes; false: there is none. */
static bool
next_word(struct dl_span *scopes, struct dl_span *word)
{
	const char *space = memchr(scopes->p, ' ', scopes->len);

	if (scopes->len == 0)
		return false;
	word->p = scopes->p;
	word->len = space == NULL ? scopes->len : (size_t)(space - scopes->p);
	scopes->p += word->len;
	scopes->len -= word->len;
	if (scopes->len > 0) {
		scopes->p++;
		scopes->len--;
	}
	return true;
}

bool
dl_token_scope_within(struct dl_span asked, struct dl_span granted)
{
	struct dl_span word, has, left;
	bool found;

	while (next_word(&asked, &word)) {
		found = false;
		left = granted;
		while (!found && next_word(&left, &has))
			found = dl_span_eq(word, has);
		if (!found)
			return false;
	}
	return true;
}
