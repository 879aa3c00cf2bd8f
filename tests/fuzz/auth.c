/*
 * auth on any bytes: as the answer of a token's server, as a reference, as a
 * URL, and as a request that is signed.  A token that is taken has nothing in it
 * that would end a header.
 */
#include "auth_oauth.h"
#include "auth_text.h"
#include "seal.h"
#include "secret_ref.h"
#include "sigv4.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
answer(struct dl_span bytes)
{
	char *out = dl_alloc(DL_AUTH_OAUTH_ANSWER + 1);
	char code[DL_AUTH_OAUTH_CODE];
	struct dl_err err = {0};
	int64_t life;

	if (bytes.len <= DL_AUTH_OAUTH_ANSWER &&
	    dl_auth_oauth_parse(bytes, out, &life, &err) == 0 &&
	    (life < 0 || *out == '\0' || !dl_auth_plain(dl_span_str(out))))
		abort();
	if (dl_auth_oauth_code(bytes, code) &&
	    strspn(code, "abcdefghijklmnopqrstuvwxyz_") != strlen(code))
		abort();
	free(out);
}

/* Path, query and headers are lines; what is signed is of one line each. */
static void
sign(struct dl_sigv4 *s, struct dl_span bytes)
{
	const char *headers[201] = {NULL};
	char *text = dl_strndup(bytes), *line = text, *rest;
	struct dl_sigv4_request r = {.method = "GET",
	    .host = DL_SPAN("h"),
	    .headers = headers,
	    .payload = DL_SIGV4_UNSIGNED,
	    .sec = 1};
	struct dl_err err = {0};
	const char *const *got;

	for (size_t i = 0; line != NULL && i < 202; i++, line = rest) {
		if ((rest = strchr(line, '\n')) != NULL)
			*rest++ = '\0';
		if (i == 0)
			r.path = dl_span_str(line);
		else if (i == 1)
			r.query = dl_span_str(line);
		else
			headers[i - 2] = line;
	}
	got = dl_sigv4_sign(s, &r, &err);
	if (got != NULL && strstr(*got, "Signature=") == NULL)
		abort();
	free(text);
}

static void
reference(struct dl_span bytes)
{
	char *text = dl_strndup(bytes);
	struct dl_auth_url url = {.host = NULL};
	struct dl_err err = {0};

	if (dl_secret_ref_check(text, &err) == 0 && !dl_secret_ref_is(text))
		abort();
	dl_err_clear(&err);
	if (dl_auth_url_parse(text, &url, &err) == 0 &&
	    (url.host == NULL || url.path == NULL))
		abort();
	dl_auth_url_release(&url);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dl_sigv4 *s3, *es;
	struct dl_span bytes = {(const char *)data, size};
	struct dl_err err = {0};

	if (s3 == NULL && dl_seal_start(&err) == 0) {
		s3 = dl_sigv4_new(
		    &(struct dl_sigv4_credentials){"r", "s3", "a", "k", "t"},
		    &err);
		es = dl_sigv4_new(
		    &(struct dl_sigv4_credentials){"r", "es", "a", "k", NULL},
		    &err);
	}
	answer(bytes);
	reference(bytes);
	sign(s3, bytes);
	sign(es, bytes);
	return 0;
}
