#include "source_lost.h"

#include "buf.h"
#include "io.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define UNKNOWN 1 /* no time is so early: that of a change without one */
#define TAKEN 0
#define DIGITS_BITS 4
#define TIME_MAX_US (253402300800 * 1000000) /* the year 10000 */
#define BEGUN_MAX 64

uint64_t
dl_source_lost_number(const struct dl_time *t)
{
	uint64_t us = (uint64_t)t->sec * 1000000 + (uint64_t)t->nsec / 1000;

	return us << DIGITS_BITS | (uint64_t)(t->digits < 6 ? t->digits : 6);
}

struct dl_time
dl_source_lost_time(uint64_t number)
{
	uint64_t us = number >> DIGITS_BITS;

	return (struct dl_time){.sec = (int64_t)(us / 1000000),
	    .nsec = (int32_t)(us % 1000000) * 1000,
	    .digits = (int32_t)(number & ((1 << DIGITS_BITS) - 1))};
}

void
dl_source_lost_release(struct dl_source_lost *l)
{
	dl_source_contents_release(&l->was);
	*l = (struct dl_source_lost){0};
}

static void
path_of(char path[PATH_MAX], const char *dir, const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", dir, name);
}

/* A number as we write it, with what ends it. */
static bool
read_number(const char *text, const char *end, uint64_t *n)
{
	char *stop;

	errno = 0;
	*n = strtoull(text, &stop, 10);
	return errno == 0 && strcmp(stop, end) == 0 &&
	       (*n & ((1 << DIGITS_BITS) - 1)) <= 6 &&
	       *n >> DIGITS_BITS < (uint64_t)TIME_MAX_US;
}

/* One that is no such line is none: then items are emitted with a new time. */
static void
read_begun(struct dl_source_lost *l, const char *text)
{
	const char *space = strchr(text, ' ');
	struct dl_span token;

	if (space == NULL)
		return;
	token = dl_span(text, (size_t)(space - text));
	if (!dl_source_is_token(token))
		return;
	if (read_number(space + 1, "\n", &l->begun))
		dl_source_set_token(l->begun_after, token);
	else
		l->begun = 0;
}

int
dl_source_lost_load(struct dl_source_lost *l, const char *dir,
    const char *settled, struct dl_err *err)
{
	struct dl_buf b = {0};
	char path[PATH_MAX];
	int r = 0;

	path_of(path, dir, "lost");
	if (dl_source_contents_load(path, &l->was, err) < 0)
		return -1;
	if (strcmp(l->was.token, settled) != 0) {
		l->stale = l->was.token[0] != '\0';
		dl_source_contents_release(&l->was);
		dl_source_set_token(l->was.token, dl_span_str(settled));
		dl_source_set_token(l->was.base, dl_span_str(settled));
	}
	path_of(path, dir, "begun");
	if (access(path, F_OK) == 0) {
		r = dl_read_file(path, BEGUN_MAX, &b, err);
		if (r == 0)
			read_begun(l, dl_buf_str(&b));
	}
	dl_buf_release(&b);
	return r;
}

void
dl_source_lost_add(
    struct dl_source_lost *l, const struct dl_source_contents *change)
{
	const struct dl_source_text *text =
	    dl_source_contents_text(change, DL_SOURCE_TIME);
	uint64_t at = UNKNOWN;

	if (text != NULL &&
	    !read_number(dl_buf_str((struct dl_buf *)&text->value), "", &at))
		at = UNKNOWN;
	for (size_t i = 0; i < change->seen.n; i++) {
		const struct dl_seen_entry *e = &change->seen.entry[i];

		/* The same content again had the time from before. */
		if (dl_seen_put(&l->was.seen, e->subject, e->content))
			dl_seen_put(&l->was.marks, e->subject, at);
	}
	dl_source_set_token(l->was.base, dl_span_str(change->token));
}

int
dl_source_lost_store(
    struct dl_source_lost *l, const char *dir, struct dl_err *err)
{
	char path[PATH_MAX];

	path_of(path, dir, "lost");
	if (strcmp(l->was.base, l->was.token) != 0)
		return dl_source_contents_store(path, &l->was, true, err);
	/* One that comes back after a power cut is of no position either. */
	if (l->stale && unlink(path) < 0 && errno != ENOENT)
		return dl_err_errno(err, "cannot remove '%s'", path);
	return 0;
}

bool
dl_source_lost_take(
    struct dl_source_lost *l, uint64_t subject, uint64_t content, uint64_t *at)
{
	uint64_t was, when;

	*at = 0;
	if (!dl_seen_get(&l->was.seen, subject, &was) ||
	    !dl_seen_get(&l->was.marks, subject, &when) || when == TAKEN)
		return false;
	if (was == content && when != UNKNOWN)
		*at = when;
	dl_seen_put(&l->was.marks, subject, TAKEN);
	return true;
}

int
dl_source_lost_begin(struct dl_source_lost *l, const char *dir,
    const char *newest, const struct dl_time *now, uint64_t *at,
    struct dl_err *err)
{
	struct dl_buf b = {0};
	char path[PATH_MAX];
	int r;

	*at = l->begun;
	if (l->begun != 0 && strcmp(l->begun_after, newest) == 0)
		return 0;
	l->begun = *at = dl_source_lost_number(now);
	dl_source_set_token(l->begun_after, dl_span_str(newest));
	dl_buf_printf(&b, "%s %" PRIu64 "\n", newest, l->begun);
	path_of(path, dir, "begun");
	r = dl_replace_file(path, dl_buf_as_span(&b), err);
	dl_buf_release(&b);
	return r;
}
