/*
 * What the files of the issuer share: issue.c has the thread and the queue,
 * issue_form.c reads what was asked, issue_slow.c keeps failures in mind.
 */
#ifndef DL_ISSUE_PRIVATE_H
#define DL_ISSUE_PRIVATE_H

#include "issue.h"
#include "token_client.h"

/* What a request asks for, as it is remembered while it waits. */
struct dl_issue_wish {
	char client[DL_TOKEN_CLIENT_NAME]; /* "": none that there can be */
	char secret[DL_TOKEN_CLIENT_SECRET_MAX + 1];
	size_t secret_len;
	char scope[DL_TOKEN_SCOPE_MAX + 1]; /* "": all of the client's */
};

/* An error of RFC 6749 section 5.2. */
struct dl_issue_no {
	int status;
	const char *error, *why; /* why without '"' and '\\' */
};

/*
 * Read a request: NULL, and *wish is set; otherwise what is wrong with it.
 * Nothing of it is kept elsewhere in memory.
 */
const struct dl_issue_no *dl_issue_read(
    const struct dl_issue_ask *ask, struct dl_issue_wish *wish);

/*
 * The value of a field of an urlencoded form, appended to b: 1; 0 it is not
 * there or empty; -1: it is there twice, or broken.
 */
int dl_issue_field(struct dl_span form, const char *name, struct dl_buf *b);

/* Failures in a row.  Not thread-safe: the issuer's lock is held. */
struct dl_issue_slow {
	struct dl_issue_slot {
		uint64_t who; /* 0: nobody */
		int failures;
		int64_t until_ms; /* of dl_clock_ms() */
	} slot[DL_ISSUE_SLOTS];
};

/* A number for a client's name and an address; never 0. */
uint64_t dl_issue_who(const char *client, const char *address);

/* For how many seconds who has to wait; 0: not at all. */
int dl_issue_slow_wait(
    const struct dl_issue_slow *s, uint64_t who, int64_t now_ms);
void dl_issue_slow_failed(
    struct dl_issue_slow *s, uint64_t who, int64_t now_ms);
void dl_issue_slow_good(struct dl_issue_slow *s, uint64_t who);

#endif
