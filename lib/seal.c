#include "seal.h"

#include "home.h"

#include <sodium.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES

_Static_assert(DL_SEAL_KEY == crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
    "a key of another size");
_Static_assert(DL_SEAL_OVERHEAD == NONCE + TAG, "another overhead");

#define MASTER "dl-key:1:master:"
#define GROUP "dl-key:1:group:"

int
dl_seal_start(struct dl_err *err)
{
	static const struct rlimit none = {0, 0};

	if (sodium_init() < 0)
		return dl_err_temp(err, "libsodium can't be used here");
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return dl_err_errno(err, "cannot forbid core files");
#ifndef __SANITIZE_ADDRESS__
	/* Else its leak detector, a debugger, could not read the process. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return dl_err_errno(err, "cannot forbid core files");
#endif
	return 0;
}

void *
dl_seal_alloc(size_t n, struct dl_err *err)
{
	void *p = sodium_malloc(n);

	if (p == NULL)
		dl_err_temp(err, "there is no memory for a secret");
	else
		sodium_memzero(p, n);
	return p;
}

void
dl_seal_free(void *p)
{
	sodium_free(p);
}

void
dl_seal_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}

/* Each use of a key has a text of its own, so that none gives another's. */
static void
derive(const unsigned char key[DL_SEAL_KEY], const char *use, const char *name,
    unsigned char *out, size_t n)
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, key, DL_SEAL_KEY, n);
	crypto_generichash_update(
	    &state, (const unsigned char *)use, strlen(use) + 1);
	crypto_generichash_update(
	    &state, (const unsigned char *)name, strlen(name));
	crypto_generichash_final(&state, out, n);
	sodium_memzero(&state, sizeof(state));
}

static void
name_key(struct dl_seal_key *key, const char *group, size_t n)
{
	memset(key->group, 0, sizeof(key->group));
	memcpy(key->group, group, n);
	derive(key->bytes, "dl key id 1", "", key->id, sizeof(key->id));
}

void
dl_seal_key_new(struct dl_seal_key *key)
{
	randombytes_buf(key->bytes, sizeof(key->bytes));
	name_key(key, "", 0);
}

int
dl_seal_key_derive(const struct dl_seal_key *from, const char *group,
    struct dl_seal_key *key, struct dl_err *err)
{
	if (!dl_name_ok(dl_span_str(group)))
		return dl_err_usage(
		    err, "'%s' is not a name of a group", group);
	if (from->group[0] == '\0') {
		derive(from->bytes, "dl group key 1", group, key->bytes,
		    sizeof(key->bytes));
		name_key(key, group, strlen(group));
		return 0;
	}
	if (strcmp(from->group, group) != 0)
		return dl_err_denied(err,
		    "the key is that of group '%s': it opens nothing of group "
		    "'%s'",
		    from->group, group);
	*key = *from;
	return 0;
}

size_t
dl_seal_key_print(const struct dl_seal_key *key, char out[DL_SEAL_TEXT])
{
	bool master = key->group[0] == '\0';
	int n = snprintf(out, DL_SEAL_TEXT, "%s%s%s", master ? MASTER : GROUP,
	    key->group, master ? "" : ":");

	sodium_bin2hex(
	    out + n, DL_SEAL_TEXT - (size_t)n, key->bytes, sizeof(key->bytes));
	n += 2 * DL_SEAL_KEY;
	out[n++] = '\n';
	out[n] = '\0';
	return (size_t)n;
}

static bool
starts(struct dl_span text, const char *with)
{
	size_t n = strlen(with);

	return text.len >= n && memcmp(text.p, with, n) == 0;
}

int
dl_seal_key_parse(
    struct dl_span text, struct dl_seal_key *key, struct dl_err *err)
{
	struct dl_span group = {"", 0};
	const char *colon;
	size_t n;

	if (text.len > 0 && text.p[text.len - 1] == '\n')
		text.len--;
	if (starts(text, GROUP)) {
		group.p = text.p + strlen(GROUP);
		colon = memchr(group.p, ':', text.len - strlen(GROUP));
		group.len = colon == NULL ? 0 : (size_t)(colon - group.p);
		if (!dl_name_ok(group))
			goto wrong;
		n = strlen(GROUP) + group.len + 1;
	} else if (starts(text, MASTER)) {
		n = strlen(MASTER);
	} else {
		goto wrong;
	}
	if (text.len - n != 2 * DL_SEAL_KEY ||
	    sodium_hex2bin(key->bytes, sizeof(key->bytes), text.p + n,
		text.len - n, NULL, &n, NULL) != 0 ||
	    n != DL_SEAL_KEY)
		goto wrong;
	name_key(key, group.p, group.len);
	return 0;
wrong:
	return dl_err_data(err, "this is not a key as dl-secret makes them");
}

void
dl_seal(const struct dl_seal_key *key, struct dl_span with,
    struct dl_span plain, unsigned char *out)
{
	/* Random nonces of 24 bytes never meet. */
	randombytes_buf(out, NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE, NULL,
	    (const unsigned char *)plain.p, plain.len,
	    (const unsigned char *)with.p, with.len, NULL, out, key->bytes);
}

bool
dl_unseal(const struct dl_seal_key *key, struct dl_span with,
    struct dl_span sealed, unsigned char *out)
{
	const unsigned char *p = (const unsigned char *)sealed.p;

	return sealed.len >= DL_SEAL_OVERHEAD &&
	       crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL,
		   p + NONCE, sealed.len - NONCE, (const unsigned char *)with.p,
		   with.len, p, key->bytes) == 0;
}
