/*
 * A lake in memory, that is changed while it is read: its files and the lines
 * of its manifest are two arrays that the test sets.
 */
#ifndef DL_TEST_LAKE_HELP_H
#define DL_TEST_LAKE_HELP_H

#include "buf.h"
#include "lake_store.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MOST 64

struct file {
	const char *name, *text; /* name NULL: none */
};

struct memory {
	struct dl_lake_store base;
	struct file files[MOST]; /* in the order of their names */
	const char *lines[MOST];
	size_t nlines;
	/* Called before a file is told of, or opened: it may change all. */
	void (*event)(struct memory *m, const char *what, const char *name);
	int walks, opens, manifests;
	int under_way, most_under_way; /* opens */
	const char *broken;            /* opening it fails */
	pthread_mutex_t lock;
};

static inline void
memory_event(struct memory *m, const char *what, const char *name)
{
	if (m->event != NULL)
		m->event(m, what, name);
}

static inline void
memory_add(struct memory *m, const char *name, const char *text)
{
	size_t i = 0, n = 0;

	while (n < MOST && m->files[n].name != NULL)
		n++;
	while (i < n && strcmp(m->files[i].name, name) < 0)
		i++;
	if (n + 1 >= MOST)
		abort();
	memmove(&m->files[i + 1], &m->files[i], (n - i) * sizeof(struct file));
	m->files[i] = (struct file){name, text};
}

static inline void
memory_remove(struct memory *m, const char *name)
{
	size_t i = 0;

	while (m->files[i].name != NULL && strcmp(m->files[i].name, name) != 0)
		i++;
	if (m->files[i].name == NULL)
		return;
	memmove(&m->files[i], &m->files[i + 1],
	    (MOST - i - 1) * sizeof(struct file));
}

static inline void
memory_line(struct memory *m, const char *line)
{
	if (m->nlines == MOST)
		abort();
	m->lines[m->nlines++] = line;
}

/* Are all directories of the file wanted?  (Asked anew for each.) */
static inline bool
memory_enters(const struct dl_lake_walk *walk, const char *name)
{
	const char *slash = name;
	char *dir;
	bool in = true;

	while (in && (slash = strchr(slash, '/')) != NULL) {
		dir = dl_strndup(dl_span(name, (size_t)(slash - name)));
		in = walk->enter(walk->arg, dir);
		free(dir);
		slash++;
	}
	return in;
}

static inline int
memory_walk(struct dl_lake_store *s, const struct dl_lake_walk *walk,
    struct dl_err *err)
{
	struct memory *m = (struct memory *)s;
	const char *at = "";
	size_t i;

	m->walks++;
	for (;;) {
		for (i = 0; m->files[i].name != NULL; i++)
			if (strcmp(m->files[i].name, at) > 0)
				break;
		if (m->files[i].name == NULL)
			return 0;
		at = m->files[i].name;
		memory_event(m, "walk", at);
		for (i = 0; m->files[i].name != NULL; i++)
			if (strcmp(m->files[i].name, at) == 0 &&
			    memory_enters(walk, at) &&
			    walk->file(walk->arg, at, strlen(m->files[i].text),
				err) < 0)
				return -1;
	}
}

static inline int
memory_open(
    struct dl_lake_store *s, const char *name, int *fd, struct dl_err *err)
{
	struct memory *m = (struct memory *)s;
	size_t i, n;
	int r = 0;

	*fd = -1;
	pthread_mutex_lock(&m->lock);
	m->opens++;
	if (++m->under_way > m->most_under_way)
		m->most_under_way = m->under_way;
	memory_event(m, "open", name);
	pthread_mutex_unlock(&m->lock);
	if (m->base.far)
		usleep(2000);
	pthread_mutex_lock(&m->lock);
	m->under_way--;
	for (i = 0; m->files[i].name != NULL; i++)
		if (strcmp(m->files[i].name, name) == 0)
			break;
	if (m->broken != NULL && strcmp(name, m->broken) == 0) {
		r = dl_err_temp(err, "'%s' is broken", name);
	} else if (m->files[i].name != NULL) {
		n = strlen(m->files[i].text);
		*fd = memfd_create(name, MFD_CLOEXEC);
		if (*fd < 0 || write(*fd, m->files[i].text, n) != (ssize_t)n ||
		    lseek(*fd, 0, SEEK_SET) != 0)
			abort();
		r = 1;
	}
	pthread_mutex_unlock(&m->lock);
	return r;
}

static inline int
memory_manifest(
    struct dl_lake_store *s, dl_lake_line_fn *fn, void *arg, struct dl_err *err)
{
	struct memory *m = (struct memory *)s;
	size_t i;

	m->manifests++;
	memory_event(m, "manifest", "");
	for (i = 0; i < m->nlines; i++)
		if (fn(arg, dl_span_str(m->lines[i]), err) < 0)
			return -1;
	return 0;
}

static inline int
memory_settle(struct dl_lake_store *s, const char *name, struct dl_err *err)
{
	(void)s;
	(void)name;
	(void)err;
	return 0;
}

static inline void
memory_init(struct memory *m)
{
	static const struct dl_lake_ops ops = {.walk = memory_walk,
	    .open = memory_open,
	    .settle = memory_settle,
	    .manifest = memory_manifest};

	*m = (struct memory){.base = {.ops = &ops, .name = "memory"}};
	pthread_mutex_init(&m->lock, NULL);
}

#endif
