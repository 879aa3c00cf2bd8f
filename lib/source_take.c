/* What becomes of one item: an event, nothing, or a dead letter. */
#include "source_private.h"

#include "hash.h"
#include "log.h"

static int
bury(struct dl_source *s, struct dl_span item, size_t total, const char *code,
    const struct dl_err *why, struct dl_err *err)
{
	struct dl_dead_record r = {.ev = &s->wrap.ev,
	    .bytes = item,
	    .total = total,
	    .number = s->counts->in - s->earlier,
	    .code = code};

	if (s->look)
		dl_log(DL_LOG_WARN, "item %llu would be a dead letter: %s",
		    (unsigned long long)r.number, why->msg);
	if (dl_dead_put(&s->dead, &r, why, err) == 0) {
		s->counts->dead++;
		return 0;
	}
	s->broken = s->dead.open;
	return -1;
}

/* The same for an item that can be read: where it ends the run, say which. */
static int
bury_read(struct dl_source *s, struct dl_span item, size_t total,
    const char *code, const struct dl_err *why, struct dl_err *err)
{
	if (bury(s, item, total, code, why, err) == 0)
		return 0;
	if (!s->dead.open)
		dl_err_prefix(err, "item %llu",
		    (unsigned long long)(s->counts->in - s->earlier));
	return -1;
}

/*
 * Did an attempt before this one, that was cut off, let the event out?  If not
 * it goes out now, and is remembered before it does.  1, 0, -1.
 */
static int
sent_before(struct dl_source *s, struct dl_err *err)
{
	struct dl_hash128 h = dl_hash_pair(s->wrap.ev.source, s->wrap.ev.id);

	if (dl_idset_meet(&s->sent, h))
		return 1;
	return dl_idset_add(&s->sent, h, false, err);
}

static int
emit(struct dl_source *s, struct dl_span item, struct dl_err *err)
{
	size_t before = s->out.buf.len;
	size_t max = (size_t)s->spec->max_item;
	struct dl_err why;
	int r;

	dl_source_wrap_name(&s->wrap);
	dl_event_write(&s->out.buf, &s->wrap.ev);
	if (s->out.buf.len - before - 1 > max) {
		dl_err_clear(&why);
		dl_err_data(&why,
		    "%zu bytes with its envelope, longer than "
		    "the limit of %zu",
		    s->out.buf.len - before - 1, max);
		s->out.buf.len = before;
		return bury_read(s, item, item.len, "too-long", &why, err);
	}
	if (s->remembers && (r = sent_before(s, err)) != 0) {
		s->out.buf.len = before;
		s->counts->dropped += r > 0;
		return r < 0 ? -1 : 0;
	}
	s->counts->out++;
	if (s->look && s->counts->out >= s->look_most) {
		s->enough = true;
		return dl_err_temp(err, "enough was seen");
	}
	if (dl_out_spill(&s->out, err) == 0)
		return 0;
	s->broken = true;
	return -1;
}

/*
 * An item of only_changed without a time of its own has the same name when an
 * acquisition that nobody committed is done again.
 */
static int
name_again(struct dl_source *s, struct dl_err *err)
{
	struct dl_time t = s->wrap.now;
	int r = dl_source_state_time(s->state, &t, err);

	if (r < 0) {
		s->broken = true;
		return -1;
	}
	dl_source_wrap_time(&s->wrap, &t, r > 0);
	return 0;
}

int
dl_source_take(void *arg, struct dl_span item, size_t total, const char *code,
    const struct dl_err *bad, struct dl_err *err)
{
	struct dl_source *s = arg;
	struct dl_event *ev = &s->wrap.ev;
	struct dl_err why;

	dl_metric_tick();
	s->counts->in++;
	if (bad != NULL) {
		ev->id = ev->subject = ev->time = (struct dl_span){0};
		return bury(s, item, total, code, bad, err);
	}
	why.status = DL_EXIT_OK;
	if (dl_source_wrap_item(&s->wrap, item, &code, &why) < 0)
		return bury_read(s, item, total, code, &why, err);
	if (s->cursor != NULL)
		dl_cursor_item(s->cursor, ev->data);
	if (s->spec->only_changed && s->state != NULL) {
		if (!dl_source_state_new(s->state, dl_hash64(ev->subject),
			dl_hash64(ev->data))) {
			s->counts->dropped++;
			return 0;
		}
		if (s->spec->time == NULL && name_again(s, err) < 0)
			return -1;
	}
	return emit(s, ev->data.p != NULL ? ev->data : item, err);
}
