/*
 * Issuing tokens to clients: what /oauth2/token does, without the HTTP.
 *
 * A client proves itself by its secret, whose hash (Argon2id, token_client.h)
 * takes a tenth of a second and 64 MiB: that is done in a thread of the
 * issuer's own, one at a time, and at most DL_ISSUE_QUEUE requests wait for it,
 * half of them of one address.  An unknown client costs the same time and gets
 * the same words as a wrong secret.  After DL_ISSUE_FAILURES failures in a row
 * of one client name from one address each further one makes the next wait: 1
 * s, 2 s, 4 s, at most 30 s; the last DL_ISSUE_SLOTS such pairs are kept in
 * mind.
 *
 * Clients are read from their files at each request: what dl-token client does
 * holds at once.  Keys are read at the start and by dl_issue_reload().
 *
 * Thread-safe.
 */
#ifndef DL_ISSUE_H
#define DL_ISSUE_H

#include "buf.h"
#include "err.h"
#include "span.h"

#include <stdint.h>

#define DL_ISSUE_QUEUE 64
#define DL_ISSUE_FAILURES 5
#define DL_ISSUE_DELAY_MAX_S 30
#define DL_ISSUE_SLOTS 1024
#define DL_ISSUE_FORM_MAX (16 << 10) /* bytes of a form */

struct dl_issue;

/*
 * The issuer of tokens with that iss and aud (copied), signed by home's keys.
 * DL_EXIT_CONF: there are none.
 */
struct dl_issue *dl_issue_open(const char *home, const char *issuer,
    const char *audience, struct dl_err *err);

/* Every job was dropped before.  NULL does nothing. */
void dl_issue_close(struct dl_issue *i);

/*
 * Read the keys again (SIGHUP); where they are wrong the old ones stay.
 * publish() gets the public ones, a JWK set, before anything is signed by them,
 * so that who verifies has them; the old ones stay where it returns -1, too.
 */
int dl_issue_reload(struct dl_issue *i,
    int (*publish)(void *arg, struct dl_span jwks, struct dl_err *err),
    void *arg, struct dl_err *err);

/* Append the public keys, a JWK set: what /oauth2/jwks gives, and verifies. */
void dl_issue_jwks(struct dl_issue *i, struct dl_buf *b);

/* A request; all of it is borrowed for the call alone. */
struct dl_issue_ask {
	struct dl_span authorization; /* the header's value; p NULL: none */
	struct dl_span form;          /* the body, urlencoded */
	const char *address;          /* of who asks, or its network */
};

/* The answer: of RFC 6749 section 5.1 or 5.2. */
struct dl_issue_answer {
	int status;            /* 200, 400, 401, 429, 500, 503 */
	int retry_after_s;     /* 0: no Retry-After */
	const char *challenge; /* of WWW-Authenticate; NULL: none */
	struct dl_buf json;
	char client[65]; /* who got a token; "": nobody */
};

struct dl_issue_job;

/*
 * Begin.  Where *answer is NULL after it, wake(arg) is called once, from
 * another thread, when there is one (that may be before this returns), and must
 * neither drop the job nor wait; otherwise never.
 */
struct dl_issue_job *dl_issue_begin(struct dl_issue *i,
    const struct dl_issue_ask *ask, void (*wake)(void *), void *arg,
    const struct dl_issue_answer **answer);

/* The job's answer, which lives as long as the job; NULL: not yet. */
const struct dl_issue_answer *dl_issue_answer(struct dl_issue_job *job);

/*
 * Done with, answered or not.  After this wake is not called, and is not being
 * called.
 */
void dl_issue_drop(struct dl_issue_job *job);

#endif
