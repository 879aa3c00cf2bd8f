/*
 * A row of a table about a lake, cell by cell.
 */
#ifndef DL_LAKE_ROW_H
#define DL_LAKE_ROW_H

#include "clock.h"
#include "lake_stat.h"
#include "span.h"
#include "table.h"

struct dl_lake_row { /* zero-initialised; not to be moved once it has cells */
	struct dl_span cells[DL_TABLE_COLUMNS];
	char text[DL_TABLE_COLUMNS][DL_TIME_MAX];
	size_t n; /* at most DL_TABLE_COLUMNS */
};

/* Add a cell; what is not known is "-".  Text is not copied. */
void dl_lake_row_cell(struct dl_lake_row *row, struct dl_span text);
void dl_lake_row_count(
    struct dl_lake_row *row, bool known, uint64_t n, const char *suffix);
void dl_lake_row_size(struct dl_lake_row *row, bool known, uint64_t bytes);
void dl_lake_row_time(
    struct dl_lake_row *row, bool known, const struct dl_time *t);

/* Records, size, unpacked, first and last: five cells. */
void dl_lake_row_contents(
    struct dl_lake_row *row, const struct dl_lake_sum *sum);

#endif
