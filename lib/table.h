/*
 * A table for people: aligned columns, as wide as the terminal.
 *
 * Rows are held back until DL_TABLE_AHEAD of them tell how wide the columns
 * are, then printed as they come.  Control characters, bytes that are no UTF-8
 * and characters that turn the direction of writing are shown as '?': foreign
 * text does nothing to a terminal.  At most DL_TABLE_CELL bytes of a cell are
 * looked at.
 */
#ifndef DL_TABLE_H
#define DL_TABLE_H

#include "buf.h"
#include "span.h"

#define DL_TABLE_AHEAD 500
#define DL_TABLE_CELL 1024
#define DL_TABLE_COLUMNS 8

struct dl_table;

/*
 * heads: the names of n columns, at most DL_TABLE_COLUMNS; not copied.  Where a
 * row is too long, column flexible is cut first.  width: of the terminal, 0 for
 * no limit.
 */
struct dl_table *dl_table_new(
    const char *const *heads, size_t n, size_t flexible, size_t width);
void dl_table_free(struct dl_table *t);

/* Add a row of n cells, copied; rows that are ready are appended to out. */
void dl_table_row(
    struct dl_table *t, const struct dl_span *cells, struct dl_buf *out);

/* Append all rows that were held back. */
void dl_table_flush(struct dl_table *t, struct dl_buf *out);

/* The width of the terminal at fd: its own, else $COLUMNS, else 0. */
size_t dl_table_width(int fd);

#endif
