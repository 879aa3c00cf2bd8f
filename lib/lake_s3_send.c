/* A part goes to S3, with what its entry says as metadata. */
#include "lake_s3.h"

#include "codec.h"
#include "json.h"
#include "num.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST_MOST 600 /* bytes of a list, as metadata: all is at most 2 KB */
#define META 5

/* What an entry says, in its own words. */
struct entry {
	struct dl_buf text;
	struct dl_span part, bytes, sha256, records, first, last, sources,
	    steps;
};

static struct dl_span *
field(struct entry *e, struct dl_span key)
{
	const struct {
		const char *name;
		struct dl_span *to;
	} all[] = {
	    {"part", &e->part},
	    {"bytes", &e->bytes},
	    {"sha256", &e->sha256},
	    {"records", &e->records},
	    {"first", &e->first},
	    {"last", &e->last},
	    {"sources", &e->sources},
	    {"steps", &e->steps},
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (dl_span_is(key, all[i].name))
			return all[i].to;
	return NULL;
}

static bool
parse(struct entry *e)
{
	struct dl_json_iter it;
	struct dl_span key, value, *to;
	int r;

	dl_json_enter(&it, dl_buf_as_span(&e->text));
	while ((r = dl_json_member(&it, &key, &value)) > 0)
		if ((to = field(e, key)) != NULL)
			*to = value;
	return r == 0 && e->part.p != NULL && e->bytes.p != NULL &&
	       e->sha256.len == 66;
}

/* The key of a part, if the entry is of this one; to be freed. */
static char *
key_of(const struct entry *e, const char *name)
{
	struct dl_buf scratch = {0};
	struct dl_span part;
	const char *slash;
	char *key = NULL;

	if (dl_json_string(e->part, &scratch, &part) == 0 &&
	    memchr(part.p, '\0', part.len) == NULL) {
		key = dl_strndup(part);
		slash = strrchr(key, '/');
		if (strcmp(slash == NULL ? key : slash + 1, name) != 0) {
			free(key);
			key = NULL;
		}
	}
	dl_buf_release(&scratch);
	return key;
}

/* Metadata */

static void
add_text(struct dl_buf *b, struct dl_span text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (text.p[i] > ' ' && text.p[i] <= '~' && text.p[i] != '%' &&
		    text.p[i] != ',')
			dl_buf_addc(b, text.p[i]);
		else
			dl_buf_printf(b, "%%%02X", (uint8_t)text.p[i]);
}

/* The strings of a list; "..." stands for what is left out. */
static void
add_list(struct dl_buf *b, struct dl_span list)
{
	struct dl_buf scratch = {0};
	struct dl_json_iter it;
	struct dl_span value, text;
	size_t start = b->len, len = b->len;

	dl_json_enter(&it, list);
	while (dl_json_element(&it, &value) > 0) {
		if (b->len > start)
			dl_buf_addc(b, ',');
		dl_buf_clear(&scratch);
		if (dl_json_string(value, &scratch, &text) < 0)
			text = dl_span(NULL, 0);
		else
			add_text(b, text);
		if (text.p == NULL || b->len - start > LIST_MOST) {
			b->len = len;
			dl_buf_adds(b, len > start ? ",..." : "...");
			break;
		}
		len = b->len;
	}
	dl_buf_release(&scratch);
}

static void
add_value(struct dl_buf *b, struct dl_span value)
{
	if (value.p == NULL)
		return;
	if (dl_json_kind(value) == DL_JSON_ARRAY)
		add_list(b, value);
	else if (dl_json_kind(value) == DL_JSON_STRING && value.len < LIST_MOST)
		add_text(b, dl_span(value.p + 1, value.len - 2));
	else if (value.len < LIST_MOST)
		add_text(b, value);
}

static void
describe(const struct entry *e, struct dl_buf lines[META],
    const char *meta[META + 1])
{
	const struct {
		const char *name;
		struct dl_span value;
	} all[META] = {
	    {"records", e->records},
	    {"first", e->first},
	    {"last", e->last},
	    {"sources", e->sources},
	    {"steps", e->steps},
	};
	size_t i, n = 0, empty;

	for (i = 0; i < META; i++) {
		dl_buf_printf(&lines[i], "x-amz-meta-dl-%s: ", all[i].name);
		empty = lines[i].len;
		add_value(&lines[i], all[i].value);
		if (lines[i].len > empty)
			meta[n++] = dl_buf_str(&lines[i]);
	}
	meta[n] = NULL;
}

static const char *
type_of(const char *name)
{
	const char *dot = strrchr(name, '.');
	enum dl_codec_kind kind;

	if (dot != NULL && strcmp(dot, ".parquet") == 0)
		return "application/vnd.apache.parquet";
	if (!dl_codec_of_name(dl_span_str(name), &kind))
		return "application/octet-stream";
	switch (kind) {
	case DL_CODEC_ZSTD:
		return "application/zstd";
	case DL_CODEC_GZIP:
		return "application/gzip";
	case DL_CODEC_NONE:
		break;
	}
	return "application/x-ndjson";
}

/* Sending */

/* A part that is about to be sent. */
struct sending {
	struct dl_lake_s3 *s;
	const struct dl_lake_s3_item *item;
	const struct entry *entry;
	char *path, *key;
	char sha256[65];
	int fd;
	int jobs;
};

/* Is it what was written? */
static int
check(struct sending *x, struct dl_err *err)
{
	struct dl_span want = x->entry->sha256, bytes = x->entry->bytes;
	int64_t size;
	struct stat st;

	if (fstat(x->fd, &st) < 0)
		return dl_err_errno(err, "cannot stat '%s'", x->path);
	if (dl_lake_s3_hash(x->fd, x->path, x->sha256, err) < 0)
		return -1;
	if (dl_num_count(bytes, &size, &(struct dl_err){0}) == 0 &&
	    size == st.st_size && memcmp(want.p + 1, x->sha256, 64) == 0)
		return 0;
	return dl_err_data(err,
	    "'%s' is damaged since it was written, and not sent: its SHA-256 "
	    "is %s, and was %.64s",
	    x->path, x->sha256, want.p + 1);
}

/* 1: this part is there already; 0: nothing is; -1: another one is. */
static int
is_there(const struct sending *x, struct dl_err *err)
{
	struct dl_s3_object o;
	int r = dl_s3_head(x->s->s3, x->key, &o, err);

	if (r <= 0 || strcmp(o.sha256, x->sha256) == 0)
		return r;
	return dl_err_bug(err,
	    "%s/%s is there already, and is not '%s': nothing is overwritten",
	    x->s->base.name, x->key, x->path);
}

static int
put(const struct sending *x, struct dl_err *err)
{
	struct dl_buf lines[META] = {{0}};
	const char *meta[META + 1];
	const struct dl_s3_body body = {
	    .fd = x->fd, .size = x->item->size, .name = x->path};
	const struct dl_s3_put how = {
	    .type = type_of(x->item->name),
	    .sha256 = x->sha256,
	    .meta = meta,
	    .create = true,
	    .jobs = x->jobs,
	};
	size_t i;
	int r;

	describe(x->entry, lines, meta);
	r = dl_s3_put(x->s->s3, x->key, &body, &how, err);
	for (i = 0; i < META; i++)
		dl_buf_release(&lines[i]);
	if (r > 0 && (r = is_there(x, err)) == 0)
		return dl_err_temp(err, "%s/%s was there, and is not any more",
		    x->s->base.name, x->key);
	return r < 0 ? -1 : 0;
}

static int
send_open(struct sending *x, struct dl_err *err)
{
	int r;

	if (check(x, err) < 0)
		return -1;
	/* What was taken over may have come whole before its writer died. */
	r = x->item->late ? is_there(x, err) : 0;
	if (r == 0)
		r = put(x, err);
	return r < 0 ? -1
	             : dl_lake_s3_box_remove(x->item->box, x->item->name, err);
}

static int
open_and_send(struct sending *x, struct dl_err *err)
{
	int r;

	x->fd = openat(
	    x->item->box->fd, x->item->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (x->fd < 0)
		return dl_err_errno(err, "cannot open '%s'", x->path);
	r = send_open(x, err);
	close(x->fd);
	return r;
}

int
dl_lake_s3_send(struct dl_lake_s3 *s, struct dl_lake_s3_item *item, int jobs,
    struct dl_err *err)
{
	struct entry e = {.text = {0}};
	struct sending x = {.s = s, .item = item, .entry = &e, .jobs = jobs};
	struct dl_buf path = {0};
	int r;

	dl_buf_printf(&path, "%s/%s", item->box->path, item->name);
	(void)dl_buf_str(&path);
	x.path = path.p;
	r = dl_lake_s3_box_entry(item->box, item->name, &e.text, err);
	if (r == 0 && (!parse(&e) || (x.key = key_of(&e, item->name)) == NULL))
		r = dl_err_data(err,
		    "'%s' is not sent: what is known of it is damaged", x.path);
	if (r == 0)
		r = open_and_send(&x, err);
	free(x.key);
	dl_buf_release(&path);
	dl_buf_release(&e.text);
	return r;
}

/* Uploads that were cut off */

static int
sweep_one(void *arg, const char *key, const char *id, int64_t begun_ms,
    struct dl_err *err)
{
	struct dl_lake_s3 *s = arg;
	const char *slash = strrchr(key, '/');

	(void)begun_ms;
	if (!dl_lake_s3_queue_is_late(
		s->queue, slash == NULL ? key : slash + 1))
		return 0;
	return dl_s3_abort(s->s3, key, id, err);
}

int
dl_lake_s3_sweep(struct dl_lake_s3 *s, struct dl_err *err)
{
	return dl_s3_uploads(s->s3, "", sweep_one, s, err);
}
