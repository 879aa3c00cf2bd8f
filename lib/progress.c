#include "progress.h"

#include "clock.h"
#include "log.h"
#include "num.h"
#include "table.h"

#include <stdio.h>
#include <unistd.h>

#define DRAW_MS 100
#define LOG_MS (10 * 1000)
#define BAR_MAX 40
#define BAR_MIN 5
#define WIDTH 80     /* of a terminal that doesn't say */
#define TEXT_MAX 240 /* of the line without its bar */

void
dl_progress_begin(
    struct dl_progress *p, const char *unit, uint64_t before, bool quiet)
{
	int64_t now = dl_clock_ms();

	*p = (struct dl_progress){.terminal = !quiet && isatty(STDERR_FILENO),
	    .unit = unit,
	    .start_ms = now,
	    .told_ms = now,
	    .before = before};
}

static void
add_bar(struct dl_buf *b, size_t cells, uint64_t done, uint64_t all)
{
	size_t full =
	    all == 0 || done >= all
		? cells
		: (size_t)((double)cells * (double)done / (double)all);

	dl_buf_addc(b, '[');
	for (size_t i = 0; i < cells; i++)
		dl_buf_addc(b, i < full ? '#' : '-');
	dl_buf_adds(b, "] ");
}

void
dl_progress_line(struct dl_buf *b, size_t width, const struct dl_progress *p,
    int64_t ms, uint64_t done, uint64_t all, uint64_t items, const char *at)
{
	uint64_t fresh = done > p->before ? done - p->before : 0;
	double rate = ms > 0 ? (double)items * 1000.0 / (double)ms : 0;
	char text[TEXT_MAX], left[32], wait[48] = "";
	size_t len, room;

	if (fresh > 0 && done < all && ms > 0) {
		dl_num_print_age((int64_t)((double)ms / (double)fresh *
					   (double)(all - done)),
		    left);
		snprintf(wait, sizeof(wait), ", %s left", left);
	}
	snprintf(text, sizeof(text),
	    "%llu of %llu %s, %llu items, %.0f/s%s%s%s",
	    (unsigned long long)done, (unsigned long long)all, p->unit,
	    (unsigned long long)items, rate, wait, *at == '\0' ? "" : ", at ",
	    at);
	len = strlen(text);
	room = width > len + 3 ? width - len - 3 : 0;
	if (room >= BAR_MIN)
		add_bar(b, room < BAR_MAX ? room : BAR_MAX, done, all);
	if (width > 0 && len > width)
		len = width;
	dl_buf_add(b, text, len);
}

/* Standard error may be gone: then nobody looks. */
static void
put(const struct dl_buf *b)
{
	if (write(STDERR_FILENO, b->p, b->len) < 0)
		(void)0;
}

static void
draw(struct dl_progress *p, uint64_t done, uint64_t all, uint64_t items,
    const char *at)
{
	struct dl_buf b = {0};
	size_t width = dl_table_width(STDERR_FILENO);

	dl_buf_adds(&b, "\r\033[K");
	dl_progress_line(&b, (width == 0 ? WIDTH : width) - 1, p,
	    dl_clock_ms() - p->start_ms, done, all, items, at);
	/* What is logged next begins at the line's start. */
	dl_buf_addc(&b, '\r');
	put(&b);
	dl_buf_release(&b);
	p->drawn = true;
	dl_log_over(true);
}

static void
say(const struct dl_progress *p, uint64_t done, uint64_t all, uint64_t items,
    const char *at)
{
	struct dl_buf b = {0};

	dl_progress_line(
	    &b, 0, p, dl_clock_ms() - p->start_ms, done, all, items, at);
	dl_log(DL_LOG_DEBUG, "%s", dl_buf_str(&b));
	dl_buf_release(&b);
}

void
dl_progress_show(struct dl_progress *p, uint64_t done, uint64_t all,
    uint64_t items, const char *at)
{
	int64_t now = dl_clock_ms();

	if (now - p->told_ms < (p->terminal ? DRAW_MS : LOG_MS))
		return;
	p->told_ms = now;
	if (p->terminal)
		draw(p, done, all, items, at);
	else
		say(p, done, all, items, at);
}

void
dl_progress_end(struct dl_progress *p, uint64_t done, uint64_t all,
    uint64_t items, const char *at)
{
	struct dl_buf b = {0};

	if (p->drawn) {
		dl_buf_adds(&b, "\r\033[K");
		put(&b);
		dl_buf_release(&b);
		p->drawn = false;
		dl_log_over(false);
	}
	say(p, done, all, items, at);
}
