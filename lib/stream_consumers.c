#include "stream_consumers.h"

#include "buf.h"
#include "checkpoint.h"
#include "log.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define CONSUMERS_MAX 10000 /* of one stream */

void
dl_consumers_release(struct dl_consumers *c)
{
	free(c->v);
	*c = (struct dl_consumers){0};
}

/* The name moves with the key when the array grows. */
static void
set_names(struct dl_consumers *c, size_t prefix)
{
	for (size_t i = 0; i < c->n; i++)
		c->v[i].name = c->v[i].key + prefix;
}

/*
 * A commit that can't be read is that of a consumer that has read nothing: to
 * wait for it loses nothing.
 */
static uint64_t
position_of(const char *home, const char *key)
{
	struct dl_err why = {0};
	struct dl_buf b = {0};
	uint64_t position = 0;
	int r = dl_commit_read(home, dl_span_str(key), &b, &why);

	if (r > 0 && !dl_offset_read(dl_buf_as_span(&b), &position))
		r = dl_err_data(&why,
		    "'%s/commits/%s' does not hold an offset: expected %d "
		    "digits",
		    home, key, DL_OFFSET_LEN);
	if (r < 0)
		dl_log(DL_LOG_WARN, "%s", why.msg);
	dl_buf_release(&b);
	return position;
}

static int
add(struct dl_consumers *c, const char *home, const char *key,
    struct dl_err *err)
{
	struct dl_consumer *v;

	if (c->n == CONSUMERS_MAX)
		return dl_err_data(
		    err, "a stream has more than %d consumers", CONSUMERS_MAX);
	if (c->n == c->cap) {
		c->cap = c->cap == 0 ? 8 : 2 * c->cap;
		c->v = dl_realloc(c->v, c->cap * sizeof(*c->v));
	}
	v = &c->v[c->n++];
	snprintf(v->key, sizeof(v->key), "%.*s", DL_STREAM_KEY_MAX - 1, key);
	v->position = position_of(home, key);
	return 0;
}

static int
by_key(const void *a, const void *b)
{
	const struct dl_consumer *x = a, *y = b;

	return strcmp(x->key, y->key);
}

int
dl_consumers_list(struct dl_consumers *c, const char *home, const char *prefix,
    struct dl_err *err)
{
	char dir[PATH_MAX];
	size_t n = strlen(prefix);
	struct dirent *e;
	int r = 0;
	DIR *d;

	c->n = 0;
	if (snprintf(dir, sizeof(dir), "%s/commits", home) >= PATH_MAX)
		return dl_err_usage(err, "the path '%s' is too long", home);
	if ((d = opendir(dir)) == NULL)
		return errno == ENOENT ? 0
		                       : dl_err_errno(err,
					     "cannot open directory '%s'", dir);
	for (errno = 0; r == 0 && (e = readdir(d)) != NULL; errno = 0)
		if (strncmp(e->d_name, prefix, n) == 0 &&
		    dl_consumer_ok(dl_span_str(e->d_name + n)))
			r = add(c, home, e->d_name, err);
	if (r == 0 && errno != 0)
		r = dl_err_errno(err, "cannot list '%s'", dir);
	closedir(d);
	if (c->n > 0)
		qsort(c->v, c->n, sizeof(*c->v), by_key);
	set_names(c, n);
	return r;
}
