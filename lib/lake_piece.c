#include "lake_piece.h"

struct piece {
	uint64_t from, to; /* bytes, unpacked */
};

void
dl_lake_pieces_release(struct dl_lake_pieces *p)
{
	dl_buf_release(&p->list);
}

static struct piece *
piece_at(const struct dl_lake_pieces *p, size_t i)
{
	return (struct piece *)(void *)p->list.p + i;
}

static size_t
npieces(const struct dl_lake_pieces *p)
{
	return p->list.len / sizeof(struct piece);
}

static void
add_piece(struct dl_lake_pieces *p, uint64_t from, uint64_t to)
{
	struct piece piece = {from, to};
	size_t n = npieces(p);

	if (from == to)
		return;
	if (n > 0 && piece_at(p, n - 1)->to == from)
		piece_at(p, n - 1)->to = to;
	else
		dl_buf_add(&p->list, &piece, sizeof(piece));
}

int
dl_lake_pieces_choose(struct dl_lake_pieces *p, const struct dl_lake_entry *e,
    dl_lake_want_fn *want, void *arg, struct dl_err *err)
{
	uint64_t at = 0, end;
	bool any = false, fits = true;
	size_t i;

	p->some = false;
	dl_buf_clear(&p->list);
	for (i = 0; i < e->nof; i++, at = end) {
		if (__builtin_add_overflow(at, e->of[i].bytes, &end))
			fits = false;
		if (want(arg, &e->of[i])) {
			any = true;
			add_piece(p, at, end);
		} else {
			p->some = true;
		}
	}
	if (!any || !p->some)
		return any;
	if (!fits || at != e->unpacked)
		return dl_err_data(err,
		    "the manifest's line %llu does not tell what in '%s' is "
		    "from where",
		    (unsigned long long)e->number, e->part);
	return npieces(p) > 0;
}

/* Cut off n bytes of rest, and see that lines begin after them. */
static int
drop(struct dl_lake_pieces *p, uint64_t n, const char *part, struct dl_err *err)
{
	if (n > p->rest.len)
		n = p->rest.len;
	if (n > 0 && p->rest.p[n - 1] != '\n')
		return dl_err_data(err,
		    "'%s' is not as the manifest has it: no line ends at byte "
		    "%llu of its records",
		    part, (unsigned long long)(p->before + n));
	p->rest.p += n;
	p->rest.len -= (size_t)n;
	p->before += n;
	return 0;
}

int
dl_lake_pieces_lines(struct dl_lake_pieces *p, struct dl_unpack *u,
    const char *part, struct dl_span *lines, struct dl_err *err)
{
	const struct piece *piece;
	int r;

	while (!p->some || p->next < npieces(p)) {
		piece = p->some ? piece_at(p, p->next) : NULL;
		if (piece != NULL && p->before == piece->to) {
			p->next++;
			continue;
		}
		if (p->rest.len == 0) {
			if ((r = dl_unpack_lines(u, &p->rest, err)) < 0)
				return -1;
			if (r == 0)
				break;
		}
		if (piece != NULL && p->before < piece->from) {
			if (drop(p, piece->from - p->before, part, err) < 0)
				return -1;
			continue;
		}
		p->at = p->before;
		*lines = p->rest;
		if (drop(p, piece == NULL ? p->rest.len : piece->to - p->before,
			part, err) < 0)
			return -1;
		lines->len = (size_t)(p->rest.p - lines->p);
		return 1;
	}
	if (!p->some || p->next == npieces(p))
		return 0;
	return dl_err_data(err,
	    "'%s' is not as the manifest has it: it ends after %llu bytes of "
	    "records",
	    part, (unsigned long long)p->before);
}
