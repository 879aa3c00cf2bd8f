/* How events and steps are named: hashes of what they are. */
#include "event.h"
#include "hash.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static void
update(XXH3_state_t *h, struct dl_span text)
{
	if (text.len > 0)
		XXH3_128bits_update(h, text.p, text.len);
	XXH3_128bits_update(h, "", 1);
}

void
dl_event_id(char id[DL_ID_LEN + 1], const struct dl_event *ev)
{
	XXH3_state_t h;
	XXH128_hash_t sum;

	XXH3_INITSTATE(&h);
	XXH3_128bits_reset(&h);
	update(&h, ev->source);
	update(&h, ev->subject);
	update(&h, ev->time);
	if (ev->data.len > 0)
		XXH3_128bits_update(&h, ev->data.p, ev->data.len);
	sum = XXH3_128bits_digest(&h);
	dl_hash_print(sum.high64, id);
	dl_hash_print(sum.low64, id + 16);
	id[DL_ID_LEN] = '\0';
}

void
dl_event_step(struct dl_buf *b, struct dl_span steps, struct dl_span name,
    struct dl_span program)
{
	size_t spaces = 0, from = steps.len;
	char hex[9];

	/* Walk back over the last DL_STEPS_MAX - 1 steps; older ones go. */
	while (from > 0) {
		if (steps.p[from - 1] == ' ' && ++spaces == DL_STEPS_MAX - 1)
			break;
		from--;
	}
	dl_hash_hex(program, hex, 8);
	dl_buf_add(b, steps.p == NULL ? "" : steps.p + from, steps.len - from);
	if (steps.len > 0)
		dl_buf_addc(b, ' ');
	for (size_t i = 0; i < name.len; i++)
		dl_buf_addc(b, name.p[i] == ' ' ? '_' : name.p[i]);
	dl_buf_addc(b, '@');
	dl_buf_adds(b, hex);
}
