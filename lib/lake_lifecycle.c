#include "lake_lifecycle.h"

#include <stdlib.h>

#define DAY_MS (24 * 60 * 60 * 1000)
#define UPLOAD_DAYS 7  /* an unfinished upload is aborted after */
#define RULES_MAX 1000 /* S3's limit */

/* The beginnings of the names at a lake's top, each with its NUL. */
struct tops {
	struct dl_buf names;
	size_t last; /* where the last one begins */
};

static bool
take_top(void *arg, const char *dir)
{
	struct tops *t = arg;
	size_t len = strcspn(dir, "=");
	struct dl_span top = dl_span(dir, dir[len] == '=' ? len + 1 : len);

	if (dir[len] == '\0' || t->names.len == 0 ||
	    !dl_span_is(top, t->names.p + t->last)) {
		t->last = t->names.len;
		dl_buf_span(&t->names, top);
		if (dir[len] == '\0')
			dl_buf_addc(&t->names, '/');
		dl_buf_addc(&t->names, '\0');
	}
	return false;
}

static int
pass_over(void *arg, const char *path, uint64_t size, struct dl_err *err)
{
	(void)arg;
	(void)path;
	(void)size;
	(void)err;
	return 0;
}

static void
add_text(struct dl_buf *b, const char *s)
{
	for (; *s != '\0'; s++)
		switch (*s) {
		case '&':
			dl_buf_adds(b, "&amp;");
			break;
		case '<':
			dl_buf_adds(b, "&lt;");
			break;
		case '>':
			dl_buf_adds(b, "&gt;");
			break;
		default:
			dl_buf_addc(b, *s);
		}
}

/*
 * One rule, for what is below prefix and begins with top; without a top for
 * the uploads of all of it.
 */
static int
add_rule(struct dl_lake_lifecycle *l, const char *prefix, const char *top,
    int64_t days, struct dl_err *err)
{
	struct dl_buf *b = &l->xml;

	if (l->rules == RULES_MAX)
		return dl_err_data(
		    err, "a bucket has at most %d lifecycle rules", RULES_MAX);
	dl_buf_printf(b, "  <Rule>\n    <ID>dl-%zu</ID>\n", ++l->rules);
	dl_buf_adds(b, "    <Filter><Prefix>");
	add_text(b, prefix);
	add_text(b, *prefix == '\0' ? "" : "/");
	add_text(b, top);
	dl_buf_adds(b, "</Prefix></Filter>\n    <Status>Enabled</Status>\n");
	if (*top != '\0')
		dl_buf_printf(b,
		    "    <Expiration><Days>%lld</Days></Expiration>\n",
		    (long long)days);
	else
		dl_buf_printf(b,
		    "    <AbortIncompleteMultipartUpload><DaysAfterInitiation>"
		    "%lld</DaysAfterInitiation>"
		    "</AbortIncompleteMultipartUpload>\n",
		    (long long)days);
	dl_buf_adds(b, "  </Rule>\n");
	return 0;
}

static int
split(struct dl_lake_lifecycle *l, const char *address, char **prefix,
    struct dl_err *err)
{
	static const char scheme[] = "s3://";
	const char *bucket = address + sizeof(scheme) - 1, *p;
	struct dl_span name;
	size_t len;

	if (strncmp(address, scheme, sizeof(scheme) - 1) != 0)
		return dl_err_usage(err,
		    "'%s' is not on S3: only a bucket has lifecycle rules",
		    address);
	name = dl_span(bucket, strcspn(bucket, "/"));
	if (l->bucket.len > 0 && !dl_span_eq(name, dl_buf_as_span(&l->bucket)))
		return dl_err_usage(err,
		    "'%s' is in another bucket than '%.*s': ask for the rules "
		    "of one at a time",
		    address, DL_SPAN_ARG(dl_buf_as_span(&l->bucket)));
	dl_buf_clear(&l->bucket);
	dl_buf_span(&l->bucket, name);
	p = bucket + name.len + strspn(bucket + name.len, "/");
	for (len = strlen(p); len > 0 && p[len - 1] == '/'; len--)
		;
	*prefix = dl_strndup(dl_span(p, len));
	return 0;
}

int
dl_lake_lifecycle_add(struct dl_lake_lifecycle *l, struct dl_lake_store *store,
    const char *address, int64_t ms, struct dl_err *err)
{
	struct tops tops = {.last = 0};
	const struct dl_lake_walk walk = {take_top, pass_over, &tops};
	char *prefix = NULL;
	size_t at;
	int r;

	if (split(l, address, &prefix, err) < 0)
		return -1;
	r = ms == 0 ? 0 : store->ops->walk(store, &walk, err);
	for (at = 0; r == 0 && at < tops.names.len;
	     at += strlen(tops.names.p + at) + 1)
		r = add_rule(l, prefix, tops.names.p + at,
		    (ms + DAY_MS - 1) / DAY_MS, err);
	if (r == 0)
		r = add_rule(l, prefix, "", UPLOAD_DAYS, err);
	free(prefix);
	dl_buf_release(&tops.names);
	return r;
}

void
dl_lake_lifecycle_end(struct dl_lake_lifecycle *l)
{
	struct dl_buf b = {0};

	dl_buf_adds(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			"<LifecycleConfiguration "
			"xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n");
	dl_buf_span(&b, dl_buf_as_span(&l->xml));
	dl_buf_adds(&b, "</LifecycleConfiguration>\n");
	dl_buf_release(&l->xml);
	l->xml = b;
}

void
dl_lake_lifecycle_release(struct dl_lake_lifecycle *l)
{
	dl_buf_release(&l->xml);
	dl_buf_release(&l->bucket);
}
