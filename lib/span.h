/*
 * A view of bytes that someone else owns.
 *
 * A span never owns, never ends in NUL by promise, and may hold any bytes.
 * An absent span has p == NULL; an empty one has p != NULL and len == 0.
 */
#ifndef DL_SPAN_H
#define DL_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct dl_span {
	const char *p;
	size_t len;
};

/* A span of a string literal. */
#define DL_SPAN(lit) ((struct dl_span){(lit), sizeof(lit) - 1})

/* For printf's "%.*s". */
#define DL_SPAN_ARG(s) (int)(s).len, (s).p

static inline struct dl_span
dl_span(const char *p, size_t len)
{
	return (struct dl_span){p, len};
}

static inline struct dl_span
dl_span_str(const char *s)
{
	return (struct dl_span){s, s == NULL ? 0 : strlen(s)};
}

/* Past the last byte.  An absent span has none, and NULL + 0 is undefined. */
static inline const char *
dl_span_end(struct dl_span s)
{
	return s.len == 0 ? s.p : s.p + s.len;
}

static inline bool
dl_span_eq(struct dl_span a, struct dl_span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static inline bool
dl_span_is(struct dl_span a, const char *s)
{
	return dl_span_eq(a, dl_span_str(s));
}

/* Order by bytes; a prefix comes first. */
static inline int
dl_span_cmp(struct dl_span a, struct dl_span b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int r = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return r != 0 ? r : (a.len > b.len) - (a.len < b.len);
}

#endif
