#include "source_state.h"

#include "checkpoint.h"
#include "hash.h"
#include "io.h"
#include "seen.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TOKEN_MAX (DL_ULID_LEN + 1)
#define FILE_MAX ((size_t)DL_SEEN_LIMIT * 16 + 8192)
#define SETTLE_AFTER 64           /* changes that wait, in a long run */
#define PATH_ROOM (PATH_MAX - 64) /* of the directory: names are added */

/* What a file says: the whole state, or the change from base to token. */
struct contents {
	char token[TOKEN_MAX];
	char base[TOKEN_MAX];
	uint64_t spec; /* by which the validators were got */
	struct dl_buf etag, modified;
	bool head_only; /* leave the entries out of seen */
	struct dl_seen seen;
};

struct dl_source_state {
	char dir[PATH_ROOM];
	char home[PATH_ROOM];
	char key[80];
	struct contents now;     /* all that was emitted */
	char settled[TOKEN_MAX]; /* the position of the file `state` */
	char newest[TOKEN_MAX];  /* no token so far is greater */
	bool touched;
	size_t waiting;
};

struct tokens {
	char (*name)[TOKEN_MAX];
	size_t n;
};

static void
contents_release(struct contents *c)
{
	dl_buf_release(&c->etag);
	dl_buf_release(&c->modified);
	dl_seen_release(&c->seen);
}

static bool
is_token(struct dl_span s)
{
	if (dl_span_is(s, DL_SOURCE_START))
		return true;
	for (size_t i = 0; i < s.len; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') &&
		    !(s.p[i] >= 'A' && s.p[i] <= 'Z'))
			return false;
	return s.len == DL_ULID_LEN;
}

static void
set_token(char to[TOKEN_MAX], struct dl_span token)
{
	memcpy(to, token.p, token.len);
	to[token.len] = '\0';
}

/*
 * A new token after last, whatever the clock says: when it has gone back, the
 * last token plus one.
 */
static void
next_token(char to[TOKEN_MAX], const char last[TOKEN_MAX])
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	char token[TOKEN_MAX];
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

/*
 * The file: lines of text for people, then the entries, 16 bytes each, then
 * XXH3 of all before; numbers are little-endian.
 */
static void
encode(struct dl_buf *b, const struct contents *c, bool all)
{
	size_t n = all ? c->seen.n : dl_seen_changed(&c->seen);
	uint64_t sum;

	dl_buf_room(b, n * 16 + 4096);
	dl_buf_printf(
	    b, "dl-source-state 1\ntoken %s\nbase %s\n", c->token, c->base);
	dl_buf_printf(b, "spec %016" PRIx64 "\netag ", c->spec);
	dl_buf_span(b, dl_buf_as_span(&c->etag));
	dl_buf_adds(b, "\nmodified ");
	dl_buf_span(b, dl_buf_as_span(&c->modified));
	dl_buf_printf(b, "\nentries %zu\n", n);
	for (size_t i = 0; i < c->seen.n; i++) {
		const struct dl_seen_entry *e = &c->seen.entry[i];
		uint64_t pair[2] = {htole64(e->subject), htole64(e->content)};

		if (all || c->seen.changed[i])
			dl_buf_add(b, pair, sizeof(pair));
	}
	sum = htole64(dl_hash64(dl_buf_as_span(b)));
	dl_buf_add(b, &sum, sizeof(sum));
}

/* Take the line "NAME VALUE" off *rest. */
static bool
take_line(struct dl_span *rest, const char *name, struct dl_span *value)
{
	size_t len = strlen(name);
	const char *nl = memchr(rest->p, '\n', rest->len);

	if (nl == NULL || (size_t)(nl - rest->p) < len + 1 ||
	    memcmp(rest->p, name, len) != 0 || rest->p[len] != ' ')
		return false;
	*value = dl_span(rest->p + len + 1, (size_t)(nl - rest->p) - len - 1);
	rest->len -= (size_t)(nl + 1 - rest->p);
	rest->p = nl + 1;
	return true;
}

static bool
take_number(struct dl_span text, int base, uint64_t *n)
{
	char copy[24], *end;

	if (text.len == 0 || text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.p, text.len);
	copy[text.len] = '\0';
	errno = 0;
	*n = strtoull(copy, &end, base);
	return *end == '\0' && errno == 0;
}

static void
replace(struct dl_buf *b, struct dl_span bytes)
{
	dl_buf_clear(b);
	dl_buf_span(b, bytes);
}

/* Put what the file holds over c; false if it is not whole. */
static bool
decode(struct dl_span file, struct contents *c)
{
	struct dl_span v, token, base, spec, etag, modified, entries;
	uint64_t sum, n, pair[2];

	if (file.len < sizeof(sum))
		return false;
	file.len -= sizeof(sum);
	memcpy(&sum, file.p + file.len, sizeof(sum));
	if (le64toh(sum) != dl_hash64(file))
		return false;
	if (!take_line(&file, "dl-source-state", &v) || !dl_span_is(v, "1") ||
	    !take_line(&file, "token", &token) || !is_token(token) ||
	    !take_line(&file, "base", &base) || !is_token(base) ||
	    !take_line(&file, "spec", &spec) ||
	    !take_number(spec, 16, &c->spec) ||
	    !take_line(&file, "etag", &etag) ||
	    !take_line(&file, "modified", &modified) ||
	    !take_line(&file, "entries", &entries) ||
	    !take_number(entries, 10, &n) || file.len % 16 != 0 ||
	    n != file.len / 16)
		return false;
	set_token(c->token, token);
	set_token(c->base, base);
	replace(&c->etag, etag);
	replace(&c->modified, modified);
	for (uint64_t i = 0; !c->head_only && i < n; i++) {
		memcpy(pair, file.p + i * 16, sizeof(pair));
		dl_seen_put(&c->seen, le64toh(pair[0]), le64toh(pair[1]));
	}
	return true;
}

/* Read path over c: 1, 0 there is none, -1. */
static int
load(const char *path, struct contents *c, struct dl_err *err)
{
	struct dl_buf b = {0};
	int r = 1;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (dl_read_file(path, FILE_MAX, &b, err) < 0)
		r = -1;
	else if (!decode(dl_buf_as_span(&b), c))
		r = dl_err_data(err,
		    "'%s' is broken or of another version: move it away, and "
		    "every item counts as new",
		    path);
	dl_buf_release(&b);
	return r;
}

static int
store(const char *path, const struct contents *c, bool all, struct dl_err *err)
{
	struct dl_buf b = {0};
	int r;

	encode(&b, c, all);
	r = dl_replace_file(path, dl_buf_as_span(&b), err);
	dl_buf_release(&b);
	return r;
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
	if ((dir = opendir(path)) == NULL)
		return dl_err_errno(err, "cannot open directory '%s'", path);
	while ((e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (!is_token(dl_span_str(e->d_name))) {
			/* Half of a file, from a run that was cut off. */
			unlinkat(dirfd(dir), e->d_name, 0);
			continue;
		}
		if (t->n == cap) {
			cap = cap == 0 ? 64 : 2 * cap;
			t->name = dl_realloc(t->name, cap * TOKEN_MAX);
		}
		set_token(t->name[t->n++], dl_span_str(e->d_name));
	}
	closedir(dir);
	if (t->n > 0)
		qsort(t->name, t->n, TOKEN_MAX, by_text);
	return 0;
}

/* The committed position, or the start. */
static int
read_commit(
    const struct dl_source_state *s, char token[TOKEN_MAX], struct dl_err *err)
{
	struct dl_buf b = {0};
	int r = dl_commit_read(s->home, dl_span_str(s->key), &b, err);

	if (r == 0)
		set_token(token, DL_SPAN(DL_SOURCE_START));
	else if (r > 0 && is_token(dl_buf_as_span(&b)))
		set_token(token, dl_buf_as_span(&b));
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
    const char *committed, struct contents *c, struct dl_err *err)
{
	struct contents probe = {.head_only = true};
	char path[PATH_MAX], at[TOKEN_MAX];
	size_t from = 0, to;
	int r = 1;

	while (from < t->n && strcmp(t->name[from], c->token) <= 0)
		from++;
	memcpy(at, c->token, sizeof(at));
	for (to = from; to < t->n && strcmp(at, committed) < 0; to++) {
		path_of(path, s, t->name[to]);
		if ((r = load(path, &probe, err)) <= 0 ||
		    strcmp(probe.base, at) != 0)
			break;
		memcpy(at, probe.token, sizeof(at));
	}
	contents_release(&probe);
	if (r < 0)
		return -1;
	if (strcmp(at, committed) != 0)
		return 0;
	for (size_t i = from; i < to; i++) {
		path_of(path, s, t->name[i]);
		if (load(path, c, err) < 0)
			return -1;
	}
	return (int)(to - from);
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
settle(struct dl_source_state *s, struct contents *c, bool first,
    struct dl_err *err)
{
	char path[PATH_MAX], committed[TOKEN_MAX];
	struct tokens t = {0};
	int r = -1, applied;

	set_token(c->token, DL_SPAN(DL_SOURCE_START));
	set_token(c->base, DL_SPAN(DL_SOURCE_START));
	path_of(path, s, NULL);
	if (load(path, c, err) < 0 || read_commit(s, committed, err) < 0 ||
	    list(s, &t, err) < 0)
		goto out;
	if ((applied = apply(s, &t, committed, c, err)) < 0)
		goto out;
	if (applied > 0 && store(path, c, true, err) < 0)
		goto out;
	memcpy(s->settled, c->token, sizeof(s->settled));
	if (first) {
		memcpy(s->newest, c->token, sizeof(s->newest));
		if (strcmp(committed, s->newest) > 0)
			memcpy(s->newest, committed, sizeof(s->newest));
		if (t.n > 0 && strcmp(t.name[t.n - 1], s->newest) > 0)
			memcpy(s->newest, t.name[t.n - 1], sizeof(s->newest));
	}
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

struct dl_source_state *
dl_source_state_open(const char *home, struct dl_span name, struct dl_err *err)
{
	struct dl_source_state *s = dl_calloc(1, sizeof(*s));
	char path[PATH_MAX];

	snprintf(s->key, sizeof(s->key), "source.%.*s", DL_SPAN_ARG(name));
	snprintf(s->home, sizeof(s->home), "%s", home);
	if (snprintf(s->dir, sizeof(s->dir), "%s/sources/%.*s", home,
		DL_SPAN_ARG(name)) >= (int)sizeof(s->dir)) {
		dl_err_usage(err, "the path '%s' is too long", home);
		goto fail;
	}
	path_of(path, s, "");
	path[strlen(path) - 1] = '\0'; /* its slash */
	if (dl_mkdirs(path, err) < 0 || sync_dirs(s, err) < 0 ||
	    settle(s, &s->now, true, err) < 0)
		goto fail;
	dl_seen_clean(&s->now.seen);
	return s;
fail:
	dl_source_state_close(s);
	return NULL;
}

void
dl_source_state_close(struct dl_source_state *s)
{
	if (s == NULL)
		return;
	contents_release(&s->now);
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
	return dl_seen_put(&s->now.seen, subject, content);
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
	replace(&s->now.etag, etag);
	replace(&s->now.modified, modified);
	s->touched = true;
}

/* In a long run: merge what was committed meanwhile. */
static int
settle_again(struct dl_source_state *s, struct dl_err *err)
{
	struct contents c = {0};
	char committed[TOKEN_MAX];
	int r;

	if (s->waiting < SETTLE_AFTER)
		return 0;
	if ((r = read_commit(s, committed, err)) == 0 &&
	    strcmp(committed, s->settled) > 0)
		r = settle(s, &c, false, err);
	contents_release(&c);
	return r;
}

int
dl_source_state_save(struct dl_source_state *s, struct dl_err *err)
{
	char path[PATH_MAX];

	if (!s->touched)
		return 0;
	if (settle_again(s, err) < 0)
		return -1;
	if (s->waiting >= DL_SOURCE_WAITING_MAX)
		return 0;
	memcpy(s->now.base, s->now.token, sizeof(s->now.base));
	next_token(s->now.token, s->newest);
	path_of(path, s, s->now.token);
	if (store(path, &s->now, false, err) < 0)
		return -1;
	memcpy(s->newest, s->now.token, sizeof(s->newest));
	dl_seen_clean(&s->now.seen);
	s->touched = false;
	s->waiting++;
	return 1;
}

size_t
dl_source_state_waiting(const struct dl_source_state *s)
{
	return s->waiting;
}
