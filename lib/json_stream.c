/*
 * Elements of a list in a document that comes in chunks: json_outer.c goes over
 * what is around the list, this over the list itself.  An element that lies in
 * one chunk is handed out from there; only others are copied.
 */
#include "json_stream.h"

#include "json_block.h"
#include "json_byte.h"
#include "json_check.h"
#include "json_outer.h"
#include "utf8.h"

#include <stdlib.h>

#define BAD_MAX ((size_t)64 << 10) /* bytes kept of a bad element */
#define HEAD_MAX 32                /* bytes shown of what is not JSON */

static const char byte_order_mark[] = "\xef\xbb\xbf";

enum state {
	START,    /* nothing yet, or some of a byte order mark */
	LEAD,     /* white space before the document */
	ROOT,     /* at the document's first byte */
	OUTER,    /* around the list */
	FIRST,    /* in the list, before its first element or its end */
	ELEMENT,  /* ... after a comma */
	NEXT,     /* ... after an element */
	NESTED,   /* in an element that is a container */
	STRING,   /* ... a string */
	SCALAR,   /* ... neither */
	NOT_JSON, /* until there is enough of it to show */
	DEAD      /* after a failure */
};

struct dl_json_stream {
	dl_json_item_fn *fn;
	void *arg;
	size_t max_bytes;
	enum state state;
	struct dl_json_outer outer;
	bool found;  /* the path led to a value */
	bool single; /* which is the element itself */
	size_t bom;  /* bytes of it seen */

	struct dl_json_nest nest; /* where in an element */
	bool escaped;
	size_t nth, first; /* its number, and that of its first byte */
	size_t total;      /* its bytes so far, without those of this chunk */
	struct dl_buf item;
	struct dl_err bad;

	char head[HEAD_MAX + 1]; /* the document's first bytes */
	size_t nhead;
	bool words; /* they were not JSON's */
	struct dl_span *path;
};

struct dl_json_stream *
dl_json_stream_new(const struct dl_span *path, size_t npath, size_t max_bytes,
    dl_json_item_fn *fn, void *arg)
{
	struct dl_json_stream *s = dl_calloc(1, sizeof(*s));

	s->fn = fn;
	s->arg = arg;
	s->max_bytes = max_bytes;
	s->path = dl_calloc(npath, sizeof(*s->path));
	for (size_t i = 0; i < npath; i++)
		s->path[i] = dl_span(dl_strndup(path[i]), path[i].len);
	dl_json_outer_init(&s->outer, s->path, npath);
	return s;
}

void
dl_json_stream_free(struct dl_json_stream *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->outer.npath; i++)
		free((char *)s->path[i].p);
	free(s->path);
	dl_buf_release(&s->item);
	free(s);
}

/* What is there instead of JSON, as text that can be shown. */
static int
fail_head(struct dl_json_stream *s, struct dl_err *err)
{
	size_t n = s->nhead > HEAD_MAX ? HEAD_MAX : s->nhead;
	bool cut = s->nhead > n;

	/* No half of a character at the cut, and nothing that is none. */
	for (int i = 1; cut && i < DL_UTF8_MAX; i++)
		if ((s->head[n] & 0xc0) == 0x80)
			n--;
	if (!dl_utf8_valid(dl_span(s->head, n)))
		for (size_t i = 0; i < n; i++)
			if ((s->head[i] & 0x80) != 0)
				s->head[i] = '?';
	return dl_err_data(err, "expected JSON, found '%.*s%s'", (int)n,
	    s->head, cut ? "…" : "");
}

static int
fail_kind(struct dl_json_stream *s, size_t npath, char c, const char *want,
    struct dl_err *err)
{
	struct dl_buf where = {0};

	dl_json_outer_path(&s->outer, npath, &where);
	dl_err_data(err, "%s is %s, expected %s", dl_buf_str(&where),
	    dl_json_kind_name(c), want);
	dl_buf_release(&where);
	return -1;
}

/* An element has ended; its number. */
static size_t
leave_element(struct dl_json_stream *s)
{
	s->total = 0;
	s->state = NEXT;
	if (s->single) {
		dl_json_outer_resume(&s->outer);
		s->state = OUTER;
	}
	return ++s->nth;
}

/* Give an element to the caller. */
static int
hand_out(struct dl_json_stream *s, struct dl_span item, size_t total,
    struct dl_err *err)
{
	struct dl_err *bad = &s->bad;
	size_t nth = leave_element(s);

	if (total > s->max_bytes)
		dl_err_data(bad, "%zu bytes long, longer than the limit of %zu",
		    total, s->max_bytes);
	else if (dl_json_check(item, bad) == 0)
		return s->fn(s->arg, item, total, NULL, err);
	if (!s->single)
		dl_err_prefix(bad, "element %zu, which begins at byte %zu", nth,
		    s->first);
	if (item.len > BAD_MAX)
		item.len = BAD_MAX;
	if (s->fn(s->arg, item, total, bad, err) < 0)
		return -1;
	dl_err_clear(bad);
	return 0;
}

/* Keep the part of an element that is in this chunk, if it isn't too long. */
static void
keep(struct dl_json_stream *s, const char *from, const char *to)
{
	size_t n = (size_t)(to - from);
	size_t limit = s->max_bytes > BAD_MAX ? s->max_bytes : BAD_MAX;

	if (s->total == 0)
		dl_buf_clear(&s->item);
	s->total += n;
	if (s->total > limit) {
		if (s->item.len > BAD_MAX)
			s->item.len = BAD_MAX;
		if (n > BAD_MAX - s->item.len)
			n = BAD_MAX - s->item.len;
	}
	dl_buf_add(&s->item, from, n);
}

/* Like a kernel's string(), but it can be resumed. */
static const char *
string_end(struct dl_json_stream *s, const char *p, const char *end)
{
	size_t i;

	while (p < end) {
		if (s->escaped) {
			s->escaped = false;
			p++;
			continue;
		}
		i = end - p >= DL_STEP ? dl_step_quote(p) : 0;
		p += i;
		if (i == DL_STEP)
			continue;
		if (*p == '"')
			return p + 1;
		s->escaped = *p++ == '\\';
	}
	return NULL;
}

/* Past the element whose bytes go on at p, or NULL if it is not whole yet. */
static const char *
element_end(struct dl_json_stream *s, const char *p, const char *end)
{
	const char *q;

	switch (s->state) {
	case NESTED:
		return dl_json_kernel->nested(&s->nest, p, end);
	case STRING:
		return string_end(s, p, end);
	default:
		q = dl_json_past_scalar(p, end);
		return q < end ? q : NULL;
	}
}

/* The element that is all there, its last part being [from, to). */
static int
finish(struct dl_json_stream *s, const char *from, const char *to,
    struct dl_err *err)
{
	struct dl_span item = dl_span(from, (size_t)(to - from));
	bool word = s->state == SCALAR;

	if (s->total > 0) {
		keep(s, from, to);
		item = dl_buf_as_span(&s->item);
	} else {
		s->total = item.len;
	}
	/* A document that is one word may as well be a message in words. */
	if (s->single && word && dl_json_check(item, &s->bad) < 0) {
		dl_err_clear(&s->bad);
		s->state = NOT_JSON;
		return 0;
	}
	if (s->single && s->outer.npath > 0)
		return fail_kind(s, 0, item.p[0], "an object", err);
	return hand_out(s, item, s->total, err);
}

/* Go on in an element; from is where it begins in this chunk. */
static int
element(struct dl_json_stream *s, const char *from, const char **p,
    const char *end, struct dl_err *err)
{
	const char *q = element_end(s, *p, end);

	if (q == NULL) {
		keep(s, from, end);
		*p = end;
		return 0;
	}
	*p = q;
	return finish(s, from, q, err);
}

/*
 * The element that begins at from, if it is good and ends in this chunk: then
 * nothing but the validator needs to look at it.
 */
static bool
take_whole(const struct dl_json_stream *s, const char *from, const char *end,
    struct dl_span *item)
{
	size_t n = (size_t)(end - from);
	const char *q;

	if (s->single || (*from != '{' && *from != '['))
		return false;
	q = dl_json_check_first(
	    dl_span(from, n < s->max_bytes ? n : s->max_bytes));
	if (q == NULL)
		return false;
	*item = dl_span(from, (size_t)(q - from));
	return true;
}

static int
start_element(struct dl_json_stream *s, const char **p, const char *end,
    struct dl_err *err)
{
	const char *from = *p;
	struct dl_span item;

	s->first = dl_json_outer_at(&s->outer, from);
	if (take_whole(s, from, end, &item)) {
		*p = dl_span_end(item);
		leave_element(s);
		return s->fn(s->arg, item, item.len, NULL, err);
	}
	if (*from == '{' || *from == '[') {
		s->nest = (struct dl_json_nest){1, 0, 0};
		s->state = NESTED;
		++*p;
	} else if (*from == '"') {
		s->escaped = false;
		s->state = STRING;
		++*p;
	} else if (!dl_json_ends_scalar(*from)) {
		s->state = SCALAR;
	} else {
		return dl_err_data(
		    err, "expected a value at byte %zu", s->first);
	}
	return element(s, from, p, end, err);
}

/* The value that the path leads to begins at *p. */
static int
start_list(struct dl_json_stream *s, const char **p, const char *end,
    struct dl_err *err)
{
	s->found = true;
	if (**p == '[') {
		s->state = FIRST;
		++*p;
		return 0;
	}
	if (s->outer.npath > 0)
		return fail_kind(s, s->outer.npath, **p, "an array", err);
	s->single = true;
	return start_element(s, p, end, err);
}

/* In the list, between elements. */
static int
between(struct dl_json_stream *s, const char **p, const char *end,
    struct dl_err *err)
{
	*p = dl_json_past_space(*p, end);
	if (*p == end)
		return 0;
	if (**p == ']' && s->state != ELEMENT) {
		dl_json_outer_resume(&s->outer);
		s->state = OUTER;
		++*p;
		return 0;
	}
	if (s->state != NEXT)
		return start_element(s, p, end, err);
	if (**p != ',')
		return dl_err_data(err, "expected ',' or ']' at byte %zu",
		    dl_json_outer_at(&s->outer, *p));
	s->state = ELEMENT;
	++*p;
	return 0;
}

static int
advance(struct dl_json_stream *s, const char **p, const char *end,
    struct dl_err *err)
{
	int r;

	switch (s->state) {
	case ROOT:
		s->state = OUTER;
		/* A word may be the first of a message that is not JSON. */
		if (!dl_json_ends_scalar(**p)) {
			s->found = s->single = true;
			return start_element(s, p, end, err);
		}
		/* FALLTHROUGH */
	case OUTER:
		r = dl_json_outer_feed(&s->outer, p, end, err);
		return r > 0 ? start_list(s, p, end, err) : r;
	case FIRST:
	case ELEMENT:
	case NEXT:
		return between(s, p, end, err);
	default:
		return element(s, *p, p, end, err);
	}
}

static void
keep_head(struct dl_json_stream *s, const char *p, const char *end)
{
	size_t n = (size_t)(end - p), room = sizeof(s->head) - s->nhead;

	if (n > room)
		n = room;
	memcpy(s->head + s->nhead, p, n);
	s->nhead += n;
}

/* Past a byte order mark, white space, to the document's first byte. */
static const char *
lead(struct dl_json_stream *s, const char *p, const char *end)
{
	for (; p < end && s->state == START; p++) {
		if (s->bom < 3 && *p == byte_order_mark[s->bom]) {
			s->bom++;
			continue;
		}
		s->state = s->bom == 0 || s->bom == 3 ? LEAD : NOT_JSON;
		break;
	}
	if (s->state == NOT_JSON)
		keep_head(s, byte_order_mark, byte_order_mark + s->bom);
	if (s->state != LEAD)
		return p;
	p = dl_json_past_space(p, end);
	if (p < end && dl_json_kind(dl_span(p, 1)) == DL_JSON_INVALID)
		s->state = NOT_JSON;
	else if (p < end)
		s->state = ROOT;
	return p;
}

int
dl_json_stream_feed(
    struct dl_json_stream *s, const char *p, size_t n, struct dl_err *err)
{
	const char *end = dl_span_end(dl_span(p, n));
	int r = 0;

	if (n == 0 && s->state != DEAD)
		return 0;
	s->outer.chunk = p;
	if (s->state <= LEAD)
		p = lead(s, p, end);
	if (p < end && s->nhead < sizeof(s->head))
		keep_head(s, p, end);
	while (r == 0 && p < end && s->state < NOT_JSON)
		r = advance(s, &p, end, err);
	if (s->state == NOT_JSON && s->nhead == sizeof(s->head))
		r = fail_head(s, err);
	else if (s->state == DEAD)
		r = dl_err_bug(err, "fed a document that has ended");
	if (r < 0)
		s->state = DEAD;
	s->outer.before += n;
	return r;
}

static int
fail_path(struct dl_json_stream *s, struct dl_err *err)
{
	struct dl_buf where = {0};

	dl_json_outer_path(&s->outer, s->outer.matched + 1, &where);
	dl_err_data(err, "no %s in the document", dl_buf_str(&where));
	dl_buf_release(&where);
	return -1;
}

int
dl_json_stream_end(struct dl_json_stream *s, struct dl_err *err)
{
	enum state state;

	if (s->state == SCALAR && s->single && finish(s, "", "", err) < 0)
		s->state = DEAD;
	state = s->state;
	s->state = DEAD;
	if (state == DEAD)
		return dl_err_bug(err, "ended a document that has ended");
	if (state == START && s->bom % 3 != 0) {
		keep_head(s, byte_order_mark, byte_order_mark + s->bom);
		state = NOT_JSON;
	}
	if (state == NOT_JSON) {
		s->words = true;
		return fail_head(s, err);
	}
	if (state <= LEAD)
		return dl_err_data(err, "the document is empty");
	if (!dl_json_outer_done(&s->outer))
		return dl_err_data(err,
		    "the document ends in the middle (after %zu bytes)",
		    s->outer.before);
	return s->found ? 0 : fail_path(s, err);
}

bool
dl_json_stream_whole(const struct dl_json_stream *s)
{
	return s->words || dl_json_outer_done(&s->outer);
}
