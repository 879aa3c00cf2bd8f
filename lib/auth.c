#include "auth.h"

#include "auth_oauth.h"
#include "auth_text.h"
#include "clock.h"
#include "seal.h"
#include "sigv4.h"

#include <stdio.h>
#include <stdlib.h>

_Static_assert(DL_AUTH_REF_HEADERS + DL_SIGV4_HEADERS <= DL_FETCH_PROOFS,
    "a signature has no room beside headers by reference");

struct dl_auth {
	const struct dl_auth_spec *spec;
	struct dl_secret_refs *refs;
	const struct dl_tls *tls;
	struct dl_auth_oauth *oauth;
	struct dl_sigv4 *sigv4; /* NULL: not made yet, or its keys changed */

	/* Of the last proof; sealed. */
	char *line[DL_FETCH_PROOFS];
	size_t lines;
	char *query;
};

struct dl_auth *
dl_auth_new(const struct dl_auth_spec *spec, struct dl_secret_refs *refs,
    const struct dl_tls *tls, const char *proxy,
    const volatile sig_atomic_t *stop, struct dl_err *err)
{
	const char *const *h = spec->ref_headers;
	struct dl_auth *a;

	for (size_t n = 0; h != NULL && h[n] != NULL; n++) {
		if (n == DL_AUTH_REF_HEADERS)
			dl_err_conf(err, "more than %d headers are references",
			    DL_AUTH_REF_HEADERS);
		else if (strstr(h[n], ": ") == NULL)
			dl_err_bug(err, "a header is not \"Name: REF\"");
		else
			continue;
		return NULL;
	}
	a = dl_calloc(1, sizeof(*a));
	a->spec = spec;
	a->refs = refs;
	a->tls = tls;
	if (spec->kind == DL_AUTH_OAUTH2)
		a->oauth = dl_auth_oauth_new(spec, refs, tls, proxy, stop);
	return a;
}

static void
forget_proof(struct dl_auth *a)
{
	while (a->lines > 0)
		dl_seal_free(a->line[--a->lines]);
	dl_seal_free(a->query);
	a->query = NULL;
}

void
dl_auth_free(struct dl_auth *a)
{
	if (a == NULL)
		return;
	forget_proof(a);
	dl_auth_oauth_free(a->oauth);
	dl_sigv4_free(a->sigv4);
	free(a);
}

static int
get(struct dl_auth *a, const char *ref, struct dl_span *value,
    struct dl_err *err)
{
	return dl_secret_ref_get(a->refs, ref, value, err);
}

/* Add the header "NAME: BEFORE VALUE". */
static int
add(struct dl_auth *a, struct dl_fetch_proof *proof, struct dl_span name,
    const char *before, struct dl_span value, struct dl_err *err)
{
	const struct dl_span parts[] = {
	    name, {": ", 2}, dl_span_str(before), value, {NULL, 0}};
	char *line;

	if (!dl_auth_plain(value))
		return dl_err_conf(err,
		    "the secret for the header '%.*s' has a newline or another "
		    "control character in it",
		    DL_SPAN_ARG(name));
	if ((line = dl_auth_join(parts, err)) == NULL)
		return -1;
	proof->headers[a->lines] = line;
	a->line[a->lines++] = line;
	return 0;
}

/* The reference of "Name: REF". */
static const char *
ref_of(const char *header)
{
	return strstr(header, ": ") + 2;
}

static int
add_refs(struct dl_auth *a, struct dl_fetch_proof *proof, struct dl_err *err)
{
	const char *const *h = a->spec->ref_headers;
	struct dl_span value;

	for (; h != NULL && *h != NULL; h++)
		if (get(a, ref_of(*h), &value, err) < 0 ||
		    add(a, proof, dl_span(*h, strcspn(*h, ":")), "", value,
			err) < 0)
			return -1;
	return 0;
}

static int
prove_query(struct dl_auth *a, struct dl_fetch_proof *proof, struct dl_err *err)
{
	struct dl_buf b = {0};
	struct dl_span value;

	if (get(a, a->spec->value, &value, err) < 0)
		return -1;
	dl_auth_escape(&b, dl_span_str(a->spec->name));
	dl_buf_addc(&b, '=');
	dl_auth_escape(&b, value);
	a->query = dl_auth_join(
	    (struct dl_span[]){dl_buf_as_span(&b), {NULL, 0}}, err);
	proof->query = a->query;
	dl_auth_wipe(&b);
	return a->query == NULL ? -1 : 0;
}

static int
make_signer(struct dl_auth *a, struct dl_err *err)
{
	const struct dl_auth_spec *s = a->spec;
	struct dl_sigv4_credentials c = {
	    .region = s->region, .service = s->service};
	struct dl_span access, secret, token = {NULL, 0};

	if (a->sigv4 != NULL)
		return 0;
	if (get(a, s->access_key, &access, err) < 0 ||
	    get(a, s->secret_key, &secret, err) < 0 ||
	    (s->session_token != NULL &&
		get(a, s->session_token, &token, err) < 0))
		return -1;
	if (!dl_auth_plain(access) || !dl_auth_plain(token))
		return dl_err_conf(err,
		    "'auth.sigv4': the access key or the session's token has a "
		    "newline or another control character in it");
	c.access_key = access.p;
	c.secret_key = secret.p;
	c.session_token = token.p;
	a->sigv4 = dl_sigv4_new(&c, err);
	return a->sigv4 == NULL ? -1 : 0;
}

/* The headers that are signed: the request's, and those by reference. */
static const char **
all_headers(
    const struct dl_fetch_request *request, const struct dl_fetch_proof *proof)
{
	const char *const *h = request->headers;
	const char **all;
	size_t n = 0, k = 0;

	while (h != NULL && h[n] != NULL)
		n++;
	all = dl_calloc(n + DL_FETCH_PROOFS + 1, sizeof(*all));
	while (k < n) {
		all[k] = h[k];
		k++;
	}
	for (size_t i = 0; proof->headers[i] != NULL; i++)
		all[k++] = proof->headers[i];
	return all;
}

static int
prove_sigv4(struct dl_auth *a, const struct dl_fetch_request *request,
    struct dl_fetch_proof *proof, struct dl_err *err)
{
	struct dl_auth_url url = {.host = NULL};
	char hash[DL_SIGV4_HASH];
	const char *const *got = NULL;
	const char **all;
	struct dl_time now;
	size_t n = 0;

	if (make_signer(a, err) < 0)
		return -1;
	if (dl_auth_url_parse(request->url, &url, err) < 0) {
		dl_err_prefix(err, "'auth.sigv4': the URL");
		dl_auth_url_release(&url);
		return -1;
	}
	dl_now(&now);
	dl_sigv4_hash(request->body, hash);
	all = all_headers(request, proof);
	got = dl_sigv4_sign(a->sigv4,
	    &(struct dl_sigv4_request){.method = request->method,
		.host = dl_span_str(url.host),
		.path = dl_span_str(url.path),
		.query = dl_span_str(url.query),
		.headers = all,
		.payload = hash,
		.sec = now.sec},
	    err);
	while (proof->headers[n] != NULL)
		n++;
	for (; got != NULL && *got != NULL; got++)
		proof->headers[n++] = *got;
	free(all);
	dl_auth_url_release(&url);
	return got == NULL ? -1 : 0;
}

static int
prove_kind(struct dl_auth *a, const struct dl_fetch_request *request,
    struct dl_fetch_proof *proof, struct dl_err *err)
{
	const struct dl_auth_spec *s = a->spec;
	struct dl_span value;
	const char *token;

	switch (s->kind) {
	case DL_AUTH_BASIC:
		if (get(a, s->password, &value, err) < 0)
			return -1;
		proof->user = s->user;
		proof->password = value.p;
		return 0;
	case DL_AUTH_BEARER:
		return get(a, s->bearer, &value, err) < 0
		           ? -1
		           : add(a, proof, DL_SPAN("Authorization"), "Bearer ",
				 value, err);
	case DL_AUTH_HEADER:
		return get(a, s->value, &value, err) < 0
		           ? -1
		           : add(a, proof, dl_span_str(s->name), "", value,
				 err);
	case DL_AUTH_QUERY:
		return prove_query(a, proof, err);
	case DL_AUTH_OAUTH2:
		token = dl_auth_oauth_token(a->oauth, err);
		return token == NULL ? -1
		                     : add(a, proof, DL_SPAN("Authorization"),
					   "Bearer ", dl_span_str(token), err);
	case DL_AUTH_SIGV4:
		return prove_sigv4(a, request, proof, err);
	case DL_AUTH_NONE:
		break;
	}
	return 0;
}

static int
prove(void *arg, const struct dl_fetch_request *request,
    struct dl_fetch_proof *proof, struct dl_err *err)
{
	struct dl_auth *a = arg;
	struct dl_span password;

	forget_proof(a);
	if (add_refs(a, proof, err) < 0 ||
	    prove_kind(a, request, proof, err) < 0)
		return -1;
	if (a->tls == NULL || a->tls->key_password == NULL)
		return 0;
	if (get(a, a->tls->key_password, &password, err) < 0)
		return -1;
	proof->key_password = password.p;
	return 0;
}

static bool
renew(void *arg)
{
	struct dl_auth *a = arg;
	const struct dl_auth_spec *s = a->spec;
	const char *const refs[] = {s->password, s->bearer, s->value,
	    s->access_key, s->secret_key, s->session_token};
	const char *const *h = s->ref_headers;
	bool changed = false;

	for (size_t i = 0; i < sizeof(refs) / sizeof(*refs); i++)
		if (refs[i] != NULL && dl_secret_ref_renew(a->refs, refs[i]))
			changed = true;
	if (changed) {
		dl_sigv4_free(a->sigv4);
		a->sigv4 = NULL;
	}
	for (; h != NULL && *h != NULL; h++)
		if (dl_secret_ref_renew(a->refs, ref_of(*h)))
			changed = true;
	if (a->oauth == NULL)
		return changed;
	dl_auth_oauth_forget(a->oauth);
	return true;
}

struct dl_fetch_auth
dl_auth_hooks(struct dl_auth *a)
{
	const char *const *h = a->spec->ref_headers;

	if (a->spec->kind == DL_AUTH_NONE && (h == NULL || *h == NULL) &&
	    (a->tls == NULL || a->tls->key_password == NULL))
		return (struct dl_fetch_auth){.prove = NULL};
	return (struct dl_fetch_auth){.prove = prove, .renew = renew, .arg = a};
}

int
dl_auth_login(struct dl_auth *a, const char **user, const char **password,
    struct dl_err *err)
{
	struct dl_span value;

	*user = *password = NULL;
	if (a->spec->kind == DL_AUTH_NONE)
		return 0;
	if (a->spec->kind != DL_AUTH_BASIC)
		return dl_err_conf(
		    err, "'auth' is for HTTP: a login here is by 'auth.basic'");
	if (get(a, a->spec->password, &value, err) < 0)
		return -1;
	*user = a->spec->user;
	*password = value.p;
	return 0;
}
