/*
 * What the halves of lake_index.h share: lake_index.c (the table, and asking it)
 * and lake_index_line.c.
 */
#ifndef DL_LAKE_INDEX_PRIVATE_H
#define DL_LAKE_INDEX_PRIVATE_H

#include "buf.h"
#include "lake_index.h"

#include <stddef.h>

#define DL_LAKE_NONE UINT32_MAX

struct dl_lake_chunk {
	struct dl_lake_chunk *next;
	size_t used, cap;
	max_align_t bytes[];
};

/* A part's name, and what is said of it. */
struct dl_lake_name {
	const char *text;
	uint64_t place;
	uint32_t entry;  /* its number, or DL_LAKE_NONE */
	uint32_t heir;   /* its first link, or DL_LAKE_NONE */
	uint32_t newest; /* and the last one */
	bool gone;
	struct dl_time gone_at;
};

/* An entry that has taken in a part. */
struct dl_lake_link {
	uint32_t entry, next;
	bool merged; /* and not only holds records of it */
};

struct dl_lake_index {
	struct dl_lake_chunk *chunks;
	struct dl_lake_entry *entries;
	struct dl_lake_name *names;
	struct dl_lake_link *heirs;
	size_t nentries, nnames, nheirs; /* the arrays double at powers of 2 */
	uint32_t *slots;                 /* names' numbers from 1; 0: free */
	size_t nslots;                   /* a power of 2, or 0 */
	uint64_t lines;
	struct dl_buf bad; /* numbers of lines that are none, uint64_t */
};

/* n bytes that are freed with the index. */
void *dl_lake_index_take(struct dl_lake_index *x, size_t n);

/* The text of s, ended by a NUL; freed with the index. */
const char *dl_lake_index_keep(struct dl_lake_index *x, struct dl_span s);

/* An array of n elements, with room for one more. */
void *dl_lake_index_more(void *array, size_t n, size_t size);

/* The name for text, made if there is none yet; valid until the next one. */
struct dl_lake_name *dl_lake_index_name(
    struct dl_lake_index *x, struct dl_span text);

/* When a line, or an element of "of", does not say: its name may. */
void dl_lake_index_time(const char *part, struct dl_time *at);

/* Take in line number x->lines; -1: it is none.  scratch is anything. */
int dl_lake_index_line(
    struct dl_lake_index *x, struct dl_span line, struct dl_buf *scratch);

#endif
