#include "journal_private.h"

#include "checkpoint.h"
#include "io.h"
#include "json.h"
#include "log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define POSITION_BYTES (16 << 10) /* of one line's positions */

/* Opening and closing */

static int
open_paths(struct dl_journal *j, const char *state, struct dl_span key,
    struct dl_err *err)
{
	char path[PATH_MAX], what[500];
	const char *kind = j->kind->what;
	int n, m;

	n = snprintf(j->path, PATH_MAX, "%s/%s", state, j->kind->dir);
	m = snprintf(path, PATH_MAX, "%s/lock", state);
	if (n < 0 || m < 0 || (size_t)n + key.len + 2 > PATH_MAX ||
	    (size_t)m + key.len + 2 > PATH_MAX)
		return dl_err_usage(err, "%s's path is too long", kind);
	if (dl_mkdirs(j->path, err) < 0 || dl_mkdirs(path, err) < 0)
		return -1;
	(void)snprintf(
	    j->path + n, PATH_MAX - (size_t)n, "/%.*s", DL_SPAN_ARG(key));
	(void)snprintf(
	    path + m, PATH_MAX - (size_t)m, "/%.*s", DL_SPAN_ARG(key));
	(void)snprintf(what, sizeof(what),
	    "%s in '%.200s' as the sink of '%.*s'", kind, state,
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
	j->unsynced = false;
	return 0;
}

int
dl_journal_replace(
    struct dl_journal *j, struct dl_span text, struct dl_err *err)
{
	if (dl_replace_file(j->path, text, err) < 0)
		return -1;
	j->size = text.len;
	j->unsynced = false;
	return reopen(j, err);
}

/*
 * Append to good the lines of text up to the last that is JSON, without those
 * that have zeros: a power cut leaves zeros for pages that were written and not
 * fsynced, even before others that it leaves whole.  true if all is good.
 */
static bool
take_good(struct dl_span text, struct dl_buf *good)
{
	struct dl_span line, rest = text;
	struct dl_err ignored;
	size_t end = 0, before;

	while (dl_journal_next_line(&rest, &line)) {
		before = good->len;
		if (memchr(line.p, '\0', line.len) != NULL)
			continue;
		dl_buf_add(good, line.p, line.len + 1);
		dl_err_clear(&ignored);
		if (dl_json_check(line, &ignored) == 0)
			end = before + line.len + 1;
	}
	good->len = end;
	return end == text.len;
}

/* Take out what a crash left. */
static int
recover(struct dl_journal *j, struct dl_err *err)
{
	struct dl_buf text = {0}, good = {0};
	int r = -1;

	if (dl_read_file(j->path, DL_JOURNAL_FILE_MAX, &text, err) < 0)
		goto out;
	j->size = text.len;
	/* It may have been written by a process that was killed at once. */
	j->unsynced = text.len > 0;
	if (take_good(dl_buf_as_span(&text), &good)) {
		r = 0;
	} else if (good.len == 0 || memcmp(text.p, good.p, good.len) == 0) {
		r = cut(j, good.len, err);
	} else {
		dl_log(
		    DL_LOG_WARN, "%s: lines were lost in a power cut", j->path);
		r = dl_journal_replace(j, dl_buf_as_span(&good), err);
	}
out:
	dl_buf_release(&text);
	dl_buf_release(&good);
	return r;
}

struct dl_journal *
dl_journal_open(const struct dl_journal_kind *kind, const char *state,
    struct dl_span key, struct dl_err *err)
{
	struct dl_journal *j = dl_calloc(1, sizeof(*j));

	j->kind = kind;
	j->fd = j->lock = -1;
	j->fold_bytes = DL_JOURNAL_FOLD_BYTES;
	j->keep_lines = DL_JOURNAL_LINES;
	if (!dl_key_ok(key))
		(void)dl_err_data(err, "'%.*s' is not a checkpoint's key",
		    key.len > 200 ? 200 : (int)key.len, key.p);
	else if (open_paths(j, state, key, err) == 0 && reopen(j, err) == 0 &&
		 dl_sync_parent(j->path, err) == 0 &&
		 dl_sync_dir(state, err) == 0 && recover(j, err) == 0)
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

/* Starting */

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
next_is(const struct dl_journal_entry *e, struct dl_span position,
    struct dl_buf *scratch)
{
	struct dl_span text;

	dl_buf_clear(scratch);
	return e->next.p != NULL &&
	       dl_json_string(e->next, scratch, &text) == 0 &&
	       dl_span_eq(text, position);
}

/* The lines that matter to a run. */
struct matter {
	struct dl_span base; /* empty unless it is apart from the others */
	struct dl_span from; /* a line and all after it */
	uint64_t number;     /* of the first line of from */
};

static int
find_matter(struct dl_journal *j, struct dl_span text, struct dl_span position,
    struct matter *m, struct dl_err *err)
{
	struct dl_span line, first = {NULL, 0}, rest = text;
	struct dl_journal_entry e;
	uint64_t number = 0;
	bool listed;

	*m = (struct matter){.from = text, .number = 1};
	while (dl_journal_next_line(&rest, &line)) {
		if (dl_journal_read_entry(j, line, ++number, &e, err) < 0)
			return -1;
		if (number == 1)
			first = line;
		listed = lists(e.positions, position, &j->line);
		if (!listed && !next_is(&e, position, &j->line))
			continue;
		m->from = rest;
		m->number = number + 1;
		if (listed) {
			m->from.p = line.p;
			m->from.len += line.len + 1;
			m->number = number;
		}
		if (e.carry && m->number > 1)
			m->base = first;
		return 0;
	}
	return 0;
}

static void
raise_reach(struct dl_journal *j, struct dl_span value)
{
	struct dl_span text;
	uint64_t offset;

	dl_buf_clear(&j->line);
	if (value.p != NULL && dl_json_string(value, &j->line, &text) == 0 &&
	    dl_offset_read(text, &offset) && offset > j->reach)
		j->reach = offset;
}

/* How far have the runs before come, where positions are offsets? */
static int
find_reach(struct dl_journal *j, struct dl_span text, struct dl_err *err)
{
	struct dl_span line, value;
	struct dl_journal_entry e;
	struct dl_json_iter it;
	uint64_t number = 0;

	while (dl_journal_next_line(&text, &line)) {
		if (dl_journal_read_entry(j, line, ++number, &e, err) < 0)
			return -1;
		raise_reach(j, e.next);
		raise_reach(j, e.reach);
		dl_json_enter(&it, e.positions);
		while (dl_json_element(&it, &value) > 0)
			raise_reach(j, value);
	}
	return 0;
}

/* Gather the parts that matter and are there. */
static int
gather(struct dl_journal *j, const struct matter *m, dl_journal_part_fn *fn,
    void *arg, struct dl_journal_list *list, struct dl_err *err)
{
	struct dl_span line, rest = m->from;
	uint64_t number = m->number;

	if (m->base.len > 0 &&
	    dl_journal_gather(j, m->base, 1, fn, arg, list, err) < 0)
		return -1;
	while (dl_journal_next_line(&rest, &line))
		if (dl_journal_gather(j, line, number++, fn, arg, list, err) <
		    0)
			return -1;
	return 0;
}

/* Write the base: the list's parts, which matter from position on. */
static int
write_base(struct dl_journal *j, struct dl_span position,
    struct dl_journal_list *list, struct dl_span old, struct dl_err *err)
{
	if (list->n == 0)
		return j->size == 0 ? 0 : cut(j, 0, err);
	j->lines = 1;
	dl_buf_span(&j->next, position);
	dl_buf_clear(&j->line);
	dl_buf_adds(&j->line, "{\"positions\":[");
	dl_json_quote(&j->line, position);
	dl_buf_adds(&j->line, "],");
	if (j->reach > 0) {
		char reach[DL_OFFSET_LEN + 1];

		dl_offset_print(j->reach, reach);
		dl_buf_printf(&j->line, "\"reach\":\"%s\",", reach);
	}
	dl_journal_print_list(j, list, &j->line);
	if (dl_span_eq(old, dl_buf_as_span(&j->line)))
		return dl_journal_sync(j, err);
	return dl_journal_replace(j, dl_buf_as_span(&j->line), err);
}

int
dl_journal_start(struct dl_journal *j, struct dl_span position,
    dl_journal_part_fn *fn, void *arg, struct dl_err *err)
{
	struct dl_journal_list list = {0};
	struct dl_buf file = {0};
	struct dl_span text;
	struct matter m;
	int r = -1;

	if (dl_read_file(j->path, DL_JOURNAL_FILE_MAX, &file, err) < 0)
		goto out;
	text = dl_buf_as_span(&file);
	if (find_reach(j, text, err) == 0 &&
	    find_matter(j, text, position, &m, err) == 0 &&
	    gather(j, &m, fn, arg, &list, err) == 0)
		r = write_base(j, position, &list, text, err);
	if (j->size * 2 > j->fold_bytes)
		j->fold_bytes = j->size * 2;
out:
	dl_buf_release(&list.text);
	dl_buf_release(&file);
	return r;
}

/* Adding */

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

/* The pending ones will stand nowhere: to them all parts matter. */
static void
forget_pending(struct dl_journal *j)
{
	dl_buf_clear(&j->first);
	dl_buf_clear(&j->rest);
	j->nrest = 0;
	j->carry = false;
}

void
dl_journal_position(struct dl_journal *j, struct dl_span position)
{
	/* A head that is idle may say the same again. */
	bool again =
	    !j->stored && dl_span_eq(dl_buf_as_span(&j->last), position);
	uint64_t offset;

	if (j->hold && dl_offset_read(position, &offset) &&
	    offset >= j->reach + DL_OFFSET_APART)
		j->hold = false;
	/* One with carry among them would make all need the base. */
	if (!j->hold && j->carry)
		forget_pending(j);
	j->stored = false;
	set(&j->last, position);
	j->last_carry = j->hold;
	if (!(again && j->first.len > 0))
		add_pending(j, position);
	j->carry = j->carry || j->last_carry;
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
print_positions(struct dl_journal *j, bool settled)
{
	struct dl_span last = dl_buf_as_span(&j->last);
	bool next = settled || (j->first.len > 0 && !j->stored);
	const char *p;
	size_t i;

	dl_buf_adds(&j->line, "{\"positions\":[");
	if (!settled && j->first.len > 0 && !(next && j->nrest == 0))
		dl_json_quote(&j->line, dl_span_str(j->first.p));
	for (i = 0, p = j->rest.p; !settled && i < j->nrest; i++) {
		if (!(next && i + 1 == j->nrest)) {
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
	if (next) {
		dl_buf_adds(&j->line, "\"next\":");
		dl_json_quote(&j->line, last);
		dl_buf_addc(&j->line, ',');
		dl_buf_span(&j->next, last);
	}
	if (j->carry)
		dl_buf_adds(&j->line, "\"carry\":true,");
	j->carry = false;
	if (next && !settled) {
		add_pending(j, last);
		j->carry = j->last_carry;
	}
}

/* Append j->line; what a full disk tore is taken back. */
static int
write_line(struct dl_journal *j, struct dl_err *err)
{
	struct dl_err ignored = {0};

	if (dl_write_all(j->fd, j->line.p, j->line.len, j->path, err) < 0) {
		(void)cut(j, j->size, &ignored);
		return -1;
	}
	j->unsynced = true;
	j->size += j->line.len;
	j->lines++;
	return 0;
}

static int
append(struct dl_journal *j, const struct dl_span *parts, size_t n,
    bool settled, struct dl_err *err)
{
	size_t i;

	if (j->lines > 2 &&
	    (j->lines > 2 * j->keep_lines || j->size > j->fold_bytes) &&
	    dl_journal_fold(j, err) < 0)
		return -1;
	dl_buf_clear(&j->line);
	print_positions(j, settled);
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
    bool durable, struct dl_err *err)
{
	if (append(j, parts, n, false, err) < 0)
		return -1;
	return durable ? dl_journal_sync(j, err) : 0;
}

int
dl_journal_sync(struct dl_journal *j, struct dl_err *err)
{
	if (!j->unsynced)
		return 0;
	if (fsync(j->fd) < 0)
		return dl_err_errno(err, "cannot fsync '%s'", j->path);
	j->unsynced = false;
	return 0;
}

int
dl_journal_settled(struct dl_journal *j, struct dl_err *err)
{
	struct dl_span last = dl_buf_as_span(&j->last);

	if (j->lines == 0 || dl_span_eq(dl_buf_as_span(&j->next), last))
		return 0;
	return append(j, NULL, 0, true, err);
}

int
dl_journal_end(struct dl_journal *j, struct dl_err *err)
{
	if (dl_journal_settled(j, err) < 0)
		return -1;
	return dl_journal_sync(j, err);
}
