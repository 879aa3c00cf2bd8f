/*
 * What the files of transport_files.c share; nobody else includes it.
 *
 *	transport_files.c  which files there are, and what becomes of a poll
 *	files_read.c       what is read of one that is new, or has changed
 */
#ifndef DL_FILES_PRIVATE_H
#define DL_FILES_PRIVATE_H

#include "buf.h"
#include "files_list.h"
#include "files_mark.h"
#include "files_rows.h"
#include "seen.h"
#include "transport.h"

#define DL_FILES_READ (256 << 10) /* bytes at once */

struct dl_files {
	struct dl_transport_context c;
	char *pattern;
	bool plain; /* lines end in the byte \n, by encoding and unpack */
	char *bytes;
	struct dl_files_list list;
	struct dl_files_hash *hash;
	struct dl_files_rows rows;
	struct dl_buf header;
	struct dl_seen half; /* the prints of documents that broke off */

	/* Of the acquisition at hand. */
	const struct dl_taker *taker;
	struct dl_source_state *st;
	bool some;           /* something was handed over */
	int64_t wait_ms;     /* until all that is there is quiet, or 0 */
	bool busy;           /* a document isn't */
	struct dl_err first; /* of the files that could not be read ... */
	unsigned failed;     /* ... and how many there are */
};

struct dl_file {
	const char *name;
	struct dl_buf url;
	int fd;
	enum dl_items_format format;
	struct dl_files_status now;
	struct dl_files_mark mark;
	bool known; /* mark is what was read of it */
};

/* What became of a file, or of all. */
enum dl_files_outcome {
	DL_FILES_FAILED = -1, /* err is filled, and no taker called again */
	DL_FILES_GOES_ON = 0,
	DL_FILES_STOPPED = 1
};

/* A file can't be read: the others go on. */
enum dl_files_outcome dl_files_pass_over(
    struct dl_files *t, const struct dl_err *why);

/* Read what is new of f, which is open, and remember how far. */
enum dl_files_outcome dl_files_read(
    struct dl_files *t, struct dl_file *f, struct dl_err *err);

#endif
