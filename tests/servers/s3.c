/*
 * s3 COMMAND ADDRESS [ARG...] - the client of lib/s3.h, for tests.
 *
 *	put KEY FILE [META...]      "put"; with S3_CREATE "created", "taken"
 *	put-bytes KEY TEXT          of memory
 *	race KEY N                  N threads create KEY at once: how many did
 *	fill DIR N                  DIR/1001 and so on, N, without a byte
 *	get KEY FILE                "SIZE ETAG SHA256 MODIFIED-MS", "absent"
 *	read KEY MAX                its bytes
 *	head KEY                    as get
 *	list [BELOW [AFTER]]        "KEY SIZE MODIFIED-MS" each
 *	dirs                        the first component of each key
 *	remove KEY...
 *	uploads [BELOW]             "KEY ID BEGUN-MS" each
 *	abort KEY ID
 *	name, endpoint
 *
 * Options are in the environment: S3_ENDPOINT, S3_REGION, S3_PROFILE,
 * S3_CREDENTIALS, S3_STYLE (path, virtual), S3_CA, S3_SSE, S3_SSE_KEY_ID,
 * S3_CLASS, S3_TAGS, S3_GIVE_UP_MS; S3_CREATE, S3_JOBS and S3_SHA256 of put.
 * S3_AHEAD are seconds by which the clock is wrong.  A failure ends it with the
 * status of err.h.
 */
#include "s3.h"

#include "home.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct dl_s3 *s3;
static struct dl_err err;

/* Stands before libc's. */
time_t
time(time_t *out)
{
	const char *ahead = getenv("S3_AHEAD");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ahead != NULL)
		now.tv_sec += atol(ahead);
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}

static int
fail(void)
{
	dl_log(DL_LOG_ERROR, "%s", err.msg);
	return (int)err.status;
}

static int
usage(void)
{
	fprintf(stderr, "usage: s3 COMMAND ADDRESS [ARG...]\n");
	return DL_EXIT_USAGE;
}

static long
number(const char *name)
{
	const char *text = getenv(name);

	return text == NULL ? 0 : atol(text);
}

static int
put(int argc, char *argv[], bool bytes)
{
	struct dl_s3_put how = {.create = getenv("S3_CREATE") != NULL,
	    .jobs = (int)number("S3_JOBS"),
	    .sha256 = getenv("S3_SHA256"),
	    .type = "application/octet-stream"};
	struct dl_s3_body body = {.fd = -1};
	struct stat st;
	int r;

	if (argc < 2)
		return usage();
	if (bytes) {
		body.bytes = dl_span_str(argv[1]);
	} else {
		if ((body.fd = open(argv[1], O_RDONLY | O_CLOEXEC)) < 0 ||
		    fstat(body.fd, &st) < 0) {
			dl_err_errno(&err, "cannot open '%s'", argv[1]);
			return fail();
		}
		body.size = (uint64_t)st.st_size;
		body.name = argv[1];
	}
	if (argc > 2) /* argv ends with NULL */
		how.meta = (const char *const *)argv + 2;
	if ((r = dl_s3_put(s3, argv[0], &body, &how, &err)) < 0)
		return fail();
	puts(r > 0 ? "taken" : how.create ? "created" : "put");
	return 0;
}

struct racer {
	pthread_t thread;
	const char *key;
	int number, done;
};

static void *
race_one(void *arg)
{
	struct racer *r = arg;
	char text[32];
	const struct dl_s3_put how = {.create = true};
	struct dl_err why = {0};

	snprintf(text, sizeof(text), "racer %d", r->number);
	r->done = dl_s3_put(s3, r->key,
	    &(struct dl_s3_body){.bytes = dl_span_str(text), .fd = -1}, &how,
	    &why);
	if (r->done < 0)
		dl_log(DL_LOG_ERROR, "%s", why.msg);
	return NULL;
}

static int
race(int argc, char *argv[])
{
	struct racer v[64];
	int n, won = 0, lost = 0;

	if (argc != 2 || (n = atoi(argv[1])) < 1 || n > 64)
		return usage();
	for (int i = 0; i < n; i++) {
		v[i] = (struct racer){.key = argv[0], .number = i};
		if (pthread_create(&v[i].thread, NULL, race_one, &v[i]) != 0)
			return DL_EXIT_TEMP;
	}
	for (int i = 0; i < n; i++) {
		pthread_join(v[i].thread, NULL);
		won += v[i].done == 0;
		lost += v[i].done == 1;
	}
	printf("%d won, %d lost\n", won, lost);
	return 0;
}

static int
fill(int argc, char *argv[])
{
	const struct dl_s3_put how = {.sha256 = NULL};
	char key[256];

	if (argc != 2)
		return usage();
	for (int i = 0; i < atoi(argv[1]); i++) {
		snprintf(key, sizeof(key), "%s/%d", argv[0], 1001 + i);
		if (dl_s3_put(s3, key,
			&(struct dl_s3_body){.bytes = DL_SPAN(""), .fd = -1},
			&how, &err) < 0)
			return fail();
	}
	return 0;
}

static int
show(int r, const struct dl_s3_object *o)
{
	if (r < 0)
		return fail();
	if (r == 0)
		puts("absent");
	else
		printf("%llu %s %s %lld\n", (unsigned long long)o->size,
		    o->etag, o->sha256[0] == '\0' ? "-" : o->sha256,
		    (long long)o->modified_ms);
	return 0;
}

static int
get(int argc, char *argv[])
{
	struct dl_s3_object o;
	int fd, r;

	if (argc != 2)
		return usage();
	if ((fd = open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0666)) < 0) {
		dl_err_errno(&err, "cannot open '%s'", argv[1]);
		return fail();
	}
	r = dl_s3_get(s3, argv[0], fd, argv[1], &o, &err);
	close(fd);
	return show(r, &o);
}

static int
read_one(int argc, char *argv[])
{
	struct dl_buf b = {0};
	int r;

	if (argc != 2)
		return usage();
	if ((r = dl_s3_read(s3, argv[0], (size_t)atol(argv[1]), &b, &err)) < 0)
		return fail();
	if (r == 0)
		puts("absent");
	else
		fwrite(b.p, 1, b.len, stdout);
	dl_buf_release(&b);
	return 0;
}

static int
head(int argc, char *argv[])
{
	struct dl_s3_object o;

	return argc != 1 ? usage() : show(dl_s3_head(s3, *argv, &o, &err), &o);
}

static int
print_object(void *arg, const struct dl_s3_object *o, struct dl_buf *skip,
    struct dl_err *why)
{
	(void)arg, (void)skip, (void)why;
	printf("%s %llu %lld\n", o->key, (unsigned long long)o->size,
	    (long long)o->modified_ms);
	return 0;
}

/* All that is in a directory comes before its name with a '0'. */
static int
print_dir(void *arg, const struct dl_s3_object *o, struct dl_buf *skip,
    struct dl_err *why)
{
	size_t n = strcspn(o->key, "/");

	(void)arg, (void)why;
	printf("%.*s\n", (int)n, o->key);
	if (o->key[n] == '\0')
		return 0;
	dl_buf_add(skip, o->key, n);
	dl_buf_addc(skip, '0');
	return 1;
}

static int
print_upload(void *arg, const char *key, const char *id, int64_t begun_ms,
    struct dl_err *why)
{
	(void)arg, (void)why;
	printf("%s %s %lld\n", key, id, (long long)begun_ms);
	return 0;
}

static int
run(const char *command, int argc, char *argv[])
{
	const char *below = argc > 0 ? argv[0] : "";

	if (strcmp(command, "put") == 0)
		return put(argc, argv, false);
	if (strcmp(command, "put-bytes") == 0)
		return put(argc, argv, true);
	if (strcmp(command, "race") == 0)
		return race(argc, argv);
	if (strcmp(command, "fill") == 0)
		return fill(argc, argv);
	if (strcmp(command, "get") == 0)
		return get(argc, argv);
	if (strcmp(command, "read") == 0)
		return read_one(argc, argv);
	if (strcmp(command, "head") == 0)
		return head(argc, argv);
	if (strcmp(command, "list") == 0)
		return dl_s3_list(s3, below, argc > 1 ? argv[1] : NULL,
			   print_object, NULL, &err) < 0
		           ? fail()
		           : 0;
	if (strcmp(command, "dirs") == 0)
		return dl_s3_list(s3, "", NULL, print_dir, NULL, &err) < 0
		           ? fail()
		           : 0;
	if (strcmp(command, "remove") == 0) {
		for (int i = 0; i < argc; i++)
			if (dl_s3_remove(s3, argv[i], &err) < 0)
				return fail();
		return 0;
	}
	if (strcmp(command, "uploads") == 0)
		return dl_s3_uploads(s3, below, print_upload, NULL, &err) < 0
		           ? fail()
		           : 0;
	if (strcmp(command, "abort") == 0 && argc == 2)
		return dl_s3_abort(s3, argv[0], argv[1], &err) < 0 ? fail() : 0;
	if (strcmp(command, "name") == 0)
		return puts(dl_s3_name(s3)) < 0;
	if (strcmp(command, "endpoint") == 0)
		return puts(dl_s3_endpoint(s3)) < 0;
	return usage();
}

int
main(int argc, char *argv[])
{
	const char *style = getenv("S3_STYLE");
	struct dl_s3_options o = {.endpoint = getenv("S3_ENDPOINT"),
	    .region = getenv("S3_REGION"),
	    .profile = getenv("S3_PROFILE"),
	    .credentials = getenv("S3_CREDENTIALS"),
	    .ca = getenv("S3_CA"),
	    .sse = getenv("S3_SSE"),
	    .sse_key_id = getenv("S3_SSE_KEY_ID"),
	    .storage_class = getenv("S3_CLASS"),
	    .tags = getenv("S3_TAGS"),
	    .give_up_ms = number("S3_GIVE_UP_MS")};
	int status;

	dl_log_init("s3", DL_LOG_DEBUG);
	if (argc < 3)
		return usage();
	if (style != NULL)
		o.style = strcmp(style, "virtual") == 0 ? DL_S3_STYLE_VIRTUAL
		                                        : DL_S3_STYLE_PATH;
	if ((s3 = dl_s3_new(argv[2], &o, &err)) == NULL)
		return fail();
	status = run(argv[1], argc - 3, argv + 3);
	dl_s3_free(s3);
	return status;
}
