#include "journal.h"

#include "buf.h"
#include "checkpoint.h"
#include "io.h"
#include "json.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (1u << 30)       /* bytes of a journal that is read */
#define POSITION_BYTES (16 << 10) /* of one line's positions */
#define FOLD_LINES (2 * DL_JOURNAL_LINES + 1)
#define FOLD_BYTES (8 << 20)

struct dl_journal {
	char path[PATH_MAX];
	int lock, fd;
	uint64_t size; /* bytes of the file: whole lines */
	uint64_t lines;
	uint64_t fold_bytes;
	bool hold;
	bool stored;         /* an event since the last checkpoint */
	struct dl_buf first; /* position pending for the next line, with NUL */
	struct dl_buf rest;  /* those after it, each with its NUL */
	size_t nrest;
	struct dl_buf last; /* received, pending or not */
	struct dl_buf next; /* of the line written last */
	struct dl_buf line;
};

/* A line, read. */
struct entry {
	struct dl_span positions, next, parts; /* JSON values */
};

static int
read_entry(const struct dl_journal *j, struct dl_span line, uint64_t number,
    struct entry *e, struct dl_err *err)
{
	struct dl_json_iter it;
	struct dl_span key, value;
	int r;

	*e = (struct entry){0};
	dl_json_enter(&it, line);
	while ((r = dl_json_member(&it, &key, &value)) > 0) {
		if (dl_span_is(key, "positions"))
			e->positions = value;
		else if (dl_span_is(key, "next"))
			e->next = value;
		else if (dl_span_is(key, "parts"))
			e->parts = value;
	}
	if (r < 0 || e->positions.p == NULL || e->parts.p == NULL ||
	    dl_json_kind(e->positions) != DL_JSON_ARRAY ||
	    dl_json_kind(e->parts) != DL_JSON_ARRAY)
		return dl_err_data(err,
		    "%s:%llu: expected a line of a journal with positions and "
		    "parts",
		    j->path, (unsigned long long)number);
	return 0;
}

/* The next line of text, which has whole lines only, or false. */
static bool
next_line(struct dl_span *text, struct dl_span *line)
{
	const char *nl;

	if (text->len == 0 || (nl = memchr(text->p, '\n', text->len)) == NULL)
		return false;
	*line = dl_span(text->p, (size_t)(nl - text->p));
	text->len -= line->len + 1;
	text->p = nl + 1;
	return true;
}

static int
open_paths(struct dl_journal *j, const char *dir, struct dl_span key,
    struct dl_err *err)
{
	char path[PATH_MAX], what[300];
	int n;

	n = snprintf(j->path, PATH_MAX, "%s/journal", dir);
	if (n < 0 || n >= PATH_MAX)
		return dl_err_usage(err, "the lake's path is too long");
	n = snprintf(path, PATH_MAX, "%s/lock", dir);
	if (n < 0 || n >= PATH_MAX)
		return dl_err_usage(err, "the lake's path is too long");
	if (dl_mkdirs(j->path, err) < 0 || dl_mkdirs(path, err) < 0)
		return -1;
	if (strlen(j->path) + key.len + 2 > PATH_MAX)
		return dl_err_usage(err, "the lake's path is too long");
	(void)snprintf(j->path + strlen(j->path), PATH_MAX - strlen(j->path),
	    "/%.*s", DL_SPAN_ARG(key));
	(void)snprintf(path + strlen(path), PATH_MAX - strlen(path), "/%.*s",
	    DL_SPAN_ARG(key));
	(void)snprintf(what, sizeof(what), "the lake as the sink of '%.*s'",
	    DL_SPAN_ARG(key));
	j->lock = dl_lock_file(path, what, err);
	return j->lock < 0 ? -1 : 0;
}

static int
reopen(struct dl_journal *j, struct dl_err *err)
{
	if (j->fd >= 0)
		close(j->fd);
	j->fd = open(j->path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (j->fd < 0)
		return dl_err_errno(err, "cannot open '%s'", j->path);
	return 0;
}

/* Make the file size bytes long, durably. */
static int
cut(struct dl_journal *j, uint64_t size, struct dl_err *err)
{
	if (ftruncate(j->fd, (off_t)size) < 0 || fsync(j->fd) < 0)
		return dl_err_errno(err, "cannot cut '%s'", j->path);
	j->size = size;
	return 0;
}

/* Cut what follows the last newline: a line that a crash tore. */
static int
cut_torn(struct dl_journal *j, struct dl_err *err)
{
	struct dl_buf text = {0};
	size_t len;
	int r = -1;

	if (dl_read_file(j->path, FILE_MAX, &text, err) < 0)
		goto out;
	for (len = text.len; len > 0 && text.p[len - 1] != '\n'; len--)
		;
	j->size = len;
	r = len == text.len ? 0 : cut(j, len, err);
out:
	dl_buf_release(&text);
	return r;
}

struct dl_journal *
dl_journal_open(const char *dir, struct dl_span key, struct dl_err *err)
{
	struct dl_journal *j = dl_calloc(1, sizeof(*j));

	j->fd = j->lock = -1;
	j->fold_bytes = FOLD_BYTES;
	if (!dl_key_ok(key))
		(void)dl_err_data(err, "'%.*s' is not a checkpoint's key",
		    key.len > 200 ? 200 : (int)key.len, key.p);
	else if (open_paths(j, dir, key, err) == 0 && reopen(j, err) == 0 &&
		 dl_sync_parent(j->path, err) == 0 &&
		 dl_sync_dir(dir, err) == 0 && cut_torn(j, err) == 0)
		return j;
	dl_journal_close(j);
	return NULL;
}

void
dl_journal_close(struct dl_journal *j)
{
	if (j == NULL)
		return;
	if (j->fd >= 0)
		close(j->fd);
	if (j->lock >= 0)
		close(j->lock);
	dl_buf_release(&j->first);
	dl_buf_release(&j->rest);
	dl_buf_release(&j->last);
	dl_buf_release(&j->next);
	dl_buf_release(&j->line);
	free(j);
}

static bool
lists(struct dl_span array, struct dl_span position, struct dl_buf *scratch)
{
	struct dl_json_iter it;
	struct dl_span value, text;

	dl_json_enter(&it, array);
	while (dl_json_element(&it, &value) > 0) {
		dl_buf_clear(scratch);
		if (dl_json_string(value, scratch, &text) == 0 &&
		    dl_span_eq(text, position))
			return true;
	}
	return false;
}

static bool
next_is(const struct entry *e, struct dl_span position, struct dl_buf *scratch)
{
	struct dl_span text;

	dl_buf_clear(scratch);
	return e->next.p != NULL &&
	       dl_json_string(e->next, scratch, &text) == 0 &&
	       dl_span_eq(text, position);
}

/* Set *from to the lines that matter to a run from position. */
static int
find_start(struct dl_journal *j, struct dl_span text, struct dl_span position,
    struct dl_span *from, struct dl_err *err)
{
	struct dl_span line, rest = text;
	struct entry e;
	uint64_t number = 0;

	*from = text;
	while (next_line(&rest, &line)) {
		if (read_entry(j, line, ++number, &e, err) < 0)
			return -1;
		if (lists(e.positions, position, &j->line)) {
			*from = dl_span(
			    line.p, (size_t)(rest.p - line.p) + rest.len);
			return 0;
		}
		if (next_is(&e, position, &j->line)) {
			*from = rest;
			return 0;
		}
	}
	return 0;
}

/* Call fn for each part of the lines in text; *named: is there one? */
static int
tell_parts(struct dl_journal *j, struct dl_span text, bool *named,
    dl_journal_part_fn *fn, void *arg, struct dl_err *err)
{
	struct dl_span line, value, part;
	struct dl_json_iter it;
	struct entry e;
	int r;

	j->lines = 0;
	while (next_line(&text, &line)) {
		if (read_entry(j, line, ++j->lines, &e, err) < 0)
			return -1;
		dl_json_enter(&it, e.parts);
		while ((r = dl_json_element(&it, &value)) > 0) {
			*named = true;
			dl_buf_clear(&j->line);
			if (dl_json_string(value, &j->line, &part) < 0)
				return dl_err_data(err,
				    "%s:%llu: a part is not a string", j->path,
				    (unsigned long long)j->lines);
			if (fn(arg, part, err) < 0)
				return -1;
		}
		if (r < 0)
			return dl_err_data(err, "%s:%llu: not JSON", j->path,
			    (unsigned long long)j->lines);
	}
	return 0;
}

static int
replace(struct dl_journal *j, struct dl_span text, struct dl_err *err)
{
	if (dl_replace_file(j->path, text, err) < 0)
		return -1;
	j->size = text.len;
	return reopen(j, err);
}

int
dl_journal_start(struct dl_journal *j, struct dl_span position,
    dl_journal_part_fn *fn, void *arg, struct dl_err *err)
{
	struct dl_buf file = {0};
	struct dl_span from;
	bool named = false;
	int r = -1;

	if (dl_read_file(j->path, FILE_MAX, &file, err) < 0)
		goto out;
	if (find_start(j, dl_buf_as_span(&file), position, &from, err) < 0 ||
	    tell_parts(j, from, &named, fn, arg, err) < 0)
		goto out;
	if (!named) {
		j->lines = 0;
		r = j->size == 0 ? 0 : cut(j, 0, err);
	} else {
		r = from.len == file.len ? 0 : replace(j, from, err);
	}
out:
	dl_buf_release(&file);
	return r;
}

void
dl_journal_hold(struct dl_journal *j, bool hold)
{
	j->hold = hold;
}

/* Take out the older half of the pending positions after the first. */
static void
halve(struct dl_journal *j)
{
	size_t drop = (j->nrest + 1) / 2, i, at = 0;

	for (i = 0; i < drop; i++)
		at += strlen(j->rest.p + at) + 1;
	memmove(j->rest.p, j->rest.p + at, j->rest.len - at);
	j->rest.len -= at;
	j->nrest -= drop;
}

static void
set(struct dl_buf *b, struct dl_span s)
{
	dl_buf_clear(b);
	dl_buf_span(b, s);
}

static void
add_pending(struct dl_journal *j, struct dl_span position)
{
	if (j->first.len == 0) {
		set(&j->first, position);
		dl_buf_addc(&j->first, '\0');
		return;
	}
	if (j->nrest + 2 > DL_JOURNAL_POSITIONS || j->rest.len > POSITION_BYTES)
		halve(j);
	dl_buf_span(&j->rest, position);
	dl_buf_addc(&j->rest, '\0');
	j->nrest++;
}

void
dl_journal_position(struct dl_journal *j, struct dl_span position)
{
	/* A head that is idle may say the same again. */
	bool again =
	    !j->stored && dl_span_eq(dl_buf_as_span(&j->last), position);

	j->stored = false;
	set(&j->last, position);
	if (!j->hold && !(again && j->first.len > 0))
		add_pending(j, position);
}

void
dl_journal_stored(struct dl_journal *j)
{
	j->stored = true;
}

/*
 * Append the pending positions to the line, and forget them.  If nothing was
 * stored since the last of them it is next, and pending for the next line.
 */
static void
print_positions(struct dl_journal *j, bool end)
{
	struct dl_span last = dl_buf_as_span(&j->last);
	bool carry = end || (j->first.len > 0 && !j->stored);
	const char *p;
	size_t i;

	dl_buf_adds(&j->line, "{\"positions\":[");
	if (!end && j->first.len > 0 && !(carry && j->nrest == 0))
		dl_json_quote(&j->line, dl_span_str(j->first.p));
	for (i = 0, p = j->rest.p; !end && i < j->nrest; i++) {
		if (!(carry && i + 1 == j->nrest)) {
			dl_buf_addc(&j->line, ',');
			dl_json_quote(&j->line, dl_span_str(p));
		}
		p += strlen(p) + 1;
	}
	dl_buf_adds(&j->line, "],");
	dl_buf_clear(&j->first);
	dl_buf_clear(&j->rest);
	dl_buf_clear(&j->next);
	j->nrest = 0;
	if (!carry)
		return;
	dl_buf_adds(&j->line, "\"next\":");
	dl_json_quote(&j->line, last);
	dl_buf_addc(&j->line, ',');
	dl_buf_span(&j->next, last);
	if (!end)
		add_pending(j, last);
}

/* Append j->line, durably; what a full disk tore is taken back. */
static int
write_line(struct dl_journal *j, struct dl_err *err)
{
	struct dl_err ignored = {0};

	if (dl_write_all(j->fd, j->line.p, j->line.len, j->path, err) < 0) {
		(void)cut(j, j->size, &ignored);
		return -1;
	}
	if (fsync(j->fd) < 0)
		return dl_err_errno(err, "cannot fsync '%s'", j->path);
	j->size += j->line.len;
	j->lines++;
	return 0;
}

/* The inside of an array. */
static struct dl_span
inside(struct dl_span array)
{
	return dl_span(array.p + 1, array.len - 2);
}

/* Make one line of the first n lines of text; *text is what follows them. */
static int
fold_lines(struct dl_journal *j, struct dl_span *text, uint64_t n,
    struct dl_buf *b, struct dl_err *err)
{
	struct dl_span line, parts;
	struct entry e;
	uint64_t i;
	bool any = false;

	for (i = 0; i < n && next_line(text, &line); i++) {
		if (read_entry(j, line, i + 1, &e, err) < 0)
			return -1;
		if (i == 0) {
			dl_buf_adds(b, "{\"positions\":");
			dl_buf_span(b, e.positions);
			dl_buf_adds(b, ",\"parts\":[");
		}
		parts = inside(e.parts);
		if (parts.len == 0)
			continue;
		if (any)
			dl_buf_addc(b, ',');
		dl_buf_span(b, parts);
		any = true;
	}
	dl_buf_adds(b, "]}\n");
	return 0;
}

/* How many lines to fold so that few enough lines and bytes remain. */
static uint64_t
count_fold(const struct dl_journal *j, struct dl_span text)
{
	struct dl_span line;
	uint64_t n = 0;

	while (
	    n + 1 < j->lines &&
	    (j->lines - n > DL_JOURNAL_LINES || text.len > j->fold_bytes / 2) &&
	    next_line(&text, &line))
		n++;
	return n;
}

static int
fold(struct dl_journal *j, struct dl_err *err)
{
	struct dl_buf file = {0}, b = {0};
	struct dl_span text;
	uint64_t n;
	int r = -1;

	if (dl_read_file(j->path, FILE_MAX, &file, err) < 0)
		goto out;
	text = dl_buf_as_span(&file);
	n = count_fold(j, text);
	if (fold_lines(j, &text, n, &b, err) < 0)
		goto out;
	dl_buf_span(&b, text);
	if (replace(j, dl_buf_as_span(&b), err) < 0)
		goto out;
	j->lines -= n - 1;
	j->fold_bytes = j->size * 2 > FOLD_BYTES ? j->size * 2 : FOLD_BYTES;
	r = 0;
out:
	dl_buf_release(&file);
	dl_buf_release(&b);
	return r;
}

static int
append(struct dl_journal *j, const struct dl_span *parts, size_t n, bool end,
    struct dl_err *err)
{
	size_t i;

	if (j->lines > 1 &&
	    (j->lines >= FOLD_LINES || j->size > j->fold_bytes) &&
	    fold(j, err) < 0)
		return -1;
	dl_buf_clear(&j->line);
	print_positions(j, end);
	dl_buf_adds(&j->line, "\"parts\":[");
	for (i = 0; i < n; i++) {
		if (i > 0)
			dl_buf_addc(&j->line, ',');
		dl_json_quote(&j->line, parts[i]);
	}
	dl_buf_adds(&j->line, "]}\n");
	return write_line(j, err);
}

int
dl_journal_append(struct dl_journal *j, const struct dl_span *parts, size_t n,
    struct dl_err *err)
{
	return append(j, parts, n, false, err);
}

int
dl_journal_end(struct dl_journal *j, struct dl_err *err)
{
	struct dl_span last = dl_buf_as_span(&j->last);

	if (j->hold || j->lines == 0 ||
	    dl_span_eq(dl_buf_as_span(&j->next), last))
		return 0;
	return append(j, NULL, 0, true, err);
}
