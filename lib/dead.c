#include "dead.h"

#include "clock.h"
#include "hash.h"
#include "io.h"
#include "json.h"
#include "line.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A record may grow sixfold as a JSON string; the letter stays a line. */
#define RECORD_MAX (DL_LINE_MAX / 8)
#define TAIL_STEP 4096
#define TORN_MAX (2 * (off_t)DL_LINE_MAX) /* how far back one may begin */

/* Where the last line of fd begins, if it has no newline; -1: it has one. */
static off_t
torn_line(int fd, off_t size)
{
	char bytes[TAIL_STEP];
	off_t end = size, from;
	const char *nl;
	ssize_t n;

	for (; end > 0 && size - end <= TORN_MAX; end = from) {
		from = end > TAIL_STEP ? end - TAIL_STEP : 0;
		n = pread(fd, bytes, (size_t)(end - from), from);
		if (n != (ssize_t)(end - from))
			return -1;
		if ((nl = memrchr(bytes, '\n', (size_t)n)) != NULL) {
			from += nl + 1 - bytes;
			return from == size ? -1 : from;
		}
	}
	return end == 0 && size > 0 ? 0 : -1;
}

/*
 * A write that a full disk or a kill cut short has left half a letter, and the
 * next would go on in its line.  Its record comes again: cut it, but nothing
 * that is not ours, and not while another tool appends to the same file.
 */
static void
cut_torn(int fd, const char *path)
{
	static const char first[] = "{\"specversion\":";
	char begin[sizeof(first) - 1];
	struct stat st;
	off_t at;
	ssize_t n;
	int in;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 &&
	    (in = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) >= 0) {
		if (fstat(in, &st) == 0 &&
		    (at = torn_line(in, st.st_size)) >= 0 &&
		    (n = pread(in, begin, sizeof(begin), at)) > 0 &&
		    memcmp(begin, first, (size_t)n) == 0)
			(void)!ftruncate(fd, at);
		close(in);
	}
	/* As long as it is open. */
	(void)flock(fd, LOCK_SH | LOCK_NB);
}

int
dl_dead_open(struct dl_dead *d, const char *path, const char *tool,
    struct dl_span step, struct dl_err *err)
{
	struct stat st;
	int fd;

	*d = (struct dl_dead){0};
	snprintf(d->tool, sizeof(d->tool), "%s", tool);
	snprintf(d->step, sizeof(d->step), "%.*s", DL_SPAN_ARG(step));
	d->counted = "line";
	if (path == NULL)
		return 0;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return dl_err_errno(err, "cannot open '%s'", path);
	cut_torn(fd, path);
	dl_out_init(&d->out, fd, path);
	d->open = true;
	/* A file's name must last as long as what is in it; a pipe has none. */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return dl_sync_parent(path, err);
	return 0;
}

void
dl_dead_set_program(struct dl_dead *d, struct dl_span program)
{
	dl_hash_hex(program, d->program, sizeof(d->program) - 1);
}

static void
put_base64(struct dl_buf *b, struct dl_span s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < s.len; i += 3) {
		size_t n = s.len - i < 3 ? s.len - i : 3;
		uint32_t v = 0;
		char c[4];

		for (size_t k = 0; k < 3; k++)
			v = v << 8 | (k < n ? (unsigned char)s.p[i + k] : 0u);
		for (size_t k = 0; k < 4; k++)
			c[k] = k <= n ? digits[v >> (18 - 6 * k) & 63] : '=';
		dl_buf_add(b, c, 4);
	}
}

static void
put_record(struct dl_buf *b, struct dl_span record)
{
	if (dl_utf8_valid(record)) {
		dl_buf_adds(b, "\"record\":");
		dl_json_quote(b, record);
	} else {
		dl_buf_adds(b, "\"record_base64\":\"");
		put_base64(b, record);
		dl_buf_addc(b, '"');
	}
}

static void
put_letter(struct dl_dead *d, const struct dl_event *head,
    const struct dl_dead_record *r, const char *why)
{
	uint64_t before = r->ev == NULL ? 0 : dl_dead_attempts(r->ev);
	struct dl_buf *b = &d->out.buf;
	struct dl_span kept = r->bytes;

	if (kept.len > RECORD_MAX)
		kept.len = RECORD_MAX;
	dl_event_head(b, head);
	dl_buf_printf(b, "{\"tool\":\"%s\",\"step\":", d->tool);
	dl_json_quote(b, dl_span_str(d->step));
	if (d->program[0] != '\0')
		dl_buf_printf(b, ",\"program\":\"%s\"", d->program);
	dl_buf_printf(b, ",\"attempts\":%llu,\"%s\":%llu,",
	    (unsigned long long)before + 1, d->counted,
	    (unsigned long long)r->number);
	dl_buf_printf(b, "\"code\":\"%s\",\"error\":", r->code);
	dl_json_quote(b, dl_span_str(why));
	dl_buf_addc(b, ',');
	if (r->total > kept.len)
		dl_buf_printf(
		    b, "\"bytes\":%llu,", (unsigned long long)r->total);
	put_record(b, kept);
	dl_buf_addc(b, '}');
	dl_event_tail(b);
}

/* What is known of the record; what isn't is made up. */
static void
put_named(struct dl_dead *d, const struct dl_dead_record *r, const char *why)
{
	struct dl_event head = {0};
	char id[DL_ID_LEN + 1], stamp[DL_TIME_MAX];
	struct dl_hash128 h;
	struct dl_time now;

	if (r->ev != NULL)
		head = *r->ev;
	if (head.id.p == NULL) {
		h = dl_hash128(r->bytes);
		snprintf(id, sizeof(id), "%016llx%016llx",
		    (unsigned long long)h.hi, (unsigned long long)h.lo);
		head.id = dl_span_str(id);
	}
	dl_now(&now);
	dl_time_print(&now, stamp);
	if (head.source.p == NULL)
		head.source = dl_span_str(d->tool);
	if (head.time.p == NULL)
		head.time = dl_span_str(stamp);
	if (head.recordedtime.p == NULL)
		head.recordedtime = dl_span_str(stamp);
	head.type = DL_SPAN(DL_TYPE_DEAD);
	put_letter(d, &head, r, why);
}

int
dl_dead_put(struct dl_dead *d, const struct dl_dead_record *r,
    const struct dl_err *why, struct dl_err *err)
{
	if (!d->open) {
		*err = *why;
		if (err->status == DL_EXIT_OK)
			err->status = DL_EXIT_DATA;
		return -1;
	}
	put_named(d, r, why->msg);
	return dl_out_spill(&d->out, err);
}

/* Is this attribute ("name":value) ours?  *n is its value, 0 if it is none. */
static bool
is_attempts(struct dl_span attribute, uint64_t *n)
{
	static const char name[] = "\"dlattempts\"";
	const char *p = attribute.p, *end = attribute.p + attribute.len;
	const char *digits;

	if (attribute.len < sizeof(name) ||
	    memcmp(p, name, sizeof(name) - 1) != 0)
		return false;
	p += sizeof(name) - 1;
	while (p < end && (*p == ' ' || *p == '\t' || *p == ':'))
		p++;
	*n = 0;
	for (digits = p; p < end && *p >= '0' && *p <= '9'; p++)
		if (*n <= DL_DEAD_ATTEMPTS)
			*n = *n * 10 + (uint64_t)(*p - '0');
	if (p != end || *digits == '0' || *n > DL_DEAD_ATTEMPTS)
		*n = 0;
	return true;
}

uint64_t
dl_dead_attempts(const struct dl_event *ev)
{
	uint64_t n, most = 0;

	for (size_t i = 0; i < ev->nextra; i++)
		if (is_attempts(ev->extra[i], &n) && n > most)
			most = n;
	return most;
}

bool
dl_dead_merge_attempts(struct dl_event *ev)
{
	uint64_t most = dl_dead_attempts(ev), n;
	size_t kept = 0, before = ev->nextra;
	bool have = false;

	for (size_t i = 0; i < before; i++) {
		if (is_attempts(ev->extra[i], &n)) {
			if (have || n != most)
				continue;
			have = true;
		}
		ev->extra[kept++] = ev->extra[i];
	}
	ev->nextra = kept;
	return kept < before;
}

int
dl_dead_sync(struct dl_dead *d, struct dl_err *err)
{
	if (!d->open)
		return 0;
	if (dl_out_flush(&d->out, err) < 0)
		return -1;
	/* A pipe or a terminal has nothing to sync, and says EINVAL. */
	if (fdatasync(d->out.fd) < 0 && errno != EINVAL && errno != EROFS &&
	    errno != ENOTSUP)
		return dl_err_errno(err, "cannot sync '%s'", d->out.name);
	return 0;
}

int
dl_dead_close(struct dl_dead *d, struct dl_err *err)
{
	int r = dl_dead_sync(d, err);

	if (!d->open)
		return r;
	if (close(d->out.fd) < 0 && r == 0)
		r = dl_err_errno(err, "cannot close '%s'", d->out.name);
	dl_out_release(&d->out);
	d->open = false;
	return r;
}
