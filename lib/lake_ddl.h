/*
 * The definition of a lake's lines as a table, for engines: what types there
 * are is told from the lines themselves (types.h), of each partition those in
 * its first DL_LAKE_DDL_SAMPLE bytes, of at most DL_LAKE_DDL_PARTITIONS of them,
 * evenly taken from all.
 *
 * Either layout gives its own columns: the event's attributes and data, or the
 * flat ones (lake_flat.h).  The keys of the path are columns too; a member of
 * the lines by the same name is left out, and said in a comment, as is a name
 * that the dialect cannot have twice.  Whatever the names and values are, what
 * is printed is one statement, whole and well-formed, and comments.
 */
#ifndef DL_LAKE_DDL_H
#define DL_LAKE_DDL_H

#include "buf.h"
#include "err.h"
#include "lake_store.h"

#define DL_LAKE_DDL_SAMPLE (1 << 20)
#define DL_LAKE_DDL_PARTITIONS 1000

enum dl_lake_dialect { DL_LAKE_DDL_DUCKDB, DL_LAKE_DDL_ATHENA };

/*
 * Append it.  location: where the lake is, for the engine: a path or
 * s3://bucket/prefix.  DL_EXIT_DATA: there are no records, or lines that are no
 * objects, or partitions of different keys, or ones that the dialect cannot
 * have: one table can't hold them.
 */
int dl_lake_ddl(struct dl_lake_store *store, const char *location,
    const char *table, enum dl_lake_dialect dialect, struct dl_buf *out,
    struct dl_err *err);

#endif
