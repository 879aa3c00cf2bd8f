#include "files_list.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>

void
dl_files_list_release(struct dl_files_list *l)
{
	dl_buf_release(&l->text);
	free(l->at);
	*l = (struct dl_files_list){0};
}

static void
clear(struct dl_files_list *l)
{
	dl_buf_clear(&l->text);
	l->n = 0;
}

/* Add dir/name. */
static int
add(struct dl_files_list *l, const char *dir, struct dl_span name,
    struct dl_err *err)
{
	if (l->n == DL_FILES_MOST ||
	    l->text.len + strlen(dir) + name.len + 2 > DL_FILES_BYTES)
		return dl_err_conf(err,
		    "more than %d files, or %d MiB of names: split it into "
		    "patterns that mean fewer",
		    DL_FILES_MOST, DL_FILES_BYTES >> 20);
	if (l->n == l->cap) {
		l->cap = l->cap == 0 ? 64 : 2 * l->cap;
		l->at = dl_realloc(l->at, l->cap * sizeof(*l->at));
	}
	l->at[l->n++] = (uint32_t)l->text.len;
	dl_buf_adds(&l->text, dir);
	dl_buf_addc(&l->text, '/');
	dl_buf_span(&l->text, name);
	dl_buf_addc(&l->text, '\0');
	return 0;
}

/* Does part mean more than itself?  If not, it becomes what it means. */
static bool
is_pattern(char *part)
{
	char *to = part;

	for (const char *p = part; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (strchr("*?[", *p) != NULL)
			return true;
	}
	for (const char *p = part; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		*to++ = *p;
	}
	*to = '\0';
	return false;
}

/*
 * Add the names in dir that part means.  said: dir was given, and not found by
 * a pattern, which may also mean files.
 */
static int
match(struct dl_files_list *l, const char *dir, const char *part, bool said,
    struct dl_err *first, struct dl_err *err)
{
	DIR *d = opendir(dir[0] == '\0' ? "/" : dir);
	struct dirent *e;
	int r = 0;

	if (d == NULL && !said && (errno == ENOTDIR || errno == ENOENT))
		return 0;
	if (d == NULL) {
		if (first->status == DL_EXIT_OK)
			dl_err_errno(first, "cannot open directory '%s'", dir);
		return 0;
	}
	while (errno = 0, r == 0 && (e = readdir(d)) != NULL)
		if (fnmatch(part, e->d_name, FNM_PERIOD) == 0 &&
		    strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = add(l, dir, dl_span_str(e->d_name), err);
	if (r == 0 && errno != 0 && first->status == DL_EXIT_OK)
		dl_err_errno(first, "cannot read directory '%s'", dir);
	closedir(d);
	return r;
}

/* One part of the pattern more: from the names in from to those in to. */
static int
step(const struct dl_files_list *from, struct dl_files_list *to, char *part,
    bool *said, struct dl_err *first, struct dl_err *err)
{
	bool several = is_pattern(part);
	const char *dir;
	int r = 0;

	for (size_t i = 0; r == 0 && i < from->n; i++) {
		dir = dl_files_list_name(from, i);
		r = several ? match(to, dir, part, *said, first, err)
		            : add(to, dir, dl_span_str(part), err);
	}
	*said = *said && !several;
	return r;
}

static int
by_name(const void *a, const void *b, void *arg)
{
	const struct dl_files_list *l = arg;
	const uint32_t *x = a, *y = b;

	return strcmp(l->text.p + *x, l->text.p + *y);
}

static int
walk(struct dl_files_list *l, char *pattern, struct dl_err *first,
    struct dl_err *err)
{
	struct dl_files_list next = {0}, was;
	char all[] = "*", *rest = NULL;
	bool said = true, dir = pattern[strlen(pattern) - 1] == '/';
	char *part = strtok_r(pattern, "/", &rest);
	int r = 0;

	while (r == 0 && (part != NULL || dir)) {
		clear(&next);
		if (part == NULL) {
			part = all;
			dir = false;
		}
		r = step(l, &next, part, &said, first, err);
		was = *l;
		*l = next;
		next = was;
		part = strtok_r(NULL, "/", &rest);
	}
	dl_files_list_release(&next);
	return r;
}

int
dl_files_list(struct dl_files_list *l, const char *pattern,
    struct dl_err *first, struct dl_err *err)
{
	char *copy = dl_strdup(pattern);
	int r;

	/* The root's name: every other one is it, a slash, and more. */
	clear(l);
	if (l->cap == 0) {
		l->cap = 1;
		l->at = dl_alloc(sizeof(*l->at));
	}
	l->at[l->n++] = 0;
	dl_buf_addc(&l->text, '\0');
	if ((r = walk(l, copy, first, err)) < 0)
		clear(l);
	if (l->n > 0)
		qsort_r(l->at, l->n, sizeof(*l->at), by_name, l);
	free(copy);
	return r;
}
