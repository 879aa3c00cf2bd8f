/*
 * Packing with gzip.  A packer's quarter of a megabyte is made once and used
 * again, by whichever thread comes next.
 */
#include "http_private.h"

#include <stdlib.h>
#include <zlib.h>

#define LEVEL 1
#define KEPT 16

struct dl_http_packer {
	z_stream z;
	struct dl_http_packer *next;
	int older; /* how many are behind it in the list */
};

static struct dl_http_packer *
take(struct dl_http *h)
{
	struct dl_http_packer *k;

	pthread_mutex_lock(&h->packers_lock);
	if ((k = h->packers) != NULL)
		h->packers = k->next;
	pthread_mutex_unlock(&h->packers_lock);
	if (k != NULL) {
		deflateReset(&k->z);
		return k;
	}
	k = dl_calloc(1, sizeof(*k));
	if (deflateInit2(&k->z, LEVEL, Z_DEFLATED, 15 + 16, 8,
		Z_DEFAULT_STRATEGY) == Z_OK)
		return k;
	free(k);
	return NULL;
}

static void
give(struct dl_http *h, struct dl_http_packer *k)
{
	pthread_mutex_lock(&h->packers_lock);
	k->older = h->packers == NULL ? 0 : h->packers->older + 1;
	if (k->older < KEPT) {
		k->next = h->packers;
		h->packers = k;
		k = NULL;
	}
	pthread_mutex_unlock(&h->packers_lock);
	if (k != NULL) {
		deflateEnd(&k->z);
		free(k);
	}
}

bool
dl_http_pack(struct dl_http *h, struct dl_span body, struct dl_buf *b)
{
	struct dl_http_packer *k;
	uLong bound;
	int r;

	if (body.len > UINT32_MAX / 2 || (k = take(h)) == NULL)
		return false;
	bound = deflateBound(&k->z, (uLong)body.len);
	dl_buf_room(b, bound);
	k->z.next_in = (Bytef *)(uintptr_t)body.p;
	k->z.avail_in = (uInt)body.len;
	k->z.next_out = (Bytef *)b->p + b->len;
	k->z.avail_out = (uInt)bound;
	r = deflate(&k->z, Z_FINISH);
	b->len += bound - k->z.avail_out;
	give(h, k);
	return r == Z_STREAM_END;
}

void
dl_http_packers_free(struct dl_http *h)
{
	struct dl_http_packer *k;

	while ((k = h->packers) != NULL) {
		h->packers = k->next;
		deflateEnd(&k->z);
		free(k);
	}
}
