/*
 * Events as rows of a table: first what tells an event apart, then the members
 * of its data, each in a column of the type that holds all its values (types.h).
 *
 *	_id _source _type _subject _time _recordedtime _dlorigin _dlsteps
 *	[_sequence] [_causationid] [_more] [_data] depth magnitude place ...
 *
 * Those in brackets are there where an event has such a thing: _more has the
 * attributes that are not ours, as a JSON object; _data is data that is not an
 * object, or all data where its members are too many for columns.  A member
 * whose name is taken (the same but for case, or one of the table's partition
 * keys) gets "_2" after it, or "_3" ...  Both times are TIMESTAMP in UTC, or TIMESTAMP_NS where one has
 * more than 6 decimals, or text where one is no time or does not fit.
 *
 * A member that is null and one that is absent are both NULL.
 */
#ifndef DL_LAKE_ROWS_H
#define DL_LAKE_ROWS_H

#include "buf.h"
#include "err.h"
#include "event.h"
#include "types.h"

struct dl_lake_rows;

struct dl_lake_rows *dl_lake_rows_new(void);
void dl_lake_rows_free(struct dl_lake_rows *r); /* NULL does nothing */

/* Take an event into account.  DL_EXIT_DATA: its data is not JSON. */
int dl_lake_rows_see(
    struct dl_lake_rows *r, const struct dl_event *ev, struct dl_err *err);

/* What was seen, as a JSON object; and such a one taken into account, or -1. */
void dl_lake_rows_save(struct dl_buf *b, const struct dl_lake_rows *r);
int dl_lake_rows_load(struct dl_lake_rows *r, struct dl_span text);

/* All was seen: decide the columns.  keys: names not to be used. */
void dl_lake_rows_settle(
    struct dl_lake_rows *r, const struct dl_span *keys, size_t nkeys);

/* After that: "name TYPE, name TYPE", the names quoted. */
void dl_lake_rows_schema(const struct dl_lake_rows *r, struct dl_buf *b);

/*
 * Append the query that reads a file of rows that dl_lake_rows_put made, the
 * longest of so many bytes.
 */
void dl_lake_rows_query(const struct dl_lake_rows *r, const char *file,
    size_t longest, struct dl_buf *b);

/* Append an event as a row, newline included.  DL_EXIT_BUG: it was not seen. */
int dl_lake_rows_put(struct dl_lake_rows *r, const struct dl_event *ev,
    struct dl_buf *b, struct dl_err *err);

#endif
