#include "source_state.h"

#include "checkpoint.h"
#include "io.h"
#include "source_contents.h"
#include "source_lost.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SETTLE_AFTER 64           /* changes that wait, in a long run */
#define PATH_ROOM (PATH_MAX - 64) /* of the directory: names are added */

struct dl_source_state {
	char dir[PATH_ROOM];
	char home[PATH_ROOM];
	char key[80];
	struct dl_source_contents now; /* all that was emitted */
	char settled[DL_SOURCE_TOKEN]; /* the position of the file `state` */
	char newest[DL_SOURCE_TOKEN];  /* no token so far is greater */
	bool touched;
	bool read_only; /* for a look: nothing on disk changes */
	size_t waiting;
	struct dl_source_lost lost;
	char last[DL_SOURCE_TOKEN]; /* the newest change, if it was lost too */
	uint64_t begun; /* when the first item since then was emitted, or 0 */
	uint64_t
	    again; /* of the item at hand, if it was emitted before; or 0 */
};

struct tokens {
	char (*name)[DL_SOURCE_TOKEN];
	size_t n;
};

/*
 * A new token after last, whatever the clock says: when it has gone back, the
 * last token plus one.
 */
static void
next_token(char to[DL_SOURCE_TOKEN], const char last[DL_SOURCE_TOKEN])
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	char token[DL_SOURCE_TOKEN];
	size_t i = DL_ULID_LEN;
	const char *d;

	dl_ulid(token);
	if (strcmp(token, last) <= 0) {
		memcpy(token, last, sizeof(token));
		while (i-- > 0) {
			d = strchr(digits, token[i]);
			if (d != NULL && d[1] != '\0') {
				token[i] = d[1];
				break;
			}
			token[i] = digits[0];
		}
	}
	memcpy(to, token, sizeof(token));
}

static void
path_of(char path[PATH_MAX], const struct dl_source_state *s, const char *token)
{
	if (token == NULL)
		snprintf(path, PATH_MAX, "%s/state", s->dir);
	else
		snprintf(path, PATH_MAX, "%s/pending/%s", s->dir, token);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The changes that wait, in their order; what else lies there is removed. */
static int
list(const struct dl_source_state *s, struct tokens *t, struct dl_err *err)
{
	char path[PATH_MAX];
	struct dirent *e;
	size_t cap = 0;
	DIR *dir;

	*t = (struct tokens){0};
	path_of(path, s, "");
	if ((dir = opendir(path)) == NULL && s->read_only && errno == ENOENT)
		return 0;
	if (dir == NULL)
		return dl_err_errno(err, "cannot open directory '%s'", path);
	while ((e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (!dl_source_is_token(dl_span_str(e->d_name))) {
			/* Half of a file, from a run that was cut off. */
			if (!s->read_only)
				unlinkat(dirfd(dir), e->d_name, 0);
			continue;
		}
		if (t->n == cap) {
			cap = cap == 0 ? 64 : 2 * cap;
			t->name = dl_realloc(t->name, cap * DL_SOURCE_TOKEN);
		}
		dl_source_set_token(t->name[t->n++], dl_span_str(e->d_name));
	}
	closedir(dir);
	if (t->n > 0)
		qsort(t->name, t->n, DL_SOURCE_TOKEN, by_text);
	return 0;
}

/* The committed position, or the start. */
static int
read_commit(const struct dl_source_state *s, char token[DL_SOURCE_TOKEN],
    struct dl_err *err)
{
	struct dl_buf b = {0};
	int r = dl_commit_read(s->home, dl_span_str(s->key), &b, err);

	if (r == 0)
		dl_source_set_token(token, DL_SPAN(DL_SOURCE_START));
	else if (r > 0 && dl_source_is_token(dl_buf_as_span(&b)))
		dl_source_set_token(token, dl_buf_as_span(&b));
	else if (r > 0)
		r = dl_err_data(err,
		    "'%s/commits/%s' holds '%s', which is not a position of a "
		    "source: remove it",
		    s->home, s->key, dl_buf_str(&b));
	dl_buf_release(&b);
	return r < 0 ? -1 : 0;
}

/*
 * Go from c, which is the settled state, over the changes up to committed.
 * Each names the position it starts from: where one is missing, as when a run
 * was committed after the next had begun, c stays where it was, and what
 * comes after it is repeated.  How many were applied, or -1.
 */
static int
apply(const struct dl_source_state *s, const struct tokens *t,
    const char *committed, struct dl_source_contents *c, struct dl_err *err)
{
	struct dl_source_contents probe = {.head_only = true};
	char path[PATH_MAX], at[DL_SOURCE_TOKEN];
	size_t from = 0, to;
	int r = 1;

	while (from < t->n && strcmp(t->name[from], c->token) <= 0)
		from++;
	memcpy(at, c->token, sizeof(at));
	for (to = from; to < t->n && strcmp(at, committed) < 0; to++) {
		path_of(path, s, t->name[to]);
		if ((r = dl_source_contents_load(path, &probe, err)) <= 0 ||
		    strcmp(probe.base, at) != 0)
			break;
		memcpy(at, probe.token, sizeof(at));
	}
	dl_source_contents_release(&probe);
	if (r < 0)
		return -1;
	if (strcmp(at, committed) != 0)
		return 0;
	for (size_t i = from; i < to; i++) {
		path_of(path, s, t->name[i]);
		if (dl_source_contents_load(path, c, err) < 0)
			return -1;
	}
	return (int)(to - from);
}

/*
 * The changes after c will be thrown away.  What they had is kept until one
 * after it is committed, and durable before they are not.
 */
static int
keep_lost(struct dl_source_state *s, const struct dl_source_contents *c,
    const struct tokens *t, struct dl_err *err)
{
	char path[PATH_MAX];
	int r;

	if (dl_source_lost_load(&s->lost, s->dir, c->token, err) < 0)
		return -1;
	for (size_t i = 0; i < t->n; i++) {
		struct dl_source_contents change = {0};

		if (strcmp(t->name[i], c->token) <= 0)
			continue;
		path_of(path, s, t->name[i]);
		if ((r = dl_source_contents_load(path, &change, err)) > 0)
			dl_source_lost_add(&s->lost, &change);
		dl_source_contents_release(&change);
		if (r < 0)
			return -1;
	}
	memcpy(s->last, s->lost.was.base, sizeof(s->last));
	return dl_source_lost_store(&s->lost, s->dir, err);
}

/* Remove the changes that c includes, or all. */
static int
clear_pending(struct dl_source_state *s, const struct tokens *t, bool all,
    struct dl_err *err)
{
	char path[PATH_MAX];
	size_t gone = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (!all && strcmp(t->name[i], s->settled) > 0)
			break;
		path_of(path, s, t->name[i]);
		if (unlink(path) < 0 && errno != ENOENT)
			return dl_err_errno(err, "cannot remove '%s'", path);
		gone++;
	}
	s->waiting = t->n - gone;
	if (gone == 0)
		return 0;
	path_of(path, s, "");
	return dl_sync_dir(path, err);
}

/*
 * Bring the file `state` to what was committed, leaving it in c.  The new
 * state is durable before a change that it includes is removed, so a power cut
 * leaves changes that are older than the state: they are passed over.
 */
static int
settle(struct dl_source_state *s, struct dl_source_contents *c, bool first,
    struct dl_err *err)
{
	char path[PATH_MAX], committed[DL_SOURCE_TOKEN];
	struct tokens t = {0};
	int r = -1, applied;

	dl_source_set_token(c->token, DL_SPAN(DL_SOURCE_START));
	dl_source_set_token(c->base, DL_SPAN(DL_SOURCE_START));
	path_of(path, s, NULL);
	if (dl_source_contents_load(path, c, err) < 0 ||
	    read_commit(s, committed, err) < 0 || list(s, &t, err) < 0)
		goto out;
	if ((applied = apply(s, &t, committed, c, err)) < 0)
		goto out;
	if (s->read_only) {
		r = 0;
		goto out;
	}
	if (applied > 0 && dl_source_contents_store(path, c, true, err) < 0)
		goto out;
	memcpy(s->settled, c->token, sizeof(s->settled));
	if (first) {
		memcpy(s->newest, c->token, sizeof(s->newest));
		if (strcmp(committed, s->newest) > 0)
			memcpy(s->newest, committed, sizeof(s->newest));
		if (t.n > 0 && strcmp(t.name[t.n - 1], s->newest) > 0)
			memcpy(s->newest, t.name[t.n - 1], sizeof(s->newest));
	}
	if (first && keep_lost(s, c, &t, err) < 0)
		goto out;
	r = clear_pending(s, &t, first, err);
out:
	free(t.name);
	return r;
}

/* A run that was killed may have made directories and not synced them. */
static int
sync_dirs(const struct dl_source_state *s, struct dl_err *err)
{
	if (dl_sync_dir(s->dir, err) < 0 || dl_sync_parent(s->dir, err) < 0)
		return -1;
	return dl_sync_dir(s->home, err);
}

static struct dl_source_state *
new_state(const char *home, struct dl_span name, struct dl_err *err)
{
	struct dl_source_state *s = dl_calloc(1, sizeof(*s));

	snprintf(s->key, sizeof(s->key), "source.%.*s", DL_SPAN_ARG(name));
	snprintf(s->home, sizeof(s->home), "%s", home);
	if (snprintf(s->dir, sizeof(s->dir), "%s/sources/%.*s", home,
		DL_SPAN_ARG(name)) < (int)sizeof(s->dir))
		return s;
	dl_err_usage(err, "the path '%s' is too long", home);
	free(s);
	return NULL;
}

struct dl_source_state *
dl_source_state_open(const char *home, struct dl_span name, struct dl_err *err)
{
	struct dl_source_state *s = new_state(home, name, err);
	char path[PATH_MAX];

	if (s == NULL)
		return NULL;
	path_of(path, s, "");
	path[strlen(path) - 1] = '\0'; /* its slash */
	if (dl_mkdirs(path, err) < 0 || sync_dirs(s, err) < 0 ||
	    settle(s, &s->now, true, err) < 0) {
		dl_source_state_close(s);
		return NULL;
	}
	dl_seen_clean(&s->now.seen);
	dl_seen_clean(&s->now.marks);
	return s;
}

struct dl_source_state *
dl_source_state_look(const char *home, struct dl_span name, struct dl_err *err)
{
	struct dl_source_state *s = new_state(home, name, err);

	if (s == NULL)
		return NULL;
	s->read_only = true;
	if (settle(s, &s->now, true, err) == 0)
		return s;
	dl_source_state_close(s);
	return NULL;
}

void
dl_source_state_close(struct dl_source_state *s)
{
	if (s == NULL)
		return;
	dl_source_contents_release(&s->now);
	dl_source_lost_release(&s->lost);
	free(s);
}

struct dl_span
dl_source_state_position(const struct dl_source_state *s)
{
	return dl_span_str(s->now.token);
}

bool
dl_source_state_new(
    struct dl_source_state *s, uint64_t subject, uint64_t content)
{
	bool lost = dl_source_lost_take(&s->lost, subject, content, &s->again);

	/* What was lost is a change, even to what was there before it. */
	if (lost)
		dl_seen_put(&s->now.seen, subject, ~content);
	return dl_seen_put(&s->now.seen, subject, content);
}

int
dl_source_state_time(
    struct dl_source_state *s, struct dl_time *t, struct dl_err *err)
{
	uint64_t at = s->again;

	if (s->read_only)
		return 0;
	if (at == 0 && s->begun == 0 &&
	    dl_source_lost_begin(&s->lost, s->dir, s->last, t, &s->begun, err) <
		0)
		return -1;
	*t = dl_source_lost_time(at != 0 ? at : s->begun);
	return at != 0;
}

void
dl_source_state_touch(struct dl_source_state *s)
{
	s->touched = true;
}

void
dl_source_state_validators(const struct dl_source_state *s, uint64_t spec,
    struct dl_span *etag, struct dl_span *modified)
{
	*etag = *modified = (struct dl_span){0};
	if (s->now.spec != spec)
		return;
	if (s->now.etag.len > 0)
		*etag = dl_buf_as_span(&s->now.etag);
	if (s->now.modified.len > 0)
		*modified = dl_buf_as_span(&s->now.modified);
}

/* One line of the file, so no control character may be in it. */
static struct dl_span
storable(struct dl_span v)
{
	bool ok = v.len <= DL_SOURCE_VALIDATOR_MAX;

	for (size_t i = 0; ok && i < v.len; i++)
		ok = (unsigned char)v.p[i] >= ' ' && v.p[i] != 0x7f;
	return ok ? v : DL_SPAN("");
}

void
dl_source_state_set_validators(struct dl_source_state *s, uint64_t spec,
    struct dl_span etag, struct dl_span modified)
{
	etag = storable(etag);
	modified = storable(modified);
	if (s->now.spec == spec &&
	    dl_span_eq(etag, dl_buf_as_span(&s->now.etag)) &&
	    dl_span_eq(modified, dl_buf_as_span(&s->now.modified)))
		return;
	s->now.spec = spec;
	dl_buf_clear(&s->now.etag);
	dl_buf_span(&s->now.etag, etag);
	dl_buf_clear(&s->now.modified);
	dl_buf_span(&s->now.modified, modified);
	s->touched = true;
}

struct dl_span
dl_source_state_text(const struct dl_source_state *s, const char *name)
{
	const struct dl_source_text *t = dl_source_contents_text(&s->now, name);

	return t == NULL ? (struct dl_span){0} : dl_buf_as_span(&t->value);
}

void
dl_source_state_set_text(
    struct dl_source_state *s, const char *name, struct dl_span text)
{
	const struct dl_source_text *t = dl_source_contents_text(&s->now, name);

	if (t != NULL && dl_span_eq(text, dl_buf_as_span(&t->value)))
		return;
	if (!dl_source_contents_set_text(&s->now, dl_span_str(name), text))
		(void)dl_source_contents_set_text(
		    &s->now, dl_span_str(name), DL_SPAN(""));
	s->touched = true;
}

bool
dl_source_state_mark(
    const struct dl_source_state *s, uint64_t key, uint64_t *value)
{
	return dl_seen_get(&s->now.marks, key, value);
}

void
dl_source_state_set_mark(
    struct dl_source_state *s, uint64_t key, uint64_t value)
{
	if (dl_seen_put(&s->now.marks, key, value))
		s->touched = true;
}

/* In a long run: merge what was committed meanwhile. */
static int
settle_again(struct dl_source_state *s, struct dl_err *err)
{
	struct dl_source_contents c = {0};
	char committed[DL_SOURCE_TOKEN];
	int r;

	if (s->waiting < SETTLE_AFTER)
		return 0;
	if ((r = read_commit(s, committed, err)) == 0 &&
	    strcmp(committed, s->settled) > 0)
		r = settle(s, &c, false, err);
	dl_source_contents_release(&c);
	return r;
}

/* The time of what was emitted since the last change goes with this one. */
static void
set_time(struct dl_source_state *s)
{
	char text[24];

	if (s->begun == 0)
		return;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)s->begun);
	(void)dl_source_contents_set_text(
	    &s->now, DL_SPAN(DL_SOURCE_TIME), dl_span_str(text));
}

static int
save(struct dl_source_state *s, bool last, struct dl_err *err)
{
	char path[PATH_MAX];

	if (!s->touched || s->read_only)
		return 0;
	if (settle_again(s, err) < 0)
		return -1;
	if (s->waiting >= DL_SOURCE_WAITING_MAX && !last)
		return 0;
	set_time(s);
	memcpy(s->now.base, s->now.token, sizeof(s->now.base));
	next_token(s->now.token, s->newest);
	path_of(path, s, s->now.token);
	if (dl_source_contents_store(path, &s->now, false, err) < 0)
		return -1;
	memcpy(s->newest, s->now.token, sizeof(s->newest));
	memcpy(s->last, s->now.token, sizeof(s->last));
	s->begun = 0;
	dl_seen_clean(&s->now.seen);
	dl_seen_clean(&s->now.marks);
	s->touched = false;
	s->waiting++;
	return 1;
}

int
dl_source_state_save(struct dl_source_state *s, struct dl_err *err)
{
	return save(s, false, err);
}

int
dl_source_state_save_last(struct dl_source_state *s, struct dl_err *err)
{
	return save(s, true, err);
}

size_t
dl_source_state_waiting(const struct dl_source_state *s)
{
	return s->waiting;
}

bool
dl_source_state_is_unsaved(const struct dl_source_state *s)
{
	return s->touched;
}
