/*
 * Where the files of a lake are kept: one small interface, one file for each
 * kind of storage (lake_disk.c, lake_s3.c).
 *
 * A part goes through four states.  Staged: it is being written, no reader
 * sees it, and what is left of it when its writer dies is thrown away.  Sealed:
 * its bytes are durable, and all that is left to do is to give it its name.
 * Published: it has its name, durably, and never changes again; whatever
 * happens to its writer now, readers will see it.  Landed: they see it.  On a
 * disk what is published has landed; far away it may take a while.
 *
 * Names inside a lake are relative, with '/' between components.
 */
#ifndef DL_LAKE_STORE_H
#define DL_LAKE_STORE_H

#include "err.h"
#include "span.h"

#include <stdint.h>

struct dl_lake_store;
struct dl_staged;

/* What is told of on a walk. */
struct dl_lake_walk {
	/* Is what is in this directory (its whole path) wanted? */
	bool (*enter)(void *arg, const char *dir);
	/* A file, by its whole path; -1 to stop with err. */
	int (*file)(
	    void *arg, const char *path, uint64_t size, struct dl_err *err);
	void *arg;
};

/* Told of a line of the manifest, without its newline; -1 to stop with err. */
typedef int dl_lake_line_fn(void *arg, struct dl_span line, struct dl_err *err);

struct dl_lake_care {
	int64_t abort_ms; /* uploads that were begun so long ago are aborted */
	bool dry_run;
	/* Told what was done, or would be: a line without its end. */
	void (*say)(void *arg, const char *text);
	void *arg;
};

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
	/*
	 * Append n entries to the manifest.  An entry is a JSON object (not an
	 * empty one); the storage puts "prev" and "at", the time of now, first
	 * in it.  Where parts is not NULL the nth entry is of the nth part,
	 * sealed, and is in the manifest, durably, before that part can be
	 * seen; otherwise, and in a store that was opened for tidying, it is
	 * there when this returns.
	 */
	int (*record)(struct dl_lake_store *s, struct dl_staged *const *parts,
	    const struct dl_span *entries, size_t n, struct dl_err *err);
	/*
	 * Frees g if it succeeds.  A name that exists is DL_EXIT_BUG.  It may
	 * wait until there is room for what has not landed.
	 */
	int (*publish)(struct dl_staged *g, struct dl_err *err);
	void (*discard)(struct dl_staged *g);
	/*
	 * How many of the parts that were published through s have landed,
	 * counted from the first one on, in *n; it waits at most wait_ms for
	 * *n to be want, or (-1) as long as it takes until all has landed,
	 * also what dead writers published.  -1: what has not landed
	 * does not for now, and another run will see to it.
	 */
	int (*landed)(struct dl_lake_store *s, uint64_t want, int wait_ms,
	    uint64_t *n, struct dl_err *err);

	/*
	 * Walk the lake in the order of the bytes of the files' paths,
	 * directories before what is in them.  Names that begin with '.' or
	 * '_' are passed over.
	 */
	int (*walk)(struct dl_lake_store *s, const struct dl_lake_walk *walk,
	    struct dl_err *err);
	/*
	 * Open for reading and seeking: 1 and *fd, the caller's to close; 0
	 * none; -1.  From any thread.
	 */
	int (*open)(struct dl_lake_store *s, const char *name, int *fd,
	    struct dl_err *err);
	/*
	 * A part that was found, published by another run, is durable, and
	 * counts among those that were published through s.
	 */
	int (*settle)(
	    struct dl_lake_store *s, const char *name, struct dl_err *err);
	/* The manifest's lines in their order; none where there is none. */
	int (*manifest)(struct dl_lake_store *s, dl_lake_line_fn *fn, void *arg,
	    struct dl_err *err);

	/*
	 * The sealed part g, whose entry was recorded, takes the place of n
	 * parts of its partition; with g NULL nothing does.  It has landed when
	 * this returns, and g is freed if that succeeds.  On a disk it is
	 * one step for whoever lists the directory; otherwise readers see both
	 * for a while, and the manifest tells them.
	 */
	int (*replace)(struct dl_lake_store *s, const char *partition,
	    struct dl_staged *g, const char *const *parts, size_t n,
	    struct dl_err *err);
	/* Look after what is the storage's alone; NULL: there is nothing. */
	int (*tidy)(struct dl_lake_store *s, const struct dl_lake_care *care,
	    struct dl_err *err);
	void (*close)(struct dl_lake_store *s);
};

enum dl_lake_mode {
	DL_LAKE_READING, /* a lake that is not there is DL_EXIT_TEMP */
	DL_LAKE_WRITING, /* it is made */
	DL_LAKE_TIDYING  /* as writing, but it has to be there */
};

struct dl_lake_store {
	const struct dl_lake_ops *ops;
	const char *name; /* for messages: its path, or URL */
	/* A local directory for the writers' journals; NULL when reading. */
	const char *state;
	bool
	    far; /* opening takes a while: parts are worth being fetched ahead */
	size_t longest; /* bytes of a partition; 0: no limit of the storage's */
};

/*
 * A directory.  For writing it is made, with what leads to it, and cleared of
 * parts that dead writers staged.
 */
struct dl_lake_store *dl_lake_disk(
    const char *dir, enum dl_lake_mode mode, struct dl_err *err);

struct dl_s3_options;

struct dl_lake_s3_options {
	const struct dl_s3_options *s3; /* its strings outlive the store */
	const char *home;               /* where the spool is; for writing */
	int64_t spool_max;              /* bytes; 0: DL_LAKE_SPOOL_MAX */
};
#define DL_LAKE_SPOOL_MAX (INT64_C(16) << 30)

/*
 * What is below s3://BUCKET/PREFIX.  Parts are published into a spool on this
 * machine, home/spool/NAME, from which threads send them.  To write, S3 need
 * not be there yet; what can't be right at all is told within two seconds,
 * here or by what is called later.
 */
struct dl_lake_store *dl_lake_s3(const char *address,
    const struct dl_lake_s3_options *options, enum dl_lake_mode mode,
    struct dl_err *err);

#endif
