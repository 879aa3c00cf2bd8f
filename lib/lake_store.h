/*
 * Where the files of a lake are kept: one small interface, one file for each
 * kind of storage (lake_disk.c).
 *
 * A part goes through three states.  Staged: it is being written, no reader
 * sees it, and what is left of it when its writer dies is thrown away.  Sealed:
 * its bytes are durable, and all that is left to do is to give it its name.
 * Published: it has its name, durably, and never changes again.
 *
 * Names inside a lake are relative, with '/' between components.
 */
#ifndef DL_LAKE_STORE_H
#define DL_LAKE_STORE_H

#include "err.h"
#include "span.h"

struct dl_lake_store;
struct dl_staged;

/* Told of a name: -1 to stop with err. */
typedef int dl_lake_name_fn(
    void *arg, const char *name, bool directory, struct dl_err *err);

struct dl_lake_ops {
	/*
	 * Begin a part by the name of NAME (unique; without a partition).
	 * The storage owns what it returns until publish or discard.
	 */
	struct dl_staged *(*stage)(
	    struct dl_lake_store *s, const char *name, struct dl_err *err);
	int (*write)(
	    struct dl_staged *g, struct dl_span bytes, struct dl_err *err);
	int (*seal)(
	    struct dl_staged *g, const char *partition, struct dl_err *err);
	/* Frees g if it succeeds.  A name that exists is DL_EXIT_BUG. */
	int (*publish)(struct dl_staged *g, struct dl_err *err);
	void (*discard)(struct dl_staged *g);
	/*
	 * Append n entries to the manifest, durably.  An entry is a JSON
	 * object (not an empty one); the storage puts "prev" first in it.
	 */
	int (*record)(struct dl_lake_store *s, const struct dl_span *entries,
	    size_t n, struct dl_err *err);
	/* The names in dir ("" is the lake itself), in order of their bytes. */
	int (*list)(struct dl_lake_store *s, const char *dir,
	    dl_lake_name_fn *fn, void *arg, struct dl_err *err);
	/* Open for reading: 1 and *fd, the caller's to close; 0 none; -1. */
	int (*open)(struct dl_lake_store *s, const char *name, int *fd,
	    struct dl_err *err);
	/* A part that was found, published by another run, is durable. */
	int (*settle)(
	    struct dl_lake_store *s, const char *name, struct dl_err *err);
	void (*close)(struct dl_lake_store *s);
};

struct dl_lake_store {
	const struct dl_lake_ops *ops;
	const char *name; /* for messages */
	/* A local directory for the writers' journals; NULL when reading. */
	const char *state;
};

/*
 * A directory.  For writing it is made, with what leads to it, and cleared of
 * parts that dead writers staged; for reading an absent one is DL_EXIT_TEMP.
 */
struct dl_lake_store *dl_lake_disk(
    const char *dir, bool writing, struct dl_err *err);

#endif
