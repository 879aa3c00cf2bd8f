#include "http_log.h"

#include "buf.h"
#include "clock.h"
#include "io.h"
#include "json.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SOON ((size_t)64 << 10)

struct dl_http_log {
	const char *path;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct dl_buf waiting; /* under lock, like what follows */
	struct dl_buf scratch;
	uint64_t lines, left_out;
	int64_t second; /* of stamp */
	char stamp[DL_TIME_MAX];
	size_t stamp_len;
	bool ends;

	pthread_mutex_t file_lock; /* taken before lock, never after it */
	int fd;
	bool torn;     /* a write failed, maybe in the middle */
	uint64_t lost; /* since it began to fail; 0: it works */
};

/* The second's text is the same for all of its lines. */
static void
add_time(struct dl_http_log *log)
{
	struct dl_time now;
	int ms;

	dl_now(&now);
	if (now.sec != log->second || log->stamp_len == 0) {
		struct dl_time whole = {.sec = now.sec};

		log->second = now.sec;
		log->stamp_len = dl_time_print(&whole, log->stamp) - 1;
	}
	ms = now.nsec / 1000000;
	dl_buf_adds(&log->waiting, "{\"time\":\"");
	dl_buf_add(&log->waiting, log->stamp, log->stamp_len);
	dl_buf_add(&log->waiting,
	    (char[]){'.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10),
		(char)('0' + ms % 10), 'Z', '"'},
	    6);
}

/* As a string: at most max bytes, and '?' where it is not UTF-8. */
static void
add_text(struct dl_http_log *log, const char *key, struct dl_span s, size_t max)
{
	size_t i;

	dl_buf_adds(&log->waiting, key);
	if (s.len > max)
		s.len = max;
	if (!dl_utf8_valid(s)) {
		dl_buf_clear(&log->scratch);
		for (i = 0; i < s.len; i++)
			dl_buf_addc(
			    &log->scratch, (s.p[i] & 0x80) != 0 ? '?' : s.p[i]);
		s = dl_buf_as_span(&log->scratch);
	}
	if (s.p == NULL)
		dl_buf_adds(&log->waiting, "null");
	else
		dl_json_quote(&log->waiting, s);
}

static void
add_number(struct dl_http_log *log, const char *key, uint64_t n)
{
	char digits[20];
	size_t i = sizeof(digits);

	do
		digits[--i] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	dl_buf_adds(&log->waiting, key);
	dl_buf_add(&log->waiting, digits + i, sizeof(digits) - i);
}

void
dl_http_log_add(struct dl_http_log *log, const struct dl_http_log_line *line)
{
	uint64_t us = line->us < 0 ? 0 : (uint64_t)line->us;
	bool soon;

	pthread_mutex_lock(&log->lock);
	if (log->waiting.len > DL_HTTP_LOG_MAX) {
		log->left_out++;
		pthread_mutex_unlock(&log->lock);
		return;
	}
	log->lines++;
	soon = log->waiting.len < SOON;
	add_time(log);
	add_text(log, ",\"id\":", dl_span_str(line->id), 64);
	add_text(log, ",\"client\":", dl_span_str(line->client), 64);
	add_text(log, ",\"who\":", dl_span_str(line->who), 256);
	add_text(log, ",\"method\":", line->method, 32);
	add_text(log, ",\"path\":", line->path, DL_HTTP_LOG_PATH);
	add_number(
	    log, ",\"status\":", line->status < 0 ? 0 : (uint64_t)line->status);
	add_number(log, ",\"bytes\":", line->bytes);
	add_number(log, ",\"ms\":", us / 1000);
	dl_buf_add(&log->waiting,
	    (char[]){'.', (char)('0' + us / 100 % 10),
		(char)('0' + us / 10 % 10), (char)('0' + us % 10)},
	    4);
	dl_buf_adds(
	    &log->waiting, line->broken ? ",\"broken\":true}\n" : "}\n");
	soon = soon && log->waiting.len >= SOON;
	pthread_mutex_unlock(&log->lock);
	if (soon)
		pthread_cond_signal(&log->wake);
}

/* What is told of it: once when it begins to fail, once when it works again. */
static void
tell(struct dl_http_log *log, const char *why, uint64_t lost)
{
	if (lost > 0 && log->lost == 0)
		dl_log(DL_LOG_ERROR, "the access log leaves requests out: %s",
		    why);
	else if (lost == 0 && log->lost > 0)
		dl_log(DL_LOG_WARN,
		    "the access log is written again; %llu requests are not "
		    "in it",
		    (unsigned long long)log->lost);
	log->lost = lost == 0 ? 0 : log->lost + lost;
}

static void
write_out(struct dl_http_log *log, struct dl_buf *b, uint64_t lines,
    uint64_t left_out)
{
	struct dl_err err = {0};
	int r;

	pthread_mutex_lock(&log->file_lock);
	/* The last line may be there by half. */
	r = log->torn ? dl_write_all(log->fd, "\n", 1, log->path, &err) : 0;
	if (r == 0)
		r = dl_write_all(log->fd, b->p, b->len, log->path, &err);
	log->torn = r < 0;
	tell(log, r < 0 ? err.msg : "it is written too slowly",
	    left_out + (r < 0 ? lines : 0));
	pthread_mutex_unlock(&log->file_lock);
	dl_buf_clear(b);
}

static void *
log_run(void *arg)
{
	struct dl_http_log *log = arg;
	struct dl_buf out = {0}, swap;
	struct timespec until;
	uint64_t lines, left_out;
	bool ends = false;

	while (!ends) {
		pthread_mutex_lock(&log->lock);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec++;
		while (!log->ends && log->waiting.len < SOON)
			if (pthread_cond_timedwait(
				&log->wake, &log->lock, &until) != 0)
				break;
		swap = log->waiting;
		log->waiting = out;
		out = swap;
		lines = log->lines;
		left_out = log->left_out;
		log->lines = log->left_out = 0;
		ends = log->ends;
		pthread_mutex_unlock(&log->lock);
		if (out.len > 0)
			write_out(log, &out, lines, left_out);
	}
	dl_buf_release(&out);
	return NULL;
}

static int
open_file(const char *path, struct dl_err *err)
{
	int fd;

	if (strcmp(path, "-") == 0)
		fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd =
		    open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		return dl_err_errno(
		    err, "cannot open the access log '%s'", path);
	return fd;
}

struct dl_http_log *
dl_http_log_open(const char *path, struct dl_err *err)
{
	struct dl_http_log *log;
	pthread_condattr_t attr;
	int fd = open_file(path, err);

	if (fd < 0)
		return NULL;
	log = dl_calloc(1, sizeof(*log));
	log->path = path;
	log->fd = fd;
	pthread_mutex_init(&log->lock, NULL);
	pthread_mutex_init(&log->file_lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&log->wake, &attr);
	pthread_condattr_destroy(&attr);
	if ((errno = pthread_create(&log->thread, NULL, log_run, log)) == 0)
		return log;
	dl_err_errno(err, "cannot start a thread");
	close(fd);
	free(log);
	return NULL;
}

int
dl_http_log_reopen(struct dl_http_log *log, struct dl_err *err)
{
	int fd = open_file(log->path, err), old;

	if (fd < 0)
		return -1;
	pthread_mutex_lock(&log->file_lock);
	old = log->fd;
	log->fd = fd;
	pthread_mutex_unlock(&log->file_lock);
	close(old);
	return 0;
}

void
dl_http_log_close(struct dl_http_log *log)
{
	if (log == NULL)
		return;
	pthread_mutex_lock(&log->lock);
	log->ends = true;
	pthread_mutex_unlock(&log->lock);
	pthread_cond_signal(&log->wake);
	pthread_join(log->thread, NULL);
	close(log->fd);
	pthread_mutex_destroy(&log->lock);
	pthread_mutex_destroy(&log->file_lock);
	pthread_cond_destroy(&log->wake);
	dl_buf_release(&log->waiting);
	dl_buf_release(&log->scratch);
	free(log);
}
