/*
 * The requests of a specification: its URL, body and headers, with their names
 * (template.h) filled in for each.
 */
#ifndef DL_TRANSPORT_REQUEST_H
#define DL_TRANSPORT_REQUEST_H

#include "fetch.h"
#include "source_spec.h"

struct dl_request;

/* spec is borrowed. */
struct dl_request *dl_request_new(const struct dl_source_spec *spec);
void dl_request_free(struct dl_request *r); /* NULL does nothing */

/* Those headers that are always the same, for dl_fetch_options. */
const char *const *dl_request_headers(const struct dl_request *r);

/*
 * Fill ask, all of which lives until the next call.  pages: the walk whose page
 * at hand is asked for, or NULL.  DL_EXIT_DATA: a value that can't stand where
 * it is to.
 */
int dl_request_fill(struct dl_request *r,
    const struct dl_template_values *values, struct dl_pages *pages,
    struct dl_fetch_ask *ask, struct dl_err *err);

/*
 * A hash of the specification and of what was filled in last: validators are
 * of an answer to the same.
 */
uint64_t dl_request_hash(const struct dl_request *r);

#endif
