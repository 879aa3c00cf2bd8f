#include "issue_private.h"

#include "auth_text.h"
#include "home.h"

#include <sodium.h>
#include <strings.h>

static const struct dl_issue_no twice = {400, "invalid_request",
    "a parameter is there twice, or is not well encoded"};
static const struct dl_issue_no too_large = {
    400, "invalid_request", "the request is too large"};
static const struct dl_issue_no no_grant = {
    400, "invalid_request", "grant_type is missing"};
static const struct dl_issue_no other_grant = {
    400, "unsupported_grant_type", "only client_credentials is supported"};
static const struct dl_issue_no two_ways = {
    400, "invalid_request", "the client authenticates in more than one way"};
static const struct dl_issue_no nobody = {
    401, "invalid_client", "the client does not authenticate itself"};
static const struct dl_issue_no bad_basic = {401, "invalid_client",
    "the Authorization header is not of Basic authentication"};
static const struct dl_issue_no bad_scope = {
    400, "invalid_scope", "the scope is malformed"};

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* application/x-www-form-urlencoded; false: a broken escape, or a NUL. */
static bool
decode(struct dl_span raw, struct dl_buf *b)
{
	int high, low;

	for (size_t i = 0; i < raw.len; i++) {
		char c = raw.p[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			if (raw.len - i < 3 || (high = hex(raw.p[i + 1])) < 0 ||
			    (low = hex(raw.p[i + 2])) < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (c == '\0')
			return false;
		dl_buf_addc(b, c);
	}
	return true;
}

/* What stands before the first c, which is taken off too. */
static struct dl_span
cut(struct dl_span *s, char c)
{
	const char *at = s->len == 0 ? NULL : memchr(s->p, c, s->len);
	struct dl_span first = *s;

	if (at == NULL) {
		*s = dl_span(dl_span_end(*s), 0);
		return first;
	}
	first.len = (size_t)(at - s->p);
	*s = dl_span(at + 1, s->len - first.len - 1);
	return first;
}

int
dl_issue_field(struct dl_span form, const char *name, struct dl_buf *b)
{
	struct dl_buf key = {0};
	struct dl_span value, raw;
	size_t start = b->len;
	int found = 0;

	/* No growing: that would leave a copy of a secret behind. */
	dl_buf_room(b, form.len);
	while (found >= 0 && form.len > 0) {
		value = cut(&form, '&');
		raw = cut(&value, '=');
		dl_buf_clear(&key);
		if (!decode(raw, &key))
			found = -1;
		else if (dl_span_is(dl_buf_as_span(&key), name))
			found = found != 0 || !decode(value, b) ? -1 : 1;
	}
	dl_buf_release(&key);
	return found > 0 && b->len == start ? 0 : found;
}

/* A name that no client can have is nobody's: it is refused like one's. */
static void
take_client(struct dl_span name, struct dl_issue_wish *wish)
{
	if (!dl_name_ok(name))
		return;
	memcpy(wish->client, name.p, name.len);
	wish->client[name.len] = '\0';
}

/* Longer than any is a wrong one. */
static void
take_secret(struct dl_span secret, struct dl_issue_wish *wish)
{
	wish->secret_len =
	    secret.len > DL_TOKEN_CLIENT_SECRET_MAX ? 0 : secret.len;
	memcpy(wish->secret, secret.p, wish->secret_len);
}

/* What is behind "Basic ": name and secret, encoded as in a form, in base64. */
static bool
take_basic(struct dl_span value, struct dl_issue_wish *wish)
{
	struct dl_buf pair = {0}, name = {0}, secret = {0};
	struct dl_span left, first;
	size_t n;
	bool good;

	if (value.len < 6 || strncasecmp(value.p, "Basic ", 6) != 0)
		return false;
	value = dl_span(value.p + 6, value.len - 6);
	while (value.len > 0 && *value.p == ' ')
		value = dl_span(value.p + 1, value.len - 1);
	dl_buf_room(&pair, value.len + 1);
	good =
	    sodium_base642bin((unsigned char *)pair.p, pair.cap, value.p,
		value.len, NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) == 0;
	left = dl_span(pair.p, good ? n : 0);
	good = good && memchr(left.p, ':', left.len) != NULL;
	dl_buf_room(&secret, value.len + 1);
	first = cut(&left, ':');
	good = good && decode(first, &name) && decode(left, &secret);
	if (good) {
		take_client(dl_buf_as_span(&name), wish);
		take_secret(dl_buf_as_span(&secret), wish);
	}
	dl_auth_wipe(&pair);
	dl_auth_wipe(&secret);
	dl_buf_release(&name);
	return good;
}

static const struct dl_issue_no *
take_credentials(const struct dl_issue_ask *ask, struct dl_issue_wish *wish)
{
	struct dl_buf id = {0}, secret = {0};
	int has_id = dl_issue_field(ask->form, "client_id", &id);
	int has_secret = dl_issue_field(ask->form, "client_secret", &secret);
	const struct dl_issue_no *no = NULL;

	if (has_id < 0 || has_secret < 0)
		no = &twice;
	else if (ask->authorization.p == NULL && (!has_id || !has_secret))
		no = &nobody;
	else if (ask->authorization.p != NULL && has_secret)
		no = &two_ways;
	else if (ask->authorization.p != NULL &&
		 !take_basic(ask->authorization, wish))
		no = &bad_basic;
	else if (ask->authorization.p != NULL && has_id &&
		 !dl_span_is(dl_buf_as_span(&id), wish->client))
		no = &two_ways;
	if (no == NULL && ask->authorization.p == NULL) {
		take_client(dl_buf_as_span(&id), wish);
		take_secret(dl_buf_as_span(&secret), wish);
	}
	dl_auth_wipe(&secret);
	dl_buf_release(&id);
	return no;
}

static const struct dl_issue_no *
check_grant(struct dl_span form)
{
	struct dl_buf grant = {0};
	const struct dl_issue_no *no = NULL;
	int r = dl_issue_field(form, "grant_type", &grant);

	if (r < 0)
		no = &twice;
	else if (r == 0)
		no = &no_grant;
	else if (!dl_span_is(dl_buf_as_span(&grant), "client_credentials"))
		no = &other_grant;
	dl_buf_release(&grant);
	return no;
}

static const struct dl_issue_no *
take_scope(struct dl_span form, struct dl_issue_wish *wish)
{
	struct dl_buf scope = {0};
	const struct dl_issue_no *no = NULL;
	int r = dl_issue_field(form, "scope", &scope);

	if (r < 0)
		no = &twice;
	else if (r > 0 && !dl_token_scope_ok(dl_buf_as_span(&scope)))
		no = &bad_scope;
	else if (r > 0)
		memcpy(wish->scope, scope.p, scope.len);
	dl_buf_release(&scope);
	return no;
}

const struct dl_issue_no *
dl_issue_read(const struct dl_issue_ask *ask, struct dl_issue_wish *wish)
{
	const struct dl_issue_no *no;

	memset(wish, 0, sizeof(*wish));
	if (ask->form.len > DL_ISSUE_FORM_MAX ||
	    ask->authorization.len > DL_ISSUE_FORM_MAX)
		return &too_large;
	if ((no = check_grant(ask->form)) != NULL ||
	    (no = take_scope(ask->form, wish)) != NULL)
		return no;
	return take_credentials(ask, wish);
}
