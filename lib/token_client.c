#include "token_client.h"

#include "clock.h"
#include "home.h"
#include "io.h"
#include "json.h"
#include "keyfile.h"
#include "num.h"
#include "seal.h"

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BASE64URL sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define BASE64 sodium_base64_VARIANT_ORIGINAL_NO_PADDING
#define RANDOM 32
#define SALT crypto_pwhash_argon2id_SALTBYTES
#define HASH 32 /* bytes of it in the text that libsodium makes */
#define END ".json"
#define FILE_MAX 4096

/* About a tenth of a second, and 64 MiB. */
#define OPS crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE
#define MEM crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE

_Static_assert(DL_TOKEN_CLIENT_HASH == crypto_pwhash_argon2id_STRBYTES,
    "a hash of another size");
_Static_assert(MEM <= 64 << 20, "more memory than was promised");

static int
find_path(
    char out[PATH_MAX], const char *home, const char *name, struct dl_err *err)
{
	if (!dl_name_ok(dl_span_str(name)))
		return dl_err_usage(err,
		    "that is not a name: a letter or digit, then up to 63 of "
		    "[A-Za-z0-9._-]");
	if (snprintf(out, PATH_MAX, "%s/keys/clients/%s" END, home, name) >=
	    PATH_MAX)
		return dl_err_usage(err, "the path of home is too long");
	return 0;
}

static int
hash(const char *secret, size_t n, char out[DL_TOKEN_CLIENT_HASH],
    struct dl_err *err)
{
	if (crypto_pwhash_argon2id_str(out, secret, n, OPS, MEM) != 0)
		return dl_err_temp(err, "there is no memory to hash a secret");
	return 0;
}

/*
 * What a hash with our costs is made of; false: it is none.  One with others
 * would take as long or as much as it likes.
 */
static bool
take_hash(const char *text, unsigned char salt[SALT], unsigned char hash[HASH])
{
	char costs[64];
	const char *end;
	size_t len, n;

	len = (size_t)snprintf(costs, sizeof(costs),
	    "$argon2id$v=19$m=%zu,t=%llu,p=1$", (size_t)MEM / 1024,
	    (unsigned long long)OPS);
	if (strncmp(text, costs, len) != 0)
		return false;
	text += len;
	if (sodium_base642bin(
		salt, SALT, text, strlen(text), NULL, &n, &end, BASE64) != 0 ||
	    n != SALT || *end != '$')
		return false;
	text = end + 1;
	return sodium_base642bin(hash, HASH, text, strlen(text), NULL, &n, NULL,
		   BASE64) == 0 &&
	       n == HASH;
}

static void
make_secret(char secret[DL_TOKEN_CLIENT_SECRET])
{
	unsigned char random[RANDOM];

	/* It should not look like an option where it is handed on. */
	do {
		randombytes_buf(random, sizeof(random));
		sodium_bin2base64(secret, DL_TOKEN_CLIENT_SECRET, random,
		    sizeof(random), BASE64URL);
	} while (secret[0] == '-');
	sodium_memzero(random, sizeof(random));
}

static int
make_dir(const char *home, struct dl_err *err)
{
	char dir[PATH_MAX];

	if (snprintf(dir, sizeof(dir), "%s/keys/clients", home) >= PATH_MAX)
		return dl_err_usage(err, "the path of home is too long");
	if (mkdir(dir, 0700) == 0)
		return dl_sync_parent(dir, err);
	return errno == EEXIST ? 0 : dl_err_errno(err, "cannot make '%s'", dir);
}

static int
store(const char *path, const struct dl_token_client *c, struct dl_err *err)
{
	struct dl_time t = {.sec = c->made_s};
	struct dl_buf b = {0};
	char time[DL_TIME_MAX];
	int r;

	dl_time_print(&t, time);
	dl_buf_printf(&b,
	    "{\"client\":\"%s\",\"hash\":\"%s\",\"scope\":", c->name, c->hash);
	dl_json_quote(&b, dl_span_str(c->scope));
	dl_buf_printf(
	    &b, ",\"ttl\":%lld,\"time\":\"%s\"}\n", (long long)c->ttl_s, time);
	r = dl_keyfile_replace(path, dl_buf_as_span(&b), err);
	dl_buf_release(&b);
	return r;
}

static int
check(const struct dl_token_client *c, struct dl_err *err)
{
	if (*c->scope != '\0' && !dl_token_scope_ok(dl_span_str(c->scope)))
		return dl_err_usage(err,
		    "the scope is not one: words with one space between them, "
		    "without '\"' and '\\'");
	if (c->ttl_s < 1 || c->ttl_s > DL_TOKEN_TTL_MAX_S)
		return dl_err_usage(
		    err, "a token lives between a second and a year");
	return 0;
}

int
dl_token_client_add(const char *home, struct dl_token_client *client,
    char secret[DL_TOKEN_CLIENT_SECRET], struct dl_err *err)
{
	char path[PATH_MAX];
	struct dl_time now;
	int lock, r = -1;

	if (find_path(path, home, client->name, err) < 0 ||
	    check(client, err) < 0)
		return -1;
	if (access(path, F_OK) == 0)
		return 0;
	dl_now(&now);
	client->made_s = now.sec;
	make_secret(secret);
	if (hash(secret, strlen(secret), client->hash, err) < 0 ||
	    (lock = dl_token_lock(home, err)) < 0)
		return -1;
	if (make_dir(home, err) == 0 && (r = access(path, F_OK) < 0) > 0 &&
	    store(path, client, err) < 0)
		r = -1;
	close(lock);
	return r;
}

/* A string of at most room - 1 bytes, and no NUL, into out. */
static bool
take_text(struct dl_span value, char *out, size_t room)
{
	struct dl_buf scratch = {0};
	struct dl_span text;
	bool good = dl_json_string(value, &scratch, &text) == 0 &&
	            text.len < room && memchr(text.p, '\0', text.len) == NULL;

	if (good) {
		memset(out, 0, room);
		memcpy(out, text.p, text.len);
	}
	dl_buf_release(&scratch);
	return good;
}

static bool
take_time(struct dl_span value, int64_t *sec)
{
	char text[DL_TIME_MAX];
	struct dl_err why = {0};
	struct dl_time t;

	if (!take_text(value, text, sizeof(text)) ||
	    dl_time_parse(dl_span_str(text), &t, &why) < 0)
		return false;
	*sec = t.sec;
	return true;
}

/* What the file says; false: it is none that we wrote. */
static bool
take(struct dl_span text, const char *name, struct dl_token_client *c)
{
	struct dl_span whole, key, value;
	unsigned char salt[SALT], hashed[HASH];
	struct dl_json_iter it;
	struct dl_err why = {0};
	int found = 0;

	if (dl_json_check(text, &why) < 0 || dl_json_value(text, &whole) < 0)
		return false;
	dl_json_enter(&it, whole);
	while (dl_json_member(&it, &key, &value) > 0) {
		if (dl_span_is(key, "client"))
			found += take_text(value, c->name, sizeof(c->name));
		else if (dl_span_is(key, "hash"))
			found += take_text(value, c->hash, sizeof(c->hash));
		else if (dl_span_is(key, "scope"))
			found += take_text(value, c->scope, sizeof(c->scope));
		else if (dl_span_is(key, "ttl"))
			found += dl_num_count(value, &c->ttl_s, &why) == 0;
		else if (dl_span_is(key, "time"))
			found += take_time(value, &c->made_s);
	}
	return found == 5 && strcmp(c->name, name) == 0 &&
	       check(c, &why) == 0 && take_hash(c->hash, salt, hashed);
}

int
dl_token_client_read(const char *home, const char *name,
    struct dl_token_client *client, struct dl_err *err)
{
	char path[PATH_MAX], text[FILE_MAX + 1];
	size_t n;
	int r;

	if (find_path(path, home, name, err) < 0 ||
	    (r = dl_keyfile_read(path, text, sizeof(text), &n, err)) < 0)
		return -1;
	if (r > 0 && !take(dl_span(text, n), name, client))
		return dl_err_data(err,
		    "'%s' is not a client's file as dl-token makes it", path);
	return r;
}

int
dl_token_client_remove(const char *home, const char *name, struct dl_err *err)
{
	char path[PATH_MAX];
	int lock, r;

	if (find_path(path, home, name, err) < 0)
		return -1;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	if ((lock = dl_token_lock(home, err)) < 0)
		return -1;
	if (unlink(path) == 0)
		r = dl_sync_parent(path, err) < 0 ? -1 : 1;
	else if (errno == ENOENT)
		r = 0;
	else
		r = dl_err_errno(err, "cannot remove '%s'", path);
	close(lock);
	return r;
}

/* Take ".json" off a file's name; false: it is no client's. */
static bool
find_name(const struct dirent *e, char out[DL_TOKEN_CLIENT_NAME])
{
	size_t n = strlen(e->d_name), end = strlen(END);

	if (n <= end || n - end >= DL_TOKEN_CLIENT_NAME ||
	    strcmp(e->d_name + n - end, END) != 0)
		return false;
	memcpy(out, e->d_name, n - end);
	out[n - end] = '\0';
	return dl_name_ok(dl_span(out, n - end));
}

static int
is_client(const struct dirent *e)
{
	char name[DL_TOKEN_CLIENT_NAME];

	return find_name(e, name);
}

/* By the names without what follows them, of which "-" comes before ".". */
static int
by_name(const struct dirent **a, const struct dirent **b)
{
	char x[DL_TOKEN_CLIENT_NAME] = "", y[DL_TOKEN_CLIENT_NAME] = "";

	find_name(*a, x);
	find_name(*b, y);
	return strcmp(x, y);
}

int
dl_token_client_each(
    const char *home, dl_token_client_fn *fn, void *arg, struct dl_err *err)
{
	char dir[PATH_MAX], name[DL_TOKEN_CLIENT_NAME];
	struct dirent **names;
	int n, r = 0;

	if (snprintf(dir, sizeof(dir), "%s/keys/clients", home) >= PATH_MAX)
		return dl_err_usage(err, "the path of home is too long");
	if ((n = scandir(dir, &names, is_client, by_name)) < 0)
		return errno == ENOENT
		           ? 0
		           : dl_err_errno(err, "cannot list '%s'", dir);
	for (int i = 0; i < n; i++) {
		if (r == 0 && find_name(names[i], name))
			r = fn(arg, name, err);
		free(names[i]);
	}
	free(names);
	return r;
}

int
dl_token_client_nobody(struct dl_token_client *client, struct dl_err *err)
{
	char secret[DL_TOKEN_CLIENT_SECRET];
	int r;

	memset(client, 0, sizeof(*client));
	make_secret(secret);
	r = hash(secret, strlen(secret), client->hash, err);
	sodium_memzero(secret, sizeof(secret));
	return r;
}

int
dl_token_client_verify(const struct dl_token_client *client,
    struct dl_span secret, struct dl_err *err)
{
	unsigned char salt[SALT], want[HASH], got[HASH];
	bool same;

	if (secret.len > DL_TOKEN_CLIENT_SECRET_MAX)
		secret.len = 0;
	if (!take_hash(client->hash, salt, want))
		return 0;
	/* libsodium's own verifying tells no lack of memory from a mismatch. */
	if (crypto_pwhash_argon2id(got, sizeof(got), secret.p, secret.len, salt,
		OPS, MEM, crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
		return dl_err_temp(err, "there is no memory to hash a secret");
	same = sodium_memcmp(got, want, sizeof(got)) == 0;
	sodium_memzero(got, sizeof(got));
	return same;
}
