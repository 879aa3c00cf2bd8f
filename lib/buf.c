#include "buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void out_of_memory(void) __attribute__((noreturn, cold));

static void
out_of_memory(void)
{
	static const char msg[] = "dl: out of memory\n";

	if (write(STDERR_FILENO, msg, sizeof(msg) - 1) < 0)
		_exit(DL_EXIT_TEMP);
	_exit(DL_EXIT_TEMP);
}

void *
dl_alloc(size_t n)
{
	void *p = malloc(n == 0 ? 1 : n);

	if (p == NULL)
		out_of_memory();
	return p;
}

void *
dl_calloc(size_t n, size_t size)
{
	void *p = calloc(n == 0 ? 1 : n, size == 0 ? 1 : size);

	if (p == NULL)
		out_of_memory();
	return p;
}

void *
dl_realloc(void *p, size_t n)
{
	void *q = realloc(p, n == 0 ? 1 : n);

	if (q == NULL)
		out_of_memory();
	return q;
}

char *
dl_strndup(struct dl_span s)
{
	char *p = dl_alloc(s.len + 1);

	if (s.len > 0)
		memcpy(p, s.p, s.len);
	p[s.len] = '\0';
	return p;
}

char *
dl_strdup(const char *s)
{
	return dl_strndup(dl_span_str(s));
}

void
dl_buf_grow(struct dl_buf *b, size_t n)
{
	size_t cap = b->cap < 64 ? 64 : b->cap;

	if (n > SIZE_MAX / 4 || b->len > SIZE_MAX / 4)
		out_of_memory();
	while (cap - b->len < n)
		cap *= 2;
	if (cap == b->cap)
		return;
	b->p = dl_realloc(b->p, cap);
	b->cap = cap;
}

void
dl_buf_release(struct dl_buf *b)
{
	free(b->p);
	*b = (struct dl_buf){0};
}

void
dl_buf_printf(struct dl_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n <= 0)
		return;
	dl_buf_room(b, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(b->p + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

const char *
dl_buf_str(struct dl_buf *b)
{
	dl_buf_room(b, 1);
	b->p[b->len] = '\0';
	return b->p;
}
