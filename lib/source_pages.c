#include "source_pages.h"

#include "expr.h"
#include "hash.h"
#include "json.h"
#include "link.h"
#include "log.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define URL_FLAGS \
	(CURLU_NON_SUPPORT_SCHEME | CURLU_ALLOW_SPACE | CURLU_URLENCODE)

/* Hashes of a walk, open addressing. */
struct set {
	struct dl_hash128 *slot; /* hi 0: free */
	size_t n, cap;           /* cap: 0 or a power of two, above n */
};

struct dl_pages {
	const struct dl_pages_spec *spec;
	size_t max_document;
	bool left_out; /* the walk has ended before a page that is there */
	struct dl_expr_set *expr; /* of next, or NULL */
	struct dl_buf body;
	struct dl_buf place; /* the next URL, or the token, as it was given */
	struct dl_buf url;   /* of the page at hand */
	struct dl_buf token; /* for {page} */
	uint64_t page;       /* from 0 */
	int64_t number;      /* page, offset */
	struct set places, bodies;
};

static void
release_set(struct set *s)
{
	free(s->slot);
	*s = (struct set){0};
}

/* Where h is, or would be. */
static size_t
slot_of(const struct set *s, struct dl_hash128 h)
{
	size_t i = (size_t)dl_hash_place(h.lo) & (s->cap - 1);

	while (s->slot[i].hi != 0 &&
	       (s->slot[i].hi != h.hi || s->slot[i].lo != h.lo))
		i = (i + 1) & (s->cap - 1);
	return i;
}

static void
grow_set(struct set *s)
{
	struct set bigger = {.n = s->n, .cap = s->cap == 0 ? 64 : 2 * s->cap};

	bigger.slot = dl_calloc(bigger.cap, sizeof(*bigger.slot));
	for (size_t i = 0; i < s->cap; i++)
		if (s->slot[i].hi != 0)
			bigger.slot[slot_of(&bigger, s->slot[i])] = s->slot[i];
	free(s->slot);
	*s = bigger;
}

/* No text's hash is that of a free slot. */
static struct dl_hash128
hash_of(struct dl_span text)
{
	struct dl_hash128 h = dl_hash128(text);

	h.hi |= 1;
	return h;
}

static bool
has(const struct set *s, struct dl_span text)
{
	return s->cap > 0 && s->slot[slot_of(s, hash_of(text))].hi != 0;
}

/* Add what has this text; false: it was there. */
static bool
add_new(struct set *s, struct dl_span text)
{
	struct dl_hash128 h = hash_of(text);
	size_t i;

	if (2 * s->n >= s->cap)
		grow_set(s);
	i = slot_of(s, h);
	if (s->slot[i].hi != 0)
		return false;
	s->slot[i] = h;
	s->n++;
	return true;
}

struct dl_pages *
dl_pages_new(
    const struct dl_pages_spec *spec, size_t max_document, struct dl_err *err)
{
	struct dl_pages *p = dl_calloc(1, sizeof(*p));
	struct dl_expr_options options = {.max_time_ms = DL_PAGES_MS};
	struct dl_buf name = {0};

	p->spec = spec;
	p->max_document = max_document;
	if (spec->next == NULL)
		return p;
	p->expr = dl_expr_set_new();
	dl_buf_printf(&name, "%s:%d: 'next'", spec->path, spec->line);
	options.name = dl_buf_str(&name);
	if (dl_expr_add(p->expr, spec->next, &options, err) < 0) {
		dl_pages_free(p);
		p = NULL;
	}
	dl_buf_release(&name);
	return p;
}

void
dl_pages_free(struct dl_pages *p)
{
	if (p == NULL)
		return;
	dl_expr_set_free(p->expr);
	release_set(&p->places);
	release_set(&p->bodies);
	dl_buf_release(&p->body);
	dl_buf_release(&p->place);
	dl_buf_release(&p->url);
	dl_buf_release(&p->token);
	free(p);
}

static bool
counts(const struct dl_pages *p)
{
	return p->spec->by == DL_PAGES_PAGE || p->spec->by == DL_PAGES_OFFSET;
}

static void
set_token(struct dl_pages *p)
{
	dl_buf_clear(&p->token);
	if (counts(p))
		dl_buf_printf(&p->token, "%lld", (long long)p->number);
	else if (p->spec->by == DL_PAGES_CURSOR)
		dl_buf_span(&p->token, dl_buf_as_span(&p->place));
}

void
dl_pages_begin(struct dl_pages *p)
{
	release_set(&p->places);
	release_set(&p->bodies);
	dl_buf_clear(&p->place);
	dl_buf_clear(&p->url);
	p->page = 0;
	p->left_out = false;
	p->number = p->spec->start;
	set_token(p);
}

struct dl_span
dl_pages_token(const struct dl_pages *p)
{
	return dl_buf_as_span(&p->token);
}

/* Add name=value to a query; what follows a '#' stays behind it. */
static void
add_param(struct dl_buf *url, const char *name, struct dl_span value)
{
	char *text = dl_strdup(dl_buf_str(url));
	char *fragment = strchr(text, '#');
	size_t len =
	    fragment == NULL ? strlen(text) : (size_t)(fragment - text);
	const char *query = memchr(text, '?', len);

	url->len = len;
	if (query == NULL)
		dl_buf_addc(url, '?');
	else if (text[len - 1] != '?' && text[len - 1] != '&')
		dl_buf_addc(url, '&');
	dl_buf_adds(url, name);
	dl_buf_addc(url, '=');
	dl_template_percent(url, value);
	if (fragment != NULL)
		dl_buf_adds(url, fragment);
	free(text);
}

const char *
dl_pages_url(struct dl_pages *p, const char *base)
{
	const struct dl_pages_spec *spec = p->spec;
	char size[32];

	/* A next page has its own. */
	if (p->page > 0 &&
	    (spec->by == DL_PAGES_NEXT || spec->by == DL_PAGES_LINK))
		return dl_buf_str(&p->url);
	dl_buf_clear(&p->url);
	dl_buf_adds(&p->url, base);
	if (spec->param != NULL && p->token.len > 0)
		add_param(&p->url, spec->param, dl_buf_as_span(&p->token));
	snprintf(size, sizeof(size), "%lld", (long long)spec->size);
	if (spec->size_param != NULL)
		add_param(&p->url, spec->size_param, dl_span_str(size));
	if (p->page == 0 && !counts(p))
		(void)add_new(&p->places, spec->by == DL_PAGES_CURSOR
					      ? DL_SPAN("")
					      : dl_buf_as_span(&p->url));
	return dl_buf_str(&p->url);
}

void
dl_pages_page(struct dl_pages *p)
{
	dl_buf_clear(&p->body);
}

int
dl_pages_bytes(
    struct dl_pages *p, const char *bytes, size_t n, struct dl_err *err)
{
	if (n > p->max_document || p->body.len > p->max_document - n)
		return dl_err_data(err,
		    "a page is longer than 'max_document', %zu bytes: it has "
		    "to be whole in memory",
		    p->max_document);
	dl_buf_add(&p->body, bytes, n);
	return 0;
}

struct dl_span
dl_pages_body(const struct dl_pages *p)
{
	return dl_buf_as_span(&p->body);
}

bool
dl_pages_cut_off(const struct dl_pages *p)
{
	const char *at = p->body.p, *end = at + p->body.len;

	if (p->body.len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
		at += 3;
	while (at < end &&
	       (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
		at++;
	return at < end && (*at == '{' || *at == '[') &&
	       dl_json_skip(at, end) == NULL;
}

/* Say why a walk ends that has not come to its end. */
static void
warn(const struct dl_pages *p, const char *why)
{
	dl_log(DL_LOG_WARN, "%s:%d: page %llu %s: the pages end there",
	    p->spec->path, p->spec->line, (unsigned long long)p->page + 1, why);
}

bool
dl_pages_repeats(struct dl_pages *p)
{
	if (!has(&p->bodies, dl_buf_as_span(&p->body)))
		return false;
	warn(p, "is the same as an earlier one");
	return true;
}

/* What the expression gives: 1 text, 0 null, nothing or "", -1. */
static int
run_next(struct dl_pages *p, struct dl_span *text, struct dl_err *err)
{
	struct dl_event ev = {.data = dl_buf_as_span(&p->body)};
	struct dl_buf *b = &p->token;
	int r;

	if (ev.data.len >= 3 && memcmp(ev.data.p, "\xef\xbb\xbf", 3) == 0)
		ev.data = dl_span(ev.data.p + 3, ev.data.len - 3);
	if (dl_json_check(ev.data, err) < 0)
		return -1;
	(void)dl_json_value(ev.data, &ev.data);
	if (dl_expr_run(p->expr, &ev, err) < 0 ||
	    (r = dl_expr_first(p->expr, 0, text, err)) < 0)
		return -1;
	if (r == 0)
		return 0;
	switch (dl_json_kind(*text)) {
	case DL_JSON_NULL:
	case DL_JSON_FALSE:
		return 0;
	case DL_JSON_NUMBER:
		return 1;
	case DL_JSON_STRING:
		dl_buf_clear(b);
		if (dl_json_string(*text, b, text) == 0)
			return text->len > 0;
		/* FALLTHROUGH */
	default:
		return dl_err_data(err, "gives neither a text nor null");
	}
}

/* Where the page's own next one is: 1, 0, -1. */
static int
find_place(struct dl_pages *p, struct dl_span link, struct dl_err *err)
{
	struct dl_span text;
	int r;

	if (p->spec->by == DL_PAGES_LINK) {
		if (!dl_link_find(link, "next", &text) || text.len == 0)
			return 0;
	} else if (p->body.len == 0) {
		return 0; /* No Content */
	} else if ((r = run_next(p, &text, err)) <= 0) {
		if (r < 0)
			dl_err_prefix(err, "%s:%d: 'next' of page %llu",
			    p->spec->path, p->spec->line,
			    (unsigned long long)p->page + 1);
		return r;
	}
	if (text.len > DL_PAGES_PLACE_MAX ||
	    memchr(text.p, '\0', text.len) != NULL)
		return dl_err_data(err,
		    "%s:%d: page %llu leads to what is no page: %zu bytes",
		    p->spec->path, p->spec->line,
		    (unsigned long long)p->page + 1, text.len);
	dl_buf_clear(&p->place);
	dl_buf_span(&p->place, text);
	return 1;
}

/*
 * The place is a URL: make it absolute, as seen from the page at hand.
 */
static int
resolve(struct dl_pages *p, struct dl_err *err)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *whole = NULL;
	bool secure = strncasecmp(dl_buf_str(&p->url), "https:", 6) == 0;
	CURLUcode code;

	if (u == NULL)
		return dl_err_temp(err, "out of memory");
	code = curl_url_set(u, CURLUPART_URL, dl_buf_str(&p->url), URL_FLAGS);
	/* libcurl takes a fragment alone for another query. */
	if (code == CURLUE_OK && *dl_buf_str(&p->place) != '#')
		code = curl_url_set(
		    u, CURLUPART_URL, dl_buf_str(&p->place), URL_FLAGS);
	(void)curl_url_set(u, CURLUPART_USER, NULL, 0);
	(void)curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
	(void)curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
	if (code == CURLUE_OK)
		code = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0);
	if (code == CURLUE_OK)
		code = curl_url_get(u, CURLUPART_URL, &whole, 0);
	if (code != CURLUE_OK)
		dl_err_data(err,
		    "%s:%d: page %llu leads to what is not a URL: %s",
		    p->spec->path, p->spec->line,
		    (unsigned long long)p->page + 1, curl_url_strerror(code));
	else if (strcasecmp(scheme, "https") != 0 &&
		 (secure || strcasecmp(scheme, "http") != 0))
		dl_err_data(err,
		    "%s:%d: page %llu leads from %s to a URL of %.20s, "
		    "which is not followed",
		    p->spec->path, p->spec->line,
		    (unsigned long long)p->page + 1, secure ? "https" : "http",
		    scheme);
	else {
		dl_buf_clear(&p->url);
		dl_buf_adds(&p->url, whole);
	}
	curl_free(scheme);
	curl_free(whole);
	curl_url_cleanup(u);
	return err->status == DL_EXIT_OK ? 0 : -1;
}

/* Pages that are counted: is there one after this?  Then its number. */
static bool
count_on(struct dl_pages *p, uint64_t items)
{
	const struct dl_pages_spec *spec = p->spec;

	if (items == 0 || (spec->size > 0 && items < (uint64_t)spec->size))
		return false;
	if (spec->by == DL_PAGES_PAGE)
		p->number++;
	else
		p->number += spec->size > 0 ? spec->size : (int64_t)items;
	return true;
}

int
dl_pages_next(
    struct dl_pages *p, struct dl_span link, uint64_t items, struct dl_err *err)
{
	int r;

	/* Pages without items are alike, and may be many. */
	if (items > 0)
		(void)add_new(&p->bodies, dl_buf_as_span(&p->body));
	if (counts(p)) {
		if (!count_on(p, items))
			return 0;
	} else {
		if ((r = find_place(p, link, err)) <= 0)
			return r;
		if (p->spec->by != DL_PAGES_CURSOR && resolve(p, err) < 0)
			return -1;
		if (!add_new(&p->places,
			dl_buf_as_span(p->spec->by == DL_PAGES_CURSOR
					   ? &p->place
					   : &p->url))) {
			warn(p, "leads to an earlier one");
			return 0;
		}
	}
	if (p->page + 1 >= (uint64_t)p->spec->max) {
		warn(p, "is the last that 'max' allows");
		p->left_out = true;
		return 0;
	}
	p->page++;
	set_token(p);
	return 1;
}

bool
dl_pages_left_out(const struct dl_pages *p)
{
	return p->left_out;
}
