#include "lake_verify.h"

#include "json.h"
#include "lake_ahead.h"
#include "lake_heir.h"
#include "lake_stat.h"
#include "line.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE (256 << 10)
#define HEX_LEN (2 * crypto_hash_sha256_BYTES + 1)

struct verifier {
	struct dl_lake_store *store;
	const struct dl_lake_verify *how;
	struct dl_lake_verified *counts;
	const struct dl_lake_index *index;
	char previous[HEX_LEN]; /* the sha256 of the line before */
	char *piece;
};

static void
print_hex(const unsigned char *sum, char hex[HEX_LEN])
{
	(void)sodium_bin2hex(hex, HEX_LEN, sum, crypto_hash_sha256_BYTES);
}

static void
tell(struct verifier *v, const struct dl_lake_fault *fault)
{
	v->counts->faults++;
	v->how->fault(v->how->arg, fault);
}

static void
tell_part(struct verifier *v, const char *part, const char *what,
    const char *expected, const char *found)
{
	const struct dl_lake_fault fault = {part, 0, what, expected, found};

	tell(v, &fault);
}

static void
tell_number(struct verifier *v, const char *part, const char *what,
    uint64_t expected, uint64_t found)
{
	char want[32], got[32];

	(void)snprintf(
	    want, sizeof(want), "%llu", (unsigned long long)expected);
	(void)snprintf(got, sizeof(got), "%llu", (unsigned long long)found);
	tell_part(v, part, what, want, got);
}

/* The manifest */

/* The value of "prev", which is 64 hex digits; or NULL. */
static const char *
previous_of(struct dl_span line)
{
	struct dl_json_iter it;
	struct dl_span key, value;

	dl_json_enter(&it, line);
	while (dl_json_member(&it, &key, &value) > 0)
		if (dl_span_is(key, "prev"))
			return value.len == HEX_LEN + 1 && *value.p == '"'
			           ? value.p + 1
			           : NULL;
	return NULL;
}

static int
check_line(void *arg, struct dl_span line, struct dl_err *err)
{
	struct verifier *v = arg;
	unsigned char sum[crypto_hash_sha256_BYTES];
	struct dl_lake_fault fault = {.line = ++v->counts->lines};
	struct dl_err why = {0};
	const char *previous;
	char found[HEX_LEN] = "none";

	(void)err;
	if (dl_json_check(line, &why) < 0 ||
	    dl_json_kind(line) != DL_JSON_OBJECT) {
		fault.what = "line";
		fault.expected = "an object";
		fault.found = why.msg[0] == '\0' ? "another value" : why.msg;
		tell(v, &fault);
	} else if ((previous = previous_of(line)) == NULL ||
		   memcmp(previous, v->previous, HEX_LEN - 1) != 0) {
		if (previous != NULL)
			memcpy(found, previous, HEX_LEN - 1);
		fault.what = "prev";
		fault.expected = v->previous;
		fault.found = found;
		tell(v, &fault);
	} else if (dl_lake_index_is_bad(v->index, fault.line)) {
		fault.what = "line";
		fault.expected = "an entry";
		fault.found = "names, numbers or times that are none";
		tell(v, &fault);
	}
	crypto_hash_sha256(sum, (const unsigned char *)line.p, line.len);
	print_hex(sum, v->previous);
	return 0;
}

static int
check_manifest(struct verifier *v, struct dl_err *err)
{
	unsigned char sum[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(sum, (const unsigned char *)"", 0);
	print_hex(sum, v->previous);
	return v->store->ops->manifest(v->store, check_line, v, err);
}

/* Parts */

/* The sha256 and the bytes of an open file. */
static int
hash_file(struct verifier *v, const char *part, int fd, char hex[HEX_LEN],
    uint64_t *bytes, struct dl_err *err)
{
	unsigned char sum[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;
	ssize_t n;

	*bytes = 0;
	crypto_hash_sha256_init(&state);
	while ((n = read(fd, v->piece, PIECE)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return dl_err_errno(err, "cannot read '%s'", part);
		crypto_hash_sha256_update(
		    &state, (const unsigned char *)v->piece, (uint64_t)n);
		*bytes += (uint64_t)n;
	}
	crypto_hash_sha256_final(&state, sum);
	print_hex(sum, hex);
	return 0;
}

/* Unpack a part and count: 0; 1 it is corrupt, err says how; -1. */
static int
count_records(const struct dl_lake_item *item, int fd, uint64_t *records,
    uint64_t *unpacked, struct dl_err *err)
{
	struct dl_unpack *u;
	struct dl_span lines;
	int r;

	*records = *unpacked = 0;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return dl_err_errno(err, "cannot read '%s'", item->part);
	if ((u = dl_unpack_new(fd, item->part, item->kind, err)) == NULL)
		return -1;
	while ((r = dl_unpack_lines(u, &lines, err)) > 0) {
		*records += dl_count_lines(lines.p, lines.len);
		*unpacked += lines.len;
	}
	dl_unpack_free(u);
	return r < 0 && err->status == DL_EXIT_DATA ? 1 : r;
}

static int
check_records(struct verifier *v, const struct dl_lake_item *item, int fd,
    struct dl_err *err)
{
	const struct dl_lake_entry *e = item->entry;
	struct dl_err why = {0};
	uint64_t records, unpacked;
	int r = count_records(item, fd, &records, &unpacked, &why);

	if (r < 0) {
		*err = why;
		return -1;
	}
	v->counts->records += records;
	if (r > 0)
		tell_part(v, item->part, "unpacking", "whole lines", why.msg);
	else if (e != NULL && e->records != records)
		tell_number(v, item->part, "records", e->records, records);
	else if (e != NULL && e->unpacked != unpacked)
		tell_number(v, item->part, "unpacked", e->unpacked, unpacked);
	return 0;
}

/* Do the originals of a merged part make up the whole of it? */
static void
check_originals(struct verifier *v, const struct dl_lake_entry *e)
{
	uint64_t records = 0, bytes = 0;
	size_t i;

	for (i = 0; i < e->nof; i++) {
		records += e->of[i].records;
		bytes += e->of[i].bytes;
	}
	if (e->nof > 0 && records != e->records)
		tell_number(
		    v, e->part, "records of \"of\"", e->records, records);
	else if (e->nof > 0 && bytes != e->unpacked)
		tell_number(v, e->part, "bytes of \"of\"", e->unpacked, bytes);
}

static bool
is_parquet(const struct dl_lake_item *item)
{
	enum dl_codec_kind kind;

	return !dl_codec_of_name(dl_span_str(item->part), &kind);
}

static int
check_part(struct verifier *v, const struct dl_lake_item *item, int fd,
    struct dl_err *err)
{
	const struct dl_lake_entry *e = item->entry;
	char sum[HEX_LEN];
	uint64_t bytes;

	if (hash_file(v, item->part, fd, sum, &bytes, err) < 0)
		return -1;
	v->counts->parts++;
	v->counts->bytes += bytes;
	v->counts->unknown += e == NULL;
	if (e != NULL && e->bytes != bytes) {
		tell_number(v, item->part, "bytes", e->bytes, bytes);
		return 0;
	}
	if (e != NULL && e->sha256[0] != '\0' && strcmp(e->sha256, sum) != 0) {
		tell_part(v, item->part, "sha256", e->sha256, sum);
		return 0;
	}
	/* Of a Parquet file "of" names parts of another lake. */
	if (is_parquet(item))
		return 0;
	if (e != NULL)
		check_originals(v, e);
	return check_records(v, item, fd, err);
}

/* It was listed, and is not there: was it merged, or removed? */
static int
check_gone(
    struct verifier *v, const struct dl_lake_item *item, struct dl_err *err)
{
	struct dl_lake_index *x = dl_lake_index_new(v->store, err);
	bool known;

	if (x == NULL)
		return -1;
	known = dl_lake_index_gone(x, item->part, NULL) ||
	        dl_lake_heir_named(x, item->part);
	if (!known)
		tell_part(
		    v, item->part, "file", "to be there", "removed meanwhile");
	dl_lake_index_free(x);
	return 0;
}

static int
check_parts(
    struct verifier *v, const struct dl_lake_listing *l, struct dl_err *err)
{
	struct dl_lake_ahead *ahead =
	    dl_lake_ahead_new(v->store, l->items, l->n, false);
	const struct dl_lake_item *item;
	int fd, r = 0;
	size_t i;

	for (i = 0; r == 0 && i < l->n; i++) {
		item = &l->items[i];
		v->how->progress(v->how->arg, i, l->n, v->counts, item->part);
		r = dl_lake_ahead_open(ahead, i, &fd, err);
		if (r > 0) {
			r = check_part(v, item, fd, err);
			close(fd);
		} else if (r == 0) {
			r = check_gone(v, item, err);
		} else if (err->status == DL_EXIT_DATA) {
			/* The storage itself has seen it. */
			tell_part(v, item->part, "fetching", "what was put",
			    err->msg);
			dl_err_clear(err);
			r = 0;
		}
	}
	dl_lake_ahead_free(ahead);
	return r;
}

int
dl_lake_verify_all(struct dl_lake_store *store,
    const struct dl_lake_listing *listing, const struct dl_lake_verify *how,
    struct dl_lake_verified *counts, struct dl_err *err)
{
	struct verifier v = {.store = store,
	    .how = how,
	    .counts = counts,
	    .index = listing->index};
	int r;

	*counts = (struct dl_lake_verified){.parts = 0};
	v.piece = dl_alloc(PIECE);
	r = check_manifest(&v, err);
	if (r == 0)
		r = check_parts(&v, listing, err);
	free(v.piece);
	return r;
}

/* Telling */

static void
add_text(struct dl_buf *b, const char *key, const char *text)
{
	dl_buf_printf(b, "\"%s\":", key);
	dl_json_quote(b, dl_span_str(text));
}

void
dl_lake_fault_json(
    struct dl_buf *b, const char *lake, const struct dl_lake_fault *fault)
{
	dl_buf_addc(b, '{');
	add_text(b, "lake", lake);
	dl_buf_addc(b, ',');
	if (fault->part != NULL)
		add_text(b, "part", fault->part);
	else
		dl_buf_printf(
		    b, "\"line\":%llu", (unsigned long long)fault->line);
	dl_buf_addc(b, ',');
	add_text(b, "fault", fault->what);
	dl_buf_addc(b, ',');
	add_text(b, "expected", fault->expected);
	dl_buf_addc(b, ',');
	add_text(b, "found", fault->found);
	dl_buf_adds(b, "}\n");
}

void
dl_lake_verified_json(
    struct dl_buf *b, const char *lake, const struct dl_lake_verified *v)
{
	dl_buf_addc(b, '{');
	add_text(b, "lake", lake);
	dl_buf_printf(b,
	    ",\"parts\":%llu,\"unknown\":%llu,\"records\":%llu,"
	    "\"bytes\":%llu,\"lines\":%llu,\"faults\":%llu}\n",
	    (unsigned long long)v->parts, (unsigned long long)v->unknown,
	    (unsigned long long)v->records, (unsigned long long)v->bytes,
	    (unsigned long long)v->lines, (unsigned long long)v->faults);
}
