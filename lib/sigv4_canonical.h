/*
 * The canonical form of a request, over which SigV4 signs: for lib/sigv4*.c
 * alone.
 */
#ifndef DL_SIGV4_CANONICAL_H
#define DL_SIGV4_CANONICAL_H

#include "buf.h"
#include "sigv4.h"

/*
 * Append the path as it is signed; once: as S3 has it.  On any bytes at all it
 * is a path that begins with '/'.
 */
void dl_sigv4_path(struct dl_buf *b, struct dl_span path, bool once);

/* Append the query as it is signed: decoded, encoded, sorted by names. */
void dl_sigv4_query(struct dl_buf *b, struct dl_span query);

/*
 * Append the headers as they are signed, a line each, an empty line, and their
 * names; mine (NULL-ended) are those that will be added.  names, where the list
 * of names begins in b.  -1: see dl_sigv4_sign().
 */
int dl_sigv4_headers(struct dl_buf *b, const struct dl_sigv4_request *request,
    const char *const *mine, size_t *names, struct dl_err *err);

/* Has the caller a header of that name (lower case)? */
bool dl_sigv4_has(const struct dl_sigv4_request *request, const char *name);

#endif
