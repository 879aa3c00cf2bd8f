#include "items_lines.h"

#include "json.h"
#include "line.h"

void
dl_items_lines_start(struct dl_items_lines *l)
{
	l->number = 1;
	l->total = 0;
	l->after_cr = l->cut_off = false;
	dl_buf_clear(&l->held);
}

void
dl_items_lines_release(struct dl_items_lines *l)
{
	dl_buf_release(&l->held);
}

int
dl_items_lines_bad(struct dl_items_lines *l, struct dl_span line,
    const char *code, struct dl_err *bad, struct dl_err *err)
{
	dl_err_prefix(bad, "line %llu", (unsigned long long)l->number);
	return l->fn(l->arg, line, line.len, code, bad, err);
}

int
dl_items_lines_check(struct dl_span line, struct dl_err *bad)
{
	if (line.len > 0 && memchr(line.p, '\0', line.len) != NULL)
		return dl_err_data(bad, "it has a NUL byte");
	if (!dl_utf8_valid(line))
		return dl_err_data(bad, "it isn't valid UTF-8");
	return 0;
}

static int
long_line(struct dl_items_lines *l, struct dl_err *err)
{
	struct dl_span head = dl_buf_as_span(&l->held);
	struct dl_err bad = {0};
	size_t total = l->total;

	dl_err_data(&bad, "line %llu: %zu bytes, longer than the limit of %zu",
	    (unsigned long long)l->number, total, l->max);
	l->total = 0;
	if (head.len > DL_LINE_KEEP)
		head.len = DL_LINE_KEEP;
	return l->fn(l->arg, head, total, "too-long", &bad, err);
}

/* More of a line that is too long, of which the beginning is kept. */
static void
hold_long(struct dl_items_lines *l, const char *p, size_t n)
{
	size_t room = 0;

	if (l->total == 0)
		l->total = l->held.len;
	l->total += n;
	if (l->held.len < DL_LINE_KEEP)
		room = DL_LINE_KEEP - l->held.len;
	dl_buf_add(&l->held, p, n < room ? n : room);
}

/* A line, or the rest of one, that ends here. */
static int
end_line(struct dl_items_lines *l, const char *p, size_t n, struct dl_err *err)
{
	struct dl_span line = {p, n};
	int r;

	if (l->total > 0 || l->held.len + n > l->max) {
		hold_long(l, p, n);
		r = long_line(l, err);
	} else {
		if (l->held.len > 0) {
			dl_buf_add(&l->held, p, n);
			line = dl_buf_as_span(&l->held);
		}
		r = l->line_fn(l->line_arg, line, err);
	}
	dl_buf_clear(&l->held);
	l->number++;
	return r;
}

/* Keep the beginning of a line until the rest of it comes. */
static void
hold_line(struct dl_items_lines *l, const char *p, size_t n)
{
	if (l->total > 0 || l->held.len + n > l->max)
		hold_long(l, p, n);
	else
		dl_buf_add(&l->held, p, n);
}

/* Up to lf, which ends a line, CRs may end others. */
static int
feed_crs(struct dl_items_lines *l, const char **p, const char *end,
    struct dl_err *err)
{
	const char *cr;

	while (*p < end && (cr = memchr(*p, '\r', (size_t)(end - *p)))) {
		if (end_line(l, *p, (size_t)(cr - *p), err) < 0)
			return -1;
		*p = cr + 1;
		l->after_cr = *p == end;
	}
	return 0;
}

int
dl_items_lines_feed(
    struct dl_items_lines *l, const char *p, size_t n, struct dl_err *err)
{
	const char *end = p + n, *nl, *stop;

	while (p < end) {
		/* The LF of a CRLF ends nothing. */
		if (l->after_cr && *p == '\n')
			p++;
		l->after_cr = false;
		if (p == end)
			break;
		nl = memchr(p, '\n', (size_t)(end - p));
		stop = nl == NULL ? end : nl;
		if (l->cr && feed_crs(l, &p, stop, err) < 0)
			return -1;
		if (nl == NULL) {
			hold_line(l, p, (size_t)(end - p));
			break;
		}
		if (l->after_cr)
			continue;
		if (end_line(l, p, (size_t)(nl - p), err) < 0)
			return -1;
		p = nl + 1;
	}
	return 0;
}

int
dl_items_lines_end(struct dl_items_lines *l, struct dl_err *err)
{
	if (l->held.len == 0 && l->total == 0)
		return 0;
	if (!l->stream)
		return end_line(l, "", 0, err);
	l->cut_off = true;
	return dl_err_data(err,
	    "the stream broke off in the middle of line %llu",
	    (unsigned long long)l->number);
}

bool
dl_items_lines_cut_off(const struct dl_items_lines *l)
{
	return l->cut_off;
}
