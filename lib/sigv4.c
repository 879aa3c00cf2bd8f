#include "sigv4.h"

#include "buf.h"
#include "clock.h"
#include "seal.h"
#include "sigv4_canonical.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define DATE_MAX 64

_Static_assert(DL_SIGV4_HASH == 2 * crypto_hash_sha256_BYTES + 1,
    "a hash of another size");

struct dl_sigv4 {
	char *region, *service, *access_key;
	bool s3;
	char *secret;                /* "AWS4" and the key, sealed */
	char *token;                 /* its header, sealed, or NULL */
	unsigned char *key;          /* of day, sealed */
	char day[DATE_MAX];          /* "" : there is no key yet */
	struct dl_buf canonical;     /* scratch */
	struct dl_buf authorization; /* the header */
	char date[2 * DATE_MAX];     /* the header */
	char payload[128];           /* the header */
	const char *headers[DL_SIGV4_HEADERS + 1];
};

/* a and b, one after the other, in memory for secrets. */
static char *
join(const char *a, const char *b, struct dl_err *err)
{
	size_t n = strlen(a) + strlen(b) + 1;
	char *p = dl_seal_alloc(n, err);

	if (p != NULL)
		snprintf(p, n, "%s%s", a, b);
	return p;
}

struct dl_sigv4 *
dl_sigv4_new(const struct dl_sigv4_credentials *credentials, struct dl_err *err)
{
	struct dl_sigv4 *s = dl_calloc(1, sizeof(*s));

	s->region = dl_strdup(credentials->region);
	s->service = dl_strdup(credentials->service);
	s->access_key = dl_strdup(credentials->access_key);
	s->s3 = strncmp(s->service, "s3", 2) == 0;
	s->secret = join("AWS4", credentials->secret_key, err);
	s->key = dl_seal_alloc(crypto_auth_hmacsha256_BYTES, err);
	if (credentials->session_token != NULL)
		s->token = join(
		    "x-amz-security-token: ", credentials->session_token, err);
	if (s->secret == NULL || s->key == NULL ||
	    (credentials->session_token != NULL && s->token == NULL)) {
		dl_sigv4_free(s);
		return NULL;
	}
	return s;
}

/* The canonical form has the token in it. */
static void
wipe(struct dl_buf *b)
{
	if (b->p != NULL)
		dl_seal_wipe(b->p, b->cap);
	dl_buf_release(b);
}

void
dl_sigv4_free(struct dl_sigv4 *s)
{
	if (s == NULL)
		return;
	dl_seal_free(s->secret);
	dl_seal_free(s->token);
	dl_seal_free(s->key);
	wipe(&s->canonical);
	dl_buf_release(&s->authorization);
	free(s->region);
	free(s->service);
	free(s->access_key);
	free(s);
}

void
dl_sigv4_hash(struct dl_span payload, char out[DL_SIGV4_HASH])
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, (const unsigned char *)payload.p, payload.len);
	sodium_bin2hex(out, DL_SIGV4_HASH, hash, sizeof(hash));
}

static void
hmac(unsigned char out[crypto_auth_hmacsha256_BYTES], const void *key, size_t n,
    const char *text)
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, key, n);
	crypto_auth_hmacsha256_update(
	    &state, (const unsigned char *)text, strlen(text));
	crypto_auth_hmacsha256_final(&state, out);
	sodium_memzero(&state, sizeof(state));
}

static void
derive(struct dl_sigv4 *s, const char *day)
{
	if (strcmp(s->day, day) == 0)
		return;
	hmac(s->key, s->secret, strlen(s->secret), day);
	hmac(s->key, s->key, crypto_auth_hmacsha256_BYTES, s->region);
	hmac(s->key, s->key, crypto_auth_hmacsha256_BYTES, s->service);
	hmac(s->key, s->key, crypto_auth_hmacsha256_BYTES, "aws4_request");
	snprintf(s->day, sizeof(s->day), "%s", day);
}

/* Prepare the headers that are signed, from headers[1] on. */
static void
prepare(struct dl_sigv4 *s, const struct dl_sigv4_request *r, const char *time)
{
	size_t n = 1;

	snprintf(s->date, sizeof(s->date), "x-amz-date: %s", time);
	s->headers[n++] = s->date;
	if (s->s3 && !dl_sigv4_has(r, "x-amz-content-sha256")) {
		snprintf(s->payload, sizeof(s->payload),
		    "x-amz-content-sha256: %s", r->payload);
		s->headers[n++] = s->payload;
	}
	if (s->token != NULL)
		s->headers[n++] = s->token;
	s->headers[n] = NULL;
}

/* s->canonical, and where the names of the signed headers are in it. */
static int
canonical(struct dl_sigv4 *s, const struct dl_sigv4_request *r,
    struct dl_span *names, struct dl_err *err)
{
	struct dl_buf *b = &s->canonical;
	size_t from, to;

	dl_buf_clear(b);
	dl_buf_printf(b, "%s\n", r->method);
	dl_sigv4_path(b, r->path, s->s3);
	dl_buf_addc(b, '\n');
	dl_sigv4_query(b, r->query);
	dl_buf_addc(b, '\n');
	if (dl_sigv4_headers(b, r, s->headers + 1, &from, err) < 0)
		return -1;
	to = b->len;
	dl_buf_printf(b, "\n%s", r->payload);
	*names = dl_span(b->p + from, to - from);
	return 0;
}

const char *const *
dl_sigv4_sign(struct dl_sigv4 *s, const struct dl_sigv4_request *request,
    struct dl_err *err)
{
	const struct dl_time now = {.sec = request->sec};
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	char time[DATE_MAX], hex[DL_SIGV4_HASH];
	struct dl_buf *b = &s->authorization;
	struct dl_span names;
	struct dl_date d;

	dl_time_date(&now, &d);
	snprintf(time, sizeof(time), "%04d%02d%02dT%02d%02d%02dZ", d.year,
	    d.month, d.day, d.hour, d.minute, d.second);
	prepare(s, request, time);
	if (canonical(s, request, &names, err) < 0)
		return NULL;
	dl_sigv4_hash(dl_buf_as_span(&s->canonical), hex);
	dl_buf_clear(b);
	dl_buf_printf(b, ALGORITHM "\n%s\n%.8s/%s/%s/aws4_request\n%s", time,
	    time, s->region, s->service, hex);
	time[8] = '\0';
	derive(s, time);
	hmac(mac, s->key, crypto_auth_hmacsha256_BYTES, dl_buf_str(b));
	sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac));
	dl_buf_clear(b);
	dl_buf_printf(b,
	    "Authorization: " ALGORITHM " Credential=%s/%s/%s/%s/aws4_request, "
	    "SignedHeaders=%.*s, Signature=%s",
	    s->access_key, time, s->region, s->service, DL_SPAN_ARG(names),
	    hex);
	s->headers[0] = dl_buf_str(b);
	return s->headers;
}
