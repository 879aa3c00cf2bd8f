/*
 * What the files of source_spec.h share; nobody else includes it.
 */
#ifndef DL_SOURCE_SPEC_PRIVATE_H
#define DL_SOURCE_SPEC_PRIVATE_H

#include "source_spec.h"

/* An error in the value of key, or in that it is absent. */
int dl_source_spec_fail(const struct dl_source_spec *s, const char *key,
    struct dl_err *err, const char *why);

/* Take `headers` into s->headers and, of references, s->ref_headers. */
int dl_source_spec_headers(struct dl_source_spec *s, struct dl_err *err);

/* Take `names` and `types` into s->columns. */
int dl_source_spec_columns(struct dl_source_spec *s, struct dl_err *err);

/* Take the mappings that modules of their own know: `tls`, `auth` ... */
int dl_source_spec_sections(struct dl_source_spec *s, struct dl_err *err);

/*
 * Take `cursor`, `window` and `pages`, and the names in the texts of a request
 * that they are for.
 */
int dl_source_spec_places(struct dl_source_spec *s, struct dl_err *err);

#endif
