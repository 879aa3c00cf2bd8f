/*
 * The newest content of each subject, by their hashes: what only_changed asks.
 *
 * 25 to 50 bytes a subject, at most 8 MiB at the limit of DL_SEEN_LIMIT: two of
 * these and the file of one have room in the 32 MiB that a source may take.  At
 * the limit the quarter whose subjects appeared first is forgotten; a forgotten
 * subject counts as new when it comes again, which repeats its item and loses
 * nothing.  Entries that changed since the last dl_seen_clean() are known.
 */
#ifndef DL_SEEN_H
#define DL_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DL_SEEN_LIMIT (1u << 18) /* subjects */

struct dl_seen_entry {
	uint64_t subject;
	uint64_t content;
};

struct dl_seen {
	struct dl_seen_entry *entry; /* n of them, oldest first */
	unsigned char *changed;      /* one for each entry */
	size_t n;
	size_t cap;
	size_t limit;   /* 0: DL_SEEN_LIMIT */
	uint32_t *slot; /* an entry's index + 1, or 0 */
	size_t nslot;   /* 0 or a power of two, above n */
};

/* s is zero-initialised before the first put; release empties it. */
void dl_seen_release(struct dl_seen *s);

/* Remember content for subject; false if it was there already. */
bool dl_seen_put(struct dl_seen *s, uint64_t subject, uint64_t content);

/* The content of subject, if there is one. */
bool dl_seen_get(const struct dl_seen *s, uint64_t subject, uint64_t *content);

/* How many entries have changed; from now on none has. */
size_t dl_seen_changed(const struct dl_seen *s);
void dl_seen_clean(struct dl_seen *s);

#endif
