#include "lake_ddl_private.h"

#include "json.h"

#include <stdlib.h>

struct dl_span
dl_ddl_location(const struct dl_ddl *d)
{
	struct dl_span s = dl_span_str(d->location);

	while (s.len > 1 && s.p[s.len - 1] == '/')
		s.len--;
	return s;
}

void
dl_ddl_head(const struct dl_ddl *d, struct dl_buf *out)
{
	dl_buf_adds(out, "-- The lake ");
	dl_json_quote(out, dl_ddl_location(d));
	dl_buf_printf(out, ", by %llu records of %zu of its %zu partitions.\n",
	    (unsigned long long)d->records, d->partitions, d->all);
}

static bool
is_key(const struct dl_ddl *d, struct dl_span name)
{
	size_t i;

	for (i = 0; i < d->nkeys; i++)
		if (d->keys[i].name != NULL &&
		    dl_types_same_name(dl_span_str(d->keys[i].name), name))
			return true;
	return false;
}

/* Which of the names that people look for first it is. */
static size_t
rank(const struct dl_type_member *m)
{
	static const char *const first[] = {"specversion", "id", "_id",
	    "source", "_source", "type", "subject", "_subject", "time", "_time",
	    "recordedtime", "_recordedtime", "dlorigin", "dlsteps"};
	size_t i, n = sizeof(first) / sizeof(*first);

	for (i = 0; i < n; i++)
		if (dl_span_is(dl_span(m->name, m->len), first[i]))
			return i;
	return dl_span_is(dl_span(m->name, m->len), "data") ? n + 1 : n;
}

static int
by_rank(const void *a, const void *b)
{
	const struct dl_type_member *x =
	    *(const struct dl_type_member *const *)a;
	const struct dl_type_member *y =
	    *(const struct dl_type_member *const *)b;
	size_t rx = rank(x), ry = rank(y);

	if (rx != ry)
		return rx < ry ? -1 : 1;
	return x < y ? -1 : x > y;
}

static const struct dl_type_member **
in_order(const struct dl_type *root)
{
	const struct dl_type_member **all;
	size_t i;

	all = dl_calloc(root->nmembers + 1, sizeof(struct dl_type_member *));
	for (i = 0; i < root->nmembers; i++)
		all[i] = &root->members[i];
	qsort(all, root->nmembers, sizeof(struct dl_type_member *), by_rank);
	return all;
}

static bool
has(const struct dl_ddl_columns *c, struct dl_span name)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (dl_types_same_name(dl_span_str(c->all[i].name), name))
			return true;
	return false;
}

static void
leave_out(
    struct dl_buf *comments, const struct dl_type_member *m, const char *why)
{
	dl_buf_adds(comments, "-- Left out: ");
	dl_json_quote(comments, dl_span(m->name, m->len));
	dl_buf_printf(comments, ", %s.\n", why);
}

static char *
duckdb_name(const struct dl_ddl_columns *c, const struct dl_type_member *m,
    struct dl_buf *comments)
{
	struct dl_span name = dl_span(m->name, m->len);

	if (!has(c, name))
		return dl_strndup(name);
	leave_out(
	    comments, m, "which is another's name but for the case of letters");
	return NULL;
}

/* Lower case, and what is no letter, digit or underscore is one. */
static char *
hive_name(const struct dl_ddl *d, const struct dl_ddl_columns *c,
    const struct dl_type_member *m)
{
	struct dl_buf b = {0};
	size_t i, len, n;
	char l;

	for (i = 0; i < m->len; i++) {
		l = m->name[i];
		if (l >= 'A' && l <= 'Z')
			l = (char)(l - 'A' + 'a');
		else if (!(l >= 'a' && l <= 'z') && !(l >= '0' && l <= '9'))
			l = '_';
		dl_buf_addc(&b, l);
	}
	len = b.len;
	for (n = 2; has(c, dl_buf_as_span(&b)) || is_key(d, dl_buf_as_span(&b));
	     n++) {
		b.len = len;
		dl_buf_printf(&b, "_%zu", n);
	}
	(void)dl_buf_str(&b);
	return b.p;
}

int
dl_ddl_columns(struct dl_ddl *d, bool hive, struct dl_ddl_columns *c,
    struct dl_buf *comments, struct dl_err *err)
{
	const struct dl_type *root = dl_types_settle(
	    d->types, hive ? DL_TYPES_HIVE : DL_TYPES_VIEW, true);
	const struct dl_type_member **order = in_order(root), *m;
	char *name;
	size_t i;

	c->all = dl_calloc(root->nmembers + 1, sizeof(*c->all));
	for (i = 0; i < root->nmembers; i++) {
		m = order[i];
		name = NULL;
		if (is_key(d, dl_span(m->name, m->len)))
			leave_out(comments, m, "which the path tells");
		else if (m->len == 0 || memchr(m->name, '\0', m->len) != NULL)
			leave_out(comments, m, "which cannot be a name");
		else
			name = hive ? hive_name(d, c, m)
			            : duckdb_name(c, m, comments);
		if (name == NULL)
			continue;
		c->all[c->n].member = m;
		c->all[c->n++].name = name;
	}
	free(order);
	if (root->kind != DL_TYPES_STRUCT)
		return dl_err_data(err,
		    "the lines have more than %d names, too many for columns",
		    DL_TYPES_WIDTH);
	if (c->n == 0)
		return dl_err_data(
		    err, "the lines have no member for a column");
	return 0;
}

void
dl_ddl_columns_release(struct dl_ddl_columns *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		free(c->all[i].name);
	free(c->all);
	*c = (struct dl_ddl_columns){0};
}
