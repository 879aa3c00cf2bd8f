/*
 * What journal.c (the file, and what a run adds to it) and journal_fold.c
 * (lines that become one) share.
 */
#ifndef DL_JOURNAL_PRIVATE_H
#define DL_JOURNAL_PRIVATE_H

#include "journal.h"

#include <limits.h>
#include <stdint.h>

#define DL_JOURNAL_FILE_MAX (1u << 30)   /* bytes of a journal that is read */
#define DL_JOURNAL_FOLD_BYTES (8u << 20) /* of a journal that is not folded */

struct dl_journal {
	const struct dl_journal_kind *kind;
	char path[PATH_MAX];
	int lock, fd;
	uint64_t size; /* bytes of the file: whole lines */
	uint64_t lines;
	uint64_t fold_bytes, keep_lines; /* when to fold, and down to what */
	bool unsynced;
	bool hold;
	uint64_t reach;      /* the greatest offset that runs before knew */
	bool stored;         /* an event since the last checkpoint */
	bool carry;          /* one of those pending was received while held */
	bool last_carry;     /* the last one was */
	struct dl_buf first; /* position pending for the next line, with NUL */
	struct dl_buf rest;  /* those after it, each with its NUL */
	size_t nrest;
	struct dl_buf last; /* received, pending or not */
	struct dl_buf next; /* of the line written last; the base's position */
	struct dl_buf line;
};

/* A line, read: JSON values. */
struct dl_journal_entry {
	struct dl_span positions, next, reach, parts;
	bool carry;
};

/* The next line of text, or false: text has whole lines only. */
bool dl_journal_next_line(struct dl_span *text, struct dl_span *line);

int dl_journal_read_entry(const struct dl_journal *j, struct dl_span line,
    uint64_t number, struct dl_journal_entry *e, struct dl_err *err);

/* Parts that will be one line's. */
struct dl_journal_list {    /* zero-initialised: empty */
	struct dl_buf text; /* each with its NUL */
	size_t n, last;     /* last: where the last one begins */
};

/*
 * Add the parts of line number, of those that fn (NULL: all) says are there,
 * joined to the one before where they are neighbours.
 */
int dl_journal_gather(struct dl_journal *j, struct dl_span line,
    uint64_t number, dl_journal_part_fn *fn, void *arg,
    struct dl_journal_list *list, struct dl_err *err);

/* Append the list as the end of a line; if it is long, joined far apart. */
void dl_journal_print_list(const struct dl_journal *j,
    struct dl_journal_list *list, struct dl_buf *line);

/* text is the file from now on, durably. */
int dl_journal_replace(
    struct dl_journal *j, struct dl_span text, struct dl_err *err);

/* Fold the oldest lines after the base. */
int dl_journal_fold(struct dl_journal *j, struct dl_err *err);

#endif
