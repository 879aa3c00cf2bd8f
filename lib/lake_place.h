/*
 * Where a lake is, as people say it to the tools: a name in the home, a path,
 * or s3://BUCKET/PREFIX; and their options for lakes on S3.
 */
#ifndef DL_LAKE_PLACE_H
#define DL_LAKE_PLACE_H

#include "err.h"
#include "home.h"
#include "lake_store.h"
#include "opt.h"
#include "s3.h"

#define DL_LAKE_TAGS_MAX 4096 /* bytes, escaped */

/* What the options say; zeroed: nothing.  It outlives the store. */
struct dl_lake_place {
	const char *home; /* dl_tool_home_option */
	struct dl_s3_options s3;
	const char *style;
	char tags[DL_LAKE_TAGS_MAX]; /* as a query */
	int64_t give_up_ms, spool_max;
	char path[PATH_MAX]; /* of the home */
};

/* clang-format off */
/* Rows for a tool's table of options; place: a struct dl_lake_place. */
#define DL_LAKE_OPTIONS(place) \
	DL_OPT_STR(0, "endpoint", &(place).s3.endpoint, "URL", \
	    "S3: the service (AWS's)"), \
	DL_OPT_STR(0, "region", &(place).s3.region, "NAME", \
	    "S3: the region (us-east-1)"), \
	DL_OPT_STR(0, "profile", &(place).s3.profile, "NAME", \
	    "S3: of the files of AWS's tools"), \
	DL_OPT_STR(0, "credentials", &(place).s3.credentials, "REF", \
	    "S3: a secret, KEY:SECRET or KEY:SECRET:TOKEN"), \
	DL_OPT_STR(0, "style", &(place).style, "STYLE", \
	    "S3: the bucket is in the path, or virtual"), \
	DL_OPT_STR(0, "ca", &(place).s3.ca, "FILE", \
	    "S3: authorities to trust (the system's)"), \
	DL_OPT_DURATION(0, "give-up", &(place).give_up_ms, "DURATION", \
	    "S3: end when it is away for so long")

#define DL_LAKE_WRITE_OPTIONS(place) \
	DL_OPT_STR(0, "sse", &(place).s3.sse, "KIND", \
	    "S3: encrypt there: AES256 or aws:kms"), \
	DL_OPT_STR(0, "sse-key-id", &(place).s3.sse_key_id, "ID", \
	    "S3: by this key of aws:kms"), \
	DL_OPT_STR(0, "storage-class", &(place).s3.storage_class, "CLASS", \
	    "S3: how it is kept"), \
	DL_OPT_CALL(0, "tag", dl_lake_place_tag, &(place), "KEY=VALUE", \
	    "S3: tag each object"), \
	DL_OPT_SIZE(0, "spool-max", &(place).spool_max, "SIZE", \
	    "S3: wait when so much is on its way (16G)")
/* clang-format on */

/* A tag of DL_LAKE_WRITE_OPTIONS. */
int dl_lake_place_tag(void *to, char *const *argv, struct dl_err *err);

/*
 * Open the lake at address; the caller's to close.  NULL: see err.  Options for
 * S3 mean nothing to another lake.
 */
struct dl_lake_store *dl_lake_place_open(struct dl_lake_place *place,
    const char *address, enum dl_lake_mode mode, struct dl_err *err);

#endif
