#include "issue.h"

#include "auth_text.h"
#include "clock.h"
#include "issue_private.h"
#include "json.h"
#include "log.h"
#include "seal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum state { WAITING, AT_WORK, WAKING, DONE };

struct dl_issue_job {
	struct dl_issue *issue;
	struct dl_issue_job *next; /* in the queue */
	enum state state;
	bool dropped; /* while it is at work: who works frees it */
	struct dl_issue_wish wish;
	uint64_t who;
	uint64_t address;
	void (*wake)(void *);
	void *arg;
	struct dl_issue_answer answer;
};

struct dl_issue {
	char *home, *issuer, *audience;
	struct dl_token_client nobody;
	pthread_t thread;

	/* All that follows, and what a job has but its wish and its answer. */
	pthread_mutex_t lock;
	pthread_cond_t work, woken;
	struct dl_token_keys *keys;
	struct dl_issue_job *first, **end;
	size_t n;
	bool stop;
	struct dl_issue_slow slow;
};

static const struct dl_issue_no refused = {
    401, "invalid_client", "client authentication failed"};
static const struct dl_issue_no not_granted = {
    400, "invalid_scope", "the client may not have all of this scope"};
static const struct dl_issue_no too_often = {429, "temporarily_unavailable",
    "too many failures of this client: try again later"};
static const struct dl_issue_no too_many = {503, "temporarily_unavailable",
    "too many requests are waiting: try again later"};
static const struct dl_issue_no no_memory = {
    503, "temporarily_unavailable", "there is no memory: try again later"};
static const struct dl_issue_no broken = {
    500, "server_error", "the token could not be made"};

static void
say_no(struct dl_issue_answer *a, const struct dl_issue_no *no, int wait_s)
{
	a->status = no->status;
	a->retry_after_s = wait_s;
	a->challenge = no->status == 401 ? "Basic realm=\"dl\"" : NULL;
	dl_buf_printf(&a->json,
	    "{\"error\":\"%s\",\"error_description\":\"%s\"}", no->error,
	    no->why);
}

static void
free_job(struct dl_issue_job *job)
{
	dl_seal_wipe(&job->wish, sizeof(job->wish));
	/* It may be a token. */
	dl_auth_wipe(&job->answer.json);
	free(job);
}

/* The client proved itself: what it gets. */
static void
grant(struct dl_issue *i, const struct dl_token_client *client,
    const struct dl_issue_wish *wish, struct dl_issue_answer *a)
{
	struct dl_token_claims claims = {.issuer = i->issuer,
	    .subject = client->name,
	    .audience = i->audience,
	    .scope =
		dl_span_str(*wish->scope == '\0' ? client->scope : wish->scope),
	    .ttl_s = client->ttl_s};
	struct dl_err err = {0};
	int r;

	if (!dl_token_scope_within(claims.scope, dl_span_str(client->scope))) {
		say_no(a, &not_granted, 0);
		return;
	}
	dl_buf_room(&a->json, DL_TOKEN_MAX + 2 * DL_TOKEN_SCOPE_MAX);
	dl_buf_adds(&a->json, "{\"access_token\":\"");
	pthread_mutex_lock(&i->lock);
	r = dl_token_mint(i->keys, &claims, &a->json, &err);
	pthread_mutex_unlock(&i->lock);
	if (r < 0) {
		dl_log(DL_LOG_ERROR, "no token for client '%s': %s",
		    client->name, err.msg);
		dl_buf_clear(&a->json);
		say_no(a, &broken, 0);
		return;
	}
	dl_buf_printf(&a->json,
	    "\",\"token_type\":\"Bearer\",\"expires_in\":%lld",
	    (long long)client->ttl_s);
	if (claims.scope.len > 0) {
		dl_buf_adds(&a->json, ",\"scope\":");
		dl_json_quote(&a->json, claims.scope);
	}
	dl_buf_addc(&a->json, '}');
	a->status = 200;
	strcpy(a->client, client->name);
}

/*
 * Who has no file, or one that can't be read, is looked at like a client: that
 * takes as long as a wrong secret does.
 */
static int
verify(struct dl_issue *i, const struct dl_issue_wish *wish,
    struct dl_token_client *client, struct dl_err *err)
{
	struct dl_err why = {0};
	int known = 0, good;

	if (*wish->client != '\0')
		known =
		    dl_token_client_read(i->home, wish->client, client, &why);
	if (known < 0)
		dl_log(DL_LOG_ERROR, "%s", why.msg);
	good = dl_token_client_verify(known > 0 ? client : &i->nobody,
	    dl_span(wish->secret, wish->secret_len), err);
	return good > 0 && known <= 0 ? 0 : good;
}

static int
must_wait(struct dl_issue *i, const struct dl_issue_job *job)
{
	int s;

	pthread_mutex_lock(&i->lock);
	s = dl_issue_slow_wait(&i->slow, job->who, dl_clock_ms());
	pthread_mutex_unlock(&i->lock);
	return s;
}

/* One request, without the lock: nobody else looks at wish and answer now. */
static void
work(struct dl_issue *i, struct dl_issue_job *job)
{
	struct dl_token_client client = {.name = ""};
	struct dl_err err = {0};
	int good, s = must_wait(i, job);

	if (s > 0) {
		say_no(&job->answer, &too_often, s);
		return;
	}
	good = verify(i, &job->wish, &client, &err);
	if (good < 0) {
		dl_log(DL_LOG_ERROR, "%s", err.msg);
		say_no(&job->answer, &no_memory, 1);
		return;
	}
	pthread_mutex_lock(&i->lock);
	if (good > 0)
		dl_issue_slow_good(&i->slow, job->who);
	else
		dl_issue_slow_failed(&i->slow, job->who, dl_clock_ms());
	pthread_mutex_unlock(&i->lock);
	if (good > 0)
		grant(i, &client, &job->wish, &job->answer);
	else
		say_no(&job->answer, &refused, 0);
}

/* The lock is held when it is called and when it returns. */
static void
finish(struct dl_issue *i, struct dl_issue_job *job)
{
	if (job->dropped) {
		free_job(job);
		return;
	}
	job->state = WAKING;
	pthread_mutex_unlock(&i->lock);
	job->wake(job->arg);
	pthread_mutex_lock(&i->lock);
	job->state = DONE;
	pthread_cond_broadcast(&i->woken);
}

static void *
run(void *arg)
{
	struct dl_issue *i = arg;
	struct dl_issue_job *job;

	pthread_mutex_lock(&i->lock);
	for (;;) {
		while (i->first == NULL && !i->stop)
			pthread_cond_wait(&i->work, &i->lock);
		if ((job = i->first) == NULL)
			break;
		i->first = job->next;
		if (i->first == NULL)
			i->end = &i->first;
		i->n--;
		job->state = AT_WORK;
		pthread_mutex_unlock(&i->lock);
		work(i, job);
		pthread_mutex_lock(&i->lock);
		finish(i, job);
	}
	pthread_mutex_unlock(&i->lock);
	return NULL;
}

static void
release(struct dl_issue *i)
{
	pthread_mutex_destroy(&i->lock);
	pthread_cond_destroy(&i->work);
	pthread_cond_destroy(&i->woken);
	dl_seal_free(i->keys);
	free(i->home);
	free(i->issuer);
	free(i->audience);
	free(i);
}

struct dl_issue *
dl_issue_open(const char *home, const char *issuer, const char *audience,
    struct dl_err *err)
{
	struct dl_issue *i;

	if (dl_seal_start(err) < 0)
		return NULL;
	i = dl_calloc(1, sizeof(*i));
	pthread_mutex_init(&i->lock, NULL);
	pthread_cond_init(&i->work, NULL);
	pthread_cond_init(&i->woken, NULL);
	i->home = dl_strdup(home);
	i->issuer = dl_strdup(issuer);
	i->audience = dl_strdup(audience);
	i->end = &i->first;
	if ((i->keys = dl_token_keys_read(home, err)) != NULL &&
	    dl_token_client_nobody(&i->nobody, err) == 0) {
		if (pthread_create(&i->thread, NULL, run, i) == 0)
			return i;
		dl_err_temp(err, "cannot start a thread");
	}
	release(i);
	return NULL;
}

void
dl_issue_close(struct dl_issue *i)
{
	if (i == NULL)
		return;
	pthread_mutex_lock(&i->lock);
	i->stop = true;
	pthread_cond_signal(&i->work);
	pthread_mutex_unlock(&i->lock);
	pthread_join(i->thread, NULL);
	release(i);
}

int
dl_issue_reload(struct dl_issue *i,
    int (*publish)(void *arg, struct dl_span jwks, struct dl_err *err),
    void *arg, struct dl_err *err)
{
	struct dl_token_keys *keys = dl_token_keys_read(i->home, err), *old;
	struct dl_buf jwks = {0};
	int r;

	if (keys == NULL)
		return -1;
	dl_token_keys_print(keys, &jwks);
	r = publish(arg, dl_buf_as_span(&jwks), err);
	dl_buf_release(&jwks);
	old = keys;
	if (r == 0) {
		pthread_mutex_lock(&i->lock);
		old = i->keys;
		i->keys = keys;
		pthread_mutex_unlock(&i->lock);
	}
	dl_seal_free(old);
	return r;
}

void
dl_issue_jwks(struct dl_issue *i, struct dl_buf *b)
{
	pthread_mutex_lock(&i->lock);
	dl_token_keys_print(i->keys, b);
	pthread_mutex_unlock(&i->lock);
}

/* The lock is held. */
static bool
has_room(const struct dl_issue *i, uint64_t address)
{
	size_t same = 0;

	for (const struct dl_issue_job *j = i->first; j != NULL; j = j->next)
		same += j->address == address;
	return i->n < DL_ISSUE_QUEUE && same < DL_ISSUE_QUEUE / 2;
}

/* Put it into the queue, or answer it. */
static bool
enqueue(struct dl_issue *i, struct dl_issue_job *job)
{
	int s;
	bool room;

	pthread_mutex_lock(&i->lock);
	s = dl_issue_slow_wait(&i->slow, job->who, dl_clock_ms());
	room = has_room(i, job->address);
	if (s == 0 && room) {
		*i->end = job;
		i->end = &job->next;
		i->n++;
		pthread_cond_signal(&i->work);
	}
	pthread_mutex_unlock(&i->lock);
	if (s > 0)
		say_no(&job->answer, &too_often, s);
	else if (!room)
		say_no(&job->answer, &too_many, 1);
	return s == 0 && room;
}

struct dl_issue_job *
dl_issue_begin(struct dl_issue *i, const struct dl_issue_ask *ask,
    void (*wake)(void *), void *arg, const struct dl_issue_answer **answer)
{
	struct dl_issue_job *job = dl_calloc(1, sizeof(*job));
	const struct dl_issue_no *no = dl_issue_read(ask, &job->wish);

	job->issue = i;
	job->who = dl_issue_who(job->wish.client, ask->address);
	job->address = dl_issue_who("", ask->address);
	job->wake = wake;
	job->arg = arg;
	*answer = NULL;
	if (no != NULL)
		say_no(&job->answer, no, 0);
	else if (enqueue(i, job))
		return job;
	job->state = DONE;
	*answer = &job->answer;
	return job;
}

const struct dl_issue_answer *
dl_issue_answer(struct dl_issue_job *job)
{
	const struct dl_issue_answer *a;

	pthread_mutex_lock(&job->issue->lock);
	a = job->state >= WAKING ? &job->answer : NULL;
	pthread_mutex_unlock(&job->issue->lock);
	return a;
}

/* The lock is held. */
static void
unlink_job(struct dl_issue *i, struct dl_issue_job *job)
{
	struct dl_issue_job **at = &i->first;

	while (*at != job)
		at = &(*at)->next;
	if ((*at = job->next) == NULL)
		i->end = at;
	i->n--;
}

void
dl_issue_drop(struct dl_issue_job *job)
{
	struct dl_issue *i;

	if (job == NULL)
		return;
	i = job->issue;
	pthread_mutex_lock(&i->lock);
	if (job->state == WAITING)
		unlink_job(i, job);
	while (job->state == WAKING)
		pthread_cond_wait(&i->woken, &i->lock);
	job->dropped = job->state == AT_WORK;
	if (job->state != AT_WORK)
		free_job(job);
	pthread_mutex_unlock(&i->lock);
}
