/*
 * Tokens and their keys for tests, made by GnuTLS and librhonabwy: nothing here
 * is what lib/ checks them by.
 */
#ifndef TESTS_JWT_HELP_H
#define TESTS_JWT_HELP_H

#include "buf.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <rhonabwy.h>
#include <sodium.h>
#include <stdlib.h>

struct signer {
	const char *alg, *kid;
	gnutls_privkey_t key;
};

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
signer_init(struct signer *s, const char *alg, const char *kid)
{
	gnutls_pk_algorithm_t pk = GNUTLS_PK_RSA;
	unsigned bits = 2048;

	if (strcmp(alg, "EdDSA") == 0)
		pk = GNUTLS_PK_EDDSA_ED25519;
	else if (alg[0] == 'E')
		pk = GNUTLS_PK_ECDSA;
	if (pk == GNUTLS_PK_ECDSA)
		bits = GNUTLS_CURVE_TO_BITS(
		    alg[2] == '2'   ? GNUTLS_ECC_CURVE_SECP256R1
		    : alg[2] == '3' ? GNUTLS_ECC_CURVE_SECP384R1
				    : GNUTLS_ECC_CURVE_SECP521R1);
	s->alg = alg;
	s->kid = kid;
	must(gnutls_privkey_init(&s->key) == 0);
	must(gnutls_privkey_generate(s->key, pk, bits, 0) == 0);
}

static void
signer_release(struct signer *s)
{
	gnutls_privkey_deinit(s->key);
}

/* The public key as a JWK, with what more is ("", or ",\"use\":\"sig\""). */
static void
signer_jwk(const struct signer *s, const char *more, struct dl_buf *b)
{
	gnutls_pubkey_t pub;
	char *text;
	jwk_t *jwk;

	must(gnutls_pubkey_init(&pub) == 0);
	must(gnutls_pubkey_import_privkey(pub, s->key, 0, 0) == 0);
	must(r_jwk_init(&jwk) == RHN_OK);
	must(r_jwk_import_from_gnutls_pubkey(jwk, pub) == RHN_OK);
	r_jwk_delete_property_str(jwk, "kid");
	if (s->kid != NULL)
		r_jwk_set_property_str(jwk, "kid", s->kid);
	text = r_jwk_export_to_json_str(jwk, 0);
	dl_buf_printf(b, "%.*s%s}", (int)strlen(text) - 1, text, more);
	r_free(text);
	r_jwk_free(jwk);
	gnutls_pubkey_deinit(pub);
}

static void
add_base64url(struct dl_buf *b, const void *p, size_t n)
{
	size_t max = sodium_base64_ENCODED_LEN(
	    n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);

	dl_buf_room(b, max);
	sodium_bin2base64(
	    b->p + b->len, max, p, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	b->len += strlen(b->p + b->len);
}

static gnutls_sign_algorithm_t
sign_algorithm(const char *alg)
{
	static const struct {
		const char *alg;
		gnutls_sign_algorithm_t sign;
	} all[] = {{"RS256", GNUTLS_SIGN_RSA_SHA256},
	    {"RS384", GNUTLS_SIGN_RSA_SHA384},
	    {"RS512", GNUTLS_SIGN_RSA_SHA512},
	    {"PS256", GNUTLS_SIGN_RSA_PSS_RSAE_SHA256},
	    {"PS384", GNUTLS_SIGN_RSA_PSS_RSAE_SHA384},
	    {"PS512", GNUTLS_SIGN_RSA_PSS_RSAE_SHA512},
	    {"ES256", GNUTLS_SIGN_ECDSA_SHA256},
	    {"ES384", GNUTLS_SIGN_ECDSA_SHA384},
	    {"ES512", GNUTLS_SIGN_ECDSA_SHA512},
	    {"EdDSA", GNUTLS_SIGN_EDDSA_ED25519}};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (strcmp(all[i].alg, alg) == 0)
			return all[i].sign;
	abort();
}

/* r or s, in size bytes. */
static void
add_number(struct dl_buf *b, const gnutls_datum_t *n, size_t size)
{
	size_t skip = n->size > size ? n->size - size : 0;

	for (size_t i = n->size - skip; i < size; i++)
		dl_buf_addc(b, 0);
	dl_buf_add(b, n->data + skip, n->size - skip);
}

/* Sign all that is in b, and add the signature. */
static void
add_signature(const struct signer *s, struct dl_buf *b)
{
	gnutls_datum_t data = {(unsigned char *)b->p, (unsigned)b->len};
	gnutls_datum_t sig, r, t;
	struct dl_buf raw = {0};

	must(gnutls_privkey_sign_data2(
		 s->key, sign_algorithm(s->alg), 0, &data, &sig) == 0);
	if (s->alg[0] == 'E' && s->alg[1] == 'S') {
		size_t size = s->alg[2] == '2'   ? 32
		              : s->alg[2] == '3' ? 48
		                                 : 66;

		must(gnutls_decode_rs_value(&sig, &r, &t) == 0);
		add_number(&raw, &r, size);
		add_number(&raw, &t, size);
		gnutls_free(r.data);
		gnutls_free(t.data);
	} else
		dl_buf_add(&raw, sig.data, sig.size);
	dl_buf_addc(b, '.');
	add_base64url(b, raw.p, raw.len);
	gnutls_free(sig.data);
	dl_buf_release(&raw);
}

/* header NULL: that of the signer's. */
static void
make_token(const struct signer *s, const char *header, const char *payload,
    struct dl_buf *b)
{
	struct dl_buf own = {0};

	if (header == NULL && s->kid == NULL)
		dl_buf_printf(&own, "{\"alg\":\"%s\"}", s->alg);
	else if (header == NULL)
		dl_buf_printf(
		    &own, "{\"alg\":\"%s\",\"kid\":\"%s\"}", s->alg, s->kid);
	else
		dl_buf_adds(&own, header);
	dl_buf_clear(b);
	add_base64url(b, own.p, own.len);
	dl_buf_addc(b, '.');
	add_base64url(b, payload, strlen(payload));
	add_signature(s, b);
	dl_buf_release(&own);
}

#endif
