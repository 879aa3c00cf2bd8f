/*
 * A stream's directory from a disk that lied.  The input is files, one after
 * the other: a byte that says which, one that counts (the offset in a name, or
 * what an end says), one for its length in steps of 16 bytes, and its bytes.
 * The directory is then read, searched, told about, written to and read again:
 * whatever is handed out is whole lines, and what was published stays.
 */
#include "io.h"
#include "log.h"
#include "stream.h"
#include "stream_dir.h"
#include "stream_stat.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY "source.x"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char home[64], dir[128];

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void
clean(void)
{
	(void)nftw(home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
make_home(void)
{
	if (home[0] == '\0') {
		dl_log_init("fuzz", DL_LOG_ERROR);
		strcpy(home, "/dev/shm/dl-fuzz-stream-XXXXXX");
		if (mkdtemp(home) == NULL) {
			strcpy(home, "/tmp/dl-fuzz-stream-XXXXXX");
			if (mkdtemp(home) == NULL)
				abort();
		}
		snprintf(dir, sizeof(dir), "%s/streams/s", home);
		atexit(clean);
	}
	clean();
}

static void
write_file(const char *in, const char *name, const void *p, size_t n)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", in, name);
	if ((f = fopen(path, "we")) == NULL)
		abort();
	if (fwrite(p, 1, n, f) != n || fclose(f) != 0)
		abort();
}

static void
make_file(uint8_t which, uint8_t count, const uint8_t *p, size_t n)
{
	static const char *const names[] = {
	    "end", ".lock", "recovered", "lost", "producers/source.x"};
	char name[64], text[DL_STREAM_END_LEN + 1], commits[128];

	snprintf(commits, sizeof(commits), "%s/commits", home);
	switch (which % 9) {
	case 5:
		dl_stream_end_print(count, text);
		write_file(dir, "end", text, DL_STREAM_END_LEN);
		return;
	case 6:
		snprintf(name, sizeof(name), "%020u.ndjson", count);
		write_file(dir, name, p, n);
		return;
	case 7:
		snprintf(name, sizeof(name), "%020u.index", count);
		write_file(dir, name, p, n);
		return;
	case 8:
		write_file(commits, "stream.s.c", p, n);
		return;
	}
	write_file(dir, names[which % 9], p, n);
}

static void
make_files(const uint8_t *data, size_t size)
{
	struct dl_err err = {0};
	char path[256];

	snprintf(path, sizeof(path), "%s/commits", home);
	if (dl_mkdirs(path, &err) < 0)
		abort();
	snprintf(path, sizeof(path), "%s/producers", dir);
	if (dl_mkdirs(path, &err) < 0)
		abort();
	while (size >= 3) {
		size_t n = (size_t)data[2] * 16;

		if (n > size - 3)
			n = size - 3;
		make_file(data[0], data[1], data + 3, n);
		data += 3 + n;
		size -= 3 + n;
	}
}

/* Read all that is published: how many bytes. */
static uint64_t
read_all(void)
{
	static const struct dl_time t = {.sec = 1500000000};
	struct dl_err err = {0}, ignored = {0};
	struct dl_stream_reader *r;
	struct dl_span lines;
	uint64_t at = 0, end, found, missed, bytes = 0;
	bool absent;

	if ((r = dl_stream_open_read(dir, &absent, &err)) == NULL)
		return 0;
	if (dl_stream_newest(r, &end, &err) == 0 &&
	    dl_stream_oldest(r, &at, &err) == 0 &&
	    dl_stream_seek(r, at, &missed, &err) == 0)
		while (dl_stream_read(r, end, 64, &lines, &missed, &err) > 0) {
			if (missed == 0 && lines.p[lines.len - 1] != '\n')
				abort();
			bytes += lines.len;
			if (dl_stream_tell(r) > end)
				abort();
		}
	dl_err_clear(&err);
	(void)dl_stream_find(r, dir, &t, &found, &err);
	(void)dl_stream_seek_near(r, 3, &end, &ignored);
	(void)dl_stream_lost(
	    dir, DL_SPAN("stream.s.c"), 0, end, &found, &ignored);
	dl_stream_close_read(r);
	return bytes;
}

static void
tell(void)
{
	struct dl_consumers c = {0};
	struct dl_stream_stat stat;
	struct dl_stream_lag lag;
	struct dl_err err = {0};

	if (dl_stream_stat(dir, &stat, &err) == 0 &&
	    dl_consumers_list(&c, home, "stream.s.", &err) == 0)
		for (size_t i = 0; i < c.n; i++)
			(void)dl_stream_lag(dir, &stat, &c.v[i], &lag, &err);
	dl_consumers_release(&c);
}

/* Open for writing, put an event: 1, 0 it could not be opened. */
static int
put(void)
{
	static const char line[] = "{\"specversion\":\"1.0\",\"id\":\"i\","
				   "\"source\":\"s\",\"type\":\"t\"}";
	const struct dl_stream_options o = {
	    .segment_bytes = DL_STREAM_SEGMENT_LEAST};
	struct dl_stream_writer *w;
	struct dl_event ev = {0};
	struct dl_err err = {0};
	const char *code;

	if ((w = dl_stream_open_write(dir, home, &o, &err)) == NULL)
		return 0;
	if (dl_stream_checkpoint(w, DL_SPAN(KEY), DL_SPAN("17"), &err) == 0 &&
	    dl_event_parse(&ev, dl_span(line, sizeof(line) - 1), &err) == 0 &&
	    dl_stream_put(w, &ev, &code, &err) >= 0)
		(void)dl_stream_sync(w, &err);
	dl_stream_close(w);
	dl_event_release(&ev);
	return 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t before;

	make_home();
	make_files(data, size);
	before = read_all();
	tell();
	if (put() && read_all() < before)
		abort();
	return 0;
}
