#include "items_refs.h"

#include "buf.h"
#include "hash.h"

#include <stdlib.h>

/* Text that is walked by characters; what is not ASCII of UTF-16 is '\xff'. */
struct walk {
	const unsigned char *p, *end;
	size_t width, at; /* of a character, and of its lower byte */
};

void
dl_items_refs_clear(struct dl_items_refs *r)
{
	r->n = 0;
}

void
dl_items_refs_release(struct dl_items_refs *r)
{
	free(r->known);
	r->known = NULL;
	r->n = 0;
}

/* Where h is, or belongs. */
static size_t
place(const struct dl_items_refs *r, uint64_t h)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->known[mid] < h)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
is_known(const struct dl_items_refs *r, struct dl_span name)
{
	static const char *const always[] = {"amp", "lt", "gt", "quot", "apos"};
	uint64_t h = dl_hash64(name);
	size_t at = place(r, h);

	for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++)
		if (dl_span_is(name, always[i]))
			return true;
	return at < r->n && r->known[at] == h;
}

/* UTF-16 shows in the first character, which is always ASCII. */
static struct walk
begin(struct dl_span text)
{
	struct walk w = {(const unsigned char *)text.p, NULL, 1, 0};

	w.end = w.p + text.len;
	if (text.len >= 2 && (w.p[0] == '\0' || w.p[1] == '\0')) {
		w.width = 2;
		w.at = w.p[0] == '\0';
	}
	return w;
}

/* The next character, or '\0' at the end. */
static unsigned char
next(struct walk *w)
{
	unsigned char c;

	if ((size_t)(w->end - w->p) < w->width)
		return '\0';
	c = w->p[w->at];
	if (w->width == 2 && (w->p[1 - w->at] != '\0' || c > 0x7f))
		c = 0xff;
	w->p += w->width;
	return c;
}

/* What follows an ampersand, up to its semicolon. */
static bool
take_ref(struct dl_items_refs *r, struct walk *w)
{
	struct dl_buf name = {0};
	unsigned char c = next(w);
	bool known;

	if (c == '#') /* a character, which expat has looked at */
		return true;
	for (; c != ';' && c != '\0'; c = next(w))
		dl_buf_addc(&name, (char)c);
	known = is_known(r, dl_buf_as_span(&name));
	if (!known) {
		if (name.len > DL_ITEMS_REFS_NAME)
			name.len = DL_ITEMS_REFS_NAME;
		memcpy(r->unknown, name.p == NULL ? "" : name.p, name.len);
		r->unknown[name.len] = '\0';
	}
	dl_buf_release(&name);
	return known;
}

bool
dl_items_refs_known(struct dl_items_refs *r, struct dl_span text, bool quoted)
{
	struct walk w = begin(text);
	unsigned char quote = quoted ? next(&w) : '\0', c;

	while ((c = next(&w)) != '\0' && c != quote)
		if (c == '&' && !take_ref(r, &w))
			return false;
	return true;
}

void
dl_items_refs_declare(
    struct dl_items_refs *r, struct dl_span name, struct dl_span value)
{
	uint64_t h = dl_hash64(name);
	size_t at = place(r, h);

	if (value.p == NULL || (at < r->n && r->known[at] == h) ||
	    r->n == DL_ITEMS_REFS_MAX || !dl_items_refs_known(r, value, false))
		return;
	if (r->known == NULL)
		r->known = dl_alloc(DL_ITEMS_REFS_MAX * sizeof(*r->known));
	memmove(
	    r->known + at + 1, r->known + at, (r->n - at) * sizeof(*r->known));
	r->known[at] = h;
	r->n++;
}
