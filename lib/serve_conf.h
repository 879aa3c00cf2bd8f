/*
 * serve.yaml, dl-serve(5): how dl-twin-serve serves.
 *
 * Texts live until dl_serve_conf_release().  Paths are as they are to be
 * opened: relative ones are taken from the file's directory.
 */
#ifndef DL_SERVE_CONF_H
#define DL_SERVE_CONF_H

#include "conf.h"

#include <netinet/in.h>

struct dl_serve_conf {
	char address[INET6_ADDRSTRLEN]; /* numeric */
	uint16_t port;                  /* 0: any free one */
	bool open;                      /* --open: no tokens, all rights */
	bool issue;                     /* dl-token's keys, and /oauth2/token */

	const char *cert, *key; /* both or none */
	const char *jwks;       /* FILE or URL; NULL: none */
	const char *jwks_ca, *issuer, *policy;
	const char **audiences; /* NULL-ended */
	const char **cors;      /* NULL-ended; NULL: none */
	const char *access_log; /* "-": standard error; NULL: none */
	int64_t leeway_ms;

	/* limits; 0 is the default of http.h, but for rate: no limit */
	int64_t connections, client_connections, header, body, memory;
	int64_t header_timeout_ms, body_timeout_ms, idle_ms, grace_ms;
	int64_t rate, burst; /* requests a second of one client */
	int64_t streams;     /* followers of /v1/changes at a time */

	/* private */
	struct dl_conf *yaml;
	const char *listen;
	const struct dl_conf_node *tls, *audience_node, *cors_node, *limits;
	char **owned;
	size_t nowned;
};

/* Defaults alone, where path is NULL.  DL_EXIT_CONF with file and line. */
int dl_serve_conf_load(
    struct dl_serve_conf *c, const char *path, struct dl_err *err);
void dl_serve_conf_release(struct dl_serve_conf *c);

/* "127.0.0.1:8080", "[::1]:8443", "localhost:0"; -1: err says what is wrong. */
int dl_serve_conf_listen(
    struct dl_serve_conf *c, const char *text, struct dl_err *err);

/*
 * When the options have had their say: without TLS only on loopback, tokens or
 * --open, and that on loopback only.  DL_EXIT_CONF, DL_EXIT_USAGE.
 */
int dl_serve_conf_check(const struct dl_serve_conf *c, struct dl_err *err);

#endif
