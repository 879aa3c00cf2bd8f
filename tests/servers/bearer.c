/*
 * bearer JWKS ISSUER AUDIENCE [ALGORITHM...] - what lib/bearer says of tokens.
 *
 * One token a line on standard input; for each a line on standard output:
 *
 *	OK SUBJECT RIGHTS      r and w, or -
 *	REFUSED REASON
 *
 * after "waited " where the key set was fetched for it.  Other lines: "reload"
 * reads the keys again, "ready" waits at most 10 s until there are keys.  The
 * policy is that of $POLICY, or the default; the keys' CA is $CA.  $REFRESH_MS
 * is how often they are fetched.
 */
#include "bearer.h"
#include "log.h"

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void
die(const struct dl_err *err)
{
	fprintf(stderr, "bearer: %s\n", err->msg);
	exit((int)err->status);
}

static void
wake(void *arg)
{
	sem_post(arg);
}

static void
ask(struct dl_bearer *b, struct dl_span token)
{
	struct dl_grant *g = NULL;
	struct dl_err err = {0};
	enum dl_bearer_result r;
	sem_t woken;

	sem_init(&woken, 0, 0);
	r = dl_bearer_check(b, token, false, wake, &woken, &g, &err);
	if (r == DL_BEARER_WAIT) {
		sem_wait(&woken);
		printf("waited ");
		r = dl_bearer_check(b, token, true, wake, &woken, &g, &err);
	}
	if (r == DL_BEARER_OK)
		printf("OK %s %s%s%s\n", g->subject,
		    dl_rights_any(g->rights, DL_RIGHT_READ) ? "r" : "",
		    dl_rights_any(g->rights, DL_RIGHT_WRITE) ? "w" : "",
		    dl_rights_any(g->rights, DL_RIGHT_READ) ||
			    dl_rights_any(g->rights, DL_RIGHT_WRITE)
			? ""
			: "-");
	else
		printf("REFUSED %s\n", err.msg);
	dl_grant_unref(g);
	sem_destroy(&woken);
}

static void
wait_ready(struct dl_jwks *keys)
{
	const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};

	for (int i = 0; i < 1000 && !dl_jwks_ready(keys); i++)
		nanosleep(&pause, NULL);
	puts(dl_jwks_ready(keys) ? "ready" : "no keys");
}

int
main(int argc, char *argv[])
{
	const char *audiences[] = {argc > 3 ? argv[3] : NULL, NULL};
	const char *refresh = getenv("REFRESH_MS"), *policy = getenv("POLICY");
	struct dl_bearer_options o = {
	    .audiences = audiences, .leeway_ms = 60 * 1000};
	struct dl_err err = {0};
	struct dl_policy *p;
	struct dl_bearer *b;
	struct dl_jwks *keys;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	dl_log_init("bearer", DL_LOG_INFO);
	if (argc < 4)
		return DL_EXIT_USAGE;
	o.issuer = argv[2];
	if (argc > 4)
		o.algorithms = (const char *const *)argv + 4;
	p = policy == NULL ? dl_policy_default() : dl_policy_load(policy, &err);
	if (p == NULL)
		die(&err);
	keys = dl_jwks_open(argv[1], getenv("CA"),
	    refresh == NULL ? 0 : strtoll(refresh, NULL, 10), &err);
	if (keys == NULL || (b = dl_bearer_new(&o, keys, p, &err)) == NULL)
		die(&err);
	while ((n = getline(&line, &cap, stdin)) > 0) {
		if (line[n - 1] == '\n')
			n--;
		if (dl_span_is(dl_span(line, (size_t)n), "reload")) {
			struct dl_err why = {0};

			puts(dl_jwks_reload(keys, &why) < 0 ? why.msg
							    : "reloaded");
		} else if (dl_span_is(dl_span(line, (size_t)n), "ready"))
			wait_ready(keys);
		else
			ask(b, dl_span(line, (size_t)n));
		fflush(stdout);
	}
	free(line);
	dl_bearer_free(b);
	dl_jwks_close(keys);
	dl_policy_free(p);
	return 0;
}
