#include "token_keys.h"

#include "io.h"
#include "json.h"
#include "keyfile.h"
#include "seal.h"

#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define BASE64URL sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define TEXT32 44 /* 32 bytes in it, NUL included */
#define KEY_TEXT 320
#define FILE_TEXT (DL_TOKEN_KEYS * KEY_TEXT + 16)

_Static_assert(DL_TOKEN_SEED == crypto_sign_SEEDBYTES &&
		   DL_TOKEN_PUBLIC == crypto_sign_PUBLICKEYBYTES &&
		   DL_TOKEN_SECRET == crypto_sign_SECRETKEYBYTES,
    "another Ed25519");

static void
encode32(const unsigned char bytes[32], char out[TEXT32])
{
	sodium_bin2base64(out, TEXT32, bytes, 32, BASE64URL);
}

static bool
decode32(struct dl_span text, unsigned char bytes[32])
{
	size_t n;

	return sodium_base642bin(bytes, 32, text.p, text.len, NULL, &n, NULL,
		   BASE64URL) == 0 &&
	       n == 32;
}

/* The thumbprint: the required members in the order of their names. */
static void
name_key(struct dl_token_key *key)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	char x[TEXT32], text[128];
	int n;

	encode32(key->x, x);
	n = snprintf(text, sizeof(text),
	    "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}", x);
	crypto_hash_sha256(
	    hash, (const unsigned char *)text, (unsigned long long)n);
	encode32(hash, key->kid);
}

void
dl_token_key_seed(
    struct dl_token_key *key, const unsigned char seed[DL_TOKEN_SEED])
{
	crypto_sign_seed_keypair(key->x, key->secret, seed);
	key->signs = true;
	name_key(key);
}

void
dl_token_key_new(struct dl_token_key *key)
{
	do {
		crypto_sign_keypair(key->x, key->secret);
		name_key(key);
	} while (key->kid[0] == '-');
	key->signs = true;
}

static bool
take_public(struct dl_token_key *key, struct dl_span x)
{
	if (!decode32(x, key->x))
		return false;
	name_key(key);
	return true;
}

/* One key; what is none of its members here is passed over. */
static bool
take_key(struct dl_span value, struct dl_token_key *key)
{
	struct dl_span name, member, x = {"", 0}, d = {NULL, 0}, kid = {"", 0};
	unsigned char claimed[DL_TOKEN_PUBLIC], seed[DL_TOKEN_SEED];
	bool kty = false, crv = false, good;
	struct dl_json_iter it;

	sodium_memzero(key, sizeof(*key));
	dl_json_enter(&it, value);
	while (dl_json_member(&it, &name, &member) > 0) {
		if (member.len < 2 || member.p[0] != '"')
			continue;
		member = dl_span(member.p + 1, member.len - 2);
		if (dl_span_is(name, "kty"))
			kty = dl_span_is(member, "OKP");
		else if (dl_span_is(name, "crv"))
			crv = dl_span_is(member, "Ed25519");
		else if (dl_span_is(name, "kid"))
			kid = member;
		else if (dl_span_is(name, "x"))
			x = member;
		else if (dl_span_is(name, "d"))
			d = member;
	}
	if (!kty || !crv || !take_public(key, x) || !dl_span_is(kid, key->kid))
		return false;
	if (d.p == NULL)
		return true;
	memcpy(claimed, key->x, sizeof(claimed));
	good = decode32(d, seed);
	if (good)
		dl_token_key_seed(key, seed);
	sodium_memzero(seed, sizeof(seed));
	return good && memcmp(claimed, key->x, sizeof(claimed)) == 0;
}

bool
dl_token_keys_parse(struct dl_span text, struct dl_token_keys *keys)
{
	struct dl_span whole, name, value, set = {"", 0};
	struct dl_err why = {0};
	struct dl_json_iter it;
	bool good = true;

	keys->n = 0;
	if (dl_json_check(text, &why) < 0 || dl_json_value(text, &whole) < 0)
		return false;
	dl_json_enter(&it, whole);
	while (dl_json_member(&it, &name, &value) > 0)
		if (dl_span_is(name, "keys"))
			set = value;
	dl_json_enter(&it, set);
	while (good && dl_json_element(&it, &value) > 0) {
		good = keys->n < DL_TOKEN_KEYS &&
		       take_key(value, &keys->key[keys->n]) &&
		       keys->key[keys->n].signs == (keys->n == 0);
		keys->n += good;
	}
	return good && keys->n > 0;
}

/* Print a key at out, which has room for KEY_TEXT; d: with its secret. */
static size_t
print_key(const struct dl_token_key *key, bool d, char *out)
{
	char x[TEXT32];
	int n;

	encode32(key->x, x);
	n = snprintf(out, KEY_TEXT,
	    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"EdDSA\","
	    "\"use\":\"sig\",\"kid\":\"%s\",\"x\":\"%s\"%s",
	    key->kid, x, d ? ",\"d\":\"" : "}");
	if (!d)
		return (size_t)n;
	encode32(key->secret, out + n);
	n += TEXT32 - 1;
	strcpy(out + n, "\"}");
	return (size_t)n + 2;
}

void
dl_token_keys_print(const struct dl_token_keys *keys, struct dl_buf *b)
{
	dl_buf_adds(b, "{\"keys\":[");
	for (size_t i = 0; i < keys->n; i++) {
		if (i > 0)
			dl_buf_addc(b, ',');
		dl_buf_room(b, KEY_TEXT);
		b->len += print_key(&keys->key[i], false, b->p + b->len);
	}
	dl_buf_adds(b, "]}");
}

/* As the file has it, a key a line; the first one's secret is in it. */
static size_t
print_file(const struct dl_token_keys *keys, char out[FILE_TEXT])
{
	size_t n = (size_t)sprintf(out, "{\"keys\":[");

	for (size_t i = 0; i < keys->n; i++) {
		out[n++] = i == 0 ? '\n' : ',';
		if (i > 0)
			out[n++] = '\n';
		n += print_key(&keys->key[i], i == 0, out + n);
	}
	memcpy(out + n, "]}\n", 3);
	return n + 3;
}

static int
find_path(
    char out[PATH_MAX], const char *home, const char *name, struct dl_err *err)
{
	if (snprintf(out, PATH_MAX, "%s/keys%s", home, name) >= PATH_MAX)
		return dl_err_usage(err, "the path of home is too long");
	return 0;
}

static int
make_dir(const char *home, struct dl_err *err)
{
	char dir[PATH_MAX];

	if (dl_mkdirs(home, err) < 0 || find_path(dir, home, "", err) < 0)
		return -1;
	if (mkdir(dir, 0700) == 0)
		return dl_sync_parent(dir, err);
	return errno == EEXIST ? 0 : dl_err_errno(err, "cannot make '%s'", dir);
}

int
dl_token_lock(const char *home, struct dl_err *err)
{
	char path[PATH_MAX];

	if (make_dir(home, err) < 0 ||
	    find_path(path, home, "/.token.lock", err) < 0)
		return -1;
	return dl_lock_file(path, "the directory of keys", err);
}

static bool
is_there(const char *path)
{
	return access(path, F_OK) == 0 || errno != ENOENT;
}

/* 1, 0 there is no file, -1. */
static int
load(const char *path, struct dl_token_keys *keys, struct dl_err *err)
{
	char *text = dl_seal_alloc(FILE_TEXT + 1, err);
	size_t n;
	int r;

	if (text == NULL)
		return -1;
	r = dl_keyfile_read(path, text, FILE_TEXT + 1, &n, err);
	if (r > 0 && !dl_token_keys_parse(dl_span(text, n), keys))
		r = dl_err_data(err,
		    "'%s' is not a file of keys as dl-token makes it", path);
	dl_seal_free(text);
	return r;
}

static int
store(const char *path, const struct dl_token_keys *keys, struct dl_err *err)
{
	char *text = dl_seal_alloc(FILE_TEXT, err);
	int r;

	if (text == NULL)
		return -1;
	r = dl_keyfile_replace(
	    path, dl_span(text, print_file(keys, text)), err);
	dl_seal_free(text);
	return r;
}

static int
tell_none(const char *path, struct dl_err *err)
{
	return dl_err_conf(
	    err, "there is no key '%s': 'dl-token new' makes it", path);
}

struct dl_token_keys *
dl_token_keys_read(const char *home, struct dl_err *err)
{
	struct dl_token_keys *keys = dl_seal_alloc(sizeof(*keys), err);
	char path[PATH_MAX];
	int r;

	if (keys == NULL)
		return NULL;
	r = find_path(path, home, "/token.json", err);
	if (r == 0)
		r = load(path, keys, err);
	if (r > 0)
		return keys;
	if (err->status == DL_EXIT_OK)
		dl_err_conf(
		    err, "there is no key '%s': 'dl-token new' makes it", path);
	dl_seal_free(keys);
	return NULL;
}

int
dl_token_jwks(const char *home, struct dl_buf *b, struct dl_err *err)
{
	struct dl_token_keys *keys = dl_token_keys_read(home, err);

	if (keys == NULL)
		return -1;
	dl_token_keys_print(keys, b);
	dl_seal_free(keys);
	return 0;
}

/* Before the others, which only verify from now on. */
static void
put_first(struct dl_token_keys *keys)
{
	if (keys->n > 0) {
		sodium_memzero(
		    keys->key[0].secret, sizeof(keys->key[0].secret));
		keys->key[0].signs = false;
		memmove(&keys->key[1], &keys->key[0],
		    keys->n * sizeof(keys->key[0]));
	}
	dl_token_key_new(&keys->key[0]);
	keys->n++;
}

static int
make(const char *path, bool rotate, struct dl_token_keys *keys,
    struct dl_err *err)
{
	int r = load(path, keys, err);

	if (r < 0)
		return -1;
	if (r > 0 && !rotate)
		return 0;
	if (r == 0 && rotate)
		return tell_none(path, err);
	if (keys->n == DL_TOKEN_KEYS)
		return dl_err_denied(err,
		    "there are %d keys: retire one first, the oldest is '%s'",
		    DL_TOKEN_KEYS, keys->key[keys->n - 1].kid);
	put_first(keys);
	return store(path, keys, err) < 0 ? -1 : 1;
}

int
dl_token_keys_make(const char *home, bool rotate, struct dl_token_key *made,
    struct dl_err *err)
{
	struct dl_token_keys *keys = dl_seal_alloc(sizeof(*keys), err);
	char path[PATH_MAX];
	int lock = -1, r = -1;

	if (keys == NULL || find_path(path, home, "/token.json", err) < 0)
		goto out;
	if (rotate && !is_there(path))
		r = tell_none(path, err);
	else if ((lock = dl_token_lock(home, err)) >= 0)
		r = make(path, rotate, keys, err);
out:
	if (r >= 0) {
		*made = (struct dl_token_key){.signs = true};
		memcpy(made->x, keys->key[0].x, sizeof(made->x));
		memcpy(made->kid, keys->key[0].kid, sizeof(made->kid));
	}
	if (lock >= 0)
		close(lock);
	dl_seal_free(keys);
	return r;
}

static int
retire(const char *path, const char *kid, struct dl_token_keys *keys,
    struct dl_err *err)
{
	int r = load(path, keys, err);
	size_t i = 0;

	if (r <= 0)
		return r;
	while (i < keys->n && strcmp(keys->key[i].kid, kid) != 0)
		i++;
	if (i == keys->n)
		return 0;
	if (i == 0)
		return dl_err_denied(err,
		    "'%s' is the key that signs: 'dl-token new --rotate' makes "
		    "another one first",
		    kid);
	keys->n--;
	memmove(&keys->key[i], &keys->key[i + 1],
	    (keys->n - i) * sizeof(keys->key[0]));
	return store(path, keys, err) < 0 ? -1 : 1;
}

int
dl_token_keys_retire(const char *home, const char *kid, struct dl_err *err)
{
	struct dl_token_keys *keys = dl_seal_alloc(sizeof(*keys), err);
	char path[PATH_MAX];
	int lock = -1, r = -1;

	if (keys == NULL || find_path(path, home, "/token.json", err) < 0)
		goto out;
	if (!is_there(path))
		r = 0;
	else if ((lock = dl_token_lock(home, err)) >= 0)
		r = retire(path, kid, keys, err);
out:
	if (lock >= 0)
		close(lock);
	dl_seal_free(keys);
	return r;
}
