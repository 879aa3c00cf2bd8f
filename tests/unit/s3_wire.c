/* lib/s3: what it asks, and what it makes of answers good and bad. */
#include "s3_env.h"
#include "s3_help.h"

#include "clock.h"

#include <time.h>

#define HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define OTHER "486ea46224d1bb4fb680f34f7c9ad96a8f24ec88be73ea8e5a6c65260e9cb8a7"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define OBJECT(sha256) \
	AS("200 OK", \
	    "Content-Length: 5\r\nETag: \"e\"\r\n" \
	    "x-amz-meta-dl-sha256: " sha256 "\r\n", \
	    "")
#define BEGUN \
	XML("<InitiateMultipartUploadResult><UploadId>a/b</UploadId>" \
	    "</InitiateMultipartUploadResult>")
#define PIECE AS("200 OK", "ETag: \"<p>\"\r\nContent-Length: 0\r\n", "")
#define COMPLETED \
	XML("<CompleteMultipartUploadResult><ETag>e</ETag>" \
	    "</CompleteMultipartUploadResult>")
#define BIG (2 * DL_S3_PIECE + 1) /* three pieces */

static int
put(bool create)
{
	const struct dl_s3_put how = {.type = "text/plain",
	    .meta = (const char *const[]){"x-amz-meta-dl-a: b", NULL},
	    .create = create,
	    .jobs = 1};

	return dl_s3_put(t.s3, "k",
	    &(struct dl_s3_body){.bytes = DL_SPAN("hello"), .fd = -1}, &how,
	    &t.err);
}

static int
put_big(bool create)
{
	const struct dl_s3_put how = {
	    .sha256 = HELLO, .create = create, .jobs = 1};
	char *p = dl_calloc(1, BIG);
	int r = dl_s3_put(t.s3, "k",
	    &(struct dl_s3_body){.bytes = {p, BIG}, .fd = -1}, &how, &t.err);

	free(p);
	return r;
}

static void
headers(void **state)
{
	(void)state;
	SCRIPT(OK);
	assert_int_equal(put(true), 0);
	assert_int_equal(service.n, 1);
	asked(0, "PUT /bucket/p/k HTTP/1.1\r\n");
	asked(0, "\r\nContent-Type: text/plain\r\n");
	asked(0, "\r\nx-amz-meta-dl-sha256: " HELLO "\r\n");
	asked(0, "\r\nx-amz-content-sha256: " HELLO "\r\n");
	asked(0, "\r\nx-amz-checksum-sha256: "
		 "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=\r\n");
	asked(0, "\r\nx-amz-meta-dl-a: b\r\n");
	asked(0, "\r\nIf-None-Match: *\r\n");
	asked(0, "Credential=KEY/");
	asked(0, "SignedHeaders=content-type;host;if-none-match;x-amz-checksum-"
		 "sha256;x-amz-content-sha256;x-amz-date;x-amz-meta-dl-a;"
		 "x-amz-meta-dl-sha256,");
	asked(0, "\r\n\r\nhello");
	assert_null(strstr(service.asked[0], "SECRET"));
}

/* What an object is to be is said when it is put, or its upload begun. */
static void
kinds(void **state)
{
	static const char *const lines[] = {
	    "\r\nx-amz-server-side-encryption: aws:kms\r\n",
	    "\r\nx-amz-server-side-encryption-aws-kms-key-id: k\r\n",
	    "\r\nx-amz-storage-class: GLACIER\r\n",
	    "\r\nx-amz-tagging: a=b&c=d%20e\r\n"};

	(void)state;
	SCRIPT(OK, BEGUN, PIECE, PIECE, PIECE, COMPLETED);
	t.o.sse = "aws:kms";
	t.o.sse_key_id = "k";
	t.o.storage_class = "GLACIER";
	t.o.tags = "a=b&c=d%20e";
	open_s3();
	assert_int_equal(put(false), 0);
	assert_int_equal(put_big(false), 0);
	for (int i = 0; i < 4; i++) {
		asked(0, lines[i]);
		asked(1, lines[i]);
		assert_null(strstr(service.asked[2], lines[i]));
	}
}

static void
tries_again(void **state)
{
	(void)state;
	SCRIPT(SLOW, LOST, RESET, ERROR("500 No", "InternalError"), OK);
	assert_int_equal(put(false), 0);
	assert_int_equal(service.n, 5);
	assert_int_equal(t.err.status, DL_EXIT_OK);
	for (int i = 0; i < 5; i++)
		asked(i, "\r\n\r\nhello");
}

static void
gives_up(void **state)
{
	(void)state;
	SCRIPT(SLOW);
	t.o.give_up_ms = 200;
	open_s3();
	assert_int_equal(put(false), -1);
	failed(DL_EXIT_TEMP, "s3://bucket/p/k: SlowDown (given up after ");
	assert_true(service.n >= 2);
	/* What won't pass fails at once. */
	SCRIPT(ERROR("403 No", "AccessDenied"));
	assert_int_equal(put(false), -1);
	failed(DL_EXIT_DENIED, "AccessDenied");
	assert_int_equal(service.n, 1);
}

static void
stop_now(int n)
{
	(void)n;
	t.stop = 1;
}

static void *
stop_soon(void *arg)
{
	(void)arg;
	usleep(300 * 1000);
	t.stop = 1;
	return NULL;
}

static void
stops(void **state)
{
	int64_t before = dl_clock_ms();
	pthread_t thread;

	(void)state;
	SCRIPT(LOST);
	service.before = stop_now;
	assert_int_equal(put(false), -1);
	assert_int_equal(t.err.status, DL_EXIT_TEMP);
	assert_int_equal(service.n, 1);
	/* Between two tries. */
	SCRIPT(AS("503 No", "Retry-After: 15\r\n", ""));
	assert_int_equal(pthread_create(&thread, NULL, stop_soon, NULL), 0);
	assert_int_equal(put(false), -1);
	failed(DL_EXIT_TEMP, "HTTP status 503");
	assert_int_equal(service.n, 1);
	pthread_join(thread, NULL);
	assert_true(dl_clock_ms() - before < 10000);
}

static void
creates(void **state)
{
	static const char taken[] = ERROR("412 No", "PreconditionFailed");

	(void)state;
	SCRIPT(taken);
	assert_int_equal(put(true), 1);
	assert_int_equal(service.n, 1);
	/* Ours, of a try whose answer was lost. */
	SCRIPT(LOST, taken, OBJECT(HELLO));
	assert_int_equal(put(true), 0);
	asked(2, "HEAD /bucket/p/k ");
	SCRIPT(LOST, taken, OBJECT(OTHER));
	assert_int_equal(put(true), 1);
	SCRIPT(ERROR("409 No", "ConditionalRequestConflict"), OK);
	assert_int_equal(put(true), 0);
}

/*
 * libcurl itself sends a request again where a connection that was kept ends
 * without an answer.
 */
static void
creates_over_kept(void **state)
{
	const struct dl_s3_body nothing = {.bytes = DL_SPAN(""), .fd = -1};
	const struct dl_s3_put how = {.create = true};
	static const char taken[] = ERROR("412 No", "PreconditionFailed");
	static const char kept[] =
	    "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 0\r\n" KEEP
	    "\r\n";

	(void)state;
	SCRIPT(kept, LOST, taken, OBJECT(EMPTY));
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    dl_s3_put(t.s3, "k", &nothing, &how, &t.err), 0);
	assert_int_equal(service.n, 4);
	asked(3, "HEAD /bucket/p/k ");
	SCRIPT(kept, RESET, taken, OBJECT(HELLO));
	assert_int_equal(put(true), 0);
	assert_int_equal(put(true), 0);
	asked(3, "HEAD /bucket/p/k ");
	SCRIPT(kept, LOST, taken, OBJECT(OTHER));
	assert_int_equal(put(true), 0);
	assert_int_equal(put(true), 1);
}

static void
pieces(void **state)
{
	(void)state;
	SCRIPT(BEGUN, PIECE, SLOW, PIECE, PIECE,
	    XML("\n\n<Error><Code>InternalError</Code></Error>"), COMPLETED);
	assert_int_equal(put_big(false), 0);
	assert_int_equal(service.n, 7);
	asked(0, "POST /bucket/p/k?uploads= ");
	asked(0, "\r\nx-amz-checksum-algorithm: SHA256\r\n");
	asked(0, "\r\nx-amz-meta-dl-sha256: " HELLO "\r\n");
	asked(1, "PUT /bucket/p/k?partNumber=1&uploadId=a%2Fb ");
	asked(1, "\r\nContent-Length: 8388608\r\n");
	asked(2, "partNumber=2&");
	asked(3, "partNumber=2&");
	asked(4, "partNumber=3&");
	asked(4, "\r\nContent-Length: 1\r\n");
	asked(4, "\r\nx-amz-checksum-sha256: "
		 "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\r\n");
	asked(6, "POST /bucket/p/k?uploadId=a%2Fb ");
	asked(6, "<Part><PartNumber>3</PartNumber><ETag>&quot;&#60;p&#62;&quot;"
		 "</ETag><ChecksumSHA256>bjQLnP+zepicpUTmu3gKLHiQHT+"
		 "zNzh2hRGjBhevoB0=</ChecksumSHA256></Part>"
		 "</CompleteMultipartUpload>");
}

static void
pieces_fail(void **state)
{
	static const char no_content[] = AS("204 Gone", "", "");

	(void)state;
	SCRIPT(BEGUN, PIECE, ERROR("403 No", "AccessDenied"), no_content);
	assert_int_equal(put_big(false), -1);
	failed(DL_EXIT_DENIED, "AccessDenied");
	assert_int_equal(service.n, 4);
	asked(3, "DELETE /bucket/p/k?uploadId=a%2Fb ");
	/* The answer that completes it was lost; it was completed. */
	SCRIPT(BEGUN, PIECE, PIECE, PIECE, LOST, GONE, OBJECT(HELLO));
	assert_int_equal(put_big(false), 0);
	assert_int_equal(service.n, 7);
	/* ... or it was aborted by somebody. */
	SCRIPT(BEGUN, PIECE, PIECE, PIECE, GONE, no_content);
	assert_int_equal(put_big(false), -1);
	failed(DL_EXIT_TEMP, "somebody has aborted it");
	SCRIPT(BEGUN, GONE, no_content);
	assert_int_equal(put_big(false), -1);
	failed(DL_EXIT_TEMP, "somebody has aborted it");
	SCRIPT(XML("<InitiateMultipartUploadResult/>"));
	assert_int_equal(put_big(false), -1);
	failed(DL_EXIT_TEMP, "no id of an upload");
	SCRIPT(ERROR("404 No", "NoSuchBucket"));
	assert_int_equal(put_big(false), -1);
	failed(DL_EXIT_CONF, "no such bucket");
	assert_int_equal(service.n, 1);
}

static void
pieces_create(void **state)
{
	(void)state;
	SCRIPT(OBJECT(OTHER));
	assert_int_equal(put_big(true), 1);
	assert_int_equal(service.n, 1);
	/* It came meanwhile, and the service would not look. */
	SCRIPT(NONE_HEAD, NONE, BEGUN, PIECE, PIECE, PIECE, OBJECT(OTHER),
	    AS("204 Gone", "", ""));
	assert_int_equal(put_big(true), 1);
	assert_int_equal(service.n, 8);
	asked(7, "DELETE ");
	SCRIPT(NONE_HEAD, NONE, BEGUN, PIECE, PIECE, PIECE, NONE_HEAD, NONE,
	    ERROR("412 No", "PreconditionFailed"), AS("204 Gone", "", ""));
	assert_int_equal(put_big(true), 1);
	asked(8, "\r\nIf-None-Match: *\r\n");
	asked(9, "DELETE ");
}

/* What is said to be done, but not by S3, or not to its end. */
static void
no_success(void **state)
{
	static const char tagless[] = AS("200 OK", "Content-Length: 0\r\n", "");

	(void)state;
	SCRIPT(tagless, OK);
	assert_int_equal(put(false), 0);
	assert_int_equal(service.n, 2);
	SCRIPT(XML("<html>Welcome!</html>"));
	t.o.give_up_ms = 1;
	open_s3();
	assert_int_equal(put(false), -1);
	failed(DL_EXIT_TEMP, "no ETag");
	SCRIPT(XML("<html></html>"), XML("<Initiate"), BEGUN, PIECE, tagless,
	    PIECE, PIECE, XML("\n\n"),
	    XML("<CompleteMultipartUploadResult><ETag>"), XML("<html></html>"),
	    COMPLETED);
	assert_int_equal(put_big(false), 0);
	assert_int_equal(service.n, 11);
}

/* An answer that comes before the body has gone. */
static void
too_early(void **state)
{
	(void)state;
	SCRIPT(BEGUN, PIECE, PIECE, PIECE, PIECE, COMPLETED);
	service.early = 1;
	assert_int_equal(put_big(false), 0);
	assert_int_equal(service.n, 6);
	asked(2, "partNumber=1&");
	SCRIPT(BEGUN, ERROR("403 No", "AccessDenied"), AS("204 Gone", "", ""));
	service.early = 1;
	assert_int_equal(put_big(false), -1);
	failed(DL_EXIT_DENIED, "AccessDenied");
	assert_int_equal(service.n, 3);
}

static void
hostile(void **state)
{
	struct dl_buf b = {0};

	(void)state;
	SCRIPT("\x16\x03\x01 what is this\r\n\r\n");
	assert_int_equal(put(false), -1);
	failed(DL_EXIT_CONF, "does not answer in HTTP");
	/* Half of a refusal is none. */
	SCRIPT(AS("404 No", "Content-Length: 100\r\n", "<Error><Code>"), OK);
	assert_int_equal(put(false), 0);
	assert_int_equal(service.n, 2);
	/* Much of one is enough. */
	dl_buf_adds(&b, "HTTP/1.1 403 No\r\nConnection: close\r\n\r\n");
	for (int i = 0; i < 100000; i++)
		dl_buf_addc(&b, 'x');
	SCRIPT(dl_buf_str(&b));
	assert_int_equal(put(false), -1);
	failed(DL_EXIT_DENIED, "HTTP status 403");
	/* ... or of what nobody asked for. */
	dl_buf_clear(&b);
	dl_buf_adds(&b, AS("200 OK", "ETag: \"e\"\r\n", ""));
	for (int i = 0; i < 40000000; i++)
		dl_buf_addc(&b, 'x');
	SCRIPT(dl_buf_str(&b));
	assert_int_equal(put(false), 0);
	for (int i = 0; i < 100 && !service.cut; i++)
		usleep(20 * 1000);
	assert_true(service.cut);
	dl_buf_clear(&b);
	dl_buf_adds(&b, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 4000; i++)
		dl_buf_adds(&b, "X-More: abcdefghijklmnopqrstuvwxyz\r\n");
	SCRIPT(dl_buf_str(&b));
	assert_int_equal(put(false), -1);
	failed(DL_EXIT_TEMP, "headers are longer");
	dl_buf_release(&b);
}

static char keys[] = "/tmp/dl-s3-keys.XXXXXX";

static void
write_keys(const char *text)
{
	int fd = open(keys, O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void
new_keys(int n)
{
	if (n == 0)
		write_keys("KEY2:SECRET:TOKEN2");
}

static void
expires(void **state)
{
	static const char expired[] = AS("400 No", "",
	    "<Error><Code>ExpiredToken</Code><Message>TOKEN1, TOKEN2"
	    "</Message></Error>");
	char reference[64];
	int fd = mkstemp(keys);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	snprintf(reference, sizeof(reference), "file:%s", keys);
	write_keys("KEY1:SECRET:TOKEN1");
	SCRIPT(expired, OK);
	service.before = new_keys;
	t.o.credentials = reference;
	open_s3();
	assert_int_equal(put(false), 0);
	assert_int_equal(service.n, 2);
	asked(0, "Credential=KEY1/");
	asked(0, "\r\nx-amz-security-token: TOKEN1\r\n");
	asked(1, "Credential=KEY2/");
	asked(1, "\r\nx-amz-security-token: TOKEN2\r\n");
	/* There are no others. */
	SCRIPT(expired);
	t.o.credentials = reference;
	open_s3();
	assert_int_equal(put(false), -1);
	failed(DL_EXIT_DENIED, "the session's token has expired");
	assert_null(strstr(t.err.msg, "TOKEN"));
	assert_int_equal(service.n, 1);
	/* New ones, expired too. */
	write_keys("KEY1:SECRET:TOKEN1");
	SCRIPT(expired);
	service.before = new_keys;
	t.o.credentials = reference;
	open_s3();
	assert_int_equal(put(false), -1);
	failed(DL_EXIT_DENIED, "the session's token has expired");
	assert_int_equal(service.n, 2);
	unlink(keys);
}

static void *
put_beside(void *arg)
{
	struct dl_err err = {0};

	(void)arg;
	dl_s3_put(t.s3, "k",
	    &(struct dl_s3_body){.bytes = DL_SPAN("hello"), .fd = -1},
	    &(struct dl_s3_put){.sha256 = NULL}, &err);
	return NULL;
}

/* Keys that expire soon, by a command that hangs when it is run again. */
static void
write_config(const char *config, const char *mark)
{
	char when[64];
	time_t soon = time(NULL) + 5 * 60 + 2;
	struct tm tm;
	FILE *f = fopen(config, "w");

	assert_non_null(f);
	strftime(
	    when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&soon, &tm));
	fprintf(f,
	    "[default]\ncredential_process = test ! -e %s || { echo >%s.2; "
	    "exec sleep 60; }; >%s; echo '{\"Version\":1,\"AccessKeyId\":\"A\","
	    "\"SecretAccessKey\":\"S\",\"SessionToken\":\"T\","
	    "\"Expiration\":\"%s\"}'\n",
	    mark, mark, mark, when);
	assert_int_equal(fclose(f), 0);
}

/* Who finds new keys holds nobody up who has some. */
static void
provider_hangs(void **state)
{
	char dir[] = "/tmp/dl-s3-hangs.XXXXXX", config[64], mark[64], hung[80];
	pthread_t thread;
	int64_t before;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(config, sizeof(config), "%s/config", dir);
	snprintf(mark, sizeof(mark), "%s/mark", dir);
	snprintf(hung, sizeof(hung), "%s.2", mark);
	write_config(config, mark);
	setenv("AWS_CONFIG_FILE", config, 1);
	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	SCRIPT(OK);
	assert_int_equal(put(false), 0);
	asked(0, "\r\nx-amz-security-token: T\r\n");
	/* Until they are to be found anew. */
	sleep(3);
	assert_int_equal(pthread_create(&thread, NULL, put_beside, NULL), 0);
	before = dl_clock_ms();
	while (access(hung, F_OK) < 0 && dl_clock_ms() - before < 20000)
		usleep(10 * 1000);
	assert_int_equal(access(hung, F_OK), 0);
	before = dl_clock_ms();
	assert_int_equal(put(false), 0);
	assert_true(dl_clock_ms() - before < 20000);
	t.stop = 1;
	pthread_join(thread, NULL);
	assert_true(dl_clock_ms() - before < 40000);
	unlink(config);
	unlink(mark);
	unlink(hung);
	rmdir(dir);
	plain_environment();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(headers),
	    cmocka_unit_test(kinds),
	    cmocka_unit_test(tries_again),
	    cmocka_unit_test(gives_up),
	    cmocka_unit_test(stops),
	    cmocka_unit_test(creates),
	    cmocka_unit_test(creates_over_kept),
	    cmocka_unit_test(pieces),
	    cmocka_unit_test(pieces_fail),
	    cmocka_unit_test(pieces_create),
	    cmocka_unit_test(no_success),
	    cmocka_unit_test(too_early),
	    cmocka_unit_test(hostile),
	    cmocka_unit_test(expires),
	    cmocka_unit_test(provider_hangs),
	};

	plain_environment();
	return cmocka_run_group_tests(tests, start, end);
}
