#include "table.h"

#include <locale.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <wchar.h>

#define GAP 2           /* between columns */
#define FLEXIBLE_MIN 8  /* how narrow the flexible column gets */
#define WIDTH_MAX 10000 /* of a terminal that can be believed */

struct cell {
	size_t at, len; /* in text */
	size_t columns;
};

struct dl_table {
	const char *const *heads;
	size_t n, flexible, width;
	size_t columns[DL_TABLE_COLUMNS]; /* so far */
	locale_t utf8;
	struct dl_buf text; /* of the rows held back, made harmless */
	struct cell cells[DL_TABLE_AHEAD][DL_TABLE_COLUMNS];
	size_t nrows;
	bool begun; /* the widths are known and the heads printed */
};

struct dl_table *
dl_table_new(const char *const *heads, size_t n, size_t flexible, size_t width)
{
	struct dl_table *t = dl_calloc(1, sizeof(*t));

	t->heads = heads;
	t->n = n;
	t->flexible = flexible;
	t->width = width;
	t->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	return t;
}

void
dl_table_free(struct dl_table *t)
{
	if (t == NULL)
		return;
	if (t->utf8 != (locale_t)0)
		freelocale(t->utf8);
	dl_buf_release(&t->text);
	free(t);
}

/* Marks that turn or isolate the direction of what follows. */
static bool
turns(wchar_t c)
{
	return c == 0x200e || c == 0x200f || c == 0x61c ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* The character at p: its bytes, and its columns; -1: it must not be shown. */
static size_t
look(const char *p, size_t len, int *columns)
{
	mbstate_t st = {0};
	wchar_t c = 0;
	size_t n = mbrtowc(&c, p, len, &st);

	if (n == 0 || n > len) { /* NUL, not whole, or not UTF-8 */
		*columns = -1;
		return 1;
	}
	*columns = turns(c) ? -1 : wcwidth(c);
	return n;
}

/* Append text, harmless; returns its columns. */
static size_t
append(struct dl_buf *b, struct dl_span text)
{
	size_t columns = 0, n;
	int wide;

	if (text.len > DL_TABLE_CELL)
		text.len = DL_TABLE_CELL;
	for (size_t i = 0; i < text.len; i += n) {
		n = look(text.p + i, text.len - i, &wide);
		if (wide < 0)
			dl_buf_addc(b, '?');
		else
			dl_buf_add(b, text.p + i, n);
		columns += wide < 0 ? 1 : (size_t)wide;
	}
	return columns;
}

/* Append text, which is harmless, in at most max columns; how many it took. */
static size_t
append_cut(struct dl_buf *b, struct dl_span text, size_t columns, size_t max)
{
	size_t taken = 0, n;
	int wide;

	if (columns <= max) {
		dl_buf_span(b, text);
		return columns;
	}
	if (max == 0)
		return 0;
	for (size_t i = 0; i < text.len; i += n) {
		n = look(text.p + i, text.len - i, &wide);
		if (wide < 0 || taken + (size_t)wide + 1 > max)
			break;
		dl_buf_add(b, text.p + i, n);
		taken += (size_t)wide;
	}
	dl_buf_adds(b, "…");
	return taken + 1;
}

static void
print_row(struct dl_table *t, const char *text, const struct cell *cells,
    struct dl_buf *out)
{
	size_t at = 0, left;

	for (size_t i = 0; i < t->n; i++) {
		size_t max = t->columns[i], took;

		left = t->width == 0 ? SIZE_MAX : t->width - at;
		took =
		    append_cut(out, dl_span(text + cells[i].at, cells[i].len),
			cells[i].columns, max < left ? max : left);
		if (i + 1 == t->n || left <= max + GAP)
			break;
		at += max + GAP;
		for (; took < max + GAP; took++)
			dl_buf_addc(out, ' ');
	}
	dl_buf_addc(out, '\n');
}

/* How wide each column is, from the heads and the rows that wait. */
static void
measure(struct dl_table *t)
{
	size_t total = 0, over;
	size_t *flexible = &t->columns[t->flexible];

	for (size_t i = 0; i < t->n; i++) {
		t->columns[i] = strlen(t->heads[i]);
		for (size_t r = 0; r < t->nrows; r++)
			if (t->cells[r][i].columns > t->columns[i])
				t->columns[i] = t->cells[r][i].columns;
		total += t->columns[i] + (i > 0 ? GAP : 0);
	}
	if (t->width == 0 || total <= t->width)
		return;
	over = total - t->width;
	if (*flexible > FLEXIBLE_MIN)
		*flexible = *flexible > over + FLEXIBLE_MIN ? *flexible - over
		                                            : FLEXIBLE_MIN;
}

static void
print_heads(struct dl_table *t, struct dl_buf *out)
{
	struct cell cells[DL_TABLE_COLUMNS];
	struct dl_buf text = {0};

	for (size_t i = 0; i < t->n; i++) {
		cells[i] = (struct cell){
		    text.len, strlen(t->heads[i]), strlen(t->heads[i])};
		dl_buf_adds(&text, t->heads[i]);
	}
	print_row(t, text.p, cells, out);
	dl_buf_release(&text);
}

static void
print_all(struct dl_table *t, struct dl_buf *out)
{
	if (!t->begun) {
		measure(t);
		print_heads(t, out);
		t->begun = true;
	}
	for (size_t r = 0; r < t->nrows; r++)
		print_row(t, t->text.p, t->cells[r], out);
	dl_buf_clear(&t->text);
	t->nrows = 0;
}

void
dl_table_row(
    struct dl_table *t, const struct dl_span *cells, struct dl_buf *out)
{
	locale_t was = (locale_t)0;

	if (t->utf8 != (locale_t)0)
		was = uselocale(t->utf8);
	for (size_t i = 0; i < t->n; i++) {
		struct cell *c = &t->cells[t->nrows][i];

		c->at = t->text.len;
		c->columns = append(&t->text, cells[i]);
		c->len = t->text.len - c->at;
	}
	t->nrows++;
	if (t->begun || t->nrows == DL_TABLE_AHEAD)
		print_all(t, out);
	if (was != (locale_t)0)
		uselocale(was);
}

void
dl_table_flush(struct dl_table *t, struct dl_buf *out)
{
	locale_t was = (locale_t)0;

	if (t->utf8 != (locale_t)0)
		was = uselocale(t->utf8);
	if (t->nrows > 0)
		print_all(t, out);
	if (was != (locale_t)0)
		uselocale(was);
}

size_t
dl_table_width(int fd)
{
	struct winsize size = {0};
	const char *columns = getenv("COLUMNS");
	unsigned long n;

	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	n = columns == NULL ? 0 : strtoul(columns, NULL, 10);
	return n > WIDTH_MAX ? 0 : n;
}
