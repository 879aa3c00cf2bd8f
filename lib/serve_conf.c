#include "serve_conf.h"

#include "buf.h"
#include "num.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdlib.h>

#define LIST_MAX 100
#define COUNT_MAX 1000000
#define SIZE_MOST ((int64_t)1 << 30)
#define MEMORY_MOST ((int64_t)1 << 40)
#define TIME_MOST_MS ((int64_t)24 * 3600 * 1000)
#define LEEWAY_MOST_MS ((int64_t)10 * 60 * 1000)

#define FIELD(key, kind, member) \
	{ \
		key, kind, false, offsetof(struct dl_serve_conf, member), NULL \
	}

static const struct dl_conf_field fields[] = {
    FIELD("listen", DL_CONF_STR, listen),
    FIELD("tls", DL_CONF_MAP, tls),
    FIELD("jwks", DL_CONF_STR, jwks),
    FIELD("jwks_ca", DL_CONF_STR, jwks_ca),
    FIELD("issuer", DL_CONF_STR, issuer),
    FIELD("audience", DL_CONF_NODE, audience_node),
    FIELD("leeway", DL_CONF_DURATION, leeway_ms),
    FIELD("policy", DL_CONF_STR, policy),
    FIELD("issue", DL_CONF_BOOL, issue),
    FIELD("cors", DL_CONF_NODE, cors_node),
    FIELD("access_log", DL_CONF_STR, access_log),
    FIELD("limits", DL_CONF_MAP, limits),
    {NULL, DL_CONF_STR, false, 0, NULL},
};

static const struct dl_conf_field tls_fields[] = {
    FIELD("cert", DL_CONF_STR, cert),
    FIELD("key", DL_CONF_STR, key),
    {NULL, DL_CONF_STR, false, 0, NULL},
};

static const struct dl_conf_field limit_fields[] = {
    FIELD("connections", DL_CONF_COUNT, connections),
    FIELD("client_connections", DL_CONF_COUNT, client_connections),
    FIELD("streams", DL_CONF_COUNT, streams),
    FIELD("header", DL_CONF_SIZE, header),
    FIELD("body", DL_CONF_SIZE, body),
    FIELD("memory", DL_CONF_SIZE, memory),
    FIELD("header_timeout", DL_CONF_DURATION, header_timeout_ms),
    FIELD("body_timeout", DL_CONF_DURATION, body_timeout_ms),
    FIELD("idle", DL_CONF_DURATION, idle_ms),
    FIELD("grace", DL_CONF_DURATION, grace_ms),
    FIELD("rate", DL_CONF_COUNT, rate),
    FIELD("burst", DL_CONF_COUNT, burst),
    {NULL, DL_CONF_STR, false, 0, NULL},
};

#undef FIELD

/* What each limit may be; from 1, where it is set at all. */
static const struct {
	const char *key;
	size_t offset;
	int64_t least, most;
	const char *range;
} ranges[] = {
#define RANGE(key, member, least, most, range) \
	{ \
		key, offsetof(struct dl_serve_conf, member), least, most, \
		    range \
	}
    RANGE("connections", connections, 1, COUNT_MAX, "1 to 1000000"),
    RANGE(
	"client_connections", client_connections, 1, COUNT_MAX, "1 to 1000000"),
    RANGE("streams", streams, 1, COUNT_MAX, "1 to 1000000"),
    RANGE("header", header, 1024, 1 << 20, "1K to 1M"),
    RANGE("body", body, 1024, SIZE_MOST, "1K to 1G"),
    RANGE("memory", memory, 1 << 20, MEMORY_MOST, "1M to 1T"),
    RANGE(
	"header_timeout", header_timeout_ms, 100, TIME_MOST_MS, "100ms to 24h"),
    RANGE("body_timeout", body_timeout_ms, 100, TIME_MOST_MS, "100ms to 24h"),
    RANGE("idle", idle_ms, 100, TIME_MOST_MS, "100ms to 24h"),
    RANGE("grace", grace_ms, 0, TIME_MOST_MS, "0s to 24h"),
    RANGE("rate", rate, 0, COUNT_MAX, "0 (no limit) to 1000000"),
    RANGE("burst", burst, 1, COUNT_MAX, "1 to 1000000"),
#undef RANGE
};

/* Keep s until the end. */
static const char *
own(struct dl_serve_conf *c, char *s)
{
	c->owned = dl_realloc(c->owned, (c->nowned + 1) * sizeof(*c->owned));
	c->owned[c->nowned++] = s;
	return s;
}

/* A relative path is one from the file's directory. */
static const char *
place(struct dl_serve_conf *c, const char *path)
{
	const char *yaml = dl_conf_path(c->yaml), *slash = strrchr(yaml, '/');
	struct dl_buf b = {0};

	if (path == NULL || *path == '/' || slash == NULL)
		return path;
	dl_buf_add(&b, yaml, (size_t)(slash + 1 - yaml));
	dl_buf_adds(&b, path);
	dl_buf_str(&b);
	return own(c, b.p);
}

static int
fail_key(const struct dl_serve_conf *c, const struct dl_conf_node *map,
    const char *key, struct dl_err *err, const char *why)
{
	int line = dl_conf_line_of(map, key);

	return dl_conf_fail(c->yaml, line > 0 ? line : dl_conf_line(map), err,
	    "'%s' %s", key, why);
}

/* A text, or a list of texts: NULL-ended. */
static int
take_list(struct dl_serve_conf *c, const struct dl_conf_node *node,
    const char *key, const char ***list, struct dl_err *err)
{
	const struct dl_conf_node *item;
	const char *text = dl_conf_text(node), *name = NULL;
	size_t n = 0;

	*list = dl_calloc(LIST_MAX + 1, sizeof(**list));
	if (text != NULL) {
		(*list)[0] = text;
		return 0;
	}
	while ((item = dl_conf_child(node, n, &name)) != NULL) {
		text = dl_conf_text(item);
		if (name != NULL || text == NULL || n == LIST_MAX)
			break;
		(*list)[n++] = text;
	}
	if (item != NULL || n == 0)
		return fail_key(c, dl_conf_root(c->yaml), key, err,
		    "is a text, or a list of 1 to 100 texts");
	return 0;
}

static int
check_ranges(const struct dl_serve_conf *c, struct dl_err *err)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		int64_t n = *(const int64_t *)(const void *)((const char *)c +
							     ranges[i].offset);
		int line = dl_conf_line_of(c->limits, ranges[i].key);

		if (line > 0 && (n < ranges[i].least || n > ranges[i].most))
			return dl_conf_fail(c->yaml, line, err,
			    "'%s' is out of its range: %s", ranges[i].key,
			    ranges[i].range);
	}
	return 0;
}

static int
take_sections(struct dl_serve_conf *c, struct dl_err *err)
{
	if (c->tls != NULL) {
		if (dl_conf_take(c->yaml, c->tls, "tls", tls_fields, c, err) <
		    0)
			return -1;
		if (c->cert == NULL)
			return fail_key(c, c->tls, "cert", err,
			    "is needed in tls: a file of PEM");
		if (c->key == NULL)
			return fail_key(c, c->tls, "key", err,
			    "is needed in tls: a file of PEM");
	}
	if (c->limits != NULL && (dl_conf_take(c->yaml, c->limits, "limits",
				      limit_fields, c, err) < 0 ||
				     check_ranges(c, err) < 0))
		return -1;
	if (c->audience_node != NULL &&
	    take_list(c, c->audience_node, "audience", &c->audiences, err) < 0)
		return -1;
	if (c->cors_node != NULL &&
	    take_list(c, c->cors_node, "cors", &c->cors, err) < 0)
		return -1;
	return 0;
}

/* What one key says of another. */
static int
check_keys(struct dl_serve_conf *c, struct dl_err *err)
{
	const struct dl_conf_node *root = dl_conf_root(c->yaml);

	if (c->jwks != NULL && c->issue)
		return fail_key(c, root, "issue", err,
		    "and 'jwks' exclude each other: tokens are of one issuer");
	if (c->jwks != NULL && c->issuer == NULL)
		return fail_key(c, root, "issuer", err,
		    "is needed with 'jwks': the iss of its tokens");
	if (c->jwks != NULL && c->audiences == NULL)
		return fail_key(c, root, "audience", err,
		    "is needed with 'jwks': an aud of its tokens");
	if (c->jwks_ca != NULL &&
	    (c->jwks == NULL || strncmp(c->jwks, "https://", 8) != 0))
		return fail_key(c, root, "jwks_ca", err,
		    "is for a 'jwks' that begins with https://");
	if (c->leeway_ms > LEEWAY_MOST_MS)
		return fail_key(
		    c, root, "leeway", err, "is out of its range: 0s to 10m");
	return 0;
}

static int
take(struct dl_serve_conf *c, struct dl_err *err)
{
	const struct dl_conf_node *root = dl_conf_root(c->yaml);
	struct dl_err why = {0};

	if (dl_conf_take(c->yaml, root, "a server", fields, c, err) < 0 ||
	    take_sections(c, err) < 0 || check_keys(c, err) < 0)
		return -1;
	if (c->listen != NULL && dl_serve_conf_listen(c, c->listen, &why) < 0)
		return dl_conf_fail(c->yaml, dl_conf_line_of(root, "listen"),
		    err, "'listen' is %s", why.msg);
	c->cert = place(c, c->cert);
	c->key = place(c, c->key);
	c->policy = place(c, c->policy);
	c->jwks_ca = place(c, c->jwks_ca);
	if (c->jwks != NULL && strstr(c->jwks, "://") == NULL)
		c->jwks = place(c, c->jwks);
	if (strcmp(c->access_log, "off") == 0)
		c->access_log = NULL;
	else if (strcmp(c->access_log, "-") != 0)
		c->access_log = place(c, c->access_log);
	return 0;
}

int
dl_serve_conf_load(
    struct dl_serve_conf *c, const char *path, struct dl_err *err)
{
	*c = (struct dl_serve_conf){.address = "127.0.0.1",
	    .port = 8080,
	    .access_log = "-",
	    .leeway_ms = 60 * 1000,
	    .grace_ms = 10 * 1000,
	    .streams = 2048};

	if (path == NULL)
		return 0;
	if ((c->yaml = dl_conf_load(path, err)) == NULL)
		return -1;
	if (take(c, err) == 0)
		return 0;
	dl_serve_conf_release(c);
	return -1;
}

void
dl_serve_conf_release(struct dl_serve_conf *c)
{
	for (size_t i = 0; i < c->nowned; i++)
		free(c->owned[i]);
	free(c->owned);
	free(c->audiences);
	free(c->cors);
	dl_conf_free(c->yaml);
	*c = (struct dl_serve_conf){0};
}

static int
fail_listen(const char *text, struct dl_err *err)
{
	return dl_err_usage(err,
	    "\"%.80s\", expected ADDRESS:PORT as 127.0.0.1:8080 or [::1]:8443",
	    text);
}

int
dl_serve_conf_listen(
    struct dl_serve_conf *c, const char *text, struct dl_err *err)
{
	const char *colon = strrchr(text, ':');
	struct dl_err ignored = {0};
	unsigned char bytes[16];
	char host[64];
	size_t len;
	int64_t port;
	int family = AF_INET;

	if (colon == NULL || (len = (size_t)(colon - text)) >= sizeof(host) ||
	    dl_num_count(dl_span_str(colon + 1), &port, &ignored) < 0 ||
	    port > UINT16_MAX)
		return fail_listen(text, err);
	memcpy(host, text, len);
	host[len] = '\0';
	if (strcmp(host, "localhost") == 0)
		strcpy(host, "127.0.0.1");
	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		memmove(host, host + 1, len - 2);
		host[len - 2] = '\0';
		family = AF_INET6;
	}
	if (inet_pton(family, host, bytes) != 1)
		return fail_listen(text, err);
	inet_ntop(family, bytes, c->address, sizeof(c->address));
	c->port = (uint16_t)port;
	return 0;
}

static bool
is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

/* With the file and the line of key, where there are such. */
static int
fail_conf(const struct dl_serve_conf *c, const char *key, struct dl_err *err,
    const char *why)
{
	if (c->yaml == NULL)
		return dl_err_conf(err, "%s", why);
	return dl_conf_fail(c->yaml,
	    key == NULL ? 0 : dl_conf_line_of(dl_conf_root(c->yaml), key), err,
	    "%s", why);
}

int
dl_serve_conf_check(const struct dl_serve_conf *c, struct dl_err *err)
{
	bool tokens = c->jwks != NULL || c->issue;

	if (c->jwks != NULL && c->issue)
		return dl_err_usage(err,
		    "--issue and 'jwks' exclude each other: tokens are of one "
		    "issuer");
	if (c->open && tokens)
		return dl_err_usage(err,
		    "--open is without tokens: it and '%s' exclude each other",
		    c->issue ? "issue" : "jwks");
	if (c->open && !is_loopback(c->address))
		return dl_err_usage(err,
		    "--open lets everybody do everything: only on 127.0.0.1 "
		    "or [::1], not on %s",
		    c->address);
	for (const char **o = c->cors; c->open && o != NULL && *o != NULL; o++)
		if (strcmp(*o, "*") == 0)
			return fail_conf(c, "cors", err,
			    "with --open every page of the web could read and "
			    "write: name the origins in 'cors'");
	if (!c->open && !tokens)
		return fail_conf(c, NULL, err,
		    "there is nothing to check tokens with: give 'jwks' in "
		    "serve.yaml, or --issue for tokens of dl-token, or --open");
	if (c->cert == NULL && !is_loopback(c->address))
		return fail_conf(c, "listen", err,
		    "other than 127.0.0.1 and [::1] it listens with TLS alone: "
		    "give 'tls' with cert and key in serve.yaml");
	return 0;
}
