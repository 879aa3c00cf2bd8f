#include "lake_claim.h"

#include "buf.h"
#include "io.h"
#include "json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DAY 86400

/* The lock */

static char *
path_of(const struct dl_lake_store *store, const char *name)
{
	struct dl_buf b = {0};
	char *path;

	dl_buf_printf(&b, "%s/%s", store->state, name);
	path = dl_strdup(dl_buf_str(&b));
	dl_buf_release(&b);
	return path;
}

/* Read who we are, or choose it. */
static int
who(const char *path, char by[DL_ULID_LEN + 1], struct dl_err *err)
{
	struct dl_buf b = {0};
	int r;

	if (access(path, F_OK) < 0) {
		dl_ulid(by);
		dl_buf_printf(&b, "%s\n", by);
		r = dl_replace_file(path, dl_buf_as_span(&b), err);
	} else if ((r = dl_read_file(path, 100, &b, err)) == 0) {
		if (b.len != DL_ULID_LEN + 1 ||
		    strspn(dl_buf_str(&b),
			"0123456789ABCDEFGHJKMNPQRSTVWXYZ") != DL_ULID_LEN)
			r = dl_err_data(err,
			    "'%s' is damaged: remove it, and tidy again", path);
		else
			memcpy(by, b.p, DL_ULID_LEN);
		by[DL_ULID_LEN] = '\0';
	}
	dl_buf_release(&b);
	return r;
}

int
dl_lake_claim_lock(const struct dl_lake_store *store, char by[DL_ULID_LEN + 1],
    struct dl_err *err)
{
	char *dir = path_of(store, "lock"), *id = path_of(store, "tidy.id");
	/* No checkpoint's key begins so. */
	char *lock = path_of(store, "lock/_tidy");
	char what[500];
	int fd = -1;

	(void)snprintf(
	    what, sizeof(what), "the tidying of '%.400s'", store->name);
	if (dl_mkdirs(dir, err) == 0)
		fd = dl_lock_file(lock, what, err);
	if (fd >= 0 && who(id, by, err) < 0) {
		close(fd);
		fd = -1;
	}
	free(dir);
	free(id);
	free(lock);
	return fd;
}

/* Claims */

struct claims {
	const char *by;
	uint64_t number, known;
	struct dl_time day_ago;
	bool found;
};

/* Is it an entry of this tidying? */
static bool
is_by(const struct dl_lake_entry *e, const char *by)
{
	struct dl_json_iter it;
	struct dl_span key, value;

	dl_json_enter(&it, e->line);
	while (dl_json_member(&it, &key, &value) > 0)
		if (dl_span_is(key, "by"))
			return value.len == strlen(by) + 2 &&
			       memcmp(value.p + 1, by, strlen(by)) == 0;
	return false;
}

static int
see_heir(void *arg, const struct dl_lake_entry *heir, struct dl_err *err)
{
	struct claims *c = arg;

	(void)err;
	if (!heir->gone && heir->number < c->number &&
	    (heir->number > c->known ||
		dl_time_cmp(&heir->at, &c->day_ago) > 0) &&
	    !is_by(heir, c->by))
		c->found = true;
	return 0;
}

bool
dl_lake_is_claimed(const struct dl_lake_index *x, const char *part,
    const char *by, uint64_t number, uint64_t known)
{
	struct claims c = {.by = by, .number = number, .known = known};
	struct dl_err ignored = {0};

	dl_now(&c.day_ago);
	c.day_ago.sec -= DAY;
	(void)dl_lake_index_mergers(x, part, see_heir, &c, &ignored);
	return c.found;
}
