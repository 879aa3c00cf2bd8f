/*
 * A growable byte buffer, and the allocation that the library uses.
 *
 * Growing never fails: where memory ends, the process ends, with one line and
 * status 75, as it would if it were killed at that instant.  Every writer here
 * survives that, and no path in which an append was forgotten can lose a
 * record in silence.
 *
 * A buffer is zero-initialised ({0}).  p is NULL
 * until the first byte; the pointer changes when the buffer grows, so spans of
 * it are valid until the next append.  The bytes are not NUL-terminated unless
 * dl_buf_str() was called last.
 */
#ifndef DL_BUF_H
#define DL_BUF_H

#include "err.h"
#include "span.h"

#include <stdint.h>

struct dl_buf {
	char *p;
	size_t len;
	size_t cap;
};

/* As malloc, calloc, realloc, strdup, but they never return NULL. */
void *dl_alloc(size_t n) __attribute__((malloc, returns_nonnull));
void *dl_calloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *dl_realloc(void *p, size_t n) __attribute__((returns_nonnull));
char *dl_strdup(const char *s) __attribute__((malloc, returns_nonnull));
char *dl_strndup(struct dl_span s) __attribute__((malloc, returns_nonnull));

/* Grow so that at least n more bytes fit, by doubling. */
void dl_buf_grow(struct dl_buf *b, size_t n);

/* Free the bytes; b is empty and usable again. */
void dl_buf_release(struct dl_buf *b);

void dl_buf_printf(struct dl_buf *b, const char *fmt, ...) DL_PRINTF(2, 3);

/* The bytes as a C string, valid until the next append. */
const char *dl_buf_str(struct dl_buf *b);

static inline void
dl_buf_room(struct dl_buf *b, size_t n)
{
	if (b->cap - b->len < n)
		dl_buf_grow(b, n);
}

static inline void
dl_buf_add(struct dl_buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	dl_buf_room(b, n);
	memcpy(b->p + b->len, p, n);
	b->len += n;
}

static inline void
dl_buf_addc(struct dl_buf *b, char c)
{
	dl_buf_room(b, 1);
	b->p[b->len++] = c;
}

static inline void
dl_buf_adds(struct dl_buf *b, const char *s)
{
	dl_buf_add(b, s, strlen(s));
}

static inline void
dl_buf_span(struct dl_buf *b, struct dl_span s)
{
	dl_buf_add(b, s.p, s.len);
}

static inline void
dl_buf_clear(struct dl_buf *b)
{
	b->len = 0;
}

static inline struct dl_span
dl_buf_as_span(const struct dl_buf *b)
{
	return (struct dl_span){b->p == NULL ? "" : b->p, b->len};
}

#endif
