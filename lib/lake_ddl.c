#include "lake_ddl_private.h"

#include "json.h"
#include "lake_events.h"
#include "lake_list.h"
#include "partition.h"

#include <stdlib.h>

const char *const dl_ddl_times[4] = {
    "time", "recordedtime", "_time", "_recordedtime"};

/* Lines */

struct sample {
	struct dl_ddl *d;
	size_t left; /* bytes of a partition that are still looked at */
};

/* Would an engine read it as the time that it is? */
static bool
plain_time(struct dl_span value)
{
	struct dl_err ignored = {0};
	struct dl_span text = dl_span(value.p + 1, value.len - 2);
	struct dl_time t;

	return dl_json_kind(value) == DL_JSON_STRING && text.len > 0 &&
	       text.p[text.len - 1] == 'Z' &&
	       dl_time_parse(text, &t, &ignored) == 0 && t.digits <= 6;
}

static int
take_line(void *arg, struct dl_span line, struct dl_err *err)
{
	struct sample *s = arg;
	struct dl_json_iter it;
	struct dl_span key, value;
	size_t i;

	if (dl_json_kind(line) != DL_JSON_OBJECT)
		return dl_err_data(err, "expected an object");
	dl_types_feed(s->d->types, line);
	s->d->records++;
	dl_json_enter(&it, line);
	while (dl_json_member(&it, &key, &value) > 0)
		for (i = 0; i < 4; i++)
			if (dl_span_is(key, dl_ddl_times[i]) &&
			    dl_json_kind(value) != DL_JSON_NULL)
				s->d->times[i] &= plain_time(value);
	s->left -= line.len < s->left ? line.len : s->left;
	return s->left == 0;
}

/* Partitions */

static size_t
dir_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? 0 : (size_t)(slash - path);
}

static bool
digits(const char *p, const char *pattern)
{
	for (; *pattern != '\0'; p++, pattern++)
		if (*pattern == '0' ? *p < '0' || *p > '9' : *p != *pattern)
			return false;
	return *p == '\0';
}

static void
take_value(struct dl_ddl_key *k, const char *value)
{
	struct dl_err ignored = {0};
	struct dl_time t;
	char text[32];

	if (strcmp(value, DL_PARTITION_DEFAULT) == 0)
		return;
	k->hours &= digits(value, "00");
	if (!digits(value, "0000-00-00")) {
		k->days = false;
		return;
	}
	memcpy(text, value, 10);
	memcpy(text + 10, "T00:00:00Z", 10);
	k->days &= dl_time_parse(dl_span(text, 20), &t, &ignored) == 0;
}

/* A component of the first partition; text is changed. */
static void
add_key(struct dl_ddl *d, char *text)
{
	struct dl_ddl_key *k = &d->keys[d->nkeys++];
	char *eq = strchr(text, '=');

	k->days = k->hours = true;
	if (eq == NULL) {
		k->text = dl_strdup(text);
		return;
	}
	*eq = '\0';
	k->name = dl_strdup(text);
	take_value(k, eq + 1);
}

static int
match_key(struct dl_ddl_key *k, char *text)
{
	char *eq = strchr(text, '=');

	if ((eq == NULL) != (k->name == NULL))
		return -1;
	if (eq == NULL) {
		if (k->text != NULL && strcmp(k->text, text) != 0) {
			free(k->text);
			k->text = NULL;
		}
		return 0;
	}
	*eq = '\0';
	if (strcmp(k->name, text) != 0)
		return -1;
	take_value(k, eq + 1);
	return 0;
}

/* All partitions have the same keys in the same order. */
static int
take_path(struct dl_ddl *d, const char *part, bool first, struct dl_err *err)
{
	char *path = dl_strndup(dl_span(part, dir_len(part)));
	char *rest = *path == '\0' ? NULL : path, *text;
	size_t n = 0;
	bool same = true;

	while (same && (text = strsep(&rest, "/")) != NULL) {
		if (n == DL_DDL_KEYS || (!first && n == d->nkeys))
			same = false;
		else if (first)
			add_key(d, text);
		else
			same = match_key(&d->keys[n], text) == 0;
		n++;
	}
	free(path);
	if (!same || n != d->nkeys)
		return dl_err_data(err,
		    "'%s' has other partition keys than the parts before it: "
		    "one table cannot hold both",
		    part);
	return 0;
}

static bool
same_dir(const struct dl_lake_item *a, const struct dl_lake_item *b)
{
	return dl_span_eq(dl_span(a->part, dir_len(a->part)),
	    dl_span(b->part, dir_len(b->part)));
}

static int
take_paths(
    struct dl_ddl *d, const struct dl_lake_listing *l, struct dl_err *err)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		d->codecs[l->items[i].kind] = true;
		if (i > 0 && same_dir(&l->items[i - 1], &l->items[i]))
			continue;
		d->all++;
		if (take_path(d, l->items[i].part, i == 0, err) < 0)
			return -1;
	}
	return 0;
}

/* Is the nth of all partitions one that is looked at?  The last one is. */
static bool
chosen(const struct dl_ddl *d, size_t n)
{
	size_t most = DL_LAKE_DDL_PARTITIONS;

	return d->all <= most || (n + 1) * most / d->all > n * most / d->all;
}

static int
take_parts(struct dl_ddl *d, struct dl_lake_store *store,
    const struct dl_lake_listing *l, struct dl_err *err)
{
	struct sample s = {.d = d};
	size_t i, n = 0;
	bool wanted = false;

	for (i = 0; i < l->n; i++) {
		if (i == 0 || !same_dir(&l->items[i - 1], &l->items[i])) {
			wanted = chosen(d, n++);
			d->partitions += wanted;
			s.left = DL_LAKE_DDL_SAMPLE;
		}
		/* A part that was just tidied away is none. */
		if (wanted && s.left > 0 &&
		    dl_lake_each_line(store, l->items[i].part, l->items[i].kind,
			take_line, &s, err) < 0)
			return -1;
	}
	return 0;
}

static void
release(struct dl_ddl *d)
{
	size_t i;

	for (i = 0; i < d->nkeys; i++) {
		free(d->keys[i].name);
		free(d->keys[i].text);
	}
	dl_types_free(d->types);
}

int
dl_lake_ddl(struct dl_lake_store *store, const char *location,
    const char *table, enum dl_lake_dialect dialect, struct dl_buf *out,
    struct dl_err *err)
{
	struct dl_ddl d = {.location = location,
	    .table = table,
	    .times = {true, true, true, true}};
	struct dl_lake_listing l = {0};
	size_t before = out->len;
	int r;

	d.types = dl_types_new();
	r = dl_lake_list(store, NULL, &l, err);
	if (r == 0)
		r = take_paths(&d, &l, err);
	if (r == 0)
		r = take_parts(&d, store, &l, err);
	if (r == 0 && d.records == 0)
		r = dl_err_data(err,
		    "'%s' has no records to tell the types from", store->name);
	if (r == 0)
		r = dialect == DL_LAKE_DDL_ATHENA ? dl_ddl_athena(&d, out, err)
		                                  : dl_ddl_duckdb(&d, out, err);
	/* Half a definition would be run. */
	if (r < 0)
		out->len = before;
	dl_lake_listing_release(&l);
	release(&d);
	return r;
}
