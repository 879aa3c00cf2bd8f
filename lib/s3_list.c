/* Lists of objects, and of uploads that were begun. */
#include "s3_private.h"

#include "clock.h"
#include "s3_xml.h"

#include <stdio.h>
#include <stdlib.h>

#define PAGE_MAX (8 << 20)  /* bytes: 1,000 of the longest keys, escaped */
#define EMPTY_PAGES_MAX 100 /* one after the other */
#define UPLOAD_PAGES_MAX 10000

/* An object or an upload; offsets of C strings in the page's text. */
struct entry {
	size_t key, id;
	uint64_t size;
	int64_t at_ms;
	char etag[80];
};

struct page {
	struct dl_buf text;
	struct entry *v;
	size_t n, cap;
	struct entry one;   /* that is being read */
	const char *item;   /* the path of one */
	bool escaped;       /* keys are */
	bool more;          /* there are more pages */
	struct dl_buf next; /* where the next page begins, or empty */
	struct dl_buf next_id;
};

static size_t
keep(struct page *g, struct dl_span text)
{
	size_t at = g->text.len;

	dl_buf_span(&g->text, text);
	dl_buf_addc(&g->text, '\0');
	return at;
}

static int64_t
to_ms(struct dl_span text)
{
	struct dl_err ignored = {0};
	struct dl_time t;

	if (dl_time_parse(text, &t, &ignored) < 0)
		return -1;
	return t.sec * 1000 + t.nsec / 1000000;
}

static uint64_t
to_size(const char *p)
{
	uint64_t n = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n))
			return 0;
	return n;
}

static void
take_etag(struct entry *e, struct dl_span text)
{
	if (text.len >= 2 && text.p[0] == '"' && text.p[text.len - 1] == '"')
		text = dl_span(text.p + 1, text.len - 2);
	if (text.len < sizeof(e->etag))
		snprintf(e->etag, sizeof(e->etag), "%.*s", DL_SPAN_ARG(text));
}

static void
take_field(struct page *g, const char *name, struct dl_span text)
{
	struct entry *e = &g->one;

	if (text.p == NULL)
		return;
	if (strcmp(name, "Key") == 0)
		e->key = keep(g, text);
	else if (strcmp(name, "UploadId") == 0)
		e->id = keep(g, text);
	else if (strcmp(name, "Size") == 0)
		e->size = to_size(text.p);
	else if (strcmp(name, "ETag") == 0)
		take_etag(e, text);
	else if (strcmp(name, "LastModified") == 0 ||
		 strcmp(name, "Initiated") == 0)
		e->at_ms = to_ms(text);
}

static void
end_entry(struct page *g)
{
	if (g->n == g->cap) {
		g->cap = g->cap == 0 ? 64 : 2 * g->cap;
		g->v = dl_realloc(g->v, g->cap * sizeof(*g->v));
	}
	g->v[g->n++] = g->one;
	g->one = (struct entry){.at_ms = -1};
}

static int
take_element(
    void *arg, const char *path, struct dl_span text, struct dl_err *err)
{
	struct page *g = arg;
	size_t n = strlen(g->item);
	const char *name = strchr(path, '/');

	(void)err;
	if (strncmp(path, g->item, n) == 0) {
		if (path[n] == '\0')
			end_entry(g);
		else if (path[n] == '/')
			take_field(g, path + n + 1, text);
		return 0;
	}
	if (name == NULL || text.p == NULL)
		return 0;
	if (strcmp(++name, "IsTruncated") == 0)
		g->more = dl_span_is(text, "true");
	else if (strcmp(name, "EncodingType") == 0)
		g->escaped = dl_span_is(text, "url");
	else if (strcmp(name, "NextContinuationToken") == 0 ||
		 strcmp(name, "NextKeyMarker") == 0)
		dl_buf_span(&g->next, text);
	else if (strcmp(name, "NextUploadIdMarker") == 0)
		dl_buf_span(&g->next_id, text);
	return 0;
}

static void
clear(struct page *g)
{
	dl_buf_clear(&g->text);
	dl_buf_clear(&g->next);
	dl_buf_clear(&g->next_id);
	keep(g, DL_SPAN("")); /* what is at 0: of an entry that has none */
	g->n = 0;
	g->escaped = g->more = false;
	g->one = (struct entry){.at_ms = -1};
}

static void
release(struct page *g)
{
	dl_buf_release(&g->text);
	dl_buf_release(&g->next);
	dl_buf_release(&g->next_id);
	free(g->v);
}

/* Ask for a page. */
static int
ask(struct dl_s3 *s, const char *query, struct page *g, struct dl_err *err)
{
	struct dl_buf xml = {0};
	struct dl_buf root = {0};
	struct dl_s3_request r = {
	    .method = "GET", .query = query, .into = &xml, .max = PAGE_MAX};
	struct dl_s3_answer a;
	int done;

	clear(g);
	dl_buf_add(&root, g->item, strcspn(g->item, "/"));
	r.xml = dl_buf_str(&root);
	done = dl_s3_send(s, &r, &a, err);
	if (done == 0 && (done = dl_s3_xml_parse(
			      dl_buf_as_span(&xml), take_element, g, err)) < 0)
		dl_err_prefix(err, "%s: the answer", s->name);
	dl_buf_release(&xml);
	dl_buf_release(&root);
	return done;
}

/*
 * The key of an entry, relative to the prefix, in b; NULL: it is none of ours.
 */
static const char *
key_of(const struct dl_s3 *s, const struct page *g, size_t at, struct dl_buf *b)
{
	const char *text = g->text.p + at;
	size_t n = strlen(s->prefix);

	dl_buf_clear(b);
	if (g->escaped)
		dl_s3_url_unescape(b, dl_span_str(text));
	else
		dl_buf_adds(b, text);
	dl_buf_str(b);
	if (b->len <= n || memcmp(b->p, s->prefix, n) != 0 ||
	    memchr(b->p, '\0', b->len) != NULL)
		return NULL;
	return b->p + n;
}

static void
add_prefixed(struct dl_buf *query, const struct dl_s3 *s, const char *name,
    const char *key)
{
	struct dl_buf b = {0};

	dl_buf_printf(&b, "%s%s", s->prefix, key);
	dl_s3_url_query(query, name, dl_buf_as_span(&b));
	dl_buf_release(&b);
}

/* A list of objects that goes on. */
struct list {
	struct dl_s3 *s;
	const char *below;
	dl_s3_list_fn *fn;
	void *arg;
	struct page page;
	struct dl_buf key, skip;
	struct dl_buf last; /* the key up to which all is done with */
	bool leap;          /* last is not that of the page's last entry */
	unsigned empty;     /* pages, one after the other */
};

static void
list_query(struct list *l, struct dl_buf *q)
{
	dl_buf_clear(q);
	dl_buf_adds(q, "list-type=2&encoding-type=url");
	if (l->s->prefix[0] != '\0' || l->below[0] != '\0')
		add_prefixed(q, l->s, "prefix", l->below);
	if (l->page.next.len > 0 && !l->leap)
		dl_s3_url_query(
		    q, "continuation-token", dl_buf_as_span(&l->page.next));
	else if (l->last.len > 0)
		add_prefixed(q, l->s, "start-after", dl_buf_str(&l->last));
}

static void
set(struct dl_buf *b, struct dl_span s)
{
	dl_buf_clear(b);
	dl_buf_span(b, s);
}

/* Tell of an entry, unless it is to be skipped. */
static int
tell(struct list *l, const struct entry *e, struct dl_err *err)
{
	struct dl_s3_object o = {.size = e->size, .modified_ms = e->at_ms};
	int r, order;

	o.key = key_of(l->s, &l->page, e->key, &l->key);
	if (o.key == NULL || strncmp(o.key, l->below, strlen(l->below)) != 0)
		return dl_err_temp(err,
		    "%s: the service lists what was not asked for", l->s->name);
	order = dl_span_cmp(dl_span_str(o.key), dl_buf_as_span(&l->last));
	if (order <= 0 && l->leap)
		return 0;
	if (order <= 0 && l->last.len > 0)
		return dl_err_temp(err,
		    "%s: the service does not list in the order of keys",
		    l->s->name);
	l->leap = false;
	set(&l->last, dl_span_str(o.key));
	memcpy(o.etag, e->etag, sizeof(o.etag));
	dl_buf_clear(&l->skip);
	if ((r = l->fn(l->arg, &o, &l->skip, err)) <= 0)
		return r;
	if (dl_span_cmp(dl_span_str(dl_buf_str(&l->skip)),
		dl_buf_as_span(&l->last)) > 0) {
		set(&l->last, dl_span_str(dl_buf_str(&l->skip)));
		l->leap = true;
	}
	return 0;
}

static int
list_page(struct list *l, struct dl_err *err)
{
	struct dl_buf query = {0};
	int r;

	list_query(l, &query);
	r = ask(l->s, dl_buf_str(&query), &l->page, err);
	dl_buf_release(&query);
	l->leap = false;
	for (size_t i = 0; r == 0 && i < l->page.n; i++)
		r = tell(l, &l->page.v[i], err);
	if (r < 0 || !l->page.more)
		return r < 0 ? -1 : 0;
	l->empty = l->page.n > 0 ? 0 : l->empty + 1;
	if (l->empty > EMPTY_PAGES_MAX ||
	    (l->page.n == 0 && l->page.next.len == 0))
		return dl_err_temp(
		    err, "%s: the service's list has no end", l->s->name);
	return 1;
}

int
dl_s3_list(struct dl_s3 *s, const char *below, const char *after,
    dl_s3_list_fn *fn, void *arg, struct dl_err *err)
{
	struct list l = {.s = s, .below = below, .fn = fn, .arg = arg};
	int r;

	l.page.item = "ListBucketResult/Contents";
	if (after != NULL)
		set(&l.last, dl_span_str(after));
	while ((r = list_page(&l, err)) > 0)
		;
	release(&l.page);
	dl_buf_release(&l.key);
	dl_buf_release(&l.skip);
	dl_buf_release(&l.last);
	return r;
}

/* Where the next page of uploads begins; -1 where that is nowhere. */
static int
next_uploads(struct page *g, struct dl_buf *query)
{
	struct dl_buf key = {0};

	if (g->next.len == 0)
		return -1;
	if (g->escaped)
		dl_s3_url_unescape(&key, dl_buf_as_span(&g->next));
	else
		dl_buf_span(&key, dl_buf_as_span(&g->next));
	dl_s3_url_query(query, "key-marker", dl_buf_as_span(&key));
	if (g->next_id.len > 0)
		dl_s3_url_query(
		    query, "upload-id-marker", dl_buf_as_span(&g->next_id));
	dl_buf_release(&key);
	return 0;
}

static int
tell_uploads(struct dl_s3 *s, struct page *g, const char *below,
    dl_s3_upload_fn *fn, void *arg, struct dl_err *err)
{
	struct dl_buf b = {0};
	const char *key;
	int r = 0;

	for (size_t i = 0; r == 0 && i < g->n; i++) {
		key = key_of(s, g, g->v[i].key, &b);
		/* A service may not know of prefixes there. */
		if (key != NULL && strncmp(key, below, strlen(below)) == 0)
			r = fn(arg, key, g->text.p + g->v[i].id, g->v[i].at_ms,
			    err);
	}
	dl_buf_release(&b);
	return r < 0 ? -1 : 0;
}

int
dl_s3_uploads(struct dl_s3 *s, const char *below, dl_s3_upload_fn *fn,
    void *arg, struct dl_err *err)
{
	struct page g = {.item = "ListMultipartUploadsResult/Upload"};
	struct dl_buf query = {0};
	int r = 0;

	for (int i = 0; r == 0 && (i == 0 || g.more); i++) {
		dl_buf_clear(&query);
		/* Not encoded: radosgw would do it, and not say so. */
		dl_buf_adds(&query, "uploads=");
		if (s->prefix[0] != '\0' || below[0] != '\0')
			add_prefixed(&query, s, "prefix", below);
		if (i == UPLOAD_PAGES_MAX ||
		    (i > 0 && next_uploads(&g, &query) < 0))
			r = dl_err_temp(
			    err, "%s: the service's list has no end", s->name);
		else if ((r = ask(s, dl_buf_str(&query), &g, err)) == 0)
			r = tell_uploads(s, &g, below, fn, arg, err);
	}
	release(&g);
	dl_buf_release(&query);
	return r;
}
