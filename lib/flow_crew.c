/*
 * A filter in several processes.  The parent reads blocks of whole lines and
 * does not look into them; a worker takes the lines of its block and leaves
 * what they become, and a note of each line that is for the parent: those that
 * failed, and checkpoints.  The parent writes what comes back, block by block,
 * and does to a noted line what is done to it where there are no workers.
 */
#include "flow_private.h"

#include "crew.h"
#include "io.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* A line that is for the parent; the message follows. */
struct note {
	uint64_t at, len;        /* its bytes in the block */
	uint64_t number;         /* in this piece, from 1 */
	uint64_t written;        /* bytes of this piece that come before it */
	struct dl_counts counts; /* of this piece, up to it */
	uint64_t status, msg_len;
	char code[16];
};

/* The parent's. */
struct boss {
	struct dl_flow *f;
	struct dl_crew crew;
	struct dl_crew_block *block; /* being filled, or NULL */
	size_t whole;                /* its bytes that are whole lines */
	struct dl_buf tail;          /* what came behind them, for the next */
	uint64_t settled;            /* lines of the blocks that are done */
	bool eof;
	struct dl_err unread; /* why the input ends here, if that is no end */
};

/* A worker's. */
struct hand {
	struct dl_flow *f;
	struct dl_crew *crew;
	dl_flow_fn *fn;
	void *to;
	struct dl_span in;
	char *out; /* where pieces go */
	struct dl_buf bytes, notes;
	struct dl_crew_piece piece;
	struct dl_err why;
};

/* One piece: the first n bytes from at, and all notes.  -1: the end. */
static int
put_piece(struct hand *h, size_t at, size_t n, bool more)
{
	struct dl_crew_piece *p = &h->piece;
	int r;

	p->bytes = (uint32_t)n;
	p->notes = (uint32_t)h->notes.len;
	p->more = more;
	if (n > 0)
		memcpy(h->out, h->bytes.p + at, n);
	if (h->notes.len > 0)
		memcpy(h->out + n, h->notes.p, h->notes.len);
	r = dl_crew_put(h->crew, p);
	dl_buf_clear(&h->notes);
	*p = (struct dl_crew_piece){0};
	return r;
}

/*
 * A piece must have room for what the line at hand became (bytes from before
 * on) and a note of need bytes.  If not, what came before it goes first, and
 * then as much of its own as makes pieces.
 */
static int
make_room(struct hand *h, size_t before, size_t need)
{
	size_t at = before;

	if (h->bytes.len + h->notes.len + need <= DL_CREW_PIECE)
		return 0;
	if (put_piece(h, 0, before, true) < 0)
		return -1;
	for (; h->bytes.len - at > DL_CREW_PIECE; at += DL_CREW_PIECE)
		if (put_piece(h, at, DL_CREW_PIECE, true) < 0)
			return -1;
	h->bytes.len -= at;
	if (h->bytes.len > 0)
		memmove(h->bytes.p, h->bytes.p + at, h->bytes.len);
	return 0;
}

/* This line is for the parent; h->why and code: what failed, if it did. */
static int
put_note(struct hand *h, struct dl_span line, const char *code)
{
	struct note n = {.at = (uint64_t)(line.p - h->in.p),
	    .len = line.len,
	    .status = (uint64_t)h->why.status,
	    .msg_len = strlen(h->why.msg)};

	if (make_room(h, h->bytes.len, sizeof(n) + n.msg_len) < 0)
		return -1;
	n.number = ++h->piece.lines;
	n.written = h->bytes.len;
	n.counts = h->piece.counts;
	memcpy(n.code, code, strnlen(code, sizeof(n.code) - 1));
	dl_buf_add(&h->notes, &n, sizeof(n));
	dl_buf_add(&h->notes, h->why.msg, n.msg_len);
	dl_err_clear(&h->why);
	return 0;
}

/* A line that failed is the last one, where there is no place for it. */
static int
put_failed(struct hand *h, struct dl_span line, const char *code)
{
	h->piece.counts.in++;
	if (put_note(h, line, code) < 0)
		return -1;
	return h->f->dead.open ? 0 : 1;
}

/* 1: the rest of the block need not be looked at; -1: the end. */
static int
work_line(struct hand *h, struct dl_span line)
{
	size_t before = h->bytes.len;
	const char *code = "";
	int64_t n;

	if (dl_flow_take(h->f, line, &h->why) < 0) {
		dl_err_clear(&h->why); /* the parent will find out again */
		return put_failed(h, line, code);
	}
	if (dl_event_is(&h->f->ev, DL_TYPE_CHECKPOINT))
		return put_note(h, line, code);
	n = h->fn(h->to, &h->f->ev, &h->bytes, &code, &h->why);
	if (n < 0)
		return put_failed(h, line, code);
	if (make_room(h, before, 0) < 0)
		return -1;
	h->piece.lines++;
	h->piece.counts.in++;
	dl_counts_became(&h->piece.counts, (uint64_t)n);
	return 0;
}

static int
work_block(struct hand *h)
{
	const char *p = h->in.p, *end = p + h->in.len, *nl;
	int r = 0;

	for (uint64_t number = 1; p < end && r == 0; p = nl + 1, number++) {
		nl = memchr(p, '\n', (size_t)(end - p));
		dl_crew_at(h->crew, number);
		r = work_line(h, dl_span(p, (size_t)(nl - p)));
	}
	if (r < 0 || put_piece(h, 0, h->bytes.len, false) < 0)
		return -1;
	dl_buf_clear(&h->bytes);
	/* What hardly ever comes is not worth keeping memory for. */
	if (h->bytes.cap > 4 * DL_CREW_PIECE)
		dl_buf_release(&h->bytes);
	return 0;
}

static void
work(struct dl_flow *f, struct dl_crew *c, dl_flow_fn *fn, void *to)
{
	struct hand h = {.f = f, .crew = c, .fn = fn, .to = to};

	while (dl_crew_next(c, &h.in, &h.out) > 0)
		if (work_block(&h) < 0)
			break;
	dl_buf_release(&h.bytes);
	dl_buf_release(&h.notes);
}

/* The notes of a piece were made by a process that may be out of its mind. */
static int
read_note(const struct dl_crew_block *b, const struct dl_crew_piece *p,
    size_t *at, struct note *n, struct dl_err *why)
{
	const char *notes = b->out + p->bytes;

	if (p->notes - *at < sizeof(*n))
		return -1;
	memcpy(n, notes + *at, sizeof(*n));
	*at += sizeof(*n);
	if (n->at > b->len || n->len > b->len - n->at ||
	    n->written > p->bytes || n->msg_len >= DL_ERR_MAX ||
	    n->msg_len > p->notes - *at)
		return -1;
	n->code[sizeof(n->code) - 1] = '\0';
	dl_err_clear(why);
	why->status = (enum dl_exit)n->status;
	memcpy(why->msg, notes + *at, n->msg_len);
	why->msg[n->msg_len] = '\0';
	*at += n->msg_len;
	return 0;
}

static void
count(struct dl_flow *f, const struct dl_counts *base,
    const struct dl_counts *more)
{
	f->counts.in = base->in + more->in;
	f->counts.added = base->added + more->added;
	f->counts.out = base->out + more->out;
	f->counts.dropped = base->dropped + more->dropped;
}

/* Write what came back up to end, from *from on. */
static int
write_to(struct dl_flow *f, const struct dl_crew_block *b, size_t *from,
    size_t end, struct dl_err *err)
{
	size_t n = end - *from;
	const char *p = b->out + *from;

	*from = end;
	return n == 0 ? 0 : dl_write_all(f->out.fd, p, n, f->out.name, err);
}

/*
 * Do to a line what is done where there are no workers.  What comes before one
 * that failed need not be written yet: few writes are large ones.
 */
static int
settle_line(struct dl_flow *f, const struct dl_crew_block *b,
    const struct note *n, const struct dl_err *why, size_t *from,
    struct dl_err *err)
{
	struct dl_span line = dl_span(b->in + n->at, n->len);
	struct dl_err none = {0};
	bool is_event = dl_flow_take(f, line, &none) == 0;
	bool passes = is_event && dl_event_is(&f->ev, DL_TYPE_CHECKPOINT);

	if (passes && write_to(f, b, from, n->written, err) < 0)
		return -1;
	if (!is_event)
		return dl_flow_broken(f, line, &none, err);
	if (!passes)
		return dl_flow_dead(f, n->code, why, err);
	f->repeats = true;
	return dl_flow_pass_on(f, err);
}

static int
settle_piece(struct dl_flow *f, const struct dl_crew_block *b,
    const struct dl_crew_piece *p, struct dl_err *err)
{
	uint64_t before = f->in.number;
	struct dl_counts base = f->counts;
	struct dl_err why, ignored = {0};
	size_t at = 0, from = 0;
	struct note n;

	while (at < p->notes) {
		if (read_note(b, p, &at, &n, &why) < 0 || n.written < from)
			return dl_err_bug(err, "a worker's notes are broken");
		f->in.number = before + n.number;
		count(f, &base, &n.counts);
		if (settle_line(f, b, &n, &why, &from, err) < 0) {
			write_to(f, b, &from, n.written, &ignored);
			return -1;
		}
	}
	if (write_to(f, b, &from, p->bytes, err) < 0)
		return -1;
	f->in.number = before + p->lines;
	count(f, &base, &p->counts);
	return 0;
}

static int
settle_long(
    struct dl_flow *f, const struct dl_crew_block *b, struct dl_err *err)
{
	f->in.number++;
	f->in.long_bytes = b->long_bytes;
	f->counts.in++;
	return dl_flow_too_long(f, dl_span(b->in, DL_LINE_KEEP), err);
}

/* What came back, in its order, as far as it goes. */
static int
settle(struct boss *s, struct dl_err *err)
{
	struct dl_flow *f = s->f;
	struct dl_crew_piece p;
	int r;

	while ((r = dl_crew_take(&s->crew, &p, err)) > 0) {
		const struct dl_crew_block *b = dl_crew_oldest(&s->crew);

		if ((b->long_bytes > 0 ? settle_long(f, b, err)
				       : settle_piece(f, b, &p, err)) < 0)
			return -1;
		dl_crew_done(&s->crew);
		if (!p.more)
			s->settled = f->in.number;
	}
	if (r < 0 && err->msg[0] != '\0' && p.lines > 0)
		dl_err_prefix(err, "<stdin>:%llu",
		    (unsigned long long)(s->settled + p.lines));
	return r;
}

/*
 * A block to read into, begun with what the last one left; NULL: not now.  What
 * comes behind a line that is too long may be whole lines.
 */
static struct dl_crew_block *
open_block(struct boss *s)
{
	struct dl_crew_block *b = s->block;
	const char *nl;

	if (b == NULL && (b = dl_crew_spare(&s->crew)) != NULL) {
		b->len = s->tail.len;
		if (b->len > 0)
			memcpy(b->in, s->tail.p, b->len);
		dl_buf_clear(&s->tail);
		nl = memrchr(b->in, '\n', b->len);
		s->whole = nl == NULL ? 0 : (size_t)(nl + 1 - b->in);
		s->block = b;
	}
	return b;
}

/* The block goes, without what is behind its last line. */
static void
give_block(struct boss *s)
{
	struct dl_crew_block *b = s->block;

	dl_buf_add(&s->tail, b->in + s->whole, b->len - s->whole);
	b->len = b->long_bytes > 0 ? DL_LINE_KEEP : s->whole;
	s->block = NULL;
	dl_crew_give(&s->crew);
}

/*
 * n bytes were read behind what the block has.  A line that is too long begins
 * a block, and has it to itself: its first bytes, while others are passed over.
 */
static void
take_bytes(struct boss *s, size_t n)
{
	struct dl_crew_block *b = s->block;
	char *from = b->in + b->len, *nl = memchr(from, '\n', n);
	size_t line = (size_t)((nl != NULL ? nl : from + n) - b->in);

	b->len += n;
	if (s->whole == 0 && (b->long_bytes > 0 || line > DL_LINE_MAX)) {
		b->long_bytes += line - DL_LINE_KEEP;
		if (nl == NULL)
			b->len = DL_LINE_KEEP;
		else
			b->long_bytes += DL_LINE_KEEP;
	} else if (nl != NULL) {
		nl = memrchr(nl, '\n', (size_t)(from + n - nl));
	}
	if (nl != NULL)
		s->whole = (size_t)(nl + 1 - b->in);
}

/* What came before a failure goes out before it is told. */
static void
read_block(struct boss *s)
{
	struct dl_crew_block *b = s->block;
	ssize_t n;

	do
		n = read(s->f->in.fd, b->in + b->len, DL_CREW_FILL);
	while (n < 0 && errno == EINTR);
	s->eof = n <= 0;
	if (n > 0)
		take_bytes(s, (size_t)n);
	if (n < 0)
		dl_err_errno(&s->unread, "cannot read %s", s->f->in.name);
}

/* A block that is not full goes to a worker that would do nothing otherwise. */
static bool
should_give(const struct boss *s)
{
	const struct dl_crew_block *b = s->block;

	return b != NULL && s->whole > 0 &&
	       (s->eof || b->len >= DL_CREW_FILL || b->long_bytes > 0 ||
		   dl_crew_idle(&s->crew));
}

/* All that came was taken: did it end in half a line? */
static int
at_end(const struct boss *s, struct dl_err *err)
{
	uint64_t torn = s->tail.len;

	if (s->block != NULL)
		torn += s->block->len + s->block->long_bytes;
	if (s->unread.status != DL_EXIT_OK) {
		*err = s->unread;
		return -1;
	}
	if (torn == 0)
		return 0;
	dl_err_data(err,
	    "%s ends in the middle of line %llu (%llu bytes without a newline):"
	    " did its writer die?",
	    s->f->in.name, (unsigned long long)s->f->in.number + 1,
	    (unsigned long long)torn);
	if (s->f->repeats)
		err->status = DL_EXIT_TEMP;
	return -1;
}

/* Wait for input and for the workers, and take in what comes. */
static int
wait_both(struct boss *s, struct dl_err *err)
{
	bool reads = !s->eof && open_block(s) != NULL;
	bool idles = dl_crew_oldest(&s->crew) == NULL;
	struct pollfd p[2 + DL_CREW_MOST] = {
	    {.fd = reads ? s->f->in.fd : -1, .events = POLLIN},
	    {.fd = idles ? s->f->out.fd : -1}};
	int n;

	dl_crew_poll(&s->crew, p + 2);
	if (dl_out_flush(&s->f->dead.out, err) < 0)
		return -1;
	n = poll(p, (nfds_t)(2 + s->crew.workers), dl_metric_wait_ms());
	if (n < 0 && errno != EINTR)
		return dl_err_errno(err, "cannot poll %s", s->f->in.name);
	dl_metric_tick();
	if (n <= 0)
		return 0;
	dl_crew_hear(&s->crew, p + 2);
	if (p[0].revents != 0)
		read_block(s);
	else if (p[1].revents != 0)
		return dl_flow_heard(s->f, err);
	return 0;
}

static int
lead(struct boss *s, struct dl_err *err)
{
	for (;;) {
		if (settle(s, err) < 0)
			return -1;
		if (should_give(s))
			give_block(s);
		else if (s->eof && dl_crew_oldest(&s->crew) == NULL)
			return at_end(s, err);
		if (wait_both(s, err) < 0)
			return -1;
	}
}

int
dl_flow_crew(struct dl_flow *f, int workers, dl_flow_fn *fn, void *to,
    struct dl_err *err)
{
	struct boss s = {.f = f};
	int r = dl_crew_start(&s.crew, workers, err);

	if (r > 0) {
		work(f, &s.crew, fn, to);
		return DL_FLOW_WORKER;
	}
	if (r == 0) {
		r = lead(&s, err);
		dl_crew_end(&s.crew);
	}
	dl_buf_release(&s.tail);
	return r;
}
