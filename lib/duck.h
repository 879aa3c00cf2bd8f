/*
 * DuckDB, where it is installed: a database in memory, asked in SQL.
 *
 * Its library is loaded when a database is opened, from the file that the
 * options or $DL_DUCKDB name, or as the system's loader finds libduckdb.so, and
 * stays loaded.  Nothing of it is needed to build this.  The database fetches
 * no extensions and reads no configuration; files are opened by the statements
 * alone.
 *
 * Not for two threads at once.
 */
#ifndef DL_DUCK_H
#define DL_DUCK_H

#include "buf.h"
#include "err.h"
#include "span.h"

#include <stdint.h>

#define DL_DUCK_LIBRARY "libduckdb.so"
#define DL_DUCK_OLDEST "1.2" /* version of it that is taken */

struct dl_duck_options {
	const char *library;  /* file; NULL: see above */
	int64_t memory_bytes; /* that it may use, about; 0: as it likes */
	int threads;          /* 0: as many as it likes */
	const char *temp_dir; /* for what does not fit in memory, made where it
				 is missing; NULL: then it fails */
};

struct dl_duck;

/*
 * DL_EXIT_CONF: there is no such library, it lacks a function that is needed,
 * or is too old.
 */
struct dl_duck *dl_duck_open(
    const struct dl_duck_options *options, struct dl_err *err);
void dl_duck_close(struct dl_duck *d); /* NULL does nothing */

/* "v1.5.5"; lives as long as d. */
const char *dl_duck_version(const struct dl_duck *d);

/*
 * Run a statement, or several with ';' between them; *rows, unless NULL, is how
 * many the last one has changed or, where it is COPY, written.  DL_EXIT_TEMP:
 * memory, space or I/O; DL_EXIT_DATA: what it read is not as the statement says;
 * otherwise DL_EXIT_BUG.  The message is DuckDB's, in one line.
 */
int dl_duck_run(
    struct dl_duck *d, const char *sql, uint64_t *rows, struct dl_err *err);

/*
 * Told of a row; a cell that is NULL has p == NULL.  Spans are valid during the
 * call.  -1 to stop with err.
 */
typedef int dl_duck_row_fn(
    void *arg, const struct dl_span *cells, size_t n, struct dl_err *err);

/*
 * Run a query, anything that may stand in parentheses after FROM, and tell of
 * its rows as text, in their order.
 */
int dl_duck_rows(struct dl_duck *d, const char *query, dl_duck_row_fn *fn,
    void *arg, struct dl_err *err);

/* Append text as a literal of SQL, or as a name, quotes included. */
void dl_duck_quote(struct dl_buf *b, struct dl_span text);
void dl_duck_name(struct dl_buf *b, struct dl_span name);

/* Append a path so that, as a pattern of files, it means itself. */
void dl_duck_glob(struct dl_buf *b, struct dl_span path);

#endif
