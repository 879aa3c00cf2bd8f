/*
 * A transport: one way to get bytes, in one file, behind this interface.
 *
 * It hands over bytes and its own notion of position, nothing else: what the
 * bytes mean, what becomes of them, and when a position is safe is the
 * source's.  The kind is told by the URL:
 *
 *	http, https, ftp, ftps, sftp, file   transport_fetch.c (fetch.h)
 *	file with * ? [ or a / at its end    transport_files.c
 *	exec:COMMAND                         transport_exec.c
 *	mqtt, mqtts                          transport_mqtt.c
 *
 * Positions are kept in the source's state (source_state.h): a transport reads
 * what was committed with dl_source_state_text() and _mark() and sets what is
 * true after the bytes handed over so far, before it calls pause, settle, or
 * returns.  What is set becomes durable with the next checkpoint, and counts
 * once that was committed.
 */
#ifndef DL_TRANSPORT_H
#define DL_TRANSPORT_H

#include "err.h"
#include "secret_ref.h"
#include "source_spec.h"
#include "source_state.h"
#include "template.h"

#include <signal.h>

/*
 * The text that the source keeps for endless streams of sse: the id of the last
 * event that was handed out.
 */
#define DL_SOURCE_LAST_ID "last-event-id"

/*
 * What a transport hands its bytes to.  Each returns -1 with err filled to end
 * the acquisition: the transport passes that on as DL_TRANSPORT_FAIL, whatever
 * it is, and calls none of them again.
 */
struct dl_taker {
	/*
	 * A document begins.  shown: where it is from, without user, password
	 * and query; it is the events' dlorigin, and is copied.  type: its
	 * content type, or "".
	 */
	int (*begin)(
	    void *arg, const char *shown, const char *type, struct dl_err *err);

	/* More of it. */
	int (*bytes)(void *arg, const char *p, size_t n, struct dl_err *err);

	/*
	 * It has ended.  A document that breaks off in its middle is a failure
	 * with *cut_off set, of status DL_EXIT_DATA: a transport that cannot
	 * have lost the rest passes the failure on; one that can says
	 * DL_TRANSPORT_AGAIN with status DL_EXIT_TEMP, or counts it as not
	 * acquired yet.  A document that is left without end (a failing
	 * transfer) is forgotten by the next begin.
	 */
	int (*end)(void *arg, bool *cut_off, struct dl_err *err);

	/*
	 * Between two documents, or in an endless one whenever nothing comes at
	 * once: all that was handed over so far is a position, from which a run
	 * that starts there goes on without it.  The source writes out what it
	 * has, and makes a checkpoint when one is due.  Not between the pages of
	 * one acquisition, which begins with the first page again.
	 */
	int (*pause)(void *arg, struct dl_err *err);

	/*
	 * The same, and the checkpoint is made now and waited for until it was
	 * committed, for transports that acknowledge to a server: 1 it was, 0
	 * a stop came before.
	 */
	int (*settle)(void *arg, struct dl_err *err);

	/*
	 * Set by an acquisition that is done and has left out what it knows to
	 * be there: pages past a limit.
	 */
	bool *cut_short;

	const uint64_t *items; /* that have come so far, wrong ones too */
	void *arg;
};

/*
 * The acquisition at hand: what stands for the names in the URL, the body and
 * headers (template.h).  After AGAIN the same number goes on; another one
 * begins anew.
 */
struct dl_transport_round {
	uint64_t number;
	struct dl_template_values values;
};

enum dl_transport_result {
	DL_TRANSPORT_FAIL = -1,   /* for good, or a taker failed */
	DL_TRANSPORT_DONE = 0,    /* all that there is for now */
	DL_TRANSPORT_AGAIN = 1,   /* err says why; trying again may help */
	DL_TRANSPORT_STOPPED = 2, /* *stop became true */
	DL_TRANSPORT_NOTHING = 3  /* done, and there was nothing new (a 304) */
};

struct dl_transport_context {
	const struct dl_source_spec *spec;
	const char *home;               /* for locks between sources */
	struct dl_secret_refs *secrets; /* opened when first needed */
	const struct dl_transport_round *round;
	const volatile sig_atomic_t *stop;
	bool follow;  /* -f: streams that have no end are followed */
	bool dry_run; /* nothing may be acknowledged, moved or changed */
};

struct dl_transport_kind {
	const char *name; /* "MQTT", for messages */

	/*
	 * Check all that can be told offline, secrets by their names alone,
	 * touching neither network nor files; c is copied, what it points to
	 * is borrowed.  NULL: DL_EXIT_CONF, without the specification's place
	 * ("'url' ..." is prefixed by the caller).
	 */
	void *(*open)(const struct dl_transport_context *c, struct dl_err *err);

	/*
	 * Acquire once: a poll.  Of what has no end, without -f, what comes
	 * until it is idle; with -f until a failure or a stop.  After AGAIN
	 * the next call goes on with the same acquisition: what was handed over
	 * whole need not come again.  after_ms: what a server asks to wait
	 * (Retry-After), or -1.
	 */
	enum dl_transport_result (*acquire)(void *t, struct dl_source_state *st,
	    const struct dl_taker *taker, int64_t *after_ms,
	    struct dl_err *err);

	/* Where it acquires, as it may be shown; lives as long as t. */
	const char *(*shown)(const void *t);

	void (*close)(void *t);

	bool endless; /* an acquisition may take for ever: no max_time */
};

extern const struct dl_transport_kind dl_transport_fetch, dl_transport_files,
    dl_transport_exec, dl_transport_mqtt;

/* The kind for a URL; NULL: no scheme of ours (DL_EXIT_CONF). */
const struct dl_transport_kind *dl_transport_find(
    const char *url, struct dl_err *err);

#endif
