/*
 * One secret, all its versions, as one sealed file.
 *
 *	8   "dlsecret"
 *	1   format, 1
 *	16  id of the key of the group that seals it
 *	8   number of the newest version, big endian, as all numbers here
 *	24  nonce
 *	n   sealed: for each version, oldest first, its number (8), its time in
 *	    seconds since 1970 (8), its length (4), its bytes
 *	16  tag
 *
 * The tag is also over the first 33 bytes, the name of the group, a NUL and the
 * name of the secret: under another name or in another group nothing opens, and
 * no version can be taken out, put back or put before another.  That the whole
 * file is replaced by an older copy of itself can't be seen.
 *
 * A box is zero-initialised ({0}) and owns its bytes, which are in memory of
 * dl_seal_alloc(); values are spans of it, valid until the next add or release.
 */
#ifndef DL_SECRET_BOX_H
#define DL_SECRET_BOX_H

#include "buf.h"
#include "seal.h"

#include <stdint.h>

#define DL_SECRET_MAX (64 << 10) /* bytes of a value */
#define DL_SECRET_VERSIONS 32    /* kept; the oldest go first */
#define DL_SECRET_FILE_MAX (DL_SECRET_VERSIONS * (DL_SECRET_MAX + 20) + 128)

struct dl_secret_version {
	uint64_t number; /* from 1 on */
	int64_t sec;     /* when it was put */
	struct dl_span value;
};

struct dl_secret_box {
	char *bytes; /* what is sealed, in the clear */
	size_t len;
	struct dl_secret_version v[DL_SECRET_VERSIONS]; /* oldest first */
	size_t n;
};

void dl_secret_box_release(struct dl_secret_box *box);

/* The id of the key that a file is sealed with; DL_EXIT_DATA: it is none. */
int dl_secret_box_id(
    struct dl_span file, unsigned char id[DL_SEAL_ID], struct dl_err *err);

/* Open a file by the key of its group; any change of it is DL_EXIT_DATA. */
int dl_secret_box_open(struct dl_secret_box *box, const struct dl_seal_key *key,
    const char *name, struct dl_span file, struct dl_err *err);

/* A new version, of at most DL_SECRET_MAX bytes; copied. */
int dl_secret_box_add(struct dl_secret_box *box, struct dl_span value,
    int64_t sec, struct dl_err *err);

/* Append the sealed file to out; the box has at least one version. */
void dl_secret_box_seal(const struct dl_secret_box *box,
    const struct dl_seal_key *key, const char *name, struct dl_buf *out);

/* The version of a number, 0 for the newest; NULL: it isn't kept. */
const struct dl_secret_version *dl_secret_box_find(
    const struct dl_secret_box *box, uint64_t number);

#endif
