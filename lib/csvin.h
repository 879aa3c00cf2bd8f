/*
 * CSV (RFC 4180) to JSON objects, one a row: bytes in, in chunks of any size;
 * one call for every row.  libcsv finds the fields.
 *
 * The first row is the header and names the members, unless the rules do.  Rows
 * end in LF, CRLF or CR; empty lines are passed over; spaces belong to their
 * field.  What a field becomes is said in columns.h; one that is empty and not
 * quoted is absent there.
 *
 * A row that is wrong (more or fewer fields than the header, a quote where
 * none may be, a NUL, invalid UTF-8, a field not of its type) or too long is handed out with the
 * failure, and the next row is read.  After a misplaced quote the next row is
 * taken to begin with the next line.  Memory is a few times max_bytes.
 */
#ifndef DL_CSVIN_H
#define DL_CSVIN_H

#include "buf.h"
#include "columns.h"
#include "err.h"
#include "span.h"

/*
 * item: the row as compact JSON, valid during the call; code and bad are NULL.
 * For a wrong row, item holds its first bytes as they came (at most 64 KiB if
 * it is too long), total how many it has, code is "csv", "type" or "too-long", and bad
 * says what is wrong with it.  Return -1 (and fill err) to stop.
 */
typedef int dl_csvin_fn(void *arg, struct dl_span item, size_t total,
    const char *code, const struct dl_err *bad, struct dl_err *err);

struct dl_csvin;

/*
 * rules are borrowed; names in them were checked.  row 1 is then the first.
 */
struct dl_csvin *dl_csvin_new(char delimiter,
    const struct dl_column_rules *rules, size_t max_bytes, dl_csvin_fn *fn,
    void *arg);

/*
 * Feed n bytes.  A byte order mark is the caller's to take off.  -1 with
 * DL_EXIT_DATA for a header without a name for each column, with a name twice,
 * or too long: no row could be told then.
 */
int dl_csvin_feed(
    struct dl_csvin *c, const char *p, size_t n, struct dl_err *err);

/* The text has ended.  A last row without a newline is a row. */
int dl_csvin_end(struct dl_csvin *c, struct dl_err *err);

/* NULL does nothing. */
void dl_csvin_free(struct dl_csvin *c);

#endif
