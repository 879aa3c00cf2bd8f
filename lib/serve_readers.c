#include "serve_readers.h"

#include <stdlib.h>

struct reader {
	struct reader *next;
	struct dl_twin *twin;
};

struct dl_serve_readers {
	uint64_t serial; /* tells one server from another at its place */
	pthread_mutex_t lock;
	struct reader *first;
};

static _Atomic uint64_t serials;

static _Thread_local struct {
	uint64_t serial; /* whose; 0: of none */
	struct dl_twin *twin;
} own;

struct dl_serve_readers *
dl_serve_readers_new(void)
{
	struct dl_serve_readers *r = dl_calloc(1, sizeof(*r));

	r->serial = atomic_fetch_add(&serials, 1) + 1;
	pthread_mutex_init(&r->lock, NULL);
	return r;
}

void
dl_serve_readers_free(struct dl_serve_readers *r)
{
	struct reader *reader;

	if (r == NULL)
		return;
	while ((reader = r->first) != NULL) {
		r->first = reader->next;
		dl_twin_close(reader->twin);
		free(reader);
	}
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static struct dl_twin *
add(struct dl_serve *s)
{
	struct dl_serve_readers *r = s->readers;
	struct reader *reader = dl_calloc(1, sizeof(*reader));

	reader->twin = dl_twin_reader(s->twin);
	pthread_mutex_lock(&r->lock);
	reader->next = r->first;
	r->first = reader;
	pthread_mutex_unlock(&r->lock);
	own.serial = r->serial;
	own.twin = reader->twin;
	return own.twin;
}

struct dl_twin *
dl_serve_reader(struct dl_serve *s)
{
	return own.serial == s->readers->serial ? own.twin : add(s);
}
