/* Put an object. */
#include "s3_private.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BLOCK (64 << 10)

static int
hash_file(crypto_hash_sha256_state *state, const struct dl_s3_body *body,
    uint64_t from, uint64_t size, struct dl_err *err)
{
	unsigned char *block = dl_alloc(BLOCK);
	ssize_t got;
	int r = 0;

	while (size > 0 && r == 0) {
		got = pread(
		    body->fd, block, size < BLOCK ? size : BLOCK, (off_t)from);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			r = dl_err_errno(err, "cannot read '%s'", body->name);
		} else if (got == 0) {
			r = dl_err_data(
			    err, "'%s' is shorter than it was", body->name);
		} else {
			crypto_hash_sha256_update(
			    state, block, (unsigned long long)got);
			from += (uint64_t)got;
			size -= (uint64_t)got;
		}
	}
	free(block);
	return r;
}

int
dl_s3_put_hash(const struct dl_s3_body *body, uint64_t from, uint64_t size,
    char hex[DL_SIGV4_HASH], char base64[DL_S3_BASE64], struct dl_err *err)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	if (body->bytes.p != NULL)
		crypto_hash_sha256_update(
		    &state, (const unsigned char *)body->bytes.p + from, size);
	else if (hash_file(&state, body, from, size, err) < 0)
		return -1;
	crypto_hash_sha256_final(&state, hash);
	sodium_bin2hex(hex, DL_SIGV4_HASH, hash, sizeof(hash));
	sodium_bin2base64(base64, DL_S3_BASE64, hash, sizeof(hash),
	    sodium_base64_VARIANT_ORIGINAL);
	return 0;
}

/* The whole body's, which the caller may know. */
static int
find_hash(const struct dl_s3_body *body, const struct dl_s3_put *how,
    char hex[DL_SIGV4_HASH], char base64[DL_S3_BASE64], struct dl_err *err)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	size_t n = 0;

	if (how->sha256 == NULL)
		return dl_s3_put_hash(body, 0, body->size, hex, base64, err);
	if (strlen(how->sha256) != DL_SIGV4_HASH - 1 ||
	    sodium_hex2bin(hash, sizeof(hash), how->sha256, DL_SIGV4_HASH - 1,
		NULL, &n, NULL) != 0 ||
	    n != sizeof(hash))
		return dl_err_bug(err, "'%.80s' is no sha256", how->sha256);
	sodium_bin2hex(hex, DL_SIGV4_HASH, hash, sizeof(hash));
	sodium_bin2base64(base64, DL_S3_BASE64, hash, sizeof(hash),
	    sodium_base64_VARIANT_ORIGINAL);
	return 0;
}

void
dl_s3_put_headers(const struct dl_s3 *s, const struct dl_s3_put *how,
    const char *sha256, struct dl_s3_lines *lines)
{
	const struct dl_s3_options *o = &s->o;

	if (how->type != NULL)
		dl_s3_lines_add(lines, "Content-Type: %s", how->type);
	dl_s3_lines_add(lines, DL_S3_SHA256_META ": %s", sha256);
	for (const char *const *m = how->meta; m != NULL && *m != NULL; m++)
		dl_s3_lines_add(lines, "%s", *m);
	if (o->sse != NULL)
		dl_s3_lines_add(
		    lines, "x-amz-server-side-encryption: %s", o->sse);
	if (o->sse != NULL && o->sse_key_id != NULL)
		dl_s3_lines_add(lines,
		    "x-amz-server-side-encryption-aws-kms-key-id: %s",
		    o->sse_key_id);
	if (o->storage_class != NULL && !how->standard)
		dl_s3_lines_add(
		    lines, "x-amz-storage-class: %s", o->storage_class);
	if (o->tags != NULL)
		dl_s3_lines_add(lines, "x-amz-tagging: %s", o->tags);
}

int
dl_s3_put_mine(
    struct dl_s3 *s, const char *key, const char *sha256, struct dl_err *err)
{
	struct dl_s3_object o;
	int r = dl_s3_head(s, key, &o, err);

	return r <= 0 ? r : strcmp(o.sha256, sha256) == 0;
}

static int
put_whole(struct dl_s3 *s, const char *key, const struct dl_s3_body *body,
    const struct dl_s3_put *how, const char *sha256, const char *base64,
    struct dl_err *err)
{
	struct dl_s3_lines lines = {0};
	struct dl_s3_request r = {.method = "PUT",
	    .key = key,
	    .headers = &lines,
	    .bytes = body->bytes,
	    .fd = body->fd,
	    .size = body->size,
	    .file = body->name,
	    .payload = sha256,
	    .etag = true,
	    .expect = how->create ? DL_S3_PRESENT : 0};
	struct dl_s3_answer a;
	int done;

	dl_s3_put_headers(s, how, sha256, &lines);
	dl_s3_lines_add(&lines, "x-amz-checksum-sha256: %s", base64);
	if (how->create)
		dl_s3_lines_add(&lines, "If-None-Match: *");
	done = dl_s3_send(s, &r, &a, err);
	dl_s3_lines_release(&lines);
	if (done < 0 || a.status / 100 == 2)
		return done;
	if (!a.lost)
		return 1;
	/* It may be ours, of a try whose answer was lost. */
	done = dl_s3_put_mine(s, key, sha256, err);
	return done < 0 ? -1 : !done;
}

int
dl_s3_put(struct dl_s3 *s, const char *key, const struct dl_s3_body *body,
    const struct dl_s3_put *how, struct dl_err *err)
{
	char hex[DL_SIGV4_HASH], base64[DL_S3_BASE64];
	struct dl_s3_body b = *body;

	if (b.bytes.p != NULL)
		b.size = b.bytes.len;
	if (dl_s3_check_key(s, key, err) < 0 ||
	    find_hash(&b, how, hex, base64, err) < 0)
		return -1;
	if (b.size > 2 * DL_S3_PIECE)
		return dl_s3_multi(s, key, &b, how, hex, err);
	return put_whole(s, key, &b, how, hex, base64, err);
}
