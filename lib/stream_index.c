#include "stream_index.h"

#include "event.h"
#include "io.h"
#include "line.h"
#include "stream_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_MAX (64 << 20) /* bytes of an index that is read */
#define NANO_DIGITS 9

const struct dl_time dl_stream_no_time = {
    .sec = -62167219200, /* 0000-01-01T00:00:00Z */
    .nsec = 0,
    .digits = NANO_DIGITS};

void
dl_stream_index_release(struct dl_stream_index *x)
{
	free(x->v);
	*x = (struct dl_stream_index){0};
}

void
dl_stream_index_add(struct dl_stream_index *x, const struct dl_stream_mark *m)
{
	if (x->n == x->cap) {
		x->cap = x->cap == 0 ? 64 : 2 * x->cap;
		x->v = dl_realloc(x->v, x->cap * sizeof(*x->v));
	}
	x->v[x->n++] = *m;
}

void
dl_stream_time_print(const struct dl_time *t, char out[DL_STREAM_TIME_LEN + 1])
{
	struct dl_time nano = *t;
	char text[DL_TIME_MAX];

	nano.digits = NANO_DIGITS;
	dl_time_print(&nano, text);
	snprintf(out, DL_STREAM_TIME_LEN + 1, "%.*s", DL_STREAM_TIME_LEN, text);
}

bool
dl_stream_time_read(const char *text, struct dl_time *t)
{
	struct dl_err ignored = {0};

	return dl_time_parse(dl_span(text, DL_STREAM_TIME_LEN), t, &ignored) ==
	       0;
}

void
dl_stream_time_max(struct dl_time *max, struct dl_span recordedtime)
{
	struct dl_err ignored = {0};
	struct dl_time t;

	if (recordedtime.p != NULL &&
	    dl_time_parse(recordedtime, &t, &ignored) == 0 &&
	    dl_time_cmp(&t, max) > 0)
		*max = t;
}

void
dl_stream_mark_print(struct dl_buf *b, const struct dl_stream_mark *m)
{
	char time[DL_STREAM_TIME_LEN + 1], offset[DL_OFFSET_LEN + 1];

	dl_stream_time_print(&m->max, time);
	dl_offset_print(m->offset, offset);
	dl_buf_add(b, time, DL_STREAM_TIME_LEN);
	dl_buf_addc(b, ' ');
	dl_buf_add(b, offset, DL_OFFSET_LEN);
	dl_buf_addc(b, '\n');
}

static bool
read_mark(const char *p, struct dl_stream_mark *m)
{
	const char *offset = p + DL_STREAM_TIME_LEN + 1;

	return p[DL_STREAM_TIME_LEN] == ' ' &&
	       p[DL_STREAM_MARK_LEN - 1] == '\n' &&
	       dl_stream_time_read(p, &m->max) &&
	       dl_offset_read(dl_span(offset, DL_OFFSET_LEN), &m->offset);
}

int
dl_stream_index_load(struct dl_stream_index *x, const char *dir, uint64_t start,
    uint64_t end, struct dl_err *err)
{
	struct dl_stream_mark m, last = {dl_stream_no_time, start};
	struct dl_err ignored = {0};
	struct dl_buf b = {0};
	char path[PATH_MAX];

	x->n = 0;
	if (dl_segment_path(path, dir, start, "index", err) < 0)
		return -1;
	/* One that can't be read says nothing, as one that isn't there. */
	(void)dl_read_file(path, FILE_MAX, &b, &ignored);
	for (size_t at = 0; at + DL_STREAM_MARK_LEN <= b.len;
	     at += DL_STREAM_MARK_LEN) {
		if (!read_mark(b.p + at, &m) || m.offset < last.offset ||
		    m.offset > end || dl_time_cmp(&m.max, &last.max) < 0)
			break;
		dl_stream_index_add(x, &m);
		last = m;
	}
	dl_buf_release(&b);
	return 0;
}

/* Marks as a writer would have set them, and one at the end. */
static int
scan(struct dl_stream_index *x, struct dl_line *in, struct dl_stream_mark last,
    uint64_t end, struct dl_err *err)
{
	struct dl_stream_mark at = last;
	struct dl_err ignored = {0};
	struct dl_event ev = {0};
	struct dl_span line;
	enum dl_line_result r = DL_LINE_RECORD;

	while (at.offset < end &&
	       (r = dl_line_next(in, -1, &line, err)) > DL_LINE_END) {
		at.offset +=
		    1 + (r == DL_LINE_LONG ? in->long_bytes : line.len);
		if (r == DL_LINE_RECORD &&
		    dl_event_parse(&ev, line, &ignored) == 0)
			dl_stream_time_max(&at.max, ev.recordedtime);
		if (at.offset - last.offset >= DL_STREAM_MARK_BYTES ||
		    at.offset >= end) {
			dl_stream_index_add(x, &at);
			last = at;
		}
	}
	dl_event_release(&ev);
	return r == DL_LINE_FAIL ? -1 : 0;
}

int
dl_stream_index_complete(struct dl_stream_index *x, int fd, const char *path,
    uint64_t start, uint64_t end, struct dl_err *err)
{
	struct dl_stream_mark last = {dl_stream_no_time, start};
	struct dl_line in;
	char c;
	int r;

	/* A mark in the middle of a line is a lie, as may be all before it. */
	if (x->n > 0 && x->v[x->n - 1].offset > start &&
	    x->v[x->n - 1].offset < end &&
	    (pread(fd, &c, 1, (off_t)(x->v[x->n - 1].offset - start - 1)) !=
		    1 ||
		c != '\n'))
		x->n = 0;
	if (x->n > 0)
		last = x->v[x->n - 1];
	if (last.offset >= end)
		return 0;
	if (lseek(fd, (off_t)(last.offset - start), SEEK_SET) < 0)
		return dl_err_errno(err, "cannot seek in '%s'", path);
	dl_line_init(&in, fd, path);
	in.max = DL_LINE_MAX;
	in.torn_ok = true;
	r = scan(x, &in, last, end, err);
	dl_line_release(&in);
	return r;
}
