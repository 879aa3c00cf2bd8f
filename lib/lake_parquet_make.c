/*
 * One file of Parquet: the rows of a partition's events are written for DuckDB
 * to read, what it makes of them is copied into a staged part, which then takes
 * the place of the old ones.
 */
#include "lake_parquet_private.h"

#include "hash.h"
#include "io.h"
#include "json.h"
#include "lake_events.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROWS "rows.ndjson"
#define FILE_MADE "rows.parquet"
#define FLUSH (1 << 20)        /* bytes of rows that gather */
#define GROUP_BYTES (32 << 20) /* of rows in a row group, about */
#define GROUP_MOST 122880      /* rows, what DuckDB likes */

struct make {
	struct dl_parquet *p;
	const struct dl_parquet_partition *partition;
	char *rows, *file; /* paths */
	int fd;            /* of rows */
	struct dl_buf text;
	uint64_t records, written, unpacked; /* written: bytes of rows */
	size_t longest;
	bool timed;
	struct dl_time first, last;
	/* of the file */
	uint64_t bytes;
	char sha256[2 * crypto_hash_sha256_BYTES + 1];
	char name[64];
};

/* Rows */

static int
flush(struct make *m, struct dl_err *err)
{
	int r = dl_write_all(m->fd, m->text.p, m->text.len, m->rows, err);

	m->written += m->text.len;
	dl_buf_clear(&m->text);
	return r;
}

static void
take_time(struct make *m, struct dl_span text)
{
	struct dl_err ignored = {0};
	struct dl_time t;

	if (text.p == NULL || dl_time_parse(text, &t, &ignored) < 0)
		return;
	if (!m->timed || dl_time_cmp(&t, &m->first) < 0)
		m->first = t;
	if (!m->timed || dl_time_cmp(&t, &m->last) > 0)
		m->last = t;
	m->timed = true;
}

static int
take_event(void *arg, const struct dl_event *ev, struct dl_err *err)
{
	struct make *m = arg;
	size_t before = m->text.len;

	if (dl_lake_rows_put(m->p->rows, ev, &m->text, err) < 0)
		return -1;
	m->records++;
	m->unpacked += ev->line.len + 1;
	if (m->longest < m->text.len - before)
		m->longest = m->text.len - before;
	take_time(m, ev->time);
	return m->text.len < FLUSH ? 0 : flush(m, err);
}

static int
write_rows(struct make *m, struct dl_err *err)
{
	const struct dl_lake_item *item;
	size_t i;
	int n = 1;

	m->fd = open(m->rows, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (m->fd < 0)
		return dl_err_errno(err, "cannot create '%s'", m->rows);
	for (i = 0; n > 0 && i < m->partition->n; i++) {
		item = m->partition->items[i];
		n = dl_lake_each_event(
		    m->p->from, item->part, item->kind, take_event, m, err);
		if (n == 0)
			dl_err_temp(err,
			    "'%s' was just taken away; run it again",
			    item->part);
	}
	if (n > 0 && flush(m, err) < 0)
		n = -1;
	close(m->fd);
	return n > 0 ? 0 : -1;
}

/* Parquet */

/* So many rows of a length are what DuckDB holds in memory at a time. */
static uint64_t
group(uint64_t length)
{
	uint64_t rows = GROUP_BYTES / (length + 1);

	return rows > GROUP_MOST ? GROUP_MOST : rows > 0 ? rows : 1;
}

static int
convert_by(struct make *m, uint64_t rows_in_group, struct dl_err *err)
{
	struct dl_buf b = {0};
	uint64_t rows = 0;
	int r;

	dl_buf_adds(&b, "COPY (");
	dl_lake_rows_query(m->p->rows, m->rows, m->longest + 1, &b);
	dl_buf_adds(&b, ") TO ");
	dl_duck_quote(&b, dl_span_str(m->file));
	dl_buf_printf(&b,
	    " (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE %llu)",
	    (unsigned long long)rows_in_group);
	r = dl_duck_run(m->p->duck, dl_buf_str(&b), &rows, err);
	dl_buf_release(&b);
	if (r == 0 && rows != m->records)
		return dl_err_bug(err, "DuckDB wrote %llu of %llu records",
		    (unsigned long long)rows, (unsigned long long)m->records);
	return r;
}

/*
 * Groups are for rows of the usual length.  Where long ones stand together,
 * that is too much memory: then all are taken to be as long as the longest.
 */
static int
convert(struct make *m, struct dl_err *err)
{
	uint64_t usual = group(m->written / (m->records + 1));
	uint64_t least = group(m->longest);
	struct dl_err first = {0};

	if (convert_by(m, usual, &first) == 0)
		return 0;
	if (first.status == DL_EXIT_TEMP && least < usual &&
	    convert_by(m, least, err) == 0)
		return 0;
	if (err->status == DL_EXIT_OK)
		*err = first;
	return -1;
}

/* Publishing */

static int
copy(struct make *m, int fd, struct dl_staged *g, struct dl_err *err)
{
	unsigned char sum[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state sha256;
	char *bytes = dl_alloc(FLUSH);
	ssize_t n;
	int r = 0;

	crypto_hash_sha256_init(&sha256);
	while (r == 0 && (n = read(fd, bytes, FLUSH)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			r = dl_err_errno(err, "cannot read '%s'", m->file);
			break;
		}
		m->bytes += (uint64_t)n;
		crypto_hash_sha256_update(
		    &sha256, (const unsigned char *)bytes, (size_t)n);
		r = m->p->to->ops->write(g, dl_span(bytes, (size_t)n), err);
	}
	crypto_hash_sha256_final(&sha256, sum);
	(void)sodium_bin2hex(m->sha256, sizeof(m->sha256), sum, sizeof(sum));
	free(bytes);
	return r;
}

static void
add_time(struct dl_buf *b, const char *key, const struct dl_time *t)
{
	char text[DL_TIME_MAX];

	dl_time_print(t, text);
	dl_buf_printf(b, ",\"%s\":\"%s\"", key, text);
}

static void
add_of(struct dl_buf *b, const char *part, const struct dl_time *at,
    uint64_t records, uint64_t bytes, bool first)
{
	dl_buf_adds(b, first ? "{\"part\":" : ",{\"part\":");
	dl_json_quote(b, dl_span_str(part));
	add_time(b, "at", at);
	dl_buf_printf(b, ",\"records\":%llu,\"bytes\":%llu}",
	    (unsigned long long)records, (unsigned long long)bytes);
}

/* The parts of the lake that the records come from, the original ones. */
static void
add_sources(struct dl_buf *b, const struct dl_parquet_partition *partition)
{
	const struct dl_lake_entry *e;
	struct dl_time now;
	bool first = true;
	size_t i, k;

	dl_now(&now);
	dl_buf_adds(b, ",\"of\":[");
	for (i = 0; i < partition->n; i++) {
		e = partition->items[i]->entry;
		if (e == NULL)
			add_of(b, partition->items[i]->part, &now, 0, 0, first);
		else if (e->nof == 0)
			add_of(
			    b, e->part, &e->at, e->records, e->unpacked, first);
		for (k = 0; e != NULL && k < e->nof; k++)
			add_of(b, e->of[k].part, &e->of[k].at, e->of[k].records,
			    e->of[k].bytes, first && k == 0);
		first = false;
	}
	dl_buf_addc(b, ']');
}

static void
entry(const struct make *m, const char *const *old, size_t n, struct dl_buf *b)
{
	struct dl_buf path = {0};
	size_t i;

	if (*m->partition->dir != '\0')
		dl_buf_printf(&path, "%s/", m->partition->dir);
	dl_buf_adds(&path, m->name);
	dl_buf_adds(b, "{\"part\":");
	dl_json_quote(b, dl_buf_as_span(&path));
	dl_buf_release(&path);
	dl_buf_printf(b,
	    ",\"records\":%llu,\"bytes\":%llu,\"unpacked\":%llu,"
	    "\"sha256\":\"%s\"",
	    (unsigned long long)m->records, (unsigned long long)m->bytes,
	    (unsigned long long)m->unpacked, m->sha256);
	if (m->timed) {
		add_time(b, "first", &m->first);
		add_time(b, "last", &m->last);
	}
	dl_buf_adds(b, ",\"from\":");
	dl_json_quote(b, dl_span_str(m->p->from_address));
	dl_buf_printf(b, ",\"print\":\"%s\",\"schema\":\"%s\"",
	    m->partition->print, m->p->schema);
	for (i = 0; i < n; i++) {
		dl_buf_adds(b, i == 0 ? ",\"merged\":[" : ",");
		dl_json_quote(b, dl_span_str(old[i]));
	}
	if (n > 0)
		dl_buf_addc(b, ']');
	add_sources(b, m->partition);
	dl_buf_addc(b, '}');
}

/* A staged part that is whole: the entry first, then it can be seen. */
static int
publish(struct make *m, struct dl_staged *g, const char *const *old, size_t n,
    struct dl_err *err)
{
	const struct dl_lake_ops *ops = m->p->to->ops;
	struct dl_buf b = {0};
	struct dl_span line;
	int r;

	entry(m, old, n, &b);
	line = dl_buf_as_span(&b);
	r = ops->seal(g, m->partition->dir, err);
	if (r == 0)
		r = ops->record(m->p->to, &g, &line, 1, err);
	if (r == 0 && n > 0) {
		r = ops->replace(m->p->to, m->partition->dir, g, old, n, err);
	} else if (r == 0) {
		r = ops->publish(g, err);
		m->p->published += r == 0;
	}
	if (r < 0)
		ops->discard(g);
	dl_buf_release(&b);
	return r;
}

static int
hand_over(struct make *m, const char *const *old, size_t n, struct dl_err *err)
{
	const struct dl_lake_ops *ops = m->p->to->ops;
	struct dl_staged *g;
	char ulid[DL_ULID_LEN + 1];
	int fd, r;

	if ((fd = open(m->file, O_RDONLY | O_CLOEXEC)) < 0)
		return dl_err_errno(err, "cannot open '%s'", m->file);
	dl_ulid(ulid);
	(void)snprintf(m->name, sizeof(m->name), "part-%s.parquet", ulid);
	if ((g = ops->stage(m->p->to, m->name, err)) == NULL) {
		close(fd);
		return -1;
	}
	if ((r = copy(m, fd, g, err)) < 0)
		ops->discard(g);
	close(fd);
	return r < 0 ? -1 : publish(m, g, old, n, err);
}

static char *
path_in(const char *dir, const char *name)
{
	struct dl_buf b = {0};

	dl_buf_printf(&b, "%s/%s", dir, name);
	(void)dl_buf_str(&b);
	return b.p;
}

void
dl_parquet_clean(struct dl_parquet *p)
{
	char *rows = path_in(p->dir, ROWS), *file = path_in(p->dir, FILE_MADE);

	(void)unlink(rows);
	(void)unlink(file);
	free(rows);
	free(file);
}

int
dl_parquet_make(struct dl_parquet *p,
    const struct dl_parquet_partition *partition, const char *const *old,
    size_t n, struct dl_err *err)
{
	struct make m = {.p = p, .partition = partition};
	int r;

	m.rows = path_in(p->dir, ROWS);
	m.file = path_in(p->dir, FILE_MADE);
	r = write_rows(&m, err);
	if (r == 0)
		r = convert(&m, err);
	if (r == 0)
		r = hand_over(&m, old, n, err);
	dl_parquet_clean(p);
	p->counts->records += r == 0 ? m.records : 0;
	p->counts->bytes += r == 0 ? m.bytes : 0;
	free(m.rows);
	free(m.file);
	dl_buf_release(&m.text);
	return r;
}
