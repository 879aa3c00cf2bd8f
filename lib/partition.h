/*
 * Where an event belongs in a lake: Hive partitions from a template.
 *
 *	source={source}/dt={time:%Y-%m-%d}/net={data.properties.net}
 *
 * A template is components of KEY=VALUE or plain text, with '/' between them.
 * In a value stand letters, digits, '.', '_', '~', '-', and places: {source},
 * {subject}, {type}, {id}, {time:FORMAT} (strftime(3), of the event's own time,
 * in UTC) and {data.NAME.NAME...} (a member of the data).  No component begins
 * with '.' or '_', which readers pass over, and no key comes twice.  Readers
 * take dt and hour as the event's time, so these keys, where they are used, are
 * dt={time:%Y-%m-%d} and hour={time:%H}.
 *
 * What fills a place is percent-encoded but for those same characters, so that
 * no record can name another directory; what is absent, null or empty is
 * __HIVE_DEFAULT_PARTITION__.  A component is at most DL_PARTITION_COMPONENT
 * bytes long, of which one value takes at most DL_PARTITION_VALUE.
 */
#ifndef DL_PARTITION_H
#define DL_PARTITION_H

#include "buf.h"
#include "clock.h"
#include "err.h"
#include "event.h"
#include "span.h"

#define DL_PARTITION_TEMPLATE \
	"source={source}/dt={time:%Y-%m-%d}/hour={time:%H}"
#define DL_PARTITION_DEFAULT "__HIVE_DEFAULT_PARTITION__"
#define DL_PARTITION_VALUE 200
#define DL_PARTITION_COMPONENT 250
#define DL_PARTITION_DEPTH 16 /* components */

struct dl_partition;

/* Read a template; DL_EXIT_USAGE names the byte at which it is wrong. */
struct dl_partition *dl_partition_new(const char *text, struct dl_err *err);
void dl_partition_free(struct dl_partition *p);

/*
 * Append the partition of ev to path, without a slash at either end.  t is the
 * time of ev, where the caller has read it; otherwise NULL.
 * DL_EXIT_DATA: a value is too long, an object or an array, or not JSON; the
 * time, where the template asks for it, is not RFC 3339.
 */
int dl_partition_of(struct dl_partition *p, const struct dl_event *ev,
    const struct dl_time *t, struct dl_buf *path, struct dl_err *err);

/*
 * Append what a percent-encoded value means; a '%' without two hex digits
 * stands for itself.
 */
void dl_partition_decode(struct dl_buf *b, struct dl_span value);

#endif
