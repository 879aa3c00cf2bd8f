/* lib/s3: looking at objects, fetching and removing them. */
#include "s3_env.h"
#include "s3_help.h"

#include <sys/mman.h>

#define HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

static void
heads(void **state)
{
	struct dl_s3_object o;

	(void)state;
	SCRIPT(AS("200 OK",
	    "Content-Length: 12345678901\r\nETag: \"abc\"\r\n"
	    "Last-Modified: Fri, 24 May 2013 00:00:01 GMT\r\n"
	    "x-amz-meta-dl-sha256: " HELLO "\r\n",
	    ""));
	assert_int_equal(dl_s3_head(t.s3, "k", &o, &t.err), 1);
	assert_true(o.size == 12345678901);
	assert_string_equal(o.etag, "abc");
	assert_string_equal(o.sha256, HELLO);
	assert_true(o.modified_ms == 1369353601000);
	SCRIPT(AS(
	    "200 OK", "Content-Length: 1\r\nx-amz-meta-dl-sha256: x\r\n", ""));
	assert_int_equal(dl_s3_head(t.s3, "k", &o, &t.err), 1);
	assert_string_equal(o.sha256, "");
	assert_true(o.modified_ms == -1);
	SCRIPT(NONE_HEAD, NONE);
	assert_int_equal(dl_s3_head(t.s3, "k", &o, &t.err), 0);
	/* What a HEAD can't tell. */
	SCRIPT(NONE_HEAD, ERROR("404 No", "NoSuchBucket"));
	assert_int_equal(dl_s3_head(t.s3, "k", &o, &t.err), -1);
	failed(DL_EXIT_CONF, "NoSuchBucket");
	SCRIPT(AS("403 No", "", ""),
	    AS("403 No", "Date: Fri, 24 May 2013 00:00:00 GMT\r\n",
		"<Error><Code>RequestTimeTooSkewed</Code></Error>"));
	assert_int_equal(dl_s3_head(t.s3, "k", &o, &t.err), -1);
	failed(DL_EXIT_DENIED, " ahead of the service's");
	SCRIPT(AS("301 No", "x-amz-bucket-region: eu-west-1\r\n", ""));
	assert_int_equal(dl_s3_head(t.s3, "k", &o, &t.err), -1);
	failed(DL_EXIT_CONF, "'eu-west-1', not in 'us-east-1'");
}

/* Fetch, and compare. */
static void
gets(const char *want)
{
	struct dl_s3_object o;
	char got[256] = {0};
	int fd = memfd_create("got", MFD_CLOEXEC);

	assert_int_equal(dl_s3_get(t.s3, "k", fd, "got", &o, &t.err), 1);
	assert_int_equal(lseek(fd, 0, SEEK_END), strlen(want));
	assert_int_equal(o.size, strlen(want));
	assert_true(pread(fd, got, sizeof(got) - 1, 0) >= 0);
	assert_string_equal(got, want);
	close(fd);
}

#define HALF AS("200 OK", "Content-Length: 8\r\nETag: \"e\"\r\n", "half")

static void
fetches(void **state)
{
	struct dl_s3_object o;

	(void)state;
	SCRIPT(AS("200 OK", "Content-Length: 0\r\n", ""));
	gets("");
	SCRIPT(HALF, SLOW, LOST,
	    AS("206 Some",
		"Content-Range: bytes 4-7/8\r\nContent-Length: 4\r\n", "more"));
	gets("halfmore");
	asked(3, "\r\nRange: bytes=4-\r\n");
	asked(3, "\r\nIf-Match: \"e\"\r\n");
	asked(3, "=host;if-match;range;x-amz");
	/* Another object, a shorter one. */
	SCRIPT(HALF, ERROR("412 No", "PreconditionFailed"),
	    AS("200 OK", "Content-Length: 2\r\n", "no"));
	gets("no");
	assert_null(strstr(service.asked[2], "Range"));
	SCRIPT(HALF, AS("200 OK", "Content-Length: 3\r\n", "all"));
	gets("all");
	/* Nothing by which it could go on. */
	SCRIPT(AS("200 OK", "Content-Length: 9\r\n", "half"),
	    AS("200 OK", "Content-Length: 3\r\n", "all"));
	gets("all");
	assert_null(strstr(service.asked[1], "Range"));
	SCRIPT(HALF, AS("206 Some",
			 "Content-Range: bytes 3-7/8\r\nContent-Length: 5\r\n",
			 "fmore"));
	assert_int_equal(dl_s3_get(t.s3, "k", -1, "got", &o, &t.err), -1);
	/* Less than was asked for, and one that does not look at If-Match. */
	SCRIPT(HALF,
	    AS("206 Some",
		"Content-Range: bytes 4-5/8\r\nContent-Length: 2\r\n", "mo"),
	    AS("206 Some",
		"Content-Range: bytes 6-7/8\r\nContent-Length: 2\r\n", "re"));
	gets("halfmore");
	asked(2, "\r\nRange: bytes=6-\r\n");
	SCRIPT(HALF,
	    AS("206 Some",
		"Content-Range: bytes 4-7/8\r\nContent-Length: 4\r\n"
		"ETag: \"f\"\r\n",
		"full"),
	    AS("200 OK", "Content-Length: 8\r\nETag: \"f\"\r\n", "all full"));
	gets("all full");
	assert_null(strstr(service.asked[2], "Range"));
	SCRIPT(NONE);
	assert_int_equal(dl_s3_get(t.s3, "k", -1, "got", &o, &t.err), 0);
}

static void
reads(void **state)
{
	struct dl_buf b = {0};

	(void)state;
	dl_buf_adds(&b, "before ");
	SCRIPT(HALF, AS("200 OK", "Content-Length: 4\r\n", "full"));
	assert_int_equal(dl_s3_read(t.s3, "k", 4, &b, &t.err), 1);
	assert_string_equal(dl_buf_str(&b), "before full");
	SCRIPT(NONE);
	assert_int_equal(dl_s3_read(t.s3, "k", 4, &b, &t.err), 0);
	SCRIPT(AS("200 OK", "", "fuller"));
	assert_int_equal(dl_s3_read(t.s3, "k", 5, &b, &t.err), -1);
	failed(DL_EXIT_DATA, "s3://bucket/p/k: longer than the limit of 5");
	assert_string_equal(dl_buf_str(&b), "before full");
	dl_buf_release(&b);
}

static void
removes(void **state)
{
	char key[DL_S3_KEY_MAX + 1];

	(void)state;
	SCRIPT(AS("204 Gone", "", ""));
	assert_int_equal(dl_s3_remove(t.s3, "k", &t.err), 0);
	asked(0, "DELETE /bucket/p/k ");
	SCRIPT(NONE);
	assert_int_equal(dl_s3_remove(t.s3, "k", &t.err), 0);
	SCRIPT(GONE);
	assert_int_equal(dl_s3_abort(t.s3, "k", "a/b", &t.err), 0);
	asked(0, "DELETE /bucket/p/k?uploadId=a%2Fb ");
	SCRIPT(ERROR("404 No", "NoSuchBucket"));
	assert_int_equal(dl_s3_remove(t.s3, "k", &t.err), -1);
	failed(DL_EXIT_CONF, "no such bucket");
	/* With its prefix it is too long. */
	memset(key, 'k', sizeof(key));
	key[DL_S3_KEY_MAX - 1] = '\0';
	dl_err_clear(&t.err);
	assert_int_equal(dl_s3_remove(t.s3, key, &t.err), -1);
	failed(DL_EXIT_DATA, "1025 bytes");
	assert_int_equal(service.n, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(heads),
	    cmocka_unit_test(fetches),
	    cmocka_unit_test(reads),
	    cmocka_unit_test(removes),
	};

	plain_environment();
	return cmocka_run_group_tests(tests, start, end);
}
