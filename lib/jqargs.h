/*
 * The named arguments of a program, as the JSON object that
 * dl_expr_options.args_json takes: one more member is appended with each call.
 *
 * A name is [A-Za-z_][A-Za-z0-9_]*, of its own, and not `event`.  Failures are
 * DL_EXIT_USAGE, those of reading a file dl_read_file()'s.
 */
#ifndef DL_JQARGS_H
#define DL_JQARGS_H

#include "buf.h"
#include "err.h"

#define DL_JQARGS_FILE_MAX (64 << 20) /* bytes of a file of values */

/* value is a string; or JSON; or a file of JSON values, taken as an array. */
int dl_jqargs_string(struct dl_buf *args, const char *name, const char *value,
    struct dl_err *err);
int dl_jqargs_json(struct dl_buf *args, const char *name, const char *value,
    struct dl_err *err);
int dl_jqargs_file(struct dl_buf *args, const char *name, const char *path,
    struct dl_err *err);

#endif
