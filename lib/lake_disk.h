/*
 * What the files of a lake in a directory share: lake_disk.c (writing),
 * lake_disk_read.c and lake_disk_tidy.c.
 */
#ifndef DL_LAKE_DISK_H
#define DL_LAKE_DISK_H

#include "lake_store.h"

struct dl_lake_disk {
	struct dl_lake_store base;
	char *dir;
	char *state;   /* dir/_dl */
	char *staging; /* dir/_dl/staging */
	int staging_fd;
	_Atomic uint64_t published; /* parts, by any thread */
};

struct dl_staged {
	struct dl_lake_disk *disk;
	int fd;
	char *name, *staged; /* staged: its name until then */
	char *path;          /* where it is staged */
	char *target;        /* where it will be, once it is sealed */
};

/* A/B, to be freed. */
char *dl_lake_disk_join(const char *a, const char *b);

/*
 * Nobody changes what is in a partition's directory but by adding to it
 * (shared), or nobody else changes it at all: a descriptor, to be closed; -1.
 */
int dl_lake_disk_lock(
    const struct dl_lake_disk *d, bool shared, struct dl_err *err);

/* These of the interface's. */
int dl_lake_disk_walk(struct dl_lake_store *s, const struct dl_lake_walk *walk,
    struct dl_err *err);
int dl_lake_disk_open(
    struct dl_lake_store *s, const char *name, int *fd, struct dl_err *err);
int dl_lake_disk_manifest(struct dl_lake_store *s, dl_lake_line_fn *fn,
    void *arg, struct dl_err *err);
int dl_lake_disk_replace(struct dl_lake_store *s, const char *partition,
    struct dl_staged *g, const char *const *parts, size_t n,
    struct dl_err *err);
int dl_lake_disk_tidy(struct dl_lake_store *s, const struct dl_lake_care *care,
    struct dl_err *err);

#endif
