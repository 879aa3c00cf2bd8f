/*
 * httpd [OPTION=VALUE ...] - a server on lib/http.h for tests.
 *
 * Prints its port, and serves until it gets SIGTERM; SIGHUP reads certificate and
 * key again and reopens the access log; SIGUSR1 prints its counts.  Options: port
 * threads connections clients header body header_ms body_ms idle_ms grace_ms
 * cert key log origin address.
 *
 *	/small         24 bytes
 *	/echo          method, path, query, body and headers that were asked for
 *	/big?n=N       N bytes of text
 *	/file          the same 20,000 bytes, with a tag
 *	/tagged        an answer with a strong tag and, by ?n=, of that length
 *	/later?ms=N    answered by another thread, N ms later
 *	/storm?n=N     a stream of N numbers, woken for each by another thread
 *	/self?n=N      a stream that is woken N times by its own fill, before it sleeps
 *	/now           resumed before the handler returns
 *	/stream        a stream that another thread wakes each 20 ms
 *	/flood         a stream without end
 *	/silent        a stream that never has anything
 *	/quiet         a stream with heartbeats of 50 ms alone
 *	/param?a=      the decoded value of a
 *	/refuse        401 at the head, before a body
 *	/large         its body may be 8 MiB
 *	/stuck         never answered by itself
 *	/head          put off at its head, then answered like /echo
 */
#include "buf.h"
#include "clock.h"
#include "http.h"
#include "log.h"
#include "num.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static char file[20000];

/* What another thread has to do: resume or wake, at a time. */
struct job {
	struct job *next;
	struct dl_http_request *q;
	int64_t at;
	int64_t left, made; /* of a stream's numbers */
	bool stream, answered;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct job *jobs;
static atomic_bool ends;

static void
job_add(struct job *j)
{
	pthread_mutex_lock(&lock);
	j->next = jobs;
	jobs = j;
	pthread_mutex_unlock(&lock);
}

static void
job_gone(void *arg)
{
	struct job *j = arg, **p;

	pthread_mutex_lock(&lock);
	for (p = &jobs; *p != NULL && *p != j; p = &(*p)->next)
		;
	if (*p != NULL)
		*p = j->next;
	pthread_mutex_unlock(&lock);
	free(j);
}

static void
do_job(struct job *j, int64_t now)
{
	int i;

	if (j->at > now)
		return;
	if (!j->stream) {
		if (!j->answered)
			dl_http_resume(j->q);
		j->answered = true;
	} else if (j->left > 0 && j->made < j->left) {
		/* Many in a row: some find it awake, some asleep. */
		for (i = 0; i < 100 && j->made < j->left; i++) {
			j->made++;
			dl_http_wake(j->q);
		}
	} else if (j->left == 0) {
		j->made++;
		j->at = now + 20;
		dl_http_wake(j->q);
	}
}

static void *
work(void *arg)
{
	struct timespec t = {.tv_nsec = 200000};
	struct job *j;

	(void)arg;
	while (!atomic_load(&ends)) {
		int64_t now = dl_clock_ms();

		pthread_mutex_lock(&lock);
		for (j = jobs; j != NULL; j = j->next)
			do_job(j, now);
		pthread_mutex_unlock(&lock);
		nanosleep(&t, NULL);
	}
	return NULL;
}

static int64_t
number(struct dl_http_request *q, const char *name)
{
	struct dl_buf b = {0};
	struct dl_err err = {0};
	int64_t n = 0;

	if (dl_http_param(q, name, &b, &err) == 1 &&
	    dl_num_count(dl_buf_as_span(&b), &n, &err) < 0)
		n = 0;
	dl_buf_release(&b);
	return n;
}

struct ticking {
	int64_t written;
	struct job *job;
};

static ssize_t
fill_ticks(void *arg, char *p, size_t max)
{
	struct ticking *t = arg;
	int64_t made;

	pthread_mutex_lock(&lock);
	made = t->job->made;
	pthread_mutex_unlock(&lock);
	if (t->job->left > 0 && t->written == t->job->left)
		return -1;
	if (made == t->written)
		return 0;
	t->written = made;
	return snprintf(p, max, "%lld\n", (long long)made);
}

static void
ticks_done(void *arg)
{
	struct ticking *t = arg;

	job_gone(t->job);
	free(t);
}

static enum dl_http_next
answer_stream(struct dl_http_request *q, int64_t left)
{
	struct ticking *t = dl_calloc(1, sizeof(*t));

	t->job = dl_calloc(1, sizeof(*t->job));
	t->job->q = q;
	t->job->stream = true;
	t->job->left = left;
	job_add(t->job);
	return dl_http_stream(q, &(struct dl_http_stream){
				     .type = "text/plain",

				     /* A storm has its wakes alone. */
				     .beat_ms = left > 0 ? 0 : 5000,
				     .fill = fill_ticks,
				     .done = ticks_done,
				     .arg = t,
				 });
}

static ssize_t
fill_beat(void *arg, char *p, size_t max)
{
	int *beats = arg;

	if (++*beats % 2 == 1)
		return snprintf(p, max, ":\n");
	return 0;
}

struct self {
	struct dl_http_request *q;
	int64_t calls, left;
};

/* Nothing but each seventh time, and woken before that is known to the server. */
static ssize_t
fill_self(void *arg, char *p, size_t max)
{
	struct self *s = arg;

	if (s->left == 0)
		return -1;
	if (s->calls++ % 7 != 6) {
		dl_http_wake(s->q);
		return 0;
	}
	return snprintf(p, max, "%lld\n", (long long)s->left--);
}

static enum dl_http_next
answer_self(struct dl_http_request *q, int64_t n)
{
	struct self *s = dl_calloc(1, sizeof(*s));

	s->q = q;
	s->left = n;
	return dl_http_stream(q, &(struct dl_http_stream){.type = "text/plain",
				     .fill = fill_self,
				     .done = free,
				     .arg = s});
}

static void
was_now(void *state)
{
	(void)state;
}

static enum dl_http_next
answer_now(struct dl_http_request *q)
{
	if (q->state == q) {
		dl_buf_adds(&q->out, "now\n");
		return dl_http_answer(q, 200, "text/plain", false);
	}
	q->state = q;
	q->release = was_now;
	dl_http_resume(q);
	return DL_HTTP_LATER;
}

static ssize_t
fill_none(void *arg, char *p, size_t max)
{
	(void)arg;
	(void)p;
	(void)max;
	return 0;
}

static ssize_t
fill_flood(void *arg, char *p, size_t max)
{
	(void)arg;
	memset(p, 'x', max);
	return (ssize_t)max;
}

static enum dl_http_next
answer_flood(struct dl_http_request *q)
{
	return dl_http_stream(q,
	    &(struct dl_http_stream){.type = "text/plain", .fill = fill_flood});
}

static enum dl_http_next
answer_quiet(struct dl_http_request *q)
{
	return dl_http_stream(q, &(struct dl_http_stream){
				     .type = "text/plain",
				     .beat_ms = 50,
				     .fill = fill_beat,
				     .done = free,
				     .arg = dl_calloc(1, sizeof(int)),
				 });
}

/* Is it still to be waited for? */
static bool
put_off(struct dl_http_request *q, int64_t ms)
{
	struct job *j = q->state;
	bool waits;

	if (j == NULL) {
		j = dl_calloc(1, sizeof(*j));
		j->q = q;
		j->at = dl_clock_ms() + ms;
		q->state = j;
		q->release = job_gone;
		job_add(j);
		return true;
	}
	pthread_mutex_lock(&lock);
	waits = !j->answered;
	pthread_mutex_unlock(&lock);
	return waits;
}

static enum dl_http_next
answer_later(struct dl_http_request *q, int64_t ms)
{
	if (put_off(q, ms))
		return DL_HTTP_LATER;
	dl_buf_adds(&q->out, "later\n");
	return dl_http_answer(q, 200, "text/plain", false);
}

static void
echo_header(struct dl_http_request *q, const char *name)
{
	struct dl_span s = dl_http_get_header(q, name);

	if (s.p != NULL)
		dl_buf_printf(&q->out, "%s: %.*s (%d)\n", name, DL_SPAN_ARG(s),
		    dl_http_count_header(q, name));
}

static enum dl_http_next
answer_echo(struct dl_http_request *q)
{
	dl_buf_printf(&q->out, "%.*s %.*s %.*s\n", DL_SPAN_ARG(q->method_name),
	    DL_SPAN_ARG(q->path), DL_SPAN_ARG(q->query));
	echo_header(q, "X-One");
	echo_header(q, "Authorization");
	dl_buf_printf(&q->out, "%s %zu ", q->address, q->body.len);
	dl_buf_span(&q->out, q->body);
	q->who = "echo";
	return dl_http_answer(q, 200, "text/plain", true);
}

static enum dl_http_next
answer_param(struct dl_http_request *q)
{
	struct dl_err err = {0};
	int r = dl_http_param(q, "a", &q->out, &err);

	if (r < 0)
		return dl_http_problem(q, 400, "bad-request", "%s", err.msg);
	if (r == 0)
		return dl_http_problem(q, 404, "not-found", "no a");
	return dl_http_answer(q, 200, "text/plain", false);
}

static enum dl_http_next
answer_text(struct dl_http_request *q, int status, int64_t n)
{
	int64_t i;

	for (i = 0; i < n; i++)
		dl_buf_addc(&q->out, (char)('a' + i / 7 % 26));
	return dl_http_answer(q, status, "text/plain", true);
}

static enum dl_http_next
on_head(void *arg, struct dl_http_request *q)
{
	(void)arg;
	if (dl_span_is(q->path, "/refuse")) {
		dl_http_header(q, "WWW-Authenticate", "Bearer realm=\"%s\"",
		    "dl\r\nX-Bad: yes");
		return dl_http_problem(q, 401, "unauthorized", "no token");
	}
	if (dl_span_is(q->path, "/large"))
		q->body_max = (size_t)8 << 20;
	if (dl_span_is(q->path, "/head"))
		return put_off(q, 20) ? DL_HTTP_LATER : DL_HTTP_GO_ON;
	return DL_HTTP_GO_ON;
}

static enum dl_http_next
on_request(void *arg, struct dl_http_request *q)
{
	(void)arg;
	if (q->method == DL_HTTP_OTHER)
		return dl_http_problem(q, 405, "method-not-allowed", "no");
	if (dl_span_is(q->path, "/small")) {
		dl_buf_adds(&q->out, "{\"value\":42,\"ok\":true}\n");
		return dl_http_answer(q, 200, "application/json", true);
	}
	if (dl_span_is(q->path, "/echo") || dl_span_is(q->path, "/large") ||
	    dl_span_is(q->path, "/head"))
		return answer_echo(q);
	if (dl_span_is(q->path, "/param"))
		return answer_param(q);
	if (dl_span_is(q->path, "/big"))
		return answer_text(q, 200, number(q, "n"));
	if (dl_span_is(q->path, "/tagged")) {
		dl_http_header(q, "Cache-Control", "private");
		dl_http_header(q, "ETag", "\"%s\"", "abc");
		if (dl_http_matches(q, "\"abc\""))
			return answer_text(q, 304, number(q, "n"));
		if (number(q, "n") == 0)
			return dl_http_problem(q, 404, "not-found", "no n");
		return answer_text(q, 200, number(q, "n"));
	}
	if (dl_span_is(q->path, "/file"))
		return dl_http_answer_static(
		    q, 200, "text/plain", dl_span(file, sizeof(file)));
	if (dl_span_is(q->path, "/later"))
		return answer_later(q, number(q, "ms"));
	if (dl_span_is(q->path, "/stuck"))
		return answer_later(q, 1000000000);
	if (dl_span_is(q->path, "/stream"))
		return answer_stream(q, 0);
	if (dl_span_is(q->path, "/storm"))
		return answer_stream(q, number(q, "n"));
	if (dl_span_is(q->path, "/self"))
		return answer_self(q, number(q, "n"));
	if (dl_span_is(q->path, "/now"))
		return answer_now(q);
	if (dl_span_is(q->path, "/silent"))
		return dl_http_stream(
		    q, &(struct dl_http_stream){
			   .type = "text/plain", .fill = fill_none});
	if (dl_span_is(q->path, "/flood"))
		return answer_flood(q);
	if (dl_span_is(q->path, "/quiet"))
		return answer_quiet(q);
	return dl_http_problem(
	    q, 404, "not-found", "there is no %.*s", DL_SPAN_ARG(q->path));
}

static int64_t
count_of(const char *text)
{
	struct dl_err err = {0};
	int64_t n;

	if (dl_num_count(dl_span_str(text), &n, &err) < 0) {
		fprintf(stderr, "httpd: %s\n", err.msg);
		exit(DL_EXIT_USAGE);
	}
	return n;
}

static void
set_option(struct dl_http_options *o, int64_t *grace, char *word)
{
	static const char *origins[2];
	char *value = strchr(word, '=');

	if (value == NULL)
		exit(DL_EXIT_USAGE);
	*value++ = '\0';
	if (strcmp(word, "address") == 0)
		o->address = value;
	else if (strcmp(word, "cert") == 0)
		o->cert = value;
	else if (strcmp(word, "key") == 0)
		o->key = value;
	else if (strcmp(word, "log") == 0)
		o->access_log = value;
	else if (strcmp(word, "origin") == 0) {
		origins[0] = value;
		o->cors_origins = origins;
	} else if (strcmp(word, "port") == 0)
		o->port = (uint16_t)count_of(value);
	else if (strcmp(word, "threads") == 0)
		o->threads = (int)count_of(value);
	else if (strcmp(word, "connections") == 0)
		o->max_connections = count_of(value);
	else if (strcmp(word, "clients") == 0)
		o->max_client_connections = count_of(value);
	else if (strcmp(word, "header") == 0)
		o->max_header_bytes = count_of(value);
	else if (strcmp(word, "body") == 0)
		o->max_body_bytes = count_of(value);
	else if (strcmp(word, "header_ms") == 0)
		o->header_timeout_ms = count_of(value);
	else if (strcmp(word, "body_ms") == 0)
		o->body_timeout_ms = count_of(value);
	else if (strcmp(word, "idle_ms") == 0)
		o->idle_timeout_ms = count_of(value);
	else if (strcmp(word, "grace_ms") == 0)
		*grace = count_of(value);
	else
		exit(DL_EXIT_USAGE);
}

static void
print_counts(const struct dl_http *h)
{
	struct dl_http_counts c;
	size_t i;

	dl_http_counts(h, &c);
	printf("requests %llu refused %llu timeouts %llu connections %llu "
	       "streams %llu",
	    (unsigned long long)c.requests,
	    (unsigned long long)c.refused_connections,
	    (unsigned long long)c.timeouts, (unsigned long long)c.connections,
	    (unsigned long long)c.streams);
	for (i = 0; i < 6; i++)
		printf(" %zuxx %llu", i, (unsigned long long)c.by_class[i]);
	printf("\n");
	fflush(stdout);
}

static void
serve(struct dl_http *h, const sigset_t *wanted)
{
	struct dl_err err = {0};
	int sig;

	while (sigwait(wanted, &sig) == 0 && sig != SIGTERM) {
		if (sig == SIGUSR1) {
			print_counts(h);
			continue;
		}
		dl_err_clear(&err);
		if (dl_http_reload(h, &err) < 0 ||
		    dl_http_reopen_log(h, &err) < 0)
			dl_log(DL_LOG_ERROR, "%s", err.msg);
		printf("reloaded\n");
		fflush(stdout);
	}
}

int
main(int argc, char *argv[])
{
	struct dl_http_options o = {
	    .address = "127.0.0.1", .head = on_head, .handle = on_request};
	struct dl_err err = {0};
	struct dl_http *h;
	int64_t grace = 2000;
	sigset_t wanted;
	pthread_t thread;
	int i;

	dl_log_init("httpd",
	    getenv("HTTPD_DEBUG") == NULL ? DL_LOG_INFO : DL_LOG_DEBUG);
	for (i = 1; i < argc; i++)
		set_option(&o, &grace, argv[i]);
	for (i = 0; i < (int)sizeof(file); i++)
		file[i] = (char)(i % 64 == 63 ? '\n' : 'a' + i / 64 % 26);
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGHUP);
	sigaddset(&wanted, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &wanted, NULL);
	if ((h = dl_http_start(&o, &err)) == NULL) {
		dl_log(DL_LOG_ERROR, "%s", err.msg);
		return (int)err.status;
	}
	pthread_create(&thread, NULL, work, NULL);
	printf("%u\n", dl_http_port(h));
	fflush(stdout);
	serve(h, &wanted);
	dl_http_stop(h, grace);
	atomic_store(&ends, true);
	pthread_join(thread, NULL);
	return 0;
}
