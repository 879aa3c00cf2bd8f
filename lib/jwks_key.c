/* One key: read from a JWK by librhonabwy, used by GnuTLS. */
#include "jwks_private.h"

#include "json.h"

#include <gnutls/crypto.h>
#include <rhonabwy.h>
#include <stdlib.h>

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define RSA_EXPONENT_MAX 8 /* bytes */
#define PART_MAX 4096      /* of what a key is made of, in base64url */

enum shape { RSA, P256, P384, P521, ED25519, SHAPES };

#define BIT(alg) (1u << (alg))
#define RSA_ALGS \
	(BIT(DL_JWT_RS256) | BIT(DL_JWT_RS384) | BIT(DL_JWT_RS512) | \
	    BIT(DL_JWT_PS256) | BIT(DL_JWT_PS384) | BIT(DL_JWT_PS512))

static const struct {
	const char *kty, *crv;
	const char *parts[2]; /* what the key is made of */
	gnutls_ecc_curve_t curve;
	unsigned algs;
} shapes[SHAPES] = {
    [RSA] = {"RSA", NULL, {"n", "e"}, GNUTLS_ECC_CURVE_INVALID, RSA_ALGS},
    [P256] = {"EC", "P-256", {"x", "y"}, GNUTLS_ECC_CURVE_SECP256R1,
	BIT(DL_JWT_ES256)},
    [P384] = {"EC", "P-384", {"x", "y"}, GNUTLS_ECC_CURVE_SECP384R1,
	BIT(DL_JWT_ES384)},
    [P521] = {"EC", "P-521", {"x", "y"}, GNUTLS_ECC_CURVE_SECP521R1,
	BIT(DL_JWT_ES512)},
    [ED25519] = {"OKP", "Ed25519", {"x", NULL}, GNUTLS_ECC_CURVE_ED25519,
	BIT(DL_JWT_EDDSA)},
};

/* How a signature is checked; bytes: how long it is, or 0 where that varies. */
static const struct {
	gnutls_sign_algorithm_t sign;
	size_t bytes;
} methods[DL_JWT_ALGS] = {
    [DL_JWT_RS256] = {GNUTLS_SIGN_RSA_SHA256, 0},
    [DL_JWT_RS384] = {GNUTLS_SIGN_RSA_SHA384, 0},
    [DL_JWT_RS512] = {GNUTLS_SIGN_RSA_SHA512, 0},
    [DL_JWT_PS256] = {GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, 0},
    [DL_JWT_PS384] = {GNUTLS_SIGN_RSA_PSS_RSAE_SHA384, 0},
    [DL_JWT_PS512] = {GNUTLS_SIGN_RSA_PSS_RSAE_SHA512, 0},
    [DL_JWT_ES256] = {GNUTLS_SIGN_ECDSA_SECP256R1_SHA256, 64},
    [DL_JWT_ES384] = {GNUTLS_SIGN_ECDSA_SECP384R1_SHA384, 96},
    [DL_JWT_ES512] = {GNUTLS_SIGN_ECDSA_SECP521R1_SHA512, 132},
    [DL_JWT_EDDSA] = {GNUTLS_SIGN_EDDSA_ED25519, 64},
};

/* The members of a JWK that are looked at, as they stand; p NULL: absent. */
struct members {
	struct dl_span kty, crv, n, e, x, y, d, k, use, alg, key_ops, kid;
};

static int
gather(struct dl_span jwk, struct members *m)
{
	const struct {
		const char *name;
		struct dl_span *value;
	} known[] = {{"kty", &m->kty}, {"crv", &m->crv}, {"n", &m->n},
	    {"e", &m->e}, {"x", &m->x}, {"y", &m->y}, {"d", &m->d},
	    {"k", &m->k}, {"use", &m->use}, {"alg", &m->alg},
	    {"key_ops", &m->key_ops}, {"kid", &m->kid}};
	struct dl_span key, value, name;
	struct dl_buf text = {0};
	struct dl_json_iter it;
	int r;

	dl_json_enter(&it, jwk);
	while ((r = dl_json_member(&it, &key, &value)) > 0) {
		dl_buf_clear(&text);
		if ((r = dl_json_text(key, &text, &name)) < 0)
			break;
		for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
			if (dl_span_is(name, known[i].name))
				*known[i].value = value;
	}
	dl_buf_release(&text);
	return r;
}

static bool
is_string(struct dl_span value, const char *want)
{
	struct dl_buf scratch = {0};
	struct dl_span text;
	bool same;

	same = value.p != NULL && dl_json_string(value, &scratch, &text) == 0 &&
	       dl_span_is(text, want);
	dl_buf_release(&scratch);
	return same;
}

static bool
has_string(struct dl_span list, const char *want)
{
	struct dl_json_iter it;
	struct dl_span value;
	bool found = false;

	dl_json_enter(&it, list);
	while (!found && dl_json_element(&it, &value) > 0)
		found = is_string(value, want);
	return found;
}

static int
find_shape(const struct members *m, enum shape *shape, struct dl_err *err)
{
	if (m->d.p != NULL || m->k.p != NULL)
		return dl_err_data(err, "is private or symmetric");
	for (int i = 0; i < SHAPES; i++)
		if (is_string(m->kty, shapes[i].kty) &&
		    (shapes[i].crv == NULL ||
			is_string(m->crv, shapes[i].crv))) {
			*shape = (enum shape)i;
			return 0;
		}
	return dl_err_data(err, "is of a kind ('kty', 'crv') that is not used");
}

/* What the JWK says of its use: is it for signatures, of which algorithm? */
static int
take_use(struct dl_jwks_key *key, const struct members *m, struct dl_err *err)
{
	struct dl_buf scratch = {0};
	enum dl_jwt_alg alg;
	struct dl_span text;
	bool known;

	if ((m->use.p != NULL && !is_string(m->use, "sig")) ||
	    (m->key_ops.p != NULL && !has_string(m->key_ops, "verify")))
		return dl_err_data(err, "is not for verifying signatures");
	key->alg = -1;
	if (m->alg.p == NULL)
		return 0;
	known = dl_json_string(m->alg, &scratch, &text) == 0 &&
	        dl_jwt_alg_of(text, &alg);
	dl_buf_release(&scratch);
	if (!known || (key->algs & BIT(alg)) == 0)
		return dl_err_data(
		    err, "is for an algorithm ('alg') that is not used");
	key->alg = (int)alg;
	return 0;
}

static int
take_kid(struct dl_jwks_key *key, struct dl_span kid, struct dl_err *err)
{
	struct dl_buf scratch = {0};
	struct dl_span text;
	int r = 0;

	if (kid.p == NULL)
		return 0;
	if (dl_json_string(kid, &scratch, &text) < 0 ||
	    text.len > DL_JWT_KID_MAX)
		r = dl_err_data(err, "has a 'kid' that is no string, or long");
	else
		key->kid = dl_span(dl_strndup(text), text.len);
	dl_buf_release(&scratch);
	return r;
}

/*
 * The key alone, in JSON: nothing else of a provider's document gets to the
 * library, least of all a URL.
 */
static int
print_bare(const struct members *m, enum shape shape, struct dl_buf *out)
{
	const struct dl_span values[2] = {
	    shape == RSA ? m->n : m->x, shape == RSA ? m->e : m->y};
	struct dl_buf scratch = {0}, bytes = {0};
	struct dl_span text;
	int r = 0;

	dl_buf_printf(out, "{\"kty\":\"%s\"", shapes[shape].kty);
	if (shapes[shape].crv != NULL)
		dl_buf_printf(out, ",\"crv\":\"%s\"", shapes[shape].crv);
	for (int i = 0; i < 2 && shapes[shape].parts[i] != NULL; i++) {
		dl_buf_clear(&scratch);
		if (values[i].p == NULL ||
		    dl_json_string(values[i], &scratch, &text) < 0 ||
		    text.len > PART_MAX || !dl_jwt_decode(text, &bytes))
			r = -1;
		else
			dl_buf_printf(out, ",\"%s\":\"%.*s\"",
			    shapes[shape].parts[i], DL_SPAN_ARG(text));
	}
	dl_buf_adds(out, "}");
	dl_buf_release(&scratch);
	dl_buf_release(&bytes);
	return r;
}

/* As GnuTLS has it.  JOSE has r and s of ECDSA side by side, GnuTLS in DER. */
static int
verify(gnutls_pubkey_t pub, enum dl_jwt_alg alg, struct dl_span text,
    struct dl_span signature)
{
	gnutls_datum_t data = {
	    (unsigned char *)(uintptr_t)text.p, (unsigned)text.len};
	gnutls_datum_t sig = {
	    (unsigned char *)(uintptr_t)signature.p, (unsigned)signature.len};
	gnutls_datum_t r = {sig.data, sig.size / 2}, der;
	gnutls_datum_t s = {sig.data + sig.size / 2, sig.size / 2};
	int result;

	if (alg == DL_JWT_EDDSA || methods[alg].bytes == 0)
		return gnutls_pubkey_verify_data2(
		    pub, methods[alg].sign, 0, &data, &sig);
	if ((result = gnutls_encode_rs_value(&der, &r, &s)) != 0)
		return result;
	result =
	    gnutls_pubkey_verify_data2(pub, methods[alg].sign, 0, &data, &der);
	gnutls_free(der.data);
	return result;
}

static int
check_rsa(gnutls_pubkey_t pub, unsigned bits, struct dl_err *err)
{
	gnutls_datum_t n, e;
	bool good;

	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
		return dl_err_data(err, "has %u bits, not %d to %d", bits,
		    RSA_BITS_MIN, RSA_BITS_MAX);
	if (gnutls_pubkey_export_rsa_raw2(
		pub, &n, &e, GNUTLS_EXPORT_FLAG_NO_LZ) != 0)
		return dl_err_data(err, "cannot be read");
	/* A long exponent is one that makes us work. */
	good = e.size >= 1 && e.size <= RSA_EXPONENT_MAX &&
	       (e.data[e.size - 1] & 1) != 0 && (e.size > 1 || e.data[0] > 1);
	gnutls_free(n.data);
	gnutls_free(e.data);
	return good ? 0 : dl_err_data(err, "has a bad exponent");
}

static int
check_ecc(gnutls_pubkey_t pub, enum shape shape, struct dl_err *err)
{
	gnutls_ecc_curve_t curve;
	gnutls_datum_t x, y;

	if (gnutls_pubkey_export_ecc_raw2(pub, &curve, &x, &y, 0) != 0)
		return dl_err_data(err, "cannot be read");
	gnutls_free(x.data);
	gnutls_free(y.data);
	return curve == shapes[shape].curve
	           ? 0
	           : dl_err_data(err, "cannot be read");
}

/* Is the key what its JWK said, and one that signatures can be checked by? */
static int
check_key(gnutls_pubkey_t pub, enum shape shape, struct dl_err *err)
{
	unsigned bits = 0;
	int algorithm = gnutls_pubkey_get_pk_algorithm(pub, &bits);

	/* A point is on its curve, and the like. */
	if (gnutls_pubkey_verify_params(pub) != 0)
		return dl_err_data(err, "cannot be read");
	if (shape != RSA)
		return check_ecc(pub, shape, err);
	return algorithm == GNUTLS_PK_RSA ? check_rsa(pub, bits, err)
	                                  : dl_err_data(err, "cannot be read");
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
start_library(void)
{
	(void)r_global_init();
}

/* What GnuTLS makes of it, or NULL. */
static gnutls_pubkey_t
import(const char *json)
{
	gnutls_pubkey_t pub = NULL;
	jwk_t *jwk = NULL;

	pthread_once(&once, start_library);
	if (r_jwk_init(&jwk) == RHN_OK &&
	    r_jwk_import_from_json_str(jwk, json) == RHN_OK)
		pub = r_jwk_export_to_gnutls_pubkey(jwk, R_FLAG_IGNORE_REMOTE);
	r_jwk_free(jwk);
	return pub;
}

static int
take_key(struct dl_jwks_key *key, const struct members *m, enum shape shape,
    struct dl_err *err)
{
	struct dl_buf json = {0};
	gnutls_pubkey_t pub = NULL;
	int r;

	if (print_bare(m, shape, &json) == 0)
		pub = import(dl_buf_str(&json));
	dl_buf_release(&json);
	if (pub == NULL)
		return dl_err_data(err, "cannot be read");
	r = check_key(pub, shape, err);
	if (r == 0 &&
	    gnutls_pubkey_export2(pub, GNUTLS_X509_FMT_DER, &key->der) != 0)
		r = dl_err_data(err, "cannot be read");
	if (r == 0)
		key->spare[key->nspare++] = pub;
	else
		gnutls_pubkey_deinit(pub);
	return r;
}

struct dl_jwks_key *
dl_jwks_key_new(struct dl_span jwk, struct dl_err *err)
{
	struct dl_jwks_key *key = dl_calloc(1, sizeof(*key));
	struct members m = {0};
	enum shape shape = RSA;

	pthread_mutex_init(&key->lock, NULL);
	if (dl_json_kind(jwk) != DL_JSON_OBJECT || gather(jwk, &m) < 0) {
		dl_err_data(err, "is not an object");
		goto fail;
	}
	if (find_shape(&m, &shape, err) < 0)
		goto fail;
	key->algs = shapes[shape].algs;
	if (take_use(key, &m, err) < 0 || take_kid(key, m.kid, err) < 0 ||
	    take_key(key, &m, shape, err) < 0)
		goto fail;
	return key;
fail:
	dl_jwks_key_free(key);
	return NULL;
}

void
dl_jwks_key_free(struct dl_jwks_key *key)
{
	for (int i = 0; i < key->nspare; i++)
		gnutls_pubkey_deinit(key->spare[i]);
	gnutls_free(key->der.data);
	pthread_mutex_destroy(&key->lock);
	free((char *)(uintptr_t)key->kid.p);
	free(key);
}

bool
dl_jwks_key_fits(const struct dl_jwks_key *key, enum dl_jwt_alg alg)
{
	return (key->algs & BIT(alg)) != 0 &&
	       (key->alg < 0 || key->alg == (int)alg);
}

bool
dl_jwks_key_same(const struct dl_jwks_key *a, const struct dl_jwks_key *b)
{
	return a->alg == b->alg && dl_span_eq(a->kid, b->kid) &&
	       (a->kid.p == NULL) == (b->kid.p == NULL) &&
	       a->der.size == b->der.size &&
	       memcmp(a->der.data, b->der.data, a->der.size) == 0;
}

/* An object that nobody else has, until it is put back. */
static gnutls_pubkey_t
take_spare(struct dl_jwks_key *key)
{
	gnutls_pubkey_t pub = NULL;

	pthread_mutex_lock(&key->lock);
	if (key->nspare > 0)
		pub = key->spare[--key->nspare];
	pthread_mutex_unlock(&key->lock);
	if (pub != NULL)
		return pub;
	if (gnutls_pubkey_init(&pub) != 0)
		return NULL;
	if (gnutls_pubkey_import(pub, &key->der, GNUTLS_X509_FMT_DER) == 0)
		return pub;
	gnutls_pubkey_deinit(pub);
	return NULL;
}

static void
put_spare(struct dl_jwks_key *key, gnutls_pubkey_t pub)
{
	bool kept;

	pthread_mutex_lock(&key->lock);
	kept = key->nspare < DL_JWKS_SPARES;
	if (kept)
		key->spare[key->nspare++] = pub;
	pthread_mutex_unlock(&key->lock);
	if (!kept)
		gnutls_pubkey_deinit(pub);
}

bool
dl_jwks_key_verify(struct dl_jwks_key *key, enum dl_jwt_alg alg,
    struct dl_span text, struct dl_span signature)
{
	gnutls_pubkey_t pub;
	bool good;

	if (methods[alg].bytes != 0 && methods[alg].bytes != signature.len)
		return false;
	if ((pub = take_spare(key)) == NULL)
		return false;
	good = verify(pub, alg, text, signature) >= 0;
	put_spare(key, pub);
	return good;
}
