/*
 * MQTT: each message is a document.
 *
 * Messages are handed over as they come, in batches.  After a batch the source
 * makes a checkpoint and waits until it was committed; then the broker is told
 * that it may forget them.  Whatever is killed in between, the broker sends
 * again what it was not told of.  What of it was committed is known by the
 * messages that came last, which are a part of the state that is committed with
 * them, and is not handed over once more.  What wasn't is, and has the same ids
 * as before where the items have a time of their own.
 */
#include "transport.h"

#include "clock.h"
#include "hash.h"
#include "io.h"
#include "log.h"
#include "mqtt_link.h"
#include "mqtt_recent.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define QUIET_MS 5   /* a batch ends when nothing has come for so long */
#define BATCH_MS 100 /* or after so long, */
#define NAP_MS 250   /* a stop just before a wait is seen this late */
#define SHOWN_TOPIC 1024
/*
 * Messages that are remembered.  Of a window that the broker keeps to, one would
 * do; mosquitto 2.0.11 sends far ahead of it while messages come in.
 */
#define RECENT_WINDOWS 4
#define RECENT_MAX 6500 /* that the state can hold */
#define RECENT "mqtt"
#define TOPICS "mqtt-topics"

struct mqtt {
	struct dl_transport_context c;
	struct dl_mqtt_url url;
	const char *topics[DL_MQTT_TOPICS + 2];
	char *base, *shown;
	struct dl_auth *auth;
	struct dl_mqtt_recent recent; /* of what was handed over */
	bool begun;                   /* the state was read */
	bool overlap;                 /* a message may come more than once */
	char client_id[DL_MQTT_CLIENT_ID + 1];
	struct dl_buf topics_text; /* what we subscribe to */
	struct dl_buf origin;      /* of a message */

	/* Of one acquisition. */
	struct dl_mqtt_link *link;
	struct dl_source_state *state;
	const struct dl_taker *taker;
	bool taker_failed;
	bool unsaved; /* the session is new, or its topics are */
	size_t batch; /* messages that came since the last settle */
	int64_t begin_ms, last_ms; /* when the first of them came, the last */
};

/* Escape what may not stand in a URL; at most max bytes of it are shown. */
static void
add_escaped(struct dl_buf *b, const char *text, size_t max)
{
	static const char plain[] = "-._~/!$&'()*+,;=:@";
	size_t end = b->len + max;

	for (const char *p = text; *p != '\0' && b->len < end; p++) {
		unsigned char c = (unsigned char)*p;

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		    (c >= 'a' && c <= 'z') || strchr(plain, c) != NULL)
			dl_buf_addc(b, *p);
		else
			dl_buf_printf(b, "%%%02X", c);
	}
}

/* Each of two that mean the same topic brings its messages. */
static void
look_for_overlap(struct mqtt *t)
{
	for (size_t i = 0; t->topics[i] != NULL; i++)
		for (size_t j = 0; j < i && !t->overlap; j++) {
			t->overlap =
			    dl_mqtt_filters_overlap(t->topics[i], t->topics[j]);
			if (t->overlap && t->c.spec->time == NULL)
				dl_log(DL_LOG_WARN,
				    "%s: the topics '%.100s' and '%.100s' "
				    "overlap: without 'time', a message of "
				    "both may come twice",
				    t->c.spec->path, t->topics[j],
				    t->topics[i]);
		}
}

static void
set_topics(struct mqtt *t)
{
	const struct dl_mqtt_spec *spec = &t->c.spec->mqtt;
	size_t n = 0;

	if (t->url.filter[0] != '\0')
		t->topics[n++] = t->url.filter;
	for (const char *const *topic = spec->topics; *topic != NULL; topic++)
		t->topics[n++] = *topic;
	for (size_t i = 0; t->c.dry_run && i < n; i++)
		/* It takes nothing from a group: it looks on beside it. */
		t->topics[i] = dl_mqtt_filter_alone(t->topics[i]);
	look_for_overlap(t);
	dl_mqtt_topics_print(t->topics, spec->qos, &t->topics_text);
}

static void
set_shown(struct mqtt *t)
{
	bool v6 = strchr(t->url.host, ':') != NULL;
	struct dl_buf b = {0};

	dl_buf_printf(&b, "%s://%s%s%s:%d", t->url.tls ? "mqtts" : "mqtt",
	    v6 ? "[" : "", t->url.host, v6 ? "]" : "", t->url.port);
	t->base = dl_strdup(dl_buf_str(&b));
	dl_buf_addc(&b, '/');
	add_escaped(&b, t->topics[0], SHOWN_TOPIC);
	t->shown = dl_strdup(dl_buf_str(&b));
	dl_buf_release(&b);
}

static void
mqtt_close(void *arg)
{
	struct mqtt *t = arg;

	dl_auth_free(t->auth);
	dl_mqtt_recent_release(&t->recent);
	dl_buf_release(&t->topics_text);
	dl_buf_release(&t->origin);
	free(t->base);
	free(t->shown);
	free(t);
}

static size_t
recent_size(size_t window)
{
	size_t n = window * RECENT_WINDOWS;

	return n < RECENT_MAX ? n : RECENT_MAX;
}

static void *
mqtt_open(const struct dl_transport_context *c, struct dl_err *err)
{
	struct mqtt *t = dl_calloc(1, sizeof(*t));

	t->c = *c;
	dl_mqtt_recent_init(
	    &t->recent, recent_size((size_t)c->spec->mqtt.window));
	if (dl_mqtt_url_parse(c->spec->url, &t->url, err) < 0)
		goto fail;
	set_topics(t);
	if (t->topics[0] == NULL) {
		dl_err_conf(err, "no topic filter: write one into it, like "
				 "mqtt://HOST/a/+/b, "
				 "or 'topics' into 'mqtt'");
		goto fail;
	}
	if (c->spec->auth.kind != DL_AUTH_NONE &&
	    c->spec->auth.kind != DL_AUTH_BASIC) {
		dl_err_conf(
		    err, "for MQTT 'auth' is basic, or a certificate of 'tls'");
		goto fail;
	}
	set_shown(t);
	t->auth = dl_auth_new(
	    &c->spec->auth, c->secrets, &c->spec->tls, NULL, c->stop, err);
	if (t->auth != NULL)
		return t;
fail:
	mqtt_close(t);
	return NULL;
}

static const char *
mqtt_shown(const void *arg)
{
	const struct mqtt *t = arg;

	return t->shown;
}

/*
 * The broker keeps a session by the client's id.  One that is made up is kept
 * beside the state before it is used, so that no run is another client.
 */
static int
find_client_id(struct mqtt *t, struct dl_err *err)
{
	const char *name = t->c.spec->name;
	char path[PATH_MAX], made[DL_ULID_LEN + 1];
	struct dl_buf b = {0};
	size_t n;
	int r;

	dl_ulid(made);
	if (t->c.dry_run) {
		snprintf(t->client_id, sizeof(t->client_id), "dl-%s", made);
		return 0;
	}
	if (t->c.spec->mqtt.client_id != NULL) {
		snprintf(t->client_id, sizeof(t->client_id), "%s",
		    t->c.spec->mqtt.client_id);
		return 0;
	}
	if (snprintf(path, sizeof(path), "%s/sources/%s/mqtt-client", t->c.home,
		name) >= (int)sizeof(path))
		return dl_err_usage(err, "the path of home is too long");
	if (access(path, F_OK) < 0 && errno == ENOENT) {
		dl_buf_printf(&b, "dl-%s-%s\n", name, made + DL_ULID_LEN - 10);
		r = dl_replace_file(path, dl_buf_as_span(&b), err);
	} else {
		r = dl_read_file(path, DL_MQTT_CLIENT_ID, &b, err);
	}
	n = b.len > 0 ? b.len - 1 : 0;
	if (r == 0 && (n == 0 || b.p[n] != '\n' || memchr(b.p, '\0', n)))
		r = dl_err_data(err,
		    "'%s' is no client id: remove it, and the broker's session "
		    "of it is lost",
		    path);
	if (r == 0)
		snprintf(
		    t->client_id, sizeof(t->client_id), "%.*s", (int)n, b.p);
	dl_buf_release(&b);
	return r;
}

static void
began(void *arg, bool resumed)
{
	struct mqtt *t = arg;

	if (resumed)
		return;
	/* Of a new session nothing comes again, and its ids begin anew. */
	dl_mqtt_recent_clear(&t->recent);
	t->unsaved = true;
}

static int
hand_over(struct mqtt *t, const struct dl_mqtt_message *m, struct dl_err *err)
{
	const struct dl_taker *taker = t->taker;
	bool cut_off;

	dl_buf_clear(&t->origin);
	dl_buf_adds(&t->origin, t->base);
	dl_buf_addc(&t->origin, '/');
	add_escaped(&t->origin, m->topic.p, SHOWN_TOPIC);
	if (taker->begin(taker->arg, dl_buf_str(&t->origin), m->type, err) < 0)
		return -1;
	if (m->payload.len > 0 &&
	    taker->bytes(taker->arg, m->payload.p, m->payload.len, err) < 0)
		return -1;
	return taker->end(taker->arg, &cut_off, err);
}

/* Was it committed, or handed over?  If not it is, from now on. */
static bool
was_here(struct mqtt *t, const struct dl_mqtt_message *m)
{
	uint64_t hash = dl_mqtt_recent_hash(m->topic, m->payload);
	bool was = m->again && dl_mqtt_recent_has(&t->recent, m->mid, hash);
	/* By its own time, what says the same is the same. */
	bool copy = t->overlap && t->c.spec->time != NULL &&
	            dl_mqtt_recent_has_hash(&t->recent, hash);

	if (!was)
		dl_mqtt_recent_add(&t->recent, m->mid, hash);
	return was || copy;
}

static int
take(void *arg, const struct dl_mqtt_message *m, struct dl_err *err)
{
	struct mqtt *t = arg;

	t->last_ms = dl_clock_ms();
	if (t->batch++ == 0)
		t->begin_ms = t->last_ms;
	if (m->mid != 0 && was_here(t, m))
		return 0;
	t->taker_failed = hand_over(t, m, err) < 0;
	return t->taker_failed ? -1 : 0;
}

/* What is true after what was handed over. */
static void
set_state(struct mqtt *t)
{
	struct dl_buf b = {0};

	if (t->c.dry_run)
		return;
	dl_mqtt_recent_print(&t->recent, &b);
	dl_source_state_set_text(t->state, RECENT, dl_buf_as_span(&b));
	dl_source_state_set_text(
	    t->state, TOPICS, dl_buf_as_span(&t->topics_text));
	dl_buf_release(&b);
}

/* A batch is whole: 1 it was acknowledged, 0 a stop came before, -1. */
static int
settle(struct mqtt *t, struct dl_err *err)
{
	const struct dl_taker *taker = t->taker;
	int r;

	if (t->c.dry_run || t->c.spec->mqtt.qos == 0) {
		r = taker->pause(taker->arg, err) < 0 ? -1 : 1;
	} else {
		set_state(t);
		r = taker->settle(taker->arg, err);
	}
	if (r <= 0) {
		t->taker_failed = r < 0;
		return r;
	}
	t->batch = 0;
	t->unsaved = false;
	return dl_mqtt_link_acknowledge(t->link, err) < 0 ? -1 : 1;
}

/* How long to wait for more. */
static int
patience(const struct mqtt *t, int64_t now)
{
	int64_t left;

	if (t->batch > 0)
		return QUIET_MS;
	left = t->last_ms + t->c.spec->mqtt.idle_ms - now;
	if (t->c.follow || left > NAP_MS)
		return NAP_MS;
	return left > 0 ? (int)left : 0;
}

/* Is it time to settle?  quiet: nothing came for a while. */
static bool
is_due(const struct mqtt *t, bool quiet)
{
	if (t->unsaved && quiet && dl_mqtt_link_ready(t->link))
		return true;
	return t->batch > 0 &&
	       (quiet || t->batch >= (size_t)t->c.spec->mqtt.window ||
		   dl_clock_ms() - t->begin_ms >= BATCH_MS);
}

/* Take what comes: 1 there is no more for now, 0 a stop, -1. */
static int
receive(struct mqtt *t, struct dl_err *err)
{
	const struct dl_taker *taker = t->taker;
	bool ready = false;
	int r;

	while (!*t->c.stop) {
		r = dl_mqtt_link_step(t->link, patience(t, dl_clock_ms()), err);
		if (r < 0)
			return -1;
		/* What it kept for us comes after that. */
		if (!ready && (ready = dl_mqtt_link_ready(t->link)))
			t->last_ms = dl_clock_ms();
		if (is_due(t, r == 0)) {
			if ((r = settle(t, err)) <= 0)
				return r;
		} else if (r == 0) {
			if (taker->pause(taker->arg, err) < 0) {
				t->taker_failed = true;
				return -1;
			}
			if (ready && !t->c.follow &&
			    dl_clock_ms() - t->last_ms >=
				t->c.spec->mqtt.idle_ms)
				return 1;
		}
	}
	/* The commit is waited for by whoever comes next. */
	return t->batch > 0 && settle(t, err) < 0 ? -1 : 0;
}

/*
 * The connection is gone, but not what it brought: it may be committed before
 * the next one.
 */
static int
fail_link(struct mqtt *t, struct dl_err *err)
{
	struct dl_err more = {0};

	if (t->taker_failed)
		return DL_TRANSPORT_FAIL;
	dl_err_prefix(err, "%s", t->base);
	if (t->batch > 0) {
		set_state(t);
		if (t->taker->pause(t->taker->arg, &more) < 0) {
			*err = more;
			return DL_TRANSPORT_FAIL;
		}
	}
	return err->status == DL_EXIT_TEMP ? DL_TRANSPORT_AGAIN
	                                   : DL_TRANSPORT_FAIL;
}

/* Secrets, the client's id, and what the last run left behind. */
static int
prepare(struct mqtt *t, struct dl_mqtt_link_options *o, struct dl_err *err)
{
	const struct dl_tls *tls = &t->c.spec->tls;
	struct dl_span password;

	if (t->client_id[0] == '\0' && find_client_id(t, err) < 0)
		return -1;
	if (!t->begun && !t->c.dry_run)
		dl_mqtt_recent_read(
		    &t->recent, dl_source_state_text(t->state, RECENT));
	t->begun = true;
	if (dl_auth_login(t->auth, &o->user, &o->password, err) < 0)
		return -1;
	if (tls->key_password == NULL)
		return 0;
	if (dl_secret_ref_get(t->c.secrets, tls->key_password, &password, err) <
	    0)
		return -1;
	o->key_password = password.p;
	return 0;
}

static enum dl_transport_result
mqtt_acquire(void *arg, struct dl_source_state *state,
    const struct dl_taker *taker, int64_t *after_ms, struct dl_err *err)
{
	struct mqtt *t = arg;
	struct dl_mqtt_link_options o = {
	    .spec = &t->c.spec->mqtt,
	    .url = &t->url,
	    .tls = &t->c.spec->tls,
	    .client_id = t->client_id,
	    .topics = t->topics,
	    .subscribed = dl_source_state_text(state, TOPICS),
	    .glance = t->c.dry_run,
	    .began = began,
	    .take = take,
	    .arg = t,
	    .stop = t->c.stop,
	};
	int r;

	*after_ms = -1;
	t->state = state;
	t->taker = taker;
	t->taker_failed = false;
	t->batch = 0;
	t->unsaved = !dl_span_eq(o.subscribed, dl_buf_as_span(&t->topics_text));
	if (prepare(t, &o, err) < 0)
		return err->status == DL_EXIT_TEMP ? DL_TRANSPORT_AGAIN
		                                   : DL_TRANSPORT_FAIL;
	t->link = dl_mqtt_link_open(&o, err);
	t->last_ms = dl_clock_ms();
	r = t->link == NULL ? -1 : receive(t, err);
	if (r < 0)
		r = fail_link(t, err);
	else
		r = r > 0 ? DL_TRANSPORT_DONE : DL_TRANSPORT_STOPPED;
	dl_mqtt_link_close(t->link);
	t->link = NULL;
	return (enum dl_transport_result)r;
}

const struct dl_transport_kind dl_transport_mqtt = {
    .name = "MQTT",
    .open = mqtt_open,
    .acquire = mqtt_acquire,
    .shown = mqtt_shown,
    .close = mqtt_close,
    .endless = true,
};
