#include "partition_time.h"

#include "buf.h"

#include <stdlib.h>
#include <time.h>

#define KEPT 64        /* texts */
#define TEXT_MOST 1024 /* bytes; of 32 conversions, few give more than 4 */

struct kept {
	int64_t slot;       /* of so many seconds each: which */
	struct dl_buf text; /* empty: none */
};

struct dl_partition_time {
	char *format;
	int64_t per;
	struct kept kept[KEPT];
};

struct dl_partition_time *
dl_partition_time_new(struct dl_span format, int64_t per)
{
	struct dl_partition_time *p = dl_calloc(1, sizeof(*p));

	p->format = dl_strndup(format);
	p->per = per;
	return p;
}

void
dl_partition_time_free(struct dl_partition_time *p)
{
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < KEPT; i++)
		dl_buf_release(&p->kept[i].text);
	free(p->format);
	free(p);
}

static int64_t
slot_of(int64_t sec, int64_t per)
{
	return sec >= 0 ? sec / per : -((-sec + per - 1) / per);
}

/* Where a slot's text is kept, if it is: its bits, mixed, say where. */
static struct kept *
place_of(struct dl_partition_time *p, int64_t slot)
{
	uint64_t h = (uint64_t)slot * UINT64_C(0x9e3779b97f4a7c15);

	return &p->kept[(h >> 32) % KEPT];
}

struct dl_span
dl_partition_time_text(struct dl_partition_time *p, int64_t sec)
{
	int64_t slot = slot_of(sec, p->per);
	struct kept *k = place_of(p, slot);
	time_t t = (time_t)sec;
	char text[TEXT_MOST];
	struct tm tm;

	if (k->text.len == 0 || k->slot != slot) {
		k->slot = slot;
		gmtime_r(&t, &tm);
		dl_buf_clear(&k->text);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		dl_buf_add(&k->text, text,
		    strftime(text, sizeof(text), p->format, &tm));
#pragma GCC diagnostic pop
	}
	return dl_buf_as_span(&k->text);
}
