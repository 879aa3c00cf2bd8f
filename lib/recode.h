/*
 * Text of another encoding to UTF-8, as it comes, by the system's iconv(3).
 *
 * What is no character of that encoding (or ends in the middle of one) becomes
 * the byte 0xff, which is never UTF-8: whoever checks the text finds it where
 * it stands, and the text after it is whole.  Memory is constant.
 */
#ifndef DL_RECODE_H
#define DL_RECODE_H

#include "err.h"
#include "expand.h"

struct dl_recode;

/*
 * encoding: a name that iconv(3) knows, like "ISO-8859-15".  fn takes the text,
 * never none of it.  DL_EXIT_CONF: there is no such encoding.
 */
struct dl_recode *dl_recode_new(
    const char *encoding, dl_expand_fn *fn, void *arg, struct dl_err *err);
void dl_recode_free(struct dl_recode *r); /* NULL does nothing */

/* Begin anew, forgetting what was left of another text. */
void dl_recode_start(struct dl_recode *r);

int dl_recode_feed(
    struct dl_recode *r, const char *p, size_t n, struct dl_err *err);

/* The text has ended. */
int dl_recode_end(struct dl_recode *r, struct dl_err *err);

#endif
