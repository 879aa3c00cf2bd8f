#include "recode.h"

#include "buf.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>

#define OUT_SIZE (64 << 10)
#define HELD_MAX 64 /* bytes of one character, at most 16 of any encoding */

struct dl_recode {
	iconv_t cd;
	char *encoding;
	dl_expand_fn *fn;
	void *arg;
	size_t unit; /* bytes that are passed over where none is a character */
	char held[HELD_MAX]; /* the beginning of a character */
	size_t nheld;
	char out[OUT_SIZE];
	size_t nout;
};

/*
 * How many bytes an encoding moves by: what the second of two letters takes,
 * after a mark of byte order or without one.
 */
static size_t
unit_of(const char *encoding)
{
	iconv_t cd = iconv_open(encoding, "UTF-8");
	char letters[] = "aa", out[64], *from = letters, *to = out;
	size_t one = 1, room = sizeof(out), left;

	if (cd == (iconv_t)-1)
		return 1;
	if (iconv(cd, &from, &one, &to, &room) == (size_t)-1)
		room = left = 0;
	else {
		left = room;
		one = 1;
		if (iconv(cd, &from, &one, &to, &room) == (size_t)-1)
			room = left;
	}
	iconv_close(cd);
	return left - room == 2 || left - room == 4 ? left - room : 1;
}

struct dl_recode *
dl_recode_new(
    const char *encoding, dl_expand_fn *fn, void *arg, struct dl_err *err)
{
	struct dl_recode *r;
	iconv_t cd = (iconv_t)-1;

	/* What follows a slash is an option of iconv's, as //IGNORE. */
	if (encoding[0] != '\0' && strchr(encoding, '/') == NULL)
		cd = iconv_open("UTF-8", encoding);
	if (cd == (iconv_t)-1) {
		dl_err_conf(err,
		    "'%s' is no encoding that iconv knows: see 'iconv -l'",
		    encoding);
		return NULL;
	}
	r = dl_calloc(1, sizeof(*r));
	r->cd = cd;
	r->fn = fn;
	r->arg = arg;
	r->encoding = dl_strdup(encoding);
	r->unit = unit_of(encoding);
	return r;
}

void
dl_recode_free(struct dl_recode *r)
{
	if (r == NULL)
		return;
	iconv_close(r->cd);
	free(r->encoding);
	free(r);
}

void
dl_recode_start(struct dl_recode *r)
{
	iconv_t cd = iconv_open("UTF-8", r->encoding);

	/* glibc's own start anew keeps the byte order that a mark has told. */
	if (cd != (iconv_t)-1) {
		iconv_close(r->cd);
		r->cd = cd;
	} else {
		(void)iconv(r->cd, NULL, NULL, NULL, NULL);
	}
	r->nheld = r->nout = 0;
}

static int
give(struct dl_recode *r, struct dl_err *err)
{
	size_t n = r->nout;

	r->nout = 0;
	return n == 0 ? 0 : r->fn(r->arg, r->out, n, err);
}

static int
put_wrong(struct dl_recode *r, struct dl_err *err)
{
	if (r->nout == OUT_SIZE && give(r, err) < 0)
		return -1;
	r->out[r->nout++] = '\xff';
	return 0;
}

/*
 * Convert what can be of n bytes: *used of them; the rest begins a character,
 * unless it is too long for one.
 */
static int
convert(struct dl_recode *r, const char *p, size_t n, size_t *used,
    struct dl_err *err)
{
	char *from = (char *)p, *to;
	size_t room;

	while (n > 0) {
		int failed = 0;

		to = r->out + r->nout;
		room = OUT_SIZE - r->nout;
		if (iconv(r->cd, &from, &n, &to, &room) == (size_t)-1)
			failed = errno;
		r->nout = OUT_SIZE - room;
		if (failed == EINVAL && n < HELD_MAX / 2)
			break;
		if (failed == E2BIG) {
			if (give(r, err) < 0)
				return -1;
		} else if (failed != 0) {
			size_t step = r->unit < n ? r->unit : n;

			if (put_wrong(r, err) < 0)
				return -1;
			from += step;
			n -= step;
		}
	}
	*used = (size_t)(from - p);
	return 0;
}

int
dl_recode_feed(struct dl_recode *r, const char *p, size_t n, struct dl_err *err)
{
	size_t used;

	/* The rest of a character that was begun, byte by byte. */
	while (r->nheld > 0 && n > 0) {
		r->held[r->nheld++] = *p++;
		n--;
		if (convert(r, r->held, r->nheld, &used, err) < 0)
			return -1;
		r->nheld -= used;
		memmove(r->held, r->held + used, r->nheld);
	}
	if (convert(r, p, n, &used, err) < 0)
		return -1;
	if (n > used) {
		memcpy(r->held, p + used, n - used);
		r->nheld = n - used;
	}
	return give(r, err);
}

int
dl_recode_end(struct dl_recode *r, struct dl_err *err)
{
	char *to = r->out + r->nout;
	size_t room = OUT_SIZE - r->nout;

	/* A shift that some encodings keep back. */
	(void)iconv(r->cd, NULL, NULL, &to, &room);
	r->nout = OUT_SIZE - room;
	if (r->nheld > 0 && put_wrong(r, err) < 0)
		return -1;
	r->nheld = 0;
	return give(r, err);
}
