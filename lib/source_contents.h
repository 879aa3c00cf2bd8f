/*
 * What a state's file says: the whole state of a source, or one change of it;
 * for source_state.c alone.
 *
 * Lines of text for people, then the entries and the marks, 16 bytes each, then
 * XXH3 of all before; numbers are little-endian.
 */
#ifndef DL_SOURCE_CONTENTS_H
#define DL_SOURCE_CONTENTS_H

#include "buf.h"
#include "err.h"
#include "hash.h"
#include "seen.h"
#include "source_state.h"

#define DL_SOURCE_TOKEN (DL_ULID_LEN + 1) /* bytes of a position, with NUL */
#define DL_SOURCE_TIME "at" /* a text: the time of what is emitted, a number */
#define DL_SOURCE_TEXT_NAME 32 /* bytes of a text's name, with NUL */

struct dl_source_text {
	char name[DL_SOURCE_TEXT_NAME];
	struct dl_buf value;
};

struct dl_source_contents {
	char token[DL_SOURCE_TOKEN];
	char base[DL_SOURCE_TOKEN]; /* a change: the position before it */
	uint64_t spec;              /* by which the validators were got */
	struct dl_buf etag, modified;
	struct dl_source_text text[DL_SOURCE_TEXTS];
	size_t ntext;
	struct dl_seen seen, marks;
	bool head_only; /* reading leaves out texts, entries and marks */
};

/* Zero c before the first use. */
void dl_source_contents_release(struct dl_source_contents *c);

bool dl_source_is_token(struct dl_span s);
void dl_source_set_token(char to[DL_SOURCE_TOKEN], struct dl_span token);

/* NULL: there is none of that name. */
struct dl_source_text *dl_source_contents_text(
    const struct dl_source_contents *c, const char *name);

/* Put a text in its place; false: it is too long, or there are too many. */
bool dl_source_contents_set_text(
    struct dl_source_contents *c, struct dl_span name, struct dl_span value);

/* Read path over c: 1, 0 there is none, -1. */
int dl_source_contents_load(
    const char *path, struct dl_source_contents *c, struct dl_err *err);

/* Store all, or of entries and marks those that changed, durably. */
int dl_source_contents_store(const char *path,
    const struct dl_source_contents *c, bool all, struct dl_err *err);

#endif
