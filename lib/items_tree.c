#include "items_tree.h"

#include "json.h"

#include <stdlib.h>

#define NODE_COST 16 /* bytes that a node counts as */

enum kind { ELEMENT, ATTRIBUTE, TEXT };

/* 0 is the tree's first element, which is nobody's child and no neighbour. */
struct dl_items_node {
	enum kind kind;
	uint32_t name, name_len; /* in text; TEXT has none */
	uint32_t value, value_len;
	uint32_t next, child, last;
};

static uint32_t
keep(struct dl_items_tree *t, const char *p, size_t n)
{
	uint32_t at = (uint32_t)t->text.len;

	dl_buf_add(&t->text, p, n);
	return at;
}

/* Is there room for a node and n bytes? */
static bool
fits(struct dl_items_tree *t, size_t n)
{
	size_t cost = (size_t)NODE_COST * (t->nnode + 1);

	if (t->too_long || t->too_deep)
		return false;
	t->too_long = n > t->max_bytes || cost > t->max_bytes - n ||
	              t->text.len > t->max_bytes - n - cost;
	return !t->too_long;
}

/* A new node, the last child of the element that is open. */
static struct dl_items_node *
add_node(struct dl_items_tree *t, enum kind kind)
{
	struct dl_items_node *node, *parent;
	uint32_t at = t->nnode++;

	if (at == t->cap) {
		t->cap = t->cap == 0 ? 64 : 2 * t->cap;
		t->node = dl_realloc(t->node, t->cap * sizeof(*t->node));
	}
	node = &t->node[at];
	*node = (struct dl_items_node){.kind = kind};
	if (at == 0)
		return node;
	parent = &t->node[t->open[t->depth - 1]];
	if (parent->last == 0)
		parent->child = at;
	else
		t->node[parent->last].next = at;
	parent->last = at;
	return node;
}

static void
add_named(struct dl_items_tree *t, enum kind kind, const char *name,
    const char *value)
{
	size_t name_len = strlen(name), len = strlen(value);
	struct dl_items_node *node;

	if (!fits(t, name_len + len))
		return;
	node = add_node(t, kind);
	node->name = keep(t, name, name_len);
	node->name_len = (uint32_t)name_len;
	node->value = keep(t, value, len);
	node->value_len = (uint32_t)len;
}

void
dl_items_tree_open(
    struct dl_items_tree *t, const char *name, const char *const *attrs)
{
	if (t->depth == DL_ITEMS_TREE_DEPTH)
		t->too_deep = true;
	add_named(t, ELEMENT, name, "");
	if (!t->too_deep && !t->too_long)
		t->open[t->depth] = t->nnode - 1;
	t->depth++;
	for (; *attrs != NULL; attrs += 2)
		add_named(t, ATTRIBUTE, attrs[0], attrs[1]);
}

void
dl_items_tree_text(struct dl_items_tree *t, const char *p, size_t n)
{
	struct dl_items_node *node;

	if (n == 0 || !fits(t, n))
		return;
	node = &t->node[t->nnode - 1];
	/* Text comes in pieces, one after another if nothing was between. */
	if (node->kind != TEXT ||
	    t->node[t->open[t->depth - 1]].last != t->nnode - 1) {
		node = add_node(t, TEXT);
		node->value = (uint32_t)t->text.len;
	}
	keep(t, p, n);
	node->value_len += (uint32_t)n;
}

bool
dl_items_tree_shut(struct dl_items_tree *t)
{
	return --t->depth == 0;
}

void
dl_items_tree_clear(struct dl_items_tree *t)
{
	dl_buf_clear(&t->text);
	t->nnode = 0;
	t->depth = 0;
	t->too_long = t->too_deep = false;
}

void
dl_items_tree_release(struct dl_items_tree *t)
{
	dl_buf_release(&t->text);
	free(t->node);
	t->node = NULL;
	t->cap = 0;
	dl_items_tree_clear(t);
}

static struct dl_span
name_of(const struct dl_items_tree *t, const struct dl_items_node *n)
{
	return dl_span(t->text.p + n->name, n->name_len);
}

static struct dl_span
value_of(const struct dl_items_tree *t, const struct dl_items_node *n)
{
	return dl_span(t->text.p + n->value, n->value_len);
}

/* An element among those of its parent. */
struct kid {
	struct dl_span name;
	uint32_t at;
	uint32_t first; /* the first of its name */
};

static int
by_name(const void *a, const void *b)
{
	const struct kid *x = a, *y = b;
	int r = dl_span_cmp(x->name, y->name);

	return r != 0 ? r : (x->at > y->at) - (x->at < y->at);
}

static int
by_first(const void *a, const void *b)
{
	const struct kid *x = a, *y = b;

	if (x->first != y->first)
		return x->first > y->first ? 1 : -1;
	return (x->at > y->at) - (x->at < y->at);
}

/* The elements in parent, those of one name beside each other. */
static struct kid *
sort_kids(const struct dl_items_tree *t, uint32_t parent, size_t *n)
{
	struct kid *kids;

	*n = 0;
	for (uint32_t i = t->node[parent].child; i != 0; i = t->node[i].next)
		*n += t->node[i].kind == ELEMENT;
	kids = dl_alloc((*n + 1) * sizeof(*kids));
	*n = 0;
	for (uint32_t i = t->node[parent].child; i != 0; i = t->node[i].next)
		if (t->node[i].kind == ELEMENT)
			kids[(*n)++] =
			    (struct kid){name_of(t, &t->node[i]), i, i};
	qsort(kids, *n, sizeof(*kids), by_name);
	for (size_t i = 1; i < *n; i++)
		if (dl_span_eq(kids[i - 1].name, kids[i].name))
			kids[i].first = kids[i - 1].first;
	qsort(kids, *n, sizeof(*kids), by_first);
	return kids;
}

/* The text that stands in parent itself; false if it is white space alone. */
static bool
own_text(const struct dl_items_tree *t, uint32_t parent, struct dl_buf *text)
{
	bool ink = false;

	for (uint32_t i = t->node[parent].child; i != 0; i = t->node[i].next)
		if (t->node[i].kind == TEXT)
			dl_buf_span(text, value_of(t, &t->node[i]));
	for (size_t i = 0; !ink && i < text->len; i++)
		ink = memchr(" \t\r\n", text->p[i], 4) == NULL;
	return ink;
}

static void
put_key(struct dl_buf *out, bool *any, const char *mark, struct dl_span name)
{
	dl_buf_addc(out, *any ? ',' : '{');
	*any = true;
	dl_buf_addc(out, '"');
	dl_buf_adds(out, mark);
	/* Names of XML have nothing that JSON escapes. */
	dl_buf_span(out, name);
	dl_buf_adds(out, "\":");
}

static void write_element(
    const struct dl_items_tree *t, uint32_t at, struct dl_buf *out);

static void
write_kids(
    const struct dl_items_tree *t, uint32_t at, bool *any, struct dl_buf *out)
{
	size_t n;
	struct kid *kids = sort_kids(t, at, &n);

	for (size_t i = 0; i < n; i++) {
		bool same = i > 0 && kids[i - 1].first == kids[i].first;
		bool more = i + 1 < n && kids[i + 1].first == kids[i].first;

		if (same)
			dl_buf_addc(out, ',');
		else
			put_key(out, any, "", kids[i].name);
		if (!same && more)
			dl_buf_addc(out, '[');
		write_element(t, kids[i].at, out);
		if (same && !more)
			dl_buf_addc(out, ']');
	}
	free(kids);
}

/* Calls itself, for at most DL_ITEMS_TREE_DEPTH levels. */
static void
write_element(const struct dl_items_tree *t, uint32_t at, struct dl_buf *out)
{
	struct dl_buf text = {0};
	bool any = false, ink;

	for (uint32_t i = t->node[at].child; i != 0; i = t->node[i].next)
		if (t->node[i].kind == ATTRIBUTE) {
			put_key(out, &any, "@", name_of(t, &t->node[i]));
			dl_json_quote(out, value_of(t, &t->node[i]));
		}
	write_kids(t, at, &any, out);
	ink = own_text(t, at, &text);
	if (any && ink) {
		put_key(out, &any, "#", DL_SPAN("text"));
		dl_json_quote(out, dl_buf_as_span(&text));
	}
	if (any)
		dl_buf_addc(out, '}');
	else if (text.len > 0)
		dl_json_quote(out, dl_buf_as_span(&text));
	else
		dl_buf_adds(out, "null");
	dl_buf_release(&text);
}

void
dl_items_tree_write(const struct dl_items_tree *t, struct dl_buf *out)
{
	if (!t->too_long && !t->too_deep && t->nnode > 0)
		write_element(t, 0, out);
}
