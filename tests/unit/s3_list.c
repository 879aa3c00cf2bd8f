/* lib/s3: lists of objects and of uploads, good and bad. */
#include "s3_env.h"
#include "s3_help.h"

#define PAGE(more, body) \
	XML("<ListBucketResult><EncodingType>url</" \
	    "EncodingType><IsTruncated>" more "</IsTruncated>" body \
	    "</ListBucketResult>")
#define ONE(key) \
	"<Contents><Key>p/" key "</Key><Size>7</Size><ETag>&quot;e&quot;" \
	"</ETag><LastModified>2013-05-24T00:00:01.500Z</LastModified>" \
	"</Contents>"
#define NEXT(token) "<NextContinuationToken>" token "</NextContinuationToken>"
#define UPLOADS(body) \
	XML("<ListMultipartUploadsResult>" body "</" \
	    "ListMultipartUploadsResult>")
#define UPLOAD(key, id) \
	"<Upload><Key>p/" key "</Key><UploadId>" id "</UploadId>" \
	"<Initiator><ID>i</ID></Initiator>" \
	"<Initiated>2013-05-24T00:00:01.500Z</Initiated></Upload>"

static struct {
	struct dl_buf got;
	const char *skip_after, *skip; /* said once */
	const char *fail_at;
} to;

static int
take(void *arg, const struct dl_s3_object *o, struct dl_buf *skip,
    struct dl_err *err)
{
	assert_ptr_equal(arg, &to);
	assert_int_equal(o->size, 7);
	assert_string_equal(o->etag, "e");
	assert_true(o->modified_ms == 1369353601500);
	dl_buf_printf(&to.got, "%s;", o->key);
	if (to.fail_at != NULL && strcmp(o->key, to.fail_at) == 0)
		return dl_err_data(err, "enough");
	if (to.skip_after == NULL || strcmp(o->key, to.skip_after) != 0)
		return 0;
	dl_buf_adds(skip, to.skip);
	return 1;
}

static void
lists(const char *below, const char *after, const char *want)
{
	dl_buf_clear(&to.got);
	if (dl_s3_list(t.s3, below, after, take, &to, &t.err) < 0) {
		print_message("%s\n", t.err.msg);
		fail();
	}
	assert_string_equal(dl_buf_str(&to.got), want);
}

static void
lists_not(const char *says)
{
	dl_buf_clear(&to.got);
	assert_int_equal(dl_s3_list(t.s3, "", NULL, take, &to, &t.err), -1);
	failed(DL_EXIT_TEMP, says);
	dl_err_clear(&t.err);
}

static void
pages(void **state)
{
	(void)state;
	SCRIPT(PAGE("false", ""));
	lists("", NULL, "");
	asked(0, "GET /bucket?list-type=2&encoding-type=url&prefix=p%2F ");
	SCRIPT(PAGE("true", ONE("a") ONE("b%2Fc+d%2B%C3%A9") NEXT("x/y")),
	    PAGE("true", NEXT("z")), SLOW, PAGE("false", ONE("d")));
	lists("", NULL, "a;b/c d+\xc3\xa9;d;");
	assert_int_equal(service.n, 4);
	asked(1, "&continuation-token=x%2Fy ");
	asked(3, "&continuation-token=z ");
	/* Without one it goes on after the last key. */
	SCRIPT(PAGE("true", ONE("dt=1/a")), PAGE("false", ONE("dt=1/b")));
	lists("dt=1/", "dt=1/0", "dt=1/a;dt=1/b;");
	asked(0, "&prefix=p%2Fdt%3D1%2F&start-after=p%2Fdt%3D1%2F0 ");
	asked(1, "&start-after=p%2Fdt%3D1%2Fa ");
	/* Not escaped, if it doesn't say so. */
	SCRIPT(
	    XML("<ListBucketResult>" ONE("a%20+b&amp;") "</ListBucketResult>"));
	lists("", NULL, "a%20+b&;");
}

static void
skips(void **state)
{
	(void)state;
	to.skip_after = "a/1";
	to.skip = "a0";
	SCRIPT(PAGE("false", ONE("a/1") ONE("a/2") ONE("a/3") ONE("b")));
	lists("", NULL, "a/1;b;");
	/* Beyond the page: then the next page is not the next one. */
	SCRIPT(PAGE("true", ONE("a/1") ONE("a/2") NEXT("x")),
	    PAGE("false", ONE("b")));
	lists("", NULL, "a/1;b;");
	asked(1, "&start-after=p%2Fa0 ");
	/* What was skipped ended within the page. */
	SCRIPT(PAGE("true", ONE("a/1") ONE("a/2") ONE("b") NEXT("x")),
	    PAGE("false", ONE("c")));
	lists("", NULL, "a/1;b;c;");
	asked(1, "&continuation-token=x ");
	/* Back there is no way. */
	to.skip = "a";
	SCRIPT(PAGE("false", ONE("a/1") ONE("a/2")));
	lists("", NULL, "a/1;a/2;");
	to.skip_after = NULL;
	to.fail_at = "a";
	SCRIPT(PAGE("false", ONE("a") ONE("b")));
	assert_int_equal(dl_s3_list(t.s3, "", NULL, take, &to, &t.err), -1);
	failed(DL_EXIT_DATA, "enough");
	to.fail_at = NULL;
}

static void
wrong_pages(void **state)
{
	(void)state;
	SCRIPT(PAGE("true", ONE("a") NEXT("x")));
	lists_not("not list in the order");
	SCRIPT(PAGE("false", ONE("b") ONE("a")));
	lists_not("not list in the order");
	SCRIPT(PAGE("true", NEXT("x")));
	lists_not("has no end");
	SCRIPT(PAGE("true", ""));
	lists_not("has no end");
	SCRIPT(PAGE("false", "<Contents><Key>q/a</Key></Contents>"));
	lists_not("not asked for");
	SCRIPT(PAGE("false", "<Contents><Key>p%2Fa%00b</Key></Contents>"));
	lists_not("not asked for");
	SCRIPT(PAGE("false", "<Contents></Contents>"));
	lists_not("not asked for");
	/* Not all of one, and somebody else's: no empty list. */
	SCRIPT(XML("<ListBucketResult><Contents>"), XML("<html></html>"),
	    PAGE("false", ONE("a")));
	lists("", NULL, "a;");
	assert_int_equal(service.n, 3);
	SCRIPT(XML("<html></html>"));
	t.o.give_up_ms = 1;
	open_s3();
	lists_not("s3://bucket/p: the answer is not whole, or not of an S3");
	SCRIPT(ERROR("404 No", "NoSuchBucket"));
	assert_int_equal(dl_s3_list(t.s3, "", NULL, take, &to, &t.err), -1);
	failed(DL_EXIT_CONF, "no such bucket");
}

static int
take_upload(void *arg, const char *key, const char *id, int64_t begun_ms,
    struct dl_err *err)
{
	(void)arg, (void)err;
	assert_true(begun_ms == 1369353601500);
	dl_buf_printf(&to.got, "%s=%s;", key, id);
	return 0;
}

static void
uploads(void **state)
{
	(void)state;
	dl_buf_clear(&to.got);
	SCRIPT(
	    UPLOADS(
		"<NextKeyMarker>p/a</NextKeyMarker><NextUploadIdMarker>"
		"2</NextUploadIdMarker><IsTruncated>true</IsTruncated>" UPLOAD(
		    "a", "1") UPLOAD("a", "2")),
	    UPLOADS(UPLOAD("a", "3") UPLOAD(
		"b/c", "4") "<Upload><Key>elsewhere</Key></Upload>"));
	assert_int_equal(dl_s3_uploads(t.s3, "", take_upload, NULL, &t.err), 0);
	assert_string_equal(dl_buf_str(&to.got), "a=1;a=2;a=3;b/c=4;");
	asked(0, "GET /bucket?uploads=&prefix=p%2F ");
	asked(1, "&key-marker=p%2Fa&upload-id-marker=2 ");
	SCRIPT(UPLOADS("<IsTruncated>true</IsTruncated>"));
	assert_int_equal(
	    dl_s3_uploads(t.s3, "", take_upload, NULL, &t.err), -1);
	failed(DL_EXIT_TEMP, "has no end");
}

static int
release(void **state)
{
	(void)state;
	dl_buf_release(&to.got);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pages),
	    cmocka_unit_test(skips),
	    cmocka_unit_test(wrong_pages),
	    cmocka_unit_test_teardown(uploads, release),
	};

	plain_environment();
	return cmocka_run_group_tests(tests, start, end);
}
