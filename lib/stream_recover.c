/*
 * What a crash left in a stream, mended by the next writer that opens it.
 *
 * Behind the published end there may be lines that were not yet durable.  After
 * a power cut some of their pages may be zeros.  They are kept up to the first
 * line that is not a whole event, written again (a page whose write failed
 * once may look clean, and another fsync would say nothing of it), synced and
 * published.  What was published is never cut: it was valid when it was put,
 * by the same rules, and durable before it was published.
 *
 * The lines of DIR/recovered, "BOOT FROM TO", tell which bytes were kept after
 * the machine was started anew: their producers' journals may have lost the
 * lines that say whose they are (stream_write.c).
 */
#include "stream_log.h"

#include "io.h"
#include "line.h"
#include "log.h"
#include "stream_dir.h"
#include "stream_valid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define RECOVERED_MAX (64 << 10)
#define LINE_MOST (DL_LINE_MAX + 1024) /* what is put may grow a little */
#define COPY_BYTES (1 << 20)

/* The end of the last whole event from offset on. */
static int
find_end(struct dl_stream_log *l, uint64_t from, uint64_t size, uint64_t *end,
    struct dl_err *err)
{
	struct dl_event ev = {0};
	struct dl_line in;
	struct dl_span line;
	enum dl_line_result r;

	*end = from;
	if (lseek(l->fd, (off_t)(from - l->start), SEEK_SET) < 0)
		return dl_err_errno(err, "cannot seek in '%s'", l->path);
	dl_line_init(&in, l->fd, l->path);
	in.max = LINE_MOST;
	in.torn_ok = true;
	while ((r = dl_line_next(&in, -1, &line, err)) == DL_LINE_RECORD) {
		struct dl_err ignored = {0};

		if (*end + line.len + 1 > size ||
		    !dl_stream_valid(&ev, line, &ignored))
			break;
		*end += line.len + 1;
	}
	dl_line_release(&in);
	dl_event_release(&ev);
	return r == DL_LINE_FAIL ? -1 : 0;
}

static int
write_again(
    struct dl_stream_log *l, uint64_t from, uint64_t to, struct dl_err *err)
{
	struct dl_buf b = {0};
	int r = 0;

	dl_buf_room(&b, COPY_BYTES);
	while (r == 0 && from < to) {
		size_t n =
		    to - from < COPY_BYTES ? (size_t)(to - from) : COPY_BYTES;
		off_t at = (off_t)(from - l->start);

		if (pread(l->fd, b.p, n, at) != (ssize_t)n ||
		    pwrite(l->fd, b.p, n, at) != (ssize_t)n)
			r = dl_err_errno(err, "cannot rewrite '%s'", l->path);
		from += n;
	}
	dl_buf_release(&b);
	return r;
}

static void
read_boot(char boot[64])
{
	FILE *f = fopen(BOOT_ID, "re");

	if (f == NULL || fscanf(f, "%63[0-9a-f-]", boot) != 1)
		strcpy(boot, "-"); /* unknown: never the same */
	if (f != NULL)
		fclose(f);
}

/* Copy the lines that still matter; was the log opened since this boot? */
static bool
keep_regions(const struct dl_buf *old, const char *boot, uint64_t oldest,
    struct dl_buf *out)
{
	const char *p = old->p, *stop = p + old->len;
	bool known = false;

	for (const char *nl;
	     p < stop && (nl = memchr(p, '\n', (size_t)(stop - p))) != NULL;
	     p = nl + 1) {
		unsigned long long from, to;
		char id[64];

		if (sscanf(p, "%63s %llu %llu", id, &from, &to) != 3)
			continue;
		/* The last that opened it was on this machine, since then. */
		known = *boot != '-' && strcmp(id, boot) == 0;
		if (!known && (from >= to || to <= oldest))
			continue;
		dl_buf_add(out, p, (size_t)(nl + 1 - p));
	}
	return known;
}

static void
drop_half(struct dl_buf *b)
{
	const char *nl = memchr(b->p + b->len / 2, '\n', b->len / 2);
	size_t from = nl == NULL ? b->len : (size_t)(nl + 1 - b->p);

	memmove(b->p, b->p + from, b->len - from);
	b->len -= from;
	dl_buf_str(b);
}

/* After a start of the machine, note what was found: once. */
static int
note_region(struct dl_stream_log *l, uint64_t oldest, uint64_t from,
    uint64_t to, struct dl_err *err)
{
	struct dl_buf old = {0}, b = {0};
	char path[PATH_MAX], boot[64];
	int r = -1;

	if (dl_stream_file(path, l->dir, "recovered", err) < 0)
		return -1;
	if (access(path, F_OK) == 0 &&
	    dl_read_file(path, RECOVERED_MAX, &old, err) < 0)
		goto out;
	read_boot(boot);
	r = 0;
	if (old.len > 0)
		dl_buf_str(&old);
	/* Without a boot id each crash adds a line: the oldest half goes. */
	if (old.len > RECOVERED_MAX / 2)
		drop_half(&old);
	if (old.len == 0 || !keep_regions(&old, boot, oldest, &b)) {
		dl_buf_printf(&b, "%s %020llu %020llu\n", boot,
		    (unsigned long long)from, (unsigned long long)to);
		r = dl_replace_file(path, dl_buf_as_span(&b), err);
	}
out:
	dl_buf_release(&old);
	dl_buf_release(&b);
	return r;
}

/* Let the index say what it knows of the active segment, and no more. */
static int
mend_index(struct dl_stream_log *l, struct dl_err *err)
{
	struct dl_stream_index x = {0};
	struct dl_buf b = {0};
	char path[PATH_MAX];
	int r;

	r = dl_stream_index_load(&x, l->dir, l->start, l->end, err);
	if (r == 0)
		r = dl_stream_index_complete(
		    &x, l->fd, l->path, l->start, l->end, err);
	if (r == 0 && x.n > 0)
		l->max = x.v[x.n - 1].max;
	for (size_t i = 0; i < x.n; i++)
		dl_stream_mark_print(&b, &x.v[i]);
	/* Others write to it, too: in place, and whole. */
	if (r == 0 && dl_segment_path(path, l->dir, l->start, "index", err) < 0)
		r = -1;
	if (r == 0 &&
	    (ftruncate(l->index, 0) < 0 ||
		(b.len > 0 && write(l->index, b.p, b.len) != (ssize_t)b.len)))
		(void)!ftruncate(l->index, 0);
	l->marked = l->end;
	dl_buf_release(&b);
	dl_stream_index_release(&x);
	return r;
}

static int
mend_tail(struct dl_stream_log *l, uint64_t oldest, uint64_t published,
    uint64_t size, struct dl_err *err)
{
	uint64_t from = published < l->start ? l->start : published;

	if (find_end(l, from, size, &l->end, err) < 0)
		return -1;
	if (l->end < size)
		dl_log(DL_LOG_WARN,
		    "'%s': %llu bytes at its end are no whole event, as a "
		    "crash leaves them: cut off",
		    l->path, (unsigned long long)(size - l->end));
	if (write_again(l, from, l->end, err) < 0)
		return -1;
	if (l->end < size && ftruncate(l->fd, (off_t)(l->end - l->start)) < 0)
		return dl_err_errno(err, "cannot cut '%s'", l->path);
	if (from < size && fdatasync(l->fd) < 0)
		return dl_err_errno(err, "cannot sync '%s'", l->path);
	l->flushed = l->end;
	return note_region(
	    l, oldest, published < from ? published : from, l->end, err);
}

/* Nothing that was published may be missing. */
static int
check_published(struct dl_stream_log *l, uint64_t published, uint64_t size,
    struct dl_err *err)
{
	if (published <= size)
		return 0;
	return dl_err_data(err,
	    "'%s' ends at %020llu, but all before %020llu was durable: "
	    "restore it, or, to go on without what is missing, move the "
	    "stream's directory away",
	    l->dir, (unsigned long long)size, (unsigned long long)published);
}

int
dl_stream_recover(struct dl_stream_log *l, uint64_t least, struct dl_err *err)
{
	struct dl_segments s = {0};
	uint64_t published = 0, size, start = 0;
	int r = -1, known;

	known = dl_stream_end_read(l->end_fd, l->dir, &published, err);
	if (known < 0 || dl_segments_list(&s, l->dir, err) < 0)
		goto out;
	size = start = known ? published : least;
	if (s.n > 0) {
		start = s.v[s.n - 1].start;
		size = start + s.v[s.n - 1].size;
	}
	/* With no end, whatever is there may be what no journal tells of. */
	if (!known)
		published = s.n > 0 ? s.v[0].start : start;
	if (check_published(l, published, size, err) < 0)
		goto out;
	l->max = dl_stream_no_time;
	if (dl_stream_log_activate(l, start, err) < 0 ||
	    mend_tail(l, s.n > 0 ? s.v[0].start : start, published, size, err) <
		0 ||
	    mend_index(l, err) < 0 || dl_stream_log_share(l, err) < 0 ||
	    dl_stream_log_publish_locked(l, err) < 0)
		goto out;
	r = 0;
out:
	dl_segments_release(&s);
	return r;
}
