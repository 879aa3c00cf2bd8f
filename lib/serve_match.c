#include "serve_match.h"

#include <stdlib.h>
#include <sys/random.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define SLOTS_MIN 1024
#define SLOTS_KEPT (64 << 10) /* more are not cleared but made anew */

void
dl_serve_match_init(struct dl_serve_match *m)
{
	*m = (struct dl_serve_match){.nslots = SLOTS_MIN};
	m->slots = dl_calloc(m->nslots, sizeof(*m->slots));
	if (getrandom(&m->seed, sizeof(m->seed), GRND_NONBLOCK) < 0)
		m->seed = (uint64_t)(uintptr_t)m;
}

void
dl_serve_match_release(struct dl_serve_match *m)
{
	free(m->slots);
	*m = (struct dl_serve_match){0};
}

void
dl_serve_match_clear(struct dl_serve_match *m, size_t n)
{
	size_t want = SLOTS_MIN;

	while (want < n)
		want *= 2;
	if (want <= m->nslots && m->nslots <= SLOTS_KEPT) {
		memset(m->slots, 0, m->nslots * sizeof(*m->slots));
		return;
	}
	free(m->slots);
	m->nslots = want;
	m->slots = dl_calloc(want, sizeof(*m->slots));
}

static uint64_t
mix(uint64_t h, struct dl_span s)
{
	return XXH3_64bits_withSeed(s.len == 0 ? "" : s.p, s.len, h);
}

/* Where a metric is, by what most differ in. */
static struct dl_serve_match_slot *
slot(struct dl_serve_match *m, struct dl_span component, struct dl_span name,
    struct dl_span value, struct dl_span id, const struct dl_time *t)
{
	uint64_t h = mix(mix(mix(mix(m->seed, component), name), value), id);
	int64_t time[2] = {t->sec, t->nsec};

	h = mix(h, dl_span((const char *)time, sizeof(time)));
	return &m->slots[h & (m->nslots - 1)];
}

void
dl_serve_match_add(struct dl_serve_match *m, struct dl_serve_event *e)
{
	for (size_t i = 0; i < e->nmetrics; i++) {
		struct dl_serve_metric *x = &e->put->metrics[e->first + i];
		struct dl_serve_match_slot *s =
		    slot(m, e->subject, x->name, x->value, e->id, &e->instant);

		x->event = e;
		x->next = NULL;
		if (s->last == NULL)
			s->first = x;
		else
			s->last->next = x;
		s->last = x;
	}
}

static bool
is_about(const struct dl_twin_record *rec, const struct dl_serve_metric *x)
{
	const struct dl_serve_event *e = x->event;

	return dl_time_cmp(&rec->instant, &e->instant) == 0 &&
	       dl_span_eq(rec->metric, x->name) &&
	       dl_span_eq(rec->component, e->subject) &&
	       dl_span_eq(rec->value, x->value) && dl_span_eq(rec->id, e->id) &&
	       dl_span_eq(rec->source, e->source) &&
	       dl_span_eq(rec->sequence, e->sequence);
}

struct dl_serve_metric *
dl_serve_match_take(struct dl_serve_match *m, const struct dl_twin_record *rec)
{
	struct dl_serve_match_slot *s = slot(
	    m, rec->component, rec->metric, rec->value, rec->id, &rec->instant);
	struct dl_serve_metric *before = NULL, *x = s->first;

	for (; x != NULL && !is_about(rec, x); x = x->next)
		before = x;
	if (x == NULL)
		return NULL;
	if (before == NULL)
		s->first = x->next;
	else
		before->next = x->next;
	if (s->last == x)
		s->last = before;
	return x;
}
