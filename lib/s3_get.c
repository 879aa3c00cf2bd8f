/* Look at an object, fetch it, remove it. */
#include "s3_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void
fill(struct dl_s3_object *o, const char *key, const struct dl_s3_answer *a)
{
	*o = (struct dl_s3_object){.key = key, .modified_ms = a->modified_ms};
	o->size = a->length < 0 ? 0 : (uint64_t)a->length;
	memcpy(o->etag, a->etag, sizeof(o->etag));
	memcpy(o->sha256, a->sha256, sizeof(o->sha256));
}

/*
 * A HEAD has failed, and such an answer has no body: a GET of one byte tells
 * what it means.  1 it does not fail, 0 the object isn't there, -1.
 */
static int
ask_why(struct dl_s3 *s, const char *key, struct dl_err *err)
{
	char range[] = "Range: bytes=0-0", *lines[] = {range, NULL};
	const struct dl_s3_request r = {.method = "GET",
	    .key = key,
	    .headers = &(struct dl_s3_lines){lines, 1},
	    .expect = DL_S3_ABSENT | DL_S3_RANGE};
	struct dl_s3_answer a;

	if (dl_s3_send(s, &r, &a, err) < 0)
		return -1;
	return a.status != 404;
}

int
dl_s3_head(struct dl_s3 *s, const char *key, struct dl_s3_object *o,
    struct dl_err *err)
{
	const struct dl_s3_request r = {.method = "HEAD", .key = key};
	struct dl_err why = {0};
	struct dl_s3_answer a;
	int done;

	if (dl_s3_check_key(s, key, err) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		dl_err_clear(&why);
		if (dl_s3_send(s, &r, &a, &why) == 0) {
			fill(o, key, &a);
			return 1;
		}
		if (why.status == DL_EXIT_TEMP)
			break;
		if ((done = ask_why(s, key, err)) <= 0)
			return done;
	}
	*err = why;
	return -1;
}

/* A fetch into a file. */
struct get {
	struct dl_s3 *s;
	const char *key;
	int fd;
	const char *name;
	uint64_t at, most; /* bytes that are there, and ever were */
	bool began;        /* the answer's head was looked at */
	bool known;        /* object is of the bytes that are there */
	bool other;        /* the answer is of another object */
	struct dl_s3_object object;
};

/* The head of an answer: does it go on where this is? */
static int
take_head(struct get *g, const struct dl_s3_answer *a, struct dl_err *err)
{
	char shown[DL_S3_SHOWN];

	g->began = true;
	if (g->at > 0 && a->status == 206) {
		/* Not all services look at If-Match then. */
		if (a->etag[0] != '\0' &&
		    strcmp(a->etag, g->object.etag) != 0) {
			g->other = true;
			return dl_err_temp(err, "%s: it was changed meanwhile",
			    dl_s3_shown(g->s, g->key, shown));
		}
		if (a->from >= 0 && (uint64_t)a->from == g->at)
			return 0;
		return dl_err_temp(err,
		    "%s: the answer is not of the range that was asked for",
		    dl_s3_shown(g->s, g->key, shown));
	}
	g->at = 0;
	fill(&g->object, g->key, a);
	g->known = a->length >= 0;
	return 0;
}

static int
take_bytes(void *arg, const struct dl_s3_answer *a, const char *p, size_t n,
    struct dl_err *err)
{
	struct get *g = arg;
	ssize_t put;

	if (!g->began && take_head(g, a, err) < 0)
		return -1;
	while (n > 0) {
		put = pwrite(g->fd, p, n, (off_t)g->at);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return dl_err_errno(err, "cannot write '%s'", g->name);
		g->at += (uint64_t)put;
		p += put;
		n -= (size_t)put;
	}
	return 0;
}

/* Ask for what is missing, of the same object; or for all of it. */
static void
say_range(struct get *g, struct dl_s3_lines *lines)
{
	dl_s3_lines_release(lines);
	if (!g->known || g->object.etag[0] == '\0')
		g->at = 0;
	if (g->at == 0)
		return;
	dl_s3_lines_add(lines, "Range: bytes=%llu-", (unsigned long long)g->at);
	dl_s3_lines_add(lines, "If-Match: \"%s\"", g->object.etag);
}

/* An answer has ended as it said it would; is that all of the object? */
static enum dl_s3_result
check_end(struct get *g, const struct dl_s3_answer *a, struct dl_err *err)
{
	char shown[DL_S3_SHOWN];

	/* Of a body of no bytes nothing was taken. */
	if (a->status / 100 == 2 && !g->began && take_head(g, a, err) < 0)
		return DL_S3_FAIL;
	dl_s3_shown(g->s, g->key, shown);
	if (a->status == 412 || a->status == 416) {
		g->known = false;
		dl_err_temp(err, "%s: it was changed meanwhile", shown);
		return DL_S3_AGAIN;
	}
	if (a->status / 100 != 2 || !g->known || g->at == g->object.size)
		return DL_S3_DONE;
	dl_err_temp(err, "%s: %llu bytes came of %llu", shown,
	    (unsigned long long)g->at, (unsigned long long)g->object.size);
	g->known = g->at < g->object.size;
	return DL_S3_AGAIN;
}

/* Who gets on is not failing. */
static void
encourage(struct get *g, struct dl_s3_patience *p)
{
	if (g->at <= g->most)
		return;
	g->most = g->at;
	dl_s3_patience_renew(p);
}

static enum dl_s3_result
fetch(struct get *g, struct dl_s3_answer *a, struct dl_err *err)
{
	struct dl_s3_lines lines = {0};
	const struct dl_s3_request r = {.method = "GET",
	    .key = g->key,
	    .headers = &lines,
	    .expect = DL_S3_ABSENT | DL_S3_PRESENT | DL_S3_RANGE,
	    .take = take_bytes,
	    .arg = g};
	struct dl_s3_patience p;
	enum dl_s3_result done;

	dl_s3_patience_init(&p, g->s, &r);
	do {
		say_range(g, &lines);
		g->began = false;
		g->other = false;
		done = dl_s3_try(g->s, &r, a, &p, err);
		if (done == DL_S3_DONE)
			done = check_end(g, a, err);
		if (g->other) {
			g->known = false;
			done = DL_S3_AGAIN;
		}
		encourage(g, &p);
	} while (done == DL_S3_AGAIN && dl_s3_wait(g->s, &r, a, &p, err) == 0);
	dl_s3_lines_release(&lines);
	return done;
}

int
dl_s3_get(struct dl_s3 *s, const char *key, int fd, const char *fd_name,
    struct dl_s3_object *o, struct dl_err *err)
{
	struct get g = {.s = s, .key = key, .fd = fd, .name = fd_name};
	struct dl_s3_answer a;

	if (dl_s3_check_key(s, key, err) < 0 ||
	    fetch(&g, &a, err) != DL_S3_DONE)
		return -1;
	if (a.status == 404)
		return 0;
	/* Of another object, longer than this one, some may be there. */
	if (ftruncate(fd, (off_t)g.at) < 0)
		return dl_err_errno(err, "cannot cut '%s'", fd_name);
	*o = g.object;
	o->size = g.at;
	return 1;
}

int
dl_s3_read(struct dl_s3 *s, const char *key, size_t max, struct dl_buf *b,
    struct dl_err *err)
{
	const struct dl_s3_request r = {.method = "GET",
	    .key = key,
	    .expect = DL_S3_ABSENT,
	    .into = b,
	    .max = max};
	struct dl_s3_answer a;

	if (dl_s3_check_key(s, key, err) < 0 || dl_s3_send(s, &r, &a, err) < 0)
		return -1;
	return a.status != 404;
}

static int
del(struct dl_s3 *s, const char *key, const char *query, int expect,
    struct dl_err *err)
{
	const struct dl_s3_request r = {
	    .method = "DELETE", .key = key, .query = query, .expect = expect};
	struct dl_s3_answer a;

	if (dl_s3_check_key(s, key, err) < 0)
		return -1;
	return dl_s3_send(s, &r, &a, err);
}

int
dl_s3_remove(struct dl_s3 *s, const char *key, struct dl_err *err)
{
	return del(s, key, NULL, DL_S3_ABSENT, err);
}

int
dl_s3_abort(
    struct dl_s3 *s, const char *key, const char *id, struct dl_err *err)
{
	struct dl_buf query = {0};
	int r;

	dl_s3_url_query(&query, "uploadId", dl_span_str(id));
	r = del(
	    s, key, dl_buf_str(&query), DL_S3_ABSENT | DL_S3_NO_UPLOAD, err);
	dl_buf_release(&query);
	return r;
}
