/*
 * Small files with secrets in them, read into memory for secrets.
 */
#ifndef DL_S3_FILE_H
#define DL_S3_FILE_H

#include "err.h"

#include <stddef.h>

/*
 * All of path, at most max bytes: 1; *text is NUL-terminated, dl_seal_free() it.
 * 0: there is no such file.  DL_EXIT_CONF: it is none, too long, or has a NUL
 * in it; DL_EXIT_TEMP: it grows while it is read.
 */
int dl_s3_file_read(
    const char *path, size_t max, char **text, size_t *len, struct dl_err *err);

#endif
