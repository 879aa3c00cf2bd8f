/*
 * Certificate and key, which can be changed while connections are made.  What a
 * handshake was given must last as long as it does, and it can't last longer
 * than a head may take: older ones are released after that.
 */
#include "http_private.h"

#include "clock.h"
#include "io.h"
#include "log.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <time.h>

#define CHAIN_MAX 16
#define PEM_MAX ((size_t)1 << 20)
#define SLACK_MS 10000

struct pair {
	struct pair *next; /* an older one */
	int64_t until;     /* when it may go, of dl_clock_ms() */
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned chain_len;
	gnutls_privkey_t key;
};

struct dl_http_tls {
	const char *cert, *key;
	int64_t handshake_ms;
	pthread_mutex_t lock;
	struct pair *pairs; /* the newest first; under lock */
};

static void
pair_free(struct pair *p)
{
	unsigned i;

	if (p == NULL)
		return;
	for (i = 0; i < p->chain_len; i++)
		gnutls_pcert_deinit(&p->chain[i]);
	if (p->key != NULL)
		gnutls_privkey_deinit(p->key);
	free(p);
}

static int
load_chain(struct pair *p, const char *path, struct dl_err *err)
{
	struct dl_buf b = {0};
	gnutls_datum_t d;
	unsigned n = CHAIN_MAX;
	int r;

	if (dl_read_file(path, PEM_MAX, &b, err) < 0) {
		dl_buf_release(&b);
		return -1;
	}
	d = (gnutls_datum_t){
	    (unsigned char *)(uintptr_t)dl_buf_str(&b), (unsigned)b.len};
	r = gnutls_pcert_list_import_x509_raw(
	    p->chain, &n, &d, GNUTLS_X509_FMT_PEM, 0);
	dl_buf_release(&b);
	if (r < 0)
		return dl_err_conf(err,
		    "'%s' is no certificate in PEM form: %s", path,
		    gnutls_strerror(r));
	p->chain_len = n;
	return 0;
}

static int
load_key(struct pair *p, const char *path, struct dl_err *err)
{
	struct dl_buf b = {0};
	gnutls_datum_t d;
	int r;

	if (dl_read_file(path, PEM_MAX, &b, err) < 0) {
		dl_buf_release(&b);
		return -1;
	}
	d = (gnutls_datum_t){
	    (unsigned char *)(uintptr_t)dl_buf_str(&b), (unsigned)b.len};
	if ((r = gnutls_privkey_init(&p->key)) == 0)
		r = gnutls_privkey_import_x509_raw(
		    p->key, &d, GNUTLS_X509_FMT_PEM, NULL, 0);
	explicit_bzero(b.p, b.len);
	dl_buf_release(&b);
	if (r < 0)
		return dl_err_conf(err,
		    "'%s' is no private key in PEM form: %s", path,
		    gnutls_strerror(r));
	return 0;
}

/* Is the key that of the first certificate? */
static bool
belong_together(const struct pair *p)
{
	unsigned char a[64], b[64];
	size_t a_len = sizeof(a), b_len = sizeof(b);
	gnutls_pubkey_t public;
	bool same;

	if (gnutls_pubkey_init(&public) < 0)
		return false;
	same = gnutls_pubkey_import_privkey(public, p->key, 0, 0) == 0 &&
	       gnutls_pubkey_get_key_id(
		   public, GNUTLS_KEYID_USE_SHA256, a, &a_len) == 0 &&
	       gnutls_pubkey_get_key_id(p->chain[0].pubkey,
		   GNUTLS_KEYID_USE_SHA256, b, &b_len) == 0 &&
	       a_len == b_len && memcmp(a, b, a_len) == 0;
	gnutls_pubkey_deinit(public);
	return same;
}

/* An expired one is served: clients say so, and the others go on. */
static void
warn_if_expired(const struct pair *p, const char *path)
{
	gnutls_x509_crt_t crt;

	if (gnutls_x509_crt_init(&crt) < 0)
		return;
	if (gnutls_x509_crt_import(
		crt, &p->chain[0].cert, GNUTLS_X509_FMT_DER) == 0 &&
	    gnutls_x509_crt_get_expiration_time(crt) < time(NULL))
		dl_log(DL_LOG_WARN, "the certificate '%s' has expired", path);
	gnutls_x509_crt_deinit(crt);
}

int
dl_http_tls_load(struct dl_http_tls *t, struct dl_err *err)
{
	struct pair *p = dl_calloc(1, sizeof(*p));

	if (load_chain(p, t->cert, err) < 0 || load_key(p, t->key, err) < 0)
		goto fail;
	if (!belong_together(p)) {
		dl_err_conf(
		    err, "the key '%s' is not that of '%s'", t->key, t->cert);
		goto fail;
	}
	warn_if_expired(p, t->cert);
	pthread_mutex_lock(&t->lock);
	if (t->pairs != NULL)
		t->pairs->until = dl_clock_ms() + t->handshake_ms + SLACK_MS;
	p->next = t->pairs;
	t->pairs = p;
	pthread_mutex_unlock(&t->lock);
	return 0;
fail:
	pair_free(p);
	return -1;
}

struct dl_http_tls *
dl_http_tls_new(const struct dl_http_options *o, struct dl_err *err)
{
	struct dl_http_tls *t = dl_calloc(1, sizeof(*t));

	t->cert = o->cert;
	t->key = o->key;
	t->handshake_ms = o->header_timeout_ms;
	pthread_mutex_init(&t->lock, NULL);
	if (dl_http_tls_load(t, err) == 0)
		return t;
	dl_http_tls_free(t);
	return NULL;
}

void
dl_http_tls_tidy(struct dl_http_tls *t, int64_t now_ms)
{
	struct pair *old = NULL, **p;

	pthread_mutex_lock(&t->lock);
	/* Behind one that may go are only older ones. */
	for (p = &t->pairs->next; *p != NULL && (*p)->until > now_ms;
	     p = &(*p)->next)
		;
	old = *p;
	*p = NULL;
	pthread_mutex_unlock(&t->lock);
	while (old != NULL) {
		struct pair *next = old->next;

		pair_free(old);
		old = next;
	}
}

void
dl_http_tls_free(struct dl_http_tls *t)
{
	struct pair *p;

	if (t == NULL)
		return;
	while ((p = t->pairs) != NULL) {
		t->pairs = p->next;
		pair_free(p);
	}
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static int
retrieve(gnutls_session_t session, const gnutls_datum_t *req_ca_rdn, int nreqs,
    const gnutls_pk_algorithm_t *pk_algos, int pk_algos_length,
    gnutls_pcert_st **pcert, unsigned *pcert_length, gnutls_privkey_t *key)
{
	struct MHD_Connection *c = gnutls_session_get_ptr(session);
	const union MHD_ConnectionInfo *info;
	struct dl_http_private *p;
	struct dl_http_tls *t;

	(void)req_ca_rdn;
	(void)nreqs;
	(void)pk_algos;
	(void)pk_algos_length;
	info = c == NULL ? NULL
	                 : MHD_get_connection_info(
			       c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	if (info == NULL || (p = info->socket_context) == NULL)
		return -1;
	t = p->http->tls;
	pthread_mutex_lock(&t->lock);
	*pcert = t->pairs->chain;
	*pcert_length = t->pairs->chain_len;
	*key = t->pairs->key;
	pthread_mutex_unlock(&t->lock);
	return 0;
}

gnutls_certificate_retrieve_function2 *
dl_http_tls_callback(void)
{
	return retrieve;
}
