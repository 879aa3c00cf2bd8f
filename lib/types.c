#include "types_private.h"

#include "json.h"
#include "types_number.h"

#include <stdlib.h>

/* The tree */

struct dl_types *
dl_types_new(void)
{
	return dl_calloc(1, sizeof(struct dl_types));
}

/* No deeper than DL_TYPES_DEPTH. */
static void
clear(struct dl_types *t, struct dl_type *type)
{
	size_t i;

	if (type->element != NULL) {
		clear(t, type->element);
		free(type->element);
		t->nodes--;
	}
	for (i = 0; i < type->nmembers; i++) {
		clear(t, type->members[i].type);
		free(type->members[i].type);
		free(type->members[i].name);
		t->nodes--;
	}
	free(type->members);
	type->element = NULL;
	type->members = NULL;
	type->nmembers = type->cap = 0;
}

void
dl_types_free(struct dl_types *t)
{
	if (t == NULL)
		return;
	clear(t, &t->root);
	dl_buf_release(&t->scratch);
	free(t);
}

void
dl_types_other(struct dl_types *t, struct dl_type *type)
{
	clear(t, type);
	type->seen |= SEEN_OTHER;
}

/* Where it is not there, *at is where it would be. */
bool
dl_type_index(const struct dl_type *type, struct dl_span name, size_t *at)
{
	size_t low = 0, high = type->nmembers, middle;
	int c;

	while (low < high) {
		middle = (low + high) / 2;
		c = dl_span_cmp(name, dl_span(type->members[middle].name,
					  type->members[middle].len));
		if (c == 0) {
			*at = middle;
			return true;
		}
		if (c < 0)
			high = middle;
		else
			low = middle + 1;
	}
	*at = low;
	return false;
}

static struct dl_type *
new_node(struct dl_types *t)
{
	if (t->nodes == DL_TYPES_NODES)
		return NULL;
	t->nodes++;
	return dl_calloc(1, sizeof(struct dl_type));
}

static void
insert(struct dl_type *type, size_t at, struct dl_span name,
    struct dl_type *member)
{
	struct dl_type_member *m;

	if (type->nmembers == type->cap) {
		type->cap = type->cap == 0 ? 8 : type->cap * 2;
		type->members =
		    dl_realloc(type->members, type->cap * sizeof(*m));
	}
	m = type->members + at;
	memmove(m + 1, m, (type->nmembers - at) * sizeof(*m));
	m->name = dl_strndup(name);
	m->len = name.len;
	m->type = member;
	type->nmembers++;
}

struct dl_type *
dl_types_member(struct dl_types *t, struct dl_type *type, struct dl_span name)
{
	struct dl_type *member = NULL;
	size_t at;

	if (dl_type_index(type, name, &at))
		return type->members[at].type;
	if (type->nmembers < DL_TYPES_WIDTH && name.len <= DL_TYPES_NAME &&
	    dl_utf8_valid(name) && (member = new_node(t)) != NULL)
		insert(type, at, name, member);
	else
		dl_types_other(t, type);
	return member;
}

struct dl_type *
dl_types_element(struct dl_types *t, struct dl_type *type)
{
	if (type->element == NULL && (type->element = new_node(t)) == NULL)
		dl_types_other(t, type);
	return type->element;
}

/* Feeding */

static void feed(
    struct dl_types *t, struct dl_type *type, struct dl_span value, int depth);

static void
feed_number(struct dl_type *type, struct dl_span text)
{
	struct dl_number x;
	int whole, decimals;

	dl_number_read(&x, text);
	whole = dl_number_whole(&x);
	decimals = dl_number_decimals(&x);
	type->fraction |= !x.integer;
	type->big |= !dl_number_is_bigint(&x, text);
	type->inexact |= !dl_number_is_double(&x, text);
	whole = whole < 99 ? whole : 99;
	decimals = decimals < 99 ? decimals : 99;
	if (type->whole < whole)
		type->whole = (unsigned char)whole;
	if (type->decimals < decimals)
		type->decimals = (unsigned char)decimals;
}

static void
feed_list(
    struct dl_types *t, struct dl_type *type, struct dl_span value, int depth)
{
	struct dl_json_iter it;
	struct dl_span element;
	struct dl_type *below;

	dl_json_enter(&it, value);
	while (dl_json_element(&it, &element) > 0) {
		if ((below = dl_types_element(t, type)) == NULL)
			return;
		feed(t, below, element, depth + 1);
	}
}

static void
feed_object(
    struct dl_types *t, struct dl_type *type, struct dl_span value, int depth)
{
	struct dl_json_iter it;
	struct dl_span key, name, member;
	struct dl_type *below = NULL;

	dl_json_enter(&it, value);
	while (dl_json_member(&it, &key, &member) > 0) {
		dl_buf_clear(&t->scratch);
		if (dl_json_text(key, &t->scratch, &name) < 0)
			dl_types_other(t, type);
		else
			below = dl_types_member(t, type, name);
		if (type->seen & SEEN_OTHER)
			return;
		feed(t, below, member, depth + 1);
	}
}

static void
feed(struct dl_types *t, struct dl_type *type, struct dl_span value, int depth)
{
	enum dl_json_kind kind = dl_json_kind(value);

	if (type->seen & SEEN_OTHER)
		return;
	if (kind >= DL_JSON_ARRAY && depth == DL_TYPES_DEPTH) {
		dl_types_other(t, type);
		return;
	}
	switch (kind) {
	case DL_JSON_INVALID:
		dl_types_other(t, type);
		break;
	case DL_JSON_NULL:
		type->seen |= SEEN_NULL;
		break;
	case DL_JSON_FALSE:
	case DL_JSON_TRUE:
		type->seen |= SEEN_BOOLEAN;
		break;
	case DL_JSON_NUMBER:
		type->seen |= SEEN_NUMBER;
		feed_number(type, value);
		break;
	case DL_JSON_STRING:
		type->seen |= SEEN_TEXT;
		break;
	case DL_JSON_ARRAY:
		type->seen |= SEEN_LIST;
		feed_list(t, type, value, depth);
		break;
	case DL_JSON_OBJECT:
		type->seen |= SEEN_OBJECT;
		feed_object(t, type, value, depth);
		break;
	}
}

void
dl_types_feed(struct dl_types *t, struct dl_span value)
{
	feed(t, &t->root, value, 0);
}

/* Deciding */

static char
fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool
dl_types_same_name(struct dl_span a, struct dl_span b)
{
	size_t i;

	if (a.len != b.len)
		return false;
	for (i = 0; i < a.len; i++)
		if (fold(a.p[i]) != fold(b.p[i]))
			return false;
	return true;
}

static int
by_folded(const void *a, const void *b)
{
	const struct dl_type_member *x =
	    *(const struct dl_type_member *const *)a;
	const struct dl_type_member *y =
	    *(const struct dl_type_member *const *)b;
	size_t i;
	char c, d;

	for (i = 0; i < x->len && i < y->len; i++) {
		c = fold(x->name[i]);
		d = fold(y->name[i]);
		if (c != d)
			return c < d ? -1 : 1;
	}
	return (x->len > y->len) - (x->len < y->len);
}

static bool
names_differ(const struct dl_type *type)
{
	const struct dl_type_member **all;
	size_t i;
	bool differ = true;

	all = dl_alloc((type->nmembers + 1) * sizeof(*all));
	for (i = 0; i < type->nmembers; i++)
		all[i] = &type->members[i];
	qsort(all, type->nmembers, sizeof(*all), by_folded);
	for (i = 1; i < type->nmembers && differ; i++)
		differ = by_folded(&all[i - 1], &all[i]) != 0;
	free(all);
	return differ;
}

static bool
name_fits(const struct dl_type_member *m, enum dl_types_dialect dialect)
{
	size_t i;
	char c;

	if (m->len == 0 || memchr(m->name, '\0', m->len) != NULL)
		return false;
	for (i = 0; i < m->len && dialect >= DL_TYPES_HIVE; i++) {
		c = dialect == DL_TYPES_HIVE ? fold(m->name[i]) : m->name[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '_')
			return false;
	}
	return true;
}

static bool
names_fit(const struct dl_type *type, enum dl_types_dialect dialect)
{
	size_t i;

	for (i = 0; i < type->nmembers; i++)
		if (!name_fits(&type->members[i], dialect))
			return false;
	return type->nmembers > 0 && names_differ(type);
}

static enum dl_type_kind
kind_of_number(struct dl_type *type)
{
	int digits = type->whole + type->decimals;

	type->scale = type->decimals;
	if (!type->fraction && !type->big)
		return DL_TYPES_BIGINT;
	if (type->fraction && !type->inexact)
		return DL_TYPES_DOUBLE;
	return digits <= DL_NUMBER_DIGITS ? DL_TYPES_DECIMAL : DL_TYPES_JSON;
}

static enum dl_type_kind
kind_of(struct dl_type *type, enum dl_types_dialect dialect, bool columns)
{
	switch (type->seen & ~(unsigned)SEEN_NULL) {
	case 0:
		return DL_TYPES_NONE;
	case SEEN_BOOLEAN:
		return DL_TYPES_BOOLEAN;
	case SEEN_NUMBER:
		return kind_of_number(type);
	case SEEN_TEXT:
		return DL_TYPES_TEXT;
	case SEEN_LIST:
		return DL_TYPES_LIST;
	case SEEN_OBJECT:
		if (columns || names_fit(type, dialect))
			return DL_TYPES_STRUCT;
		return DL_TYPES_JSON;
	default:
		return DL_TYPES_JSON;
	}
}

/* No deeper than DL_TYPES_DEPTH. */
static void
settle(struct dl_type *type, enum dl_types_dialect dialect, bool columns)
{
	size_t i;

	type->kind = kind_of(type, dialect, columns);
	if (type->kind == DL_TYPES_LIST && type->element != NULL)
		settle(type->element, dialect, false);
	for (i = 0; type->kind == DL_TYPES_STRUCT && i < type->nmembers; i++)
		settle(type->members[i].type, dialect, false);
}

const struct dl_type *
dl_types_settle(struct dl_types *t, enum dl_types_dialect dialect, bool columns)
{
	settle(&t->root, dialect, columns);
	return &t->root;
}

/* No deeper than DL_TYPES_DEPTH. */
static bool
collide(const struct dl_type *type)
{
	size_t i;

	if (!names_differ(type) ||
	    (type->element != NULL && collide(type->element)))
		return true;
	for (i = 0; i < type->nmembers; i++)
		if (collide(type->members[i].type))
			return true;
	return false;
}

bool
dl_types_collide(const struct dl_types *t)
{
	return collide(&t->root);
}
