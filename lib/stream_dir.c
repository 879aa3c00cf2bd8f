#include "stream_dir.h"

#include "buf.h"
#include "checkpoint.h"
#include "hash.h"
#include "home.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENDING ".ndjson"
#define SEGMENTS_MAX 1000000 /* in one stream */
#define LIST_TRIES 3         /* at a directory that is changing */
#define END_TRIES 1000       /* at a value that is just being written */

bool
dl_consumer_ok(struct dl_span name)
{
	return dl_name_ok(name) && memchr(name.p, '.', name.len) == NULL;
}

/* Where path lies, links resolved; its last part need not be there. */
static int
real_path(char out[PATH_MAX], const char *path, struct dl_err *err)
{
	char copy[PATH_MAX], parent[PATH_MAX], last[PATH_MAX];

	if (realpath(path, out) != NULL)
		return 0;
	snprintf(copy, sizeof(copy), "%s", path);
	snprintf(last, sizeof(last), "%s", basename(copy));
	snprintf(copy, sizeof(copy), "%s", path);
	if (realpath(dirname(copy), parent) == NULL)
		snprintf(parent, sizeof(parent), "%s", path);
	if (snprintf(out, PATH_MAX, "%s/%s", parent, last) >= PATH_MAX)
		return dl_err_usage(err, "the path '%s' is too long", path);
	return 0;
}

int
dl_stream_prefix(char prefix[DL_STREAM_KEY_MAX], const char *dir,
    const char *home, struct dl_err *err)
{
	char real[PATH_MAX], own[PATH_MAX], copy[PATH_MAX], hash[9] = "";
	const char *name;

	if (real_path(real, dir, err) < 0)
		return -1;
	snprintf(copy, sizeof(copy), "%s", real);
	name = basename(copy);
	if (!dl_name_ok(dl_span_str(name)))
		return dl_err_usage(err,
		    "'%s' cannot name a stream: 1 to 64 letters, digits, '.', "
		    "'_' and '-', the first a letter or a digit",
		    name);
	if (snprintf(copy, sizeof(copy), "%s/streams/%s", home, name) >=
	    PATH_MAX)
		return dl_err_usage(err, "the path '%s' is too long", home);
	if (real_path(own, copy, err) < 0)
		return -1;
	if (strcmp(own, real) != 0)
		dl_hash_hex(dl_span_str(real), hash, 8);
	snprintf(prefix, DL_STREAM_KEY_MAX, "stream.%s%s%s.", basename(real),
	    *hash == '\0' ? "" : "-", hash);
	return 0;
}

int
dl_stream_file(
    char out[PATH_MAX], const char *dir, const char *name, struct dl_err *err)
{
	if (snprintf(out, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX)
		return dl_err_usage(err, "the path '%s' is too long", dir);
	return 0;
}

int
dl_segment_path(char out[PATH_MAX], const char *dir, uint64_t start,
    const char *ending, struct dl_err *err)
{
	if (snprintf(out, PATH_MAX, "%s/%020llu.%s", dir,
		(unsigned long long)start, ending) >= PATH_MAX)
		return dl_err_usage(err, "the path '%s' is too long", dir);
	return 0;
}

void
dl_segments_release(struct dl_segments *s)
{
	free(s->v);
	*s = (struct dl_segments){0};
}

static bool
is_segment(const char *name, uint64_t *start)
{
	return strlen(name) == DL_OFFSET_LEN + strlen(ENDING) &&
	       strcmp(name + DL_OFFSET_LEN, ENDING) == 0 &&
	       dl_offset_read(dl_span(name, DL_OFFSET_LEN), start);
}

static int
by_start(const void *a, const void *b)
{
	const struct dl_segment *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static void
add_segment(struct dl_segments *s, uint64_t start)
{
	if (s->n == s->cap) {
		s->cap = s->cap == 0 ? 16 : 2 * s->cap;
		s->v = dl_realloc(s->v, s->cap * sizeof(*s->v));
	}
	s->v[s->n++] = (struct dl_segment){.start = start};
}

static int
take_names(struct dl_segments *s, DIR *d, const char *dir, struct dl_err *err)
{
	struct dirent *e;
	uint64_t start;

	for (errno = 0; (e = readdir(d)) != NULL; errno = 0) {
		if (!is_segment(e->d_name, &start))
			continue;
		if (s->n == SEGMENTS_MAX)
			return dl_err_data(
			    err, "'%s' has too many segments", dir);
		add_segment(s, start);
	}
	return errno == 0 ? 0 : dl_err_errno(err, "cannot list '%s'", dir);
}

/*
 * Look at the sizes when all names are known: whoever has a name after it is
 * complete.  What retention has removed meanwhile is gone, and all before it.
 */
static int
take_sizes(struct dl_segments *s, int fd, const char *dir, struct dl_err *err)
{
	char name[DL_OFFSET_LEN + sizeof(ENDING)];
	struct stat st;
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		dl_offset_print(s->v[i].start, name);
		strcpy(name + DL_OFFSET_LEN, ENDING);
		if (fstatat(fd, name, &st, 0) < 0) {
			if (errno != ENOENT)
				return dl_err_errno(
				    err, "cannot stat '%s/%s'", dir, name);
			n = 0;
			continue;
		}
		s->v[n++] = (struct dl_segment){
		    .start = s->v[i].start,
		    .size = (uint64_t)st.st_size,
		    .mtime_ms =
			st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000,
		};
	}
	s->n = n;
	return 0;
}

static int
check_order(const struct dl_segments *s, const char *dir, struct dl_err *err)
{
	for (size_t i = 0; i + 1 < s->n; i++) {
		uint64_t end = s->v[i].start + s->v[i].size;

		if (end != s->v[i + 1].start)
			return dl_err_data(err,
			    "'%s/%020llu" ENDING "' ends at %020llu, and the "
			    "next segment begins at %020llu: restore what is "
			    "missing, or move what is before it away",
			    dir, (unsigned long long)s->v[i].start,
			    (unsigned long long)end,
			    (unsigned long long)s->v[i + 1].start);
	}
	return 0;
}

static int
list(struct dl_segments *s, const char *dir, struct dl_err *err)
{
	DIR *d = opendir(dir);
	int r;

	s->n = 0;
	if (d == NULL)
		return dl_err_errno(err, "cannot open directory '%s'", dir);
	if ((r = take_names(s, d, dir, err)) == 0) {
		if (s->n > 0)
			qsort(s->v, s->n, sizeof(*s->v), by_start);
		r = take_sizes(s, dirfd(d), dir, err);
	}
	closedir(d);
	return r < 0 ? -1 : check_order(s, dir, err);
}

int
dl_segments_list(struct dl_segments *s, const char *dir, struct dl_err *err)
{
	/* A name that was made meanwhile may be told after its successor. */
	for (int i = 1; i < LIST_TRIES; i++) {
		struct dl_err gap = {0};

		if (list(s, dir, &gap) == 0)
			return 0;
		if (gap.status != DL_EXIT_DATA) {
			*err = gap;
			return -1;
		}
	}
	return list(s, dir, err);
}

void
dl_stream_end_print(uint64_t end, char out[DL_STREAM_END_LEN + 1])
{
	char hash[9];

	dl_offset_print(end, out);
	dl_hash_hex(dl_span(out, DL_OFFSET_LEN), hash, 8);
	snprintf(out + DL_OFFSET_LEN, DL_STREAM_END_LEN + 1 - DL_OFFSET_LEN,
	    " %s\n", hash);
}

int
dl_stream_end_read(int fd, const char *path, uint64_t *end, struct dl_err *err)
{
	char got[DL_STREAM_END_LEN + 1], want[DL_STREAM_END_LEN + 1];

	for (int i = 0; i < END_TRIES; i++) {
		ssize_t n = pread(fd, got, sizeof(got), 0);

		if (n < 0)
			return dl_err_errno(err, "cannot read '%s'", path);
		if (n == DL_STREAM_END_LEN &&
		    dl_offset_read(dl_span(got, DL_OFFSET_LEN), end)) {
			dl_stream_end_print(*end, want);
			if (memcmp(got, want, DL_STREAM_END_LEN) == 0)
				return 1;
		}
		sched_yield();
	}
	return 0;
}
