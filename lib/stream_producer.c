#include "stream_producer.h"

#include "hash.h"
#include "io.h"
#include "stream_dir.h"

#include <stdio.h>

#define READ_BYTES (1 << 20)
#define RECOVERED_MAX (4 << 20)
#define PLACE_LEN (2 * DL_OFFSET_LEN + 1) /* FROM-TO */

/* What a start looks at. */
struct start {
	struct dl_stream_producer *producer;
	uint64_t oldest, end;
};

void
dl_stream_producer_init(struct dl_stream_producer *p, const char *dir)
{
	*p = (struct dl_stream_producer){.dir = dir};
	dl_idset_init(&p->seen, dir);
}

void
dl_stream_producer_release(struct dl_stream_producer *p)
{
	dl_journal_close(p->journal);
	dl_idset_release(&p->seen);
	dl_buf_release(&p->key);
	dl_event_release(&p->ev);
}

/* The ids of the events that begin from one offset on, before another. */
static int
read_ids(struct dl_stream_producer *p, uint64_t from, uint64_t to, bool awaited,
    struct dl_err *err)
{
	struct dl_stream_reader *r;
	struct dl_span lines, line;
	uint64_t missed;
	bool absent;
	int got;

	if ((r = dl_stream_open_read(p->dir, &absent, err)) == NULL)
		return -1;
	got = dl_stream_seek_near(r, from, &to, err);
	while (got > 0 && (got = dl_stream_read(
			       r, to, READ_BYTES, &lines, &missed, err)) > 0)
		while (got > 0 && dl_stream_line(&lines, &line)) {
			if (dl_event_parse(&p->ev, line, err) < 0 ||
			    dl_idset_add(&p->seen,
				dl_hash_pair(p->ev.source, p->ev.id), awaited,
				err) < 0)
				got = -1;
		}
	dl_stream_close_read(r);
	return got;
}

static bool
parse_place(struct dl_span text, char between, uint64_t *from, uint64_t *to)
{
	return text.len == PLACE_LEN && text.p[DL_OFFSET_LEN] == between &&
	       dl_offset_read(dl_span(text.p, DL_OFFSET_LEN), from) &&
	       dl_offset_read(
		   dl_span(text.p + DL_OFFSET_LEN + 1, DL_OFFSET_LEN), to);
}

/* A part of the journal: the ids of what the log still has of it. */
static int
take_part(void *arg, struct dl_span part, struct dl_err *err)
{
	struct start *s = arg;
	struct dl_stream_producer *p = s->producer;
	uint64_t from, to;

	if (!parse_place(part, '-', &from, &to))
		return dl_err_data(err,
		    "'%s/producers/%.*s': '%.*s' is not a place in the log",
		    p->dir, (int)p->key.len, p->key.p,
		    part.len > 80 ? 80 : (int)part.len, part.p);
	if (to <= s->oldest || from >= s->end)
		return 0;
	return read_ids(p, from, to, true, err) < 0 ? -1 : 1;
}

/* Two places as one; what others put between comes with it if it must. */
static bool
join_parts(struct dl_span a, struct dl_span b, bool far, struct dl_buf *out)
{
	struct dl_span last = b;
	uint64_t from, to, next, end;

	if (!parse_place(a, '-', &from, &to) ||
	    !parse_place(b, '-', &next, &end) || (!far && to != next))
		return false;
	if (next < from || end < to) /* they lie the other way round */
		return false;
	dl_buf_add(out, a.p, DL_OFFSET_LEN + 1);
	dl_buf_add(out, last.p + DL_OFFSET_LEN + 1, DL_OFFSET_LEN);
	return true;
}

/* "BOOT FROM TO": what a power cut may have hidden from the journal. */
static int
take_recovered(const struct start *s, struct dl_err *err)
{
	struct dl_buf b = {0};
	struct dl_span rest, line;
	char path[PATH_MAX];
	uint64_t from, to;
	int r;

	if ((r = dl_stream_file(path, s->producer->dir, "recovered", err)) == 0)
		r = dl_read_file(path, RECOVERED_MAX, &b, err);
	rest = dl_buf_as_span(&b);
	while (r == 0 && dl_stream_line(&rest, &line)) {
		if (line.len < PLACE_LEN)
			continue;
		line.p += line.len - PLACE_LEN;
		line.len = PLACE_LEN;
		if (parse_place(line, ' ', &from, &to) && from < to &&
		    to > s->oldest)
			r = read_ids(s->producer, from, to, false, err);
	}
	dl_buf_release(&b);
	return r;
}

int
dl_stream_producer_open(
    struct dl_stream_producer *p, struct dl_span key, struct dl_err *err)
{
	static const struct dl_journal_kind kind = {
	    "producers", "the stream", join_parts};

	dl_buf_span(&p->key, key);
	p->journal = dl_journal_open(&kind, p->dir, key, err);
	return p->journal == NULL ? -1 : 0;
}

int
dl_stream_producer_start(struct dl_stream_producer *p, struct dl_span position,
    uint64_t oldest, uint64_t end, struct dl_err *err)
{
	struct start s = {p, oldest, end};

	if (dl_journal_start(p->journal, position, take_part, &s, err) < 0 ||
	    take_recovered(&s, err) < 0 || dl_idset_seal(&p->seen, err) < 0)
		return -1;
	dl_journal_hold(p->journal, p->seen.unmet > 0);
	return 0;
}

bool
dl_stream_producer_knows(
    struct dl_stream_producer *p, const struct dl_event *ev)
{
	if (p->seen.n == 0 ||
	    !dl_idset_meet(&p->seen, dl_hash_pair(ev->source, ev->id)))
		return false;
	if (p->seen.unmet == 0)
		dl_journal_hold(p->journal, false);
	return true;
}

int
dl_stream_producer_place(struct dl_stream_producer *p, uint64_t from,
    uint64_t to, struct dl_err *err)
{
	char text[PLACE_LEN + 1];
	struct dl_span part = {text, PLACE_LEN};

	if (p->journal == NULL)
		return 0;
	snprintf(text, sizeof(text), "%020llu-%020llu",
	    (unsigned long long)from, (unsigned long long)to);
	return dl_journal_append(p->journal, &part, 1, false, err);
}
