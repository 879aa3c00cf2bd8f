/*
 * How much a source may ask of a server: the `limits` of a specification.
 *
 *	limits: {rate: 10/s, concurrency: 2, max_bytes: 1G, max_time: 10m}
 *
 * rate is a count of requests by s, m, h or d: 1 to 1,000,000 of them.
 */
#ifndef DL_LIMITS_SPEC_H
#define DL_LIMITS_SPEC_H

#include "conf.h"

#include <stdint.h>

#define DL_CONCURRENCY_MAX 64

struct dl_limits_spec {
	const char *rate; /* as it is written; NULL: no limit */
	int64_t
	    apart_ns; /* what rate means between two requests; 0: no limit */
	int64_t concurrency; /* transfers at once; 0: no limit */
	int64_t max_bytes; /* of a document as it is handed out; 0: no limit */
	int64_t max_time_ms; /* of an acquisition; 0: no limit */
};

/*
 * Take the mapping node (NULL: no limits) into spec, which borrows from c.
 * DL_EXIT_CONF: what it may be instead.
 */
int dl_limits_take(const struct dl_conf *c, const struct dl_conf_node *node,
    struct dl_limits_spec *spec, struct dl_err *err);

#endif
