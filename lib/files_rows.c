#include "files_rows.h"

#include "buf.h"
#include "metric.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <unistd.h>

#define BLOCK (64 << 10)

enum state {
	AT_ROW,   /* a row begins */
	AT_FIELD, /* a field of it begins */
	IN_PLAIN,
	IN_QUOTED,
	AT_QUOTE, /* after a quote in a quoted field */
	IN_WRONG  /* after a misplaced quote: to the line's end */
};

bool
dl_files_rows_newline(const char *encoding)
{
	char from[] = "\n", to[4], *in = from, *out = to;
	size_t nin = 1, nout = sizeof(to);
	iconv_t cd;
	bool r;

	if (encoding == NULL)
		return true;
	if ((cd = iconv_open("UTF-32LE", encoding)) == (iconv_t)-1)
		return false;
	r = iconv(cd, &in, &nin, &out, &nout) == 0 && nin == 0 && nout == 0 &&
	    memcmp(to, "\n\0\0", 4) == 0;
	iconv_close(cd);
	return r;
}

void
dl_files_rows_start(struct dl_files_rows *r)
{
	r->state = AT_ROW;
}

static enum state
after(const struct dl_files_rows *r, enum state state, char c)
{
	if (state == IN_QUOTED)
		return c == '"' ? AT_QUOTE : IN_QUOTED;
	if (c == '\n' || c == '\r')
		return AT_ROW;
	if (state == IN_WRONG)
		return IN_WRONG;
	if (c == r->delimiter)
		return AT_FIELD;
	if (state == AT_QUOTE)
		return c == '"' ? IN_QUOTED : IN_WRONG;
	if (c != '"')
		return IN_PLAIN;
	return state == IN_PLAIN ? IN_WRONG : IN_QUOTED;
}

size_t
dl_files_rows_feed(struct dl_files_rows *r, const char *p, size_t n)
{
	const char *nl;
	enum state state = (enum state)r->state;
	size_t last = 0;

	if (!r->csv) {
		nl = n == 0 ? NULL : memrchr(p, '\n', n);
		return nl == NULL ? 0 : (size_t)(nl + 1 - p);
	}
	for (size_t i = 0; i < n; i++) {
		state = after(r, state, p[i]);
		if (state == AT_ROW)
			last = i + 1;
	}
	r->state = (int)state;
	return last;
}

/* What there is at a place, up to n bytes; 0 at the end, -1. */
static ssize_t
read_at(
    int fd, char *p, size_t n, int64_t at, const char *name, struct dl_err *err)
{
	ssize_t got;

	do
		got = pread(fd, p, n, at);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		dl_err_errno(err, "cannot read '%s'", name);
	return got;
}

/* A file without rows may have terabytes. */
static bool
is_stopped(const struct dl_files_rows *r)
{
	dl_metric_tick();
	return r->stop != NULL && *r->stop;
}

static int64_t
last_forward(struct dl_files_rows *r, int fd, int64_t from, int64_t size,
    char *block, const char *name, struct dl_err *err)
{
	int64_t last = from, at = from;
	size_t n, end;
	ssize_t got;

	dl_files_rows_start(r);
	while (at < size) {
		if (is_stopped(r))
			return from;
		n = size - at < BLOCK ? (size_t)(size - at) : BLOCK;
		if ((got = read_at(fd, block, n, at, name, err)) < 0)
			return -1;
		if (got == 0)
			break;
		if ((end = dl_files_rows_feed(r, block, (size_t)got)) > 0)
			last = at + (int64_t)end;
		at += got;
	}
	return last;
}

/* Of lines, looked for from the end: all before it are whole. */
static int64_t
last_backward(struct dl_files_rows *r, int fd, int64_t from, int64_t size,
    char *block, const char *name, struct dl_err *err)
{
	int64_t at = size;
	size_t n, end;
	ssize_t got;

	while (at > from) {
		if (is_stopped(r))
			return from;
		n = at - from < BLOCK ? (size_t)(at - from) : BLOCK;
		at -= (int64_t)n;
		if ((got = read_at(fd, block, n, at, name, err)) < 0)
			return -1;
		if ((end = dl_files_rows_feed(r, block, (size_t)got)) > 0)
			return at + (int64_t)end;
	}
	return from;
}

int64_t
dl_files_rows_last(struct dl_files_rows *r, int fd, int64_t from, int64_t size,
    const char *name, struct dl_err *err)
{
	char *block = dl_alloc(BLOCK);
	int64_t last;

	last = r->csv ? last_forward(r, fd, from, size, block, name, err)
	              : last_backward(r, fd, from, size, block, name, err);
	free(block);
	return last;
}

/* How many bytes of an empty beginning: a byte order mark, empty lines. */
static size_t
empty(const char *p, size_t n, bool at_start)
{
	size_t i = 0;

	if (at_start && n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		i = 3;
	while (i < n && (p[i] == '\n' || p[i] == '\r'))
		i++;
	return i;
}

int64_t
dl_files_rows_first(struct dl_files_rows *r, int fd, int64_t max,
    const char *name, struct dl_err *err)
{
	char *block = dl_alloc(BLOCK);
	enum state state = AT_ROW;
	int64_t at = 0, first = 0;
	bool begun = false;
	ssize_t got = 0;

	while (first == 0 && at < max &&
	       (got = read_at(fd, block, BLOCK, at, name, err)) > 0) {
		size_t n = (size_t)got, i = 0;

		if (!begun)
			i = empty(block, n, at == 0);
		begun = begun || i < n;
		for (; i < n && first == 0; i++) {
			state = r->csv             ? after(r, state, block[i])
			        : block[i] == '\n' ? AT_ROW
			                           : IN_PLAIN;
			if (state == AT_ROW)
				first = at + (int64_t)i + 1;
		}
		at += got;
	}
	free(block);
	return got < 0 ? -1 : first;
}
