/*
 * Texts and URLs of auth.h, and memory for secret ones.
 */
#ifndef DL_AUTH_TEXT_H
#define DL_AUTH_TEXT_H

#include "buf.h"
#include "err.h"
#include "span.h"

/*
 * Append text as it is in a query or a form: all but letters, digits and
 * "-._~" as "%XX".
 */
void dl_auth_escape(struct dl_buf *b, struct dl_span text);

/* Has it no control characters? */
bool dl_auth_plain(struct dl_span text);

/*
 * The parts one after the other (an absent one ends them), NUL-terminated, in
 * memory of dl_seal_alloc(): dl_seal_free() it.  NULL: see err.
 */
char *dl_auth_join(const struct dl_span *parts, struct dl_err *err);

/* Free b's bytes, and leave nothing of them in memory. */
void dl_auth_wipe(struct dl_buf *b);

/* A URL of http or https, taken apart as it is sent; zero-initialised. */
struct dl_auth_url {
	char *host; /* as in Host: with its port unless it is the scheme's */
	char *path;
	char *query; /* without '?'; NULL: none */
	bool https;
	bool loopback; /* localhost, 127.0.0.0/8 or [::1] */
	bool login;    /* there is a user or a password in it */
};

/* The message doesn't repeat the URL.  Release it in any case. */
int dl_auth_url_parse(
    const char *text, struct dl_auth_url *url, struct dl_err *err);
void dl_auth_url_release(struct dl_auth_url *url);

#endif
