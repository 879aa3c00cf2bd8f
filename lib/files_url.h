/* Files' URLs: to patterns of files_list.h, and from paths. */
#ifndef DL_FILES_URL_H
#define DL_FILES_URL_H

#include "buf.h"
#include "err.h"

/*
 * The pattern that url, which begins with file://, means: its path as it
 * stands, but that %XX is a byte that stands for itself.  To be freed.  NULL:
 * DL_EXIT_CONF.
 */
char *dl_files_url_pattern(const char *url, struct dl_err *err);

/* Append the URL of a path. */
void dl_files_url_print(struct dl_buf *b, const char *path);

#endif
