#include "lake_part.h"

#include "hash.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_MOST 4096 /* bytes of a name that is kept for the manifest */

/* Names */

static void
meet_name(struct dl_lake_names *names, struct dl_span name)
{
	const char *p;
	size_t i;

	if (name.len == 0)
		return;
	if (names->n > 0 && dl_span_is(name, names->text.p + names->last))
		return;
	for (i = 0, p = names->text.p; i < names->n; i++) {
		if (dl_span_is(name, p)) {
			names->last = (size_t)(p - names->text.p);
			return;
		}
		p += strlen(p) + 1;
	}
	if (names->n == DL_LAKE_NAMES || name.len > NAME_MOST ||
	    memchr(name.p, '\0', name.len) != NULL) {
		names->more = true;
		return;
	}
	names->last = names->text.len;
	names->n++;
	dl_buf_span(&names->text, name);
	dl_buf_addc(&names->text, '\0');
}

static void
print_names(
    struct dl_buf *b, const char *key, const struct dl_lake_names *names)
{
	const char *p = names->text.p;
	size_t i;

	dl_buf_printf(b, ",\"%s\":[", key);
	for (i = 0; i < names->n; i++) {
		if (i > 0)
			dl_buf_addc(b, ',');
		dl_json_quote(b, dl_span_str(p));
		p += strlen(p) + 1;
	}
	/* Whoever needs all of them reads the part. */
	if (names->more)
		dl_buf_adds(b, names->n > 0 ? ",null" : "null");
	dl_buf_addc(b, ']');
}

/* The pool */

int
dl_lake_pool_init(struct dl_lake_pool *p, struct dl_lake_store *store,
    const struct dl_codec *codec, int threads, struct dl_err *err)
{
	p->store = store;
	p->kind = codec->kind;
	p->pack = dl_lake_pack_new(store, codec, threads, err);
	return p->pack == NULL ? -1 : 0;
}

static void
unchain(struct dl_lake_part *part)
{
	struct dl_lake_pool *p = part->pool;

	if (part->newer != NULL)
		part->newer->older = part->older;
	else
		p->newest = part->older;
	if (part->older != NULL)
		part->older->newer = part->newer;
	else
		p->oldest = part->newer;
	part->newer = part->older = NULL;
	p->nparts--;
}

static void
chain_newest(struct dl_lake_part *part)
{
	struct dl_lake_pool *p = part->pool;

	part->older = p->newest;
	if (p->newest != NULL)
		p->newest->newer = part;
	else
		p->oldest = part;
	p->newest = part;
	p->nparts++;
}

static struct dl_lake_part **
bucket(struct dl_lake_pool *p, uint64_t hash)
{
	return &p->buckets[hash % DL_LAKE_BUCKETS];
}

struct dl_lake_part *
dl_lake_part_find(
    struct dl_lake_pool *p, struct dl_span partition, uint64_t hash)
{
	struct dl_lake_part *part;

	for (part = *bucket(p, hash); part != NULL; part = part->next)
		if (part->hash == hash &&
		    dl_span_is(partition, part->partition.p))
			return part;
	return NULL;
}

void
dl_lake_part_free(struct dl_lake_part *part)
{
	struct dl_lake_part **at = bucket(part->pool, part->hash);

	while (*at != part)
		at = &(*at)->next;
	*at = part->next;
	unchain(part);
	part->pool->nblocks -= part->nblocks;
	dl_lake_pack_give_back(part->pool->pack, part->first);
	dl_buf_release(&part->partition);
	dl_buf_release(&part->sources.text);
	dl_buf_release(&part->steps.text);
	free(part->from);
	free(part);
}

void
dl_lake_pool_release(struct dl_lake_pool *p)
{
	struct dl_lake_part *part;

	/* Nobody else may hold a part's file any more. */
	if (p->pack != NULL)
		dl_lake_pack_end(p->pack);
	while ((part = p->newest) != NULL) {
		if (part->file.staged != NULL)
			p->store->ops->discard(part->file.staged);
		dl_lake_part_free(part);
	}
	dl_lake_pack_free(p->pack);
	*p = (struct dl_lake_pool){0};
}

/* Parts */

struct dl_lake_part *
dl_lake_part_open_as(struct dl_lake_pool *p, const char *name,
    struct dl_span partition, uint64_t hash, struct dl_err *err)
{
	struct dl_lake_part *part = dl_calloc(1, sizeof(*part));

	(void)snprintf(part->name, sizeof(part->name), "%s", name);
	part->pool = p;
	part->hash = hash;
	dl_buf_span(&part->partition, partition);
	dl_buf_addc(&part->partition, '\0');
	crypto_hash_sha256_init(&part->file.sha256);
	chain_newest(part);
	part->next = *bucket(p, hash);
	*bucket(p, hash) = part;
	part->file.staged = p->store->ops->stage(p->store, part->name, err);
	if (part->file.staged != NULL)
		return part;
	dl_lake_part_free(part);
	return NULL;
}

struct dl_lake_part *
dl_lake_part_open(struct dl_lake_pool *p, struct dl_span partition,
    uint64_t hash, struct dl_err *err)
{
	char ulid[DL_ULID_LEN + 1], name[64];

	dl_ulid(ulid);
	(void)snprintf(
	    name, sizeof(name), "part-%s%s", ulid, dl_codec_suffix(p->kind));
	return dl_lake_part_open_as(p, name, partition, hash, err);
}

void
dl_lake_part_touch(struct dl_lake_part *part)
{
	if (part->newer == NULL)
		return;
	unchain(part);
	chain_newest(part);
}

/* Have what a part has gathered packed as one frame. */
static int
pack(struct dl_lake_part *part, struct dl_err *err)
{
	struct dl_lake_pool *p = part->pool;
	struct dl_lake_block *blocks = part->first;
	size_t bytes = part->gathered;

	if (blocks == NULL)
		return 0;
	p->nblocks -= part->nblocks;
	part->first = part->last = NULL;
	part->nblocks = part->gathered = 0;
	return dl_lake_pack_put(p->pack, &part->file, blocks, bytes, err);
}

/* Pack the part that has gathered most, so that others may gather more. */
static int
pack_fullest(struct dl_lake_pool *p, struct dl_err *err)
{
	struct dl_lake_part *part, *fullest = p->newest;

	for (part = fullest; part != NULL; part = part->older)
		if (part->gathered > fullest->gathered)
			fullest = part;
	return pack(fullest, err);
}

/* Give part an empty block at its end. */
static int
take_block(struct dl_lake_part *part, struct dl_err *err)
{
	struct dl_lake_pool *p = part->pool;
	struct dl_lake_block *b;

	if (part->nblocks == DL_LAKE_CHUNK && pack(part, err) < 0)
		return -1;
	if (p->nblocks == DL_LAKE_BLOCKS && pack_fullest(p, err) < 0)
		return -1;
	b = dl_lake_pack_block(p->pack);
	p->nblocks++;
	if (part->last == NULL)
		part->first = b;
	else
		part->last->next = b;
	part->last = b;
	part->nblocks++;
	return 0;
}

static int
add_bytes(struct dl_lake_part *part, struct dl_span bytes, struct dl_err *err)
{
	struct dl_lake_block *b;
	size_t n;

	while (bytes.len > 0) {
		if ((part->last == NULL || part->last->len == DL_LAKE_BLOCK) &&
		    take_block(part, err) < 0)
			return -1;
		b = part->last;
		n = DL_LAKE_BLOCK - b->len;
		n = n < bytes.len ? n : bytes.len;
		memcpy(b->bytes + b->len, bytes.p, n);
		b->len += n;
		part->gathered += n;
		bytes.p += n;
		bytes.len -= n;
	}
	return 0;
}

int
dl_lake_part_add(
    struct dl_lake_part *part, struct dl_span record, struct dl_err *err)
{
	part->bytes += record.len + 1;
	if (add_bytes(part, record, err) < 0)
		return -1;
	return add_bytes(part, DL_SPAN("\n"), err);
}

void
dl_lake_part_count(struct dl_lake_part *part, const struct dl_event *ev,
    const struct dl_time *t)
{
	part->records++;
	meet_name(&part->sources, ev->source);
	meet_name(&part->steps, ev->steps);
	if (t == NULL) {
		part->untimed++;
		return;
	}
	if (!part->timed || dl_time_cmp(t, &part->first_time) < 0)
		part->first_time = *t;
	if (!part->timed || dl_time_cmp(t, &part->last_time) > 0)
		part->last_time = *t;
	part->timed = true;
}

int
dl_lake_part_finish(struct dl_lake_part *part, struct dl_err *err)
{
	if (pack(part, err) < 0)
		return -1;
	return dl_lake_pack_seal(
	    part->pool->pack, &part->file, part->partition.p, err);
}

int
dl_lake_part_wait(struct dl_lake_part *part, struct dl_err *err)
{
	return dl_lake_pack_wait(part->pool->pack, &part->file, err);
}

void
dl_lake_part_path(const struct dl_lake_part *part, struct dl_buf *b)
{
	dl_buf_add(b, part->partition.p, part->partition.len - 1);
	dl_buf_addc(b, '/');
	dl_buf_adds(b, part->name);
}

static void
print_times(const struct dl_lake_part *part, struct dl_buf *b)
{
	char text[DL_TIME_MAX];

	if (!part->timed)
		return;
	dl_time_print(&part->first_time, text);
	dl_buf_printf(b, ",\"first\":\"%s\"", text);
	dl_time_print(&part->last_time, text);
	dl_buf_printf(b, ",\"last\":\"%s\"", text);
	if (part->untimed > 0)
		dl_buf_printf(
		    b, ",\"untimed\":%llu", (unsigned long long)part->untimed);
}

void
dl_lake_part_entry(struct dl_lake_part *part, struct dl_span key,
    struct dl_span to, struct dl_buf *b)
{
	unsigned char sum[crypto_hash_sha256_BYTES];
	struct dl_buf path = {0};
	size_t i;

	dl_lake_part_path(part, &path);
	dl_buf_adds(b, "{\"part\":");
	dl_json_quote(b, dl_buf_as_span(&path));
	dl_buf_release(&path);
	dl_buf_printf(b,
	    ",\"records\":%llu,\"bytes\":%llu,\"unpacked\":%llu,\"sha256\":\"",
	    (unsigned long long)part->records,
	    (unsigned long long)part->file.packed_bytes,
	    (unsigned long long)part->bytes);
	crypto_hash_sha256_final(&part->file.sha256, sum);
	for (i = 0; i < sizeof(sum); i++)
		dl_buf_printf(b, "%02x", sum[i]);
	dl_buf_addc(b, '"');
	print_times(part, b);
	print_names(b, "sources", &part->sources);
	print_names(b, "steps", &part->steps);
	if (key.len > 0) {
		dl_buf_adds(b, ",\"key\":");
		dl_json_quote(b, key);
		dl_buf_adds(b, ",\"positions\":[");
		dl_json_quote(
		    b, dl_span_str(part->from == NULL ? "" : part->from));
		dl_buf_addc(b, ',');
		dl_json_quote(b, to);
		dl_buf_addc(b, ']');
	}
	dl_buf_addc(b, '}');
}

int
dl_lake_part_publish(struct dl_lake_part *part, struct dl_err *err)
{
	return dl_lake_pack_publish(part->pool->pack, &part->file, err);
}
