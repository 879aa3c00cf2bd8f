/*
 * lake_ddl.c finds what a table has, lake_ddl_columns.c which columns it gets,
 * lake_ddl_duckdb.c and lake_ddl_athena.c say it.
 */
#ifndef DL_LAKE_DDL_PRIVATE_H
#define DL_LAKE_DDL_PRIVATE_H

#include "lake_ddl.h"

#include "codec.h"
#include "types.h"

#define DL_DDL_KEYS 32  /* components of a partition's path */
#define DL_DDL_CODECS 3 /* kinds of files */

/* A component of the partitions' paths. */
struct dl_ddl_key {
	char *name; /* NULL: it is not KEY=VALUE */
	char *text; /* of that: what it is everywhere; NULL: it differs */
	bool days;  /* all values are YYYY-MM-DD, or none */
	bool hours; /* all are two digits */
};

struct dl_ddl {
	const char *location, *table;
	struct dl_ddl_key keys[DL_DDL_KEYS];
	size_t nkeys;
	bool codecs[DL_DDL_CODECS]; /* by enum dl_codec_kind */
	uint64_t records;           /* that were looked at */
	size_t partitions, all;     /* of which; of how many */
	struct dl_types *types;     /* of the lines */
	/* Are all times by these names in UTC, of microseconds? */
	bool times[4];
};

extern const char *const dl_ddl_times[4];

/* A column of the table. */
struct dl_ddl_column {
	const struct dl_type_member *member;
	char *name; /* as the dialect has it */
};

/*
 * The columns, and comments on the members that are none, appended.
 * DL_EXIT_DATA: there are none.
 */
struct dl_ddl_columns {
	struct dl_ddl_column *all;
	size_t n;
};
int dl_ddl_columns(struct dl_ddl *d, bool hive, struct dl_ddl_columns *c,
    struct dl_buf *comments, struct dl_err *err);
void dl_ddl_columns_release(struct dl_ddl_columns *c);

/* Append the first comments: what it is, and what the types are from. */
void dl_ddl_head(const struct dl_ddl *d, struct dl_buf *out);

/* Append the location, without a slash at its end. */
struct dl_span dl_ddl_location(const struct dl_ddl *d);

int dl_ddl_duckdb(struct dl_ddl *d, struct dl_buf *out, struct dl_err *err);
int dl_ddl_athena(struct dl_ddl *d, struct dl_buf *out, struct dl_err *err);

#endif
