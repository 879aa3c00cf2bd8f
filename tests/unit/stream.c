/* stream: writers, readers and what a disk may hold, each step by itself. */
#include "stream.h"

#include "io.h"
#include "log.h"
#include "stream_dir.h"
#include "stream_index.h"
#include "stream_log.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char top[] = "/tmp/dl-stream-XXXXXX";
static char dir[PATH_MAX], home[PATH_MAX];
static unsigned number;
static int width = 100; /* of an event's data */

static int
make_top(void **state)
{
	(void)state;
	dl_log_init("stream", DL_LOG_ERROR);
	return mkdtemp(top) == NULL ? -1 : 0;
}

static int
remove_top(void **state)
{
	char command[PATH_MAX + 16];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", top);
	return system(command);
}

/* Each test has a home of its own. */
static int
make_home(void **state)
{
	(void)state;
	snprintf(home, sizeof(home), "%s/%u", top, number++);
	snprintf(dir, sizeof(dir), "%s/%u/streams/s", top, number - 1);
	return 0;
}

static struct dl_stream_writer *
open_writer(int64_t segment_bytes)
{
	const struct dl_stream_options o = {.segment_bytes = segment_bytes};
	struct dl_err err = {0};
	struct dl_stream_writer *w;

	w = dl_stream_open_write(dir, home, &o, &err);
	if (w == NULL)
		fail_msg("%s", err.msg);
	return w;
}

static void
put(struct dl_stream_writer *w, unsigned from, unsigned to, int want)
{
	struct dl_event ev = {0};
	struct dl_err err = {0};
	const char *code;
	char line[1024];

	for (; from <= to; from++) {
		int n = snprintf(line, sizeof(line),
		    "{\"specversion\":\"1.0\",\"id\":\"%u\",\"source\":\"s\","
		    "\"type\":\"t\",\"data\":\"%0*u\"}",
		    from, width, from);

		assert_int_equal(
		    dl_event_parse(&ev, dl_span(line, (size_t)n), &err), 0);
		assert_int_equal(dl_stream_put(w, &ev, &code, &err), want);
	}
	dl_event_release(&ev);
}

static void
sync_all(struct dl_stream_writer *w)
{
	struct dl_err err = {0};

	if (dl_stream_sync(w, &err) < 0)
		fail_msg("%s", err.msg);
}

static void
checkpoint(struct dl_stream_writer *w, const char *position)
{
	struct dl_err err = {0};

	if (dl_stream_checkpoint(w, DL_SPAN("k"), dl_span_str(position), &err) <
	    0)
		fail_msg("%s", err.msg);
}

static struct dl_stream_reader *
open_reader(void)
{
	struct dl_err err = {0};
	struct dl_stream_reader *r;
	bool absent;

	r = dl_stream_open_read(dir, &absent, &err);
	if (r == NULL)
		fail_msg("%s", err.msg);
	return r;
}

/* What a reader that begins at the oldest event gets. */
static unsigned
count_events(void)
{
	struct dl_stream_reader *r = open_reader();
	struct dl_err err = {0};
	struct dl_span lines, line;
	uint64_t at, end, missed;
	unsigned n = 0;
	int got;

	assert_int_equal(dl_stream_oldest(r, &at, &err), 0);
	assert_int_equal(dl_stream_newest(r, &end, &err), 0);
	assert_int_equal(dl_stream_seek(r, at, &missed, &err), 0);
	while ((got = dl_stream_read(r, end, 1000, &lines, &missed, &err)) > 0)
		while (dl_stream_line(&lines, &line))
			n++;
	if (got < 0)
		fail_msg("%s", err.msg);
	dl_stream_close_read(r);
	return n;
}

static void
test_offsets(void **state)
{
	char text[DL_OFFSET_LEN + 1];
	uint64_t n;

	(void)state;
	dl_offset_print(INT64_MAX, text);
	assert_string_equal(text, "09223372036854775807");
	assert_true(dl_offset_read(dl_span_str(text), &n) && n == INT64_MAX);
	assert_false(dl_offset_read(DL_SPAN("09223372036854775808"), &n));
	assert_false(dl_offset_read(DL_SPAN("99999999999999999999"), &n));
	assert_false(dl_offset_read(DL_SPAN("0000000000000000001"), &n));
	assert_false(dl_offset_read(DL_SPAN("0000000000000000000x"), &n));
}

/* Nothing is seen, nor promised, before it is durable. */
static void
test_published(void **state)
{
	struct dl_stream_writer *w = open_writer(DL_STREAM_SEGMENT_LEAST);
	struct dl_stream_counts counts;
	struct dl_span key, position;

	(void)state;
	checkpoint(w, "P");
	assert_true(dl_stream_safe(w, &key, &position));
	assert_true(dl_span_is(position, "P"));
	assert_false(dl_stream_safe(w, &key, &position));
	assert_int_equal(dl_stream_wait_ms(w), -1);
	put(w, 1, 10, 1);
	assert_int_equal(count_events(), 0);
	assert_true(dl_stream_wait_ms(w) >= 0);
	dl_stream_counts(w, &counts);
	assert_int_equal(counts.records, 0);
	sync_all(w);
	assert_int_equal(count_events(), 10);
	dl_stream_counts(w, &counts);
	assert_int_equal(counts.records, 10);
	dl_stream_close(w);
}

/* With interval, a checkpoint waits until its events are durable. */
static void
test_interval(void **state)
{
	const struct dl_stream_options o = {.sync = DL_STREAM_INTERVAL,
	    .segment_bytes = DL_STREAM_SEGMENT_LEAST};
	struct dl_err err = {0};
	struct dl_stream_writer *w = dl_stream_open_write(dir, home, &o, &err);
	struct dl_span key, position;

	(void)state;
	assert_non_null(w);
	checkpoint(w, "P");
	put(w, 1, 3, 1);
	checkpoint(w, "Q");
	assert_false(dl_stream_safe(w, &key, &position));
	assert_int_equal(count_events(), 0);
	assert_in_range(dl_stream_wait_ms(w), 0, DL_STREAM_SYNC_MS);
	sync_all(w);
	assert_true(dl_stream_safe(w, &key, &position));
	assert_true(dl_span_is(position, "Q"));
	dl_stream_close(w);
}

/* However few events make a batch, what is old enough is synced. */
static void
test_age(void **state)
{
	const struct timespec nap = {0, 4000000};
	struct dl_stream_writer *w = open_writer(DL_STREAM_SEGMENT_LEAST);

	(void)state;
	width = 800;
	for (unsigned i = 0; i < 50; i++) {
		put(w, i, i, 1);
		nanosleep(&nap, NULL);
	}
	width = 100;
	dl_stream_close(w);
	assert_true(count_events() >= 16);
}

/* What an earlier run stored is skipped, by whoever has its key. */
static void
test_repeat(void **state)
{
	struct dl_stream_writer *w = open_writer(DL_STREAM_SEGMENT_LEAST);
	struct dl_err err = {0};

	(void)state;
	checkpoint(w, "P");
	put(w, 1, 50, 1);
	sync_all(w);
	dl_stream_close(w);
	w = open_writer(DL_STREAM_SEGMENT_LEAST);
	checkpoint(w, "P");
	put(w, 20, 50, 0);
	put(w, 51, 52, 1);
	/* 1 to 19 do not come this time, but perhaps the next. */
	checkpoint(w, "Q");
	assert_int_equal(dl_stream_sync(w, &err), 0);
	dl_stream_close(w);
	w = open_writer(DL_STREAM_SEGMENT_LEAST);
	checkpoint(w, "Q");
	put(w, 1, 19, 0);
	put(w, 53, 53, 1);
	sync_all(w);
	dl_stream_close(w);
	assert_int_equal(count_events(), 53);
}

/* A run that was open already reads what another appended with its key. */
static void
test_late_run(void **state)
{
	struct dl_stream_writer *late = open_writer(DL_STREAM_SEGMENT_LEAST);
	struct dl_stream_writer *w = open_writer(DL_STREAM_SEGMENT_LEAST);

	(void)state;
	checkpoint(w, "P");
	put(w, 1, 60, 1);
	sync_all(w);
	dl_stream_close(w);
	checkpoint(late, "P");
	put(late, 1, 60, 0);
	dl_stream_close(late);
	assert_int_equal(count_events(), 60);
}

/* Half a line of a writer that died is cut by the next one that appends. */
static void
test_half_line(void **state)
{
	struct dl_stream_writer *w = open_writer(DL_STREAM_SEGMENT_BYTES);
	struct dl_err err = {0};
	char path[PATH_MAX], half[1000]; /* more than what follows */
	struct stat st;
	int fd;

	(void)state;
	put(w, 1, 1, 1);
	sync_all(w);
	assert_int_equal(dl_segment_path(path, dir, 0, "ndjson", &err), 0);
	fd = open(path, O_WRONLY | O_APPEND);
	memset(half, '{', sizeof(half));
	assert_int_equal(write(fd, half, sizeof(half)), sizeof(half));
	put(w, 2, 2, 1);
	sync_all(w);
	dl_stream_close(w);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(count_events(), 2);
	assert_int_equal(
	    st.st_size, 2 * (strlen("{\"specversion\":\"1.0\",\"id\":\"1\","
				    "\"source\":\"s\",\"type\":\"t\","
				    "\"data\":\"\"}\n") +
				100));
}

/* Two logs of one directory: each sees what the other did, and rotates. */
static void
test_two_logs(void **state)
{
	struct dl_stream_log a, b, *logs[] = {&a, &b};
	const struct dl_stream_index none = {0};
	struct dl_err err = {0};
	struct dl_segments s = {0};
	char line[201];

	(void)state;
	memset(line, 'x', sizeof(line));
	line[200] = '\n';
	assert_int_equal(dl_stream_log_open(&a, dir, 4096, 0, &err), 0);
	assert_int_equal(dl_stream_log_open(&b, dir, 4096, 0, &err), 0);
	for (unsigned i = 0; i < 100; i++) {
		struct dl_stream_log *l = logs[i * 7 % 3 % 2];

		assert_int_equal(dl_stream_log_lock(l, &err), 0);
		assert_int_equal(l->end, i * 201);
		assert_int_equal(dl_stream_log_append(l, dl_span(line, 201),
				     &none, &dl_stream_no_time, &err),
		    0);
		dl_stream_log_unlock(l);
		assert_int_equal(dl_stream_log_sync(l, &err), 0);
		assert_int_equal(dl_stream_log_publish(l, &err), 0);
		assert_int_equal(l->published, (i + 1) * 201);
	}
	assert_int_equal(dl_segments_list(&s, dir, &err), 0);
	assert_int_equal(s.n, 5);
	dl_segments_release(&s);
	dl_stream_log_close(&a);
	dl_stream_log_close(&b);
}

static void
write_text(const char *name, const char *text)
{
	struct dl_err err = {0};
	char path[PATH_MAX];

	assert_int_equal(dl_stream_file(path, dir, name, &err), 0);
	assert_int_equal(dl_replace_file(path, dl_span_str(text), &err), 0);
}

/* A gap, or an end behind the log's: 65, and a reader says so, too. */
static void
test_missing(void **state)
{
	const struct dl_stream_options o = {
	    .segment_bytes = DL_STREAM_SEGMENT_LEAST};
	struct dl_stream_writer *w = open_writer(DL_STREAM_SEGMENT_LEAST);
	struct dl_err err = {0};
	char text[DL_STREAM_END_LEN + 1];

	(void)state;
	put(w, 1, 100, 1);
	sync_all(w);
	dl_stream_close(w);
	dl_stream_end_print(1000000, text);
	write_text("end", text);
	assert_null(dl_stream_open_write(dir, home, &o, &err));
	assert_int_equal(err.status, DL_EXIT_DATA);
	write_text("end", "");
	dl_stream_close(open_writer(DL_STREAM_SEGMENT_LEAST));
	assert_int_equal(count_events(), 100);
	write_text("00000000000001000000.ndjson", "");
	dl_err_clear(&err);
	assert_null(dl_stream_open_write(dir, home, &o, &err));
	assert_int_equal(err.status, DL_EXIT_DATA);
}

/* An end, and nothing of what was published: told, and not waited for. */
static void
test_nothing_there(void **state)
{
	struct dl_err err = {0};
	char path[PATH_MAX], text[DL_STREAM_END_LEN + 1];
	struct dl_stream_reader *r;
	struct dl_span lines;
	uint64_t missed;

	(void)state;
	dl_stream_close(open_writer(DL_STREAM_SEGMENT_LEAST));
	dl_stream_end_print(100, text);
	write_text("end", text);
	assert_int_equal(dl_segment_path(path, dir, 0, "ndjson", &err), 0);
	for (int i = 0; i < 2; i++) { /* empty, then gone */
		dl_err_clear(&err);
		r = open_reader();
		assert_int_equal(dl_stream_seek(r, 0, &missed, &err), 0);
		assert_int_equal(
		    dl_stream_read(r, 100, 64, &lines, &missed, &err), -1);
		assert_int_equal(err.status, DL_EXIT_TEMP);
		dl_stream_close_read(r);
		(void)unlink(path);
	}
}

/* Positions: beginnings of lines, what was cut off, and what isn't there. */
static void
test_seek(void **state)
{
	struct dl_stream_writer *w = open_writer(DL_STREAM_SEGMENT_LEAST);
	struct dl_stream_reader *r;
	struct dl_segments s = {0};
	struct dl_err err = {0};
	uint64_t missed, end, to;
	char path[PATH_MAX];

	(void)state;
	put(w, 1, 100, 1);
	sync_all(w);
	dl_stream_close(w);
	r = open_reader();
	assert_int_equal(dl_stream_newest(r, &end, &err), 0);
	assert_int_equal(dl_stream_seek(r, end, &missed, &err), 0);
	assert_int_equal(dl_stream_seek(r, end - 1, &missed, &err), -1);
	assert_int_equal(err.status, DL_EXIT_DATA);
	dl_err_clear(&err);
	assert_int_equal(dl_stream_seek(r, end + 1, &missed, &err), -1);
	assert_int_equal(err.status, DL_EXIT_DATA);
	dl_err_clear(&err);
	to = end + 1000;
	assert_int_equal(dl_stream_seek_near(r, 1, &to, &err), 1);
	assert_int_equal(to, end);
	assert_true(dl_stream_tell(r) > 1);
	assert_int_equal(dl_segments_list(&s, dir, &err), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(
		    dl_segment_path(path, dir, s.v[i].start, "ndjson", &err),
		    0);
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(dl_stream_seek(r, 0, &missed, &err), 0);
	assert_int_equal(missed, s.v[2].start);
	assert_int_equal(dl_stream_tell(r), s.v[2].start);
	dl_segments_release(&s);
	dl_stream_close_read(r);
}

/* What a line of "lost" tells is counted once, and to its consumer alone. */
static void
test_lost(void **state)
{
	struct dl_err err = {0};
	uint64_t n;

	(void)state;
	dl_stream_close(open_writer(DL_STREAM_SEGMENT_LEAST));
	assert_int_equal(
	    dl_stream_lost(dir, DL_SPAN("stream.s.a"), 0, 99, &n, &err), 0);
	assert_int_equal(n, 0);
	write_text("lost",
	    "half\n"
	    "{\"consumer\":\"stream.s.a\",\"from\":\"00000000000000000010\","
	    "\"to\":\"00000000000000000020\",\"records\":3,\"bytes\":10}\n"
	    "{\"consumer\":\"stream.s.a\",\"from\":\"00000000000000000010\","
	    "\"to\":\"00000000000000000020\",\"records\":3,\"bytes\":10}\n"
	    "{\"consumer\":\"stream.s.b\",\"from\":\"00000000000000000020\","
	    "\"to\":\"00000000000000000030\",\"records\":9,\"bytes\":10}\n"
	    "{\"consumer\":\"stream.s.a\",\"from\":\"00000000000000000020\","
	    "\"to\":\"00000000000000000030\",\"records\":4,\"bytes\":10}\n"
	    "{\"consumer\":\"stream.s.a\",\"from\":\"00000000000000000030\"");
	assert_int_equal(
	    dl_stream_lost(dir, DL_SPAN("stream.s.a"), 0, 99, &n, &err), 0);
	assert_int_equal(n, 7);
	assert_int_equal(
	    dl_stream_lost(dir, DL_SPAN("stream.s.a"), 20, 99, &n, &err), 0);
	assert_int_equal(n, 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_offsets),
	    cmocka_unit_test_setup(test_published, make_home),
	    cmocka_unit_test_setup(test_interval, make_home),
	    cmocka_unit_test_setup(test_age, make_home),
	    cmocka_unit_test_setup(test_repeat, make_home),
	    cmocka_unit_test_setup(test_late_run, make_home),
	    cmocka_unit_test_setup(test_half_line, make_home),
	    cmocka_unit_test_setup(test_two_logs, make_home),
	    cmocka_unit_test_setup(test_missing, make_home),
	    cmocka_unit_test_setup(test_nothing_there, make_home),
	    cmocka_unit_test_setup(test_seek, make_home),
	    cmocka_unit_test_setup(test_lost, make_home),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_top, remove_top);
}
