#include "lake_merge.h"

#include "hash.h"
#include "json.h"
#include "lake_flat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_SIZE (256 << 10)
#define OF_REST 160     /* bytes of an item of "of" but its name */
#define STOP_LINES 1024 /* between two looks whether to stop */

static int
stopped(const volatile sig_atomic_t *stop, struct dl_err *err)
{
	if (stop == NULL || *stop == 0)
		return 0;
	return dl_err_temp(
	    err, "stopped; what was begun is undone: run it again");
}

/* Of what an unpacker or a reader said. */
static enum dl_lake_found
found(int r, const struct dl_err *err)
{
	if (r >= 0)
		return DL_LAKE_FOUND;
	return err->status == DL_EXIT_DATA ? DL_LAKE_CORRUPT : DL_LAKE_FAILED;
}

/* Reading */

static enum dl_lake_found
open_item(struct dl_lake_store *store, const struct dl_lake_item *item, int *fd,
    struct dl_err *err)
{
	int r = store->ops->open(store, item->part, fd, err);

	return r == 0 ? DL_LAKE_GONE : found(r, err);
}

static int
each_line(struct dl_unpack *u, const volatile sig_atomic_t *stop,
    dl_lake_record_fn *fn, void *arg, struct dl_err *err)
{
	struct dl_span line;
	uint64_t n = 0;
	int r;

	while ((r = dl_unpack_line(u, &line, err)) > 0)
		if ((n++ % STOP_LINES == 0 && stopped(stop, err) < 0) ||
		    (fn != NULL && fn(arg, line, err) < 0))
			return -1;
	return r;
}

enum dl_lake_found
dl_lake_read_item(struct dl_lake_store *store, const struct dl_lake_item *item,
    const volatile sig_atomic_t *stop, dl_lake_record_fn *fn, void *arg,
    struct dl_err *err)
{
	enum dl_lake_found what;
	struct dl_unpack *u;
	int fd, r = -1;

	if ((what = open_item(store, item, &fd, err)) != DL_LAKE_FOUND)
		return what;
	if ((u = dl_unpack_new(fd, item->part, item->kind, err)) != NULL)
		r = each_line(u, stop, fn, arg, err);
	dl_unpack_free(u);
	close(fd);
	return found(r, err);
}

/* The SHA-256 of what fd holds, in hex. */
static int
hash_file(int fd, const char *name, const volatile sig_atomic_t *stop,
    char hex[crypto_hash_sha256_BYTES * 2 + 1], struct dl_err *err)
{
	unsigned char sum[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;
	unsigned char *p = dl_alloc(READ_SIZE);
	ssize_t n = 0;

	crypto_hash_sha256_init(&state);
	do {
		if (n > 0)
			crypto_hash_sha256_update(&state, p, (size_t)n);
		n = stopped(stop, err) < 0 ? -2 : read(fd, p, READ_SIZE);
	} while (n > 0 || (n == -1 && errno == EINTR));
	if (n == -1)
		dl_err_errno(err, "cannot read '%s'", name);
	free(p);
	crypto_hash_sha256_final(&state, sum);
	sodium_bin2hex(hex, crypto_hash_sha256_BYTES * 2 + 1, sum, sizeof(sum));
	return n < 0 ? -1 : 0;
}

enum dl_lake_found
dl_lake_verify(struct dl_lake_store *store, const struct dl_lake_item *item,
    const volatile sig_atomic_t *stop, struct dl_err *err)
{
	char hex[crypto_hash_sha256_BYTES * 2 + 1];
	enum dl_lake_found what;
	int fd, r;

	if (item->entry == NULL || item->entry->sha256[0] == '\0')
		return dl_lake_read_item(store, item, stop, NULL, NULL, err);
	if ((what = open_item(store, item, &fd, err)) != DL_LAKE_FOUND)
		return what;
	r = hash_file(fd, item->part, stop, hex, err);
	close(fd);
	if (r == 0 && strcmp(hex, item->entry->sha256) != 0)
		r = dl_err_data(err,
		    "'%s' is corrupt: its sha256 is %s, expected %s",
		    item->part, hex, item->entry->sha256);
	return found(r, err);
}

bool
dl_lake_event_of(
    struct dl_event *ev, struct dl_span line, struct dl_buf *scratch)
{
	struct dl_err ignored;

	ignored.status = DL_EXIT_OK;
	return (dl_lake_is_flat(line)
		       ? dl_lake_unflatten(ev, line, scratch, &ignored)
		       : dl_event_parse(ev, line, &ignored)) == 0;
}

/* Names */

/* The ULID in a part's name, in upper case digits: false if it has none. */
static bool
ulid_of(const char *part, char id[DL_ULID_LEN + 1])
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	const char *slash = strrchr(part, '/');
	const char *name = slash == NULL ? part : slash + 1;

	if (strncmp(name, "part-", 5) != 0 ||
	    strspn(name + 5, digits) != DL_ULID_LEN)
		return false;
	memcpy(id, name + 5, DL_ULID_LEN);
	id[DL_ULID_LEN] = '\0';
	return true;
}

/* The next one. */
static void
count_up(char id[DL_ULID_LEN + 1])
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	int i;

	for (i = DL_ULID_LEN - 1; i >= 0; i--) {
		if (id[i] != 'Z') {
			id[i] = *(strchr(digits, id[i]) + 1);
			return;
		}
		id[i] = '0';
	}
}

/* A clock that was set back must not make a name before those of its parts. */
static void
name_after(const char *after, enum dl_codec_kind kind, char *name, size_t size)
{
	char id[DL_ULID_LEN + 1], least[DL_ULID_LEN + 1];

	dl_ulid(id);
	if (ulid_of(after, least) && strcmp(id, least) <= 0) {
		memcpy(id, least, sizeof(id));
		count_up(id);
	}
	(void)snprintf(name, size, "part-%s%s", id, dl_codec_suffix(kind));
}

/* Merging */

struct dl_lake_merge *
dl_lake_merge_new(struct dl_lake_pool *pool, struct dl_span partition,
    const char *after, struct dl_err *err)
{
	struct dl_lake_merge *m = dl_calloc(1, sizeof(*m));
	char name[64];

	name_after(after, pool->kind, name, sizeof(name));
	m->part = dl_lake_part_open_as(
	    pool, name, partition, dl_hash64(partition), err);
	if (m->part != NULL)
		return m;
	free(m);
	return NULL;
}

void
dl_lake_merge_free(struct dl_lake_merge *m)
{
	struct dl_err ignored = {0};

	if (m == NULL)
		return;
	/* Nobody else may hold its file any more. */
	(void)dl_lake_part_wait(m->part, &ignored);
	if (m->part->file.staged != NULL)
		m->part->pool->store->ops->discard(m->part->file.staged);
	dl_lake_part_free(m->part);
	dl_buf_release(&m->merged);
	dl_buf_release(&m->of);
	dl_buf_release(&m->names);
	free(m);
}

int
dl_lake_merge_size(struct dl_lake_merge *m, uint64_t *bytes, struct dl_err *err)
{
	double rate =
	    m->unpacked == 0 ? 1 : (double)m->packed / (double)m->unpacked;

	if (dl_lake_part_wait(m->part, err) < 0)
		return -1;
	*bytes = m->part->file.packed_bytes +
	         (uint64_t)((double)m->part->gathered * rate);
	return 0;
}

/* Of what was merged itself its line has been told as it will be, about. */
uint64_t
dl_lake_merge_entry(const struct dl_lake_item *item)
{
	const struct dl_lake_entry *e = item->entry;
	struct dl_buf name = {0};
	uint64_t n, of = 0;

	dl_json_quote(&name, dl_span_str(item->part));
	n = 2 * name.len + OF_REST;
	dl_buf_release(&name);
	if (e != NULL && e->nof > 0)
		of = e->nof * OF_REST > e->line.len ? e->nof * OF_REST
		                                    : e->line.len;
	return n + of;
}

/* A part that is being added, and to which original the lines belong. */
struct adding {
	struct dl_lake_merge *m;
	const struct dl_lake_source *source;
	const struct dl_lake_of *of,
	    *end;                /* the one at hand, and past the last */
	uint64_t left;           /* lines of it that are to come */
	uint64_t line;           /* its number, from 0 */
	uint64_t records, bytes; /* kept of the one at hand */
	struct dl_lake_of alone; /* a part that was not merged */
	struct dl_event ev;
	struct dl_buf scratch;
};

static void
tell_of(struct adding *a)
{
	struct dl_buf *b = &a->m->of;
	char at[DL_TIME_MAX];
	struct dl_time t = a->of->at;

	t.digits = 3;
	dl_time_print(&t, at);
	dl_buf_adds(b, b->len == 0 ? "{\"part\":" : ",{\"part\":");
	dl_json_quote(b, dl_span_str(a->of->part));
	dl_buf_printf(b, ",\"at\":\"%s\",\"records\":%llu,\"bytes\":%llu}", at,
	    (unsigned long long)a->records, (unsigned long long)a->bytes);
	a->records = a->bytes = 0;
	if (++a->of < a->end)
		a->left = a->of->records;
}

/* The times that are known by the name alone, or not at all: always there. */
static struct dl_time
time_of_part(const struct dl_lake_item *item)
{
	struct dl_time t = {0};

	if (item->entry != NULL)
		return item->entry->at;
	(void)dl_lake_name_time(item->part, &t);
	return t;
}

static void
begin_adding(struct adding *a)
{
	const struct dl_lake_item *item = a->source->item;
	const struct dl_lake_entry *e = item->entry;

	if (e != NULL && e->nof > 0) {
		a->of = e->of;
		a->end = e->of + e->nof;
		a->left = a->of->records;
	} else {
		a->alone = (struct dl_lake_of){
		    .part = item->part, .at = time_of_part(item)};
		a->of = &a->alone;
		a->end = a->of + 1;
		a->left = UINT64_MAX;
	}
}

static bool
is_dropped(const struct dl_lake_source *s, uint64_t line)
{
	return line < s->ndrop && (s->drop[line / 64] >> line % 64 & 1) != 0;
}

static const struct dl_time *
time_of_event(const struct dl_event *ev, struct dl_time *t)
{
	struct dl_err ignored;

	if (ev->time.p == NULL)
		return NULL;
	ignored.status = DL_EXIT_OK;
	return dl_time_parse(ev->time, t, &ignored) < 0 ? NULL : t;
}

static int
keep_line(struct adding *a, struct dl_span line, struct dl_err *err)
{
	static const struct dl_event none;
	struct dl_lake_part *part = a->m->part;
	struct dl_time t;

	if (dl_lake_part_add(part, line, err) < 0)
		return -1;
	/* What is no event is kept all the same. */
	if (dl_lake_event_of(&a->ev, line, &a->scratch))
		dl_lake_part_count(part, &a->ev, time_of_event(&a->ev, &t));
	else
		dl_lake_part_count(part, &none, NULL);
	a->records++;
	a->bytes += line.len + 1;
	return 0;
}

static int
add_line(void *arg, struct dl_span line, struct dl_err *err)
{
	struct adding *a = arg;

	while (a->left == 0 && a->of < a->end)
		tell_of(a);
	if (a->of == a->end)
		return dl_err_data(err,
		    "'%s' has more records than the manifest says",
		    a->source->item->part);
	a->left--;
	a->m->lines++;
	a->m->unpacked += line.len + 1;
	if (!is_dropped(a->source, a->line++))
		return keep_line(a, line, err);
	a->m->dropped++;
	return 0;
}

/* All lines were added: were they as many as is said? */
static int
end_adding(struct adding *a, struct dl_err *err)
{
	const struct dl_lake_entry *e = a->source->item->entry;

	if (e != NULL && e->records != a->line)
		return dl_err_data(err,
		    "'%s' has %llu records, and the manifest says %llu",
		    e->part, (unsigned long long)a->line,
		    (unsigned long long)e->records);
	if (e != NULL && e->nof > 0)
		while (a->of < a->end && a->left == 0)
			tell_of(a);
	else
		tell_of(a);
	if (a->of < a->end)
		return dl_err_data(err,
		    "'%s' has fewer records than the parts it was merged from",
		    e->part);
	return 0;
}

static void
take_name(struct dl_lake_merge *m, const char *part)
{
	if (m->nmerged++ > 0)
		dl_buf_addc(&m->merged, ',');
	dl_json_quote(&m->merged, dl_span_str(part));
	dl_buf_add(&m->names, part, strlen(part) + 1);
}

enum dl_lake_found
dl_lake_merge_add(struct dl_lake_merge *m, const struct dl_lake_source *source,
    const volatile sig_atomic_t *stop, struct dl_err *err)
{
	const struct dl_lake_item *item = source->item;
	struct adding a = {.m = m, .source = source};
	enum dl_lake_found what;

	begin_adding(&a);
	what = dl_lake_read_item(
	    m->part->pool->store, item, stop, add_line, &a, err);
	if (what == DL_LAKE_FOUND)
		what = found(end_adding(&a, err), err);
	dl_event_release(&a.ev);
	dl_buf_release(&a.scratch);
	if (what != DL_LAKE_FOUND)
		return what;
	take_name(m, item->part);
	m->packed += item->size;
	return DL_LAKE_FOUND;
}

int
dl_lake_merge_end(struct dl_lake_merge *m, const char *by, struct dl_buf *b,
    struct dl_err *err)
{
	if (dl_lake_part_finish(m->part, err) < 0 ||
	    dl_lake_part_wait(m->part, err) < 0)
		return -1;
	dl_lake_part_entry(m->part, DL_SPAN(""), DL_SPAN(""), b);
	b->len--; /* its brace */
	dl_buf_printf(b, ",\"by\":\"%s\",\"merged\":[", by);
	dl_buf_span(b, dl_buf_as_span(&m->merged));
	dl_buf_adds(b, "],\"of\":[");
	dl_buf_span(b, dl_buf_as_span(&m->of));
	dl_buf_adds(b, "]}");
	return 0;
}
