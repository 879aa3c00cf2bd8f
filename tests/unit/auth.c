/*
 * auth: what a specification may say, what is sent for it, and tokens.  In the
 * place of lib/fetch.c stands a token server that is asked directly.
 */
#include "auth.h"

#include "auth_oauth.h"
#include "auth_text.h"
#include "buf.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

/* The server: what it answers next, and what it was asked. */
static struct {
	const char *answer;  /* a success */
	const char *refusal; /* ... or not: status and err */
	enum dl_exit status;
	enum dl_fetch_result result;
	int asked;
	char user[100], password[100], body[500];
} server;

struct dl_fetch {
	struct dl_fetch_options o;
};

struct dl_fetch *
dl_fetch_new(const struct dl_fetch_options *options, struct dl_err *err)
{
	struct dl_fetch *f = dl_alloc(sizeof(*f));

	(void)err;
	f->o = *options;
	return f;
}

void
dl_fetch_free(struct dl_fetch *f)
{
	free(f);
}

const char *
dl_fetch_shown(const struct dl_fetch *f)
{
	return f->o.url;
}

enum dl_fetch_result
dl_fetch_get(struct dl_fetch *f, const struct dl_fetch_ask *ask,
    struct dl_fetch_reply *reply, struct dl_err *err)
{
	struct dl_fetch_request request = {.method = "POST", .url = f->o.url};
	struct dl_fetch_proof proof = {.user = NULL};

	server.asked++;
	assert_string_equal(f->o.method, "POST");
	assert_string_equal(
	    f->o.headers[0], "Content-Type: application/x-www-form-urlencoded");
	if (f->o.auth.prove(f->o.auth.arg, &request, &proof, err) < 0)
		return DL_FETCH_FAIL;
	snprintf(server.user, sizeof(server.user), "%s",
	    proof.user == NULL ? "-" : proof.user);
	snprintf(server.password, sizeof(server.password), "%s",
	    proof.password == NULL ? "-" : proof.password);
	snprintf(
	    server.body, sizeof(server.body), "%.*s", DL_SPAN_ARG(ask->body));
	if (server.answer != NULL)
		return f->o.fn(f->o.arg, reply, server.answer,
			   strlen(server.answer), err) < 0
		           ? DL_FETCH_FAIL
		           : DL_FETCH_DONE;
	if (server.refusal != NULL)
		dl_buf_adds(f->o.refusal, server.refusal);
	if (server.status != DL_EXIT_OK) {
		dl_err_conf(err, "%s: refused", f->o.url);
		err->status = server.status;
	}
	return server.result;
}

static char path[] = "/tmp/dl-unit.XXXXXX";
static const volatile sig_atomic_t go_on = 0;
static struct dl_secret_refs *refs;
static struct dl_conf *conf;
static struct dl_auth_spec spec;

static void
write_text(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* Take "auth: TEXT", or its message without the path. */
static const char *
taken(const char *text)
{
	static struct dl_err err;
	const struct dl_conf_node *node = NULL;
	const char *key;
	struct dl_buf b = {0};

	dl_err_clear(&err);
	err.msg[0] = '\0';
	dl_conf_free(conf);
	dl_buf_printf(&b, "auth: %s\n", text);
	write_text(dl_buf_str(&b));
	dl_buf_release(&b);
	conf = dl_conf_load(path, &err);
	assert_non_null(conf);
	node = dl_conf_child(dl_conf_root(conf), 0, &key);
	spec = (struct dl_auth_spec){0};
	if (dl_auth_take(conf, node, &spec, &err) == 0)
		return "";
	assert_int_equal(err.status, DL_EXIT_CONF);
	return err.msg + strlen(path);
}

static void
every_kind(void **state)
{
	(void)state;
	assert_string_equal(taken("{basic: {user: u, password: env:P}}"), "");
	assert_int_equal(spec.kind, DL_AUTH_BASIC);
	assert_string_equal(spec.user, "u");
	assert_string_equal(spec.password, "env:P");
	assert_string_equal(taken("{bearer: 'cmd:pass show x'}"), "");
	assert_int_equal(spec.kind, DL_AUTH_BEARER);
	assert_string_equal(spec.bearer, "cmd:pass show x");
	assert_string_equal(
	    taken("{header: {name: X-Key, value: secret:k}}"), "");
	assert_int_equal(spec.kind, DL_AUTH_HEADER);
	assert_string_equal(taken("{query: {name: key, value: cred:k}}"), "");
	assert_int_equal(spec.kind, DL_AUTH_QUERY);
	assert_string_equal(
	    taken("{oauth2: {token_url: 'https://h/t', client_id: i, "
		  "client_secret: file:s, scope: a b, audience: c, style: "
		  "body}}"),
	    "");
	assert_int_equal(spec.kind, DL_AUTH_OAUTH2);
	assert_int_equal(spec.style, DL_AUTH_OAUTH_BODY);
	assert_string_equal(spec.scope, "a b");
	assert_string_equal(
	    taken("{sigv4: {region: eu-west-1, service: s3, access_key: "
		  "env:A, secret_key: env:S}}"),
	    "");
	assert_int_equal(spec.kind, DL_AUTH_SIGV4);
	assert_null(spec.session_token);
	assert_int_equal(dl_auth_take(conf, NULL, &spec, NULL), 0);
	assert_int_equal(spec.kind, DL_AUTH_NONE);
}

#define LITERAL \
	"is a secret written out: put it into dl-secret and write " \
	"secret:NAME, or file:PATH, env:NAME, cmd:COMMAND, cred:NAME"
#define OAUTH(url, more) \
	"{oauth2: {token_url: '" url \
	"', client_id: i, client_secret: env:S" more "}}"
#define SIGV4(region, secret, token) \
	"{sigv4: {region: " region ", service: s3, access_key: env:A, " \
	"secret_key: " secret ", session_token: " token "}}"

static void
what_is_refused(void **state)
{
	static const struct {
		const char *text, *message;
	} wrong[] = {
	    {"hunter2", ":1: expected 'auth', a mapping of keys to values"},
	    {"{basic: hunter2}", ":1: 'basic' is a text, expected a mapping"},
	    {"{bearer: hunter2}", ":1: 'auth.bearer' " LITERAL},
	    {"\n  bearer: hunter2", ":2: 'auth.bearer' " LITERAL},
	    {"{basic: {user: u, password: hunter2}}",
		":1: 'auth.basic.password' " LITERAL},
	    {"\n  header:\n    name: X-K\n    value: hunter2",
		":4: 'auth.header.value' " LITERAL},
	    {"{query: {name: key, value: hunter2}}",
		":1: 'auth.query.value' " LITERAL},
	    {"{oauth2: {token_url: 'https://h/', client_id: i, client_secret: "
	     "hunter2}}",
		":1: 'auth.oauth2.client_secret' " LITERAL},
	    {SIGV4("r", "hunter2", "env:T"),
		":1: 'auth.sigv4.secret_key' " LITERAL},
	    {SIGV4("r", "env:S", "hunter2"),
		":1: 'auth.sigv4.session_token' " LITERAL},
	    {"{sigv4: {region: r, service: s3, access_key: hunter2, "
	     "secret_key: env:S}}",
		":1: 'auth.sigv4.access_key' " LITERAL},
	    {"{bearer: env:hunter-2}", ":1: 'auth.bearer' names no variable"},
	    {"{}", ":1: 'auth' is one of basic, bearer, header, query, oauth2 "
		   "and sigv4"},
	    {"{bearer: env:A, query: {name: a, value: env:B}}",
		":1: 'auth' is one of basic, bearer, header, query, oauth2 "
		"and sigv4"},
	    {"{baerer: env:A, bearer: env:B}",
		":1: 'baerer' is not a key of 'auth' (did you mean 'bearer'?)"},
	    {"{baerer: {a: b}}",
		":1: 'baerer' is not a key of 'auth' (did you mean 'bearer'?)"},
	    {"{basic: {user: u}}", ":1: 'auth.basic' needs 'password'"},
	    {"{basic: {user: '', password: env:P}}",
		":1: 'auth.basic.user' is empty"},
	    {"{basic: {user: 'a:b', password: env:P}}",
		":1: 'auth.basic.user' has a colon, which ends it"},
	    {"{basic: {user: \"a\\nb\", password: env:P}}",
		":1: 'auth.basic.user' has a control character"},
	    {"{header: {name: 'X Key', value: env:P}}",
		":1: 'auth.header.name' is not the name of a header"},
	    {"{header: {name: '', value: env:P}}",
		":1: 'auth.header.name' is not the name of a header"},
	    {"{query: {name: '', value: env:P}}",
		":1: 'auth.query.name' is empty"},
	    {OAUTH("http://h/t", ""),
		":1: 'auth.oauth2.token_url' would send the secret in the "
		"clear: it is an https URL"},
	    {OAUTH("http://127.0.0.1.evil/t", ""),
		":1: 'auth.oauth2.token_url' would send the secret in the "
		"clear: it is an https URL"},
	    {OAUTH("https://u:hunter2@h/t", ""),
		":1: 'auth.oauth2.token_url' has a user in it: that is "
		"client_id and client_secret"},
	    {OAUTH("ftp://h/t", ""),
		":1: 'auth.oauth2.token_url' is not a URL of http or https"},
	    {OAUTH("hunter2", ""), ":1: 'auth.oauth2.token_url' is not a URL"},
	    {OAUTH("https://h/t", ", scope: ''"),
		":1: 'auth.oauth2.scope' is empty"},
	    {SIGV4("a/b", "env:S", "env:T"),
		":1: 'auth.sigv4.region' is letters, digits, '-', '_' and "
		"'.'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_string_equal(taken(wrong[i].text), wrong[i].message);
		assert_null(strstr(wrong[i].message, "hunter2"));
	}
	assert_string_equal(taken(OAUTH("http://localhost:8/t", "")), "");
	assert_string_equal(taken(OAUTH("http://127.1.2.3/t", "")), "");
	assert_string_equal(taken(OAUTH("http://[::1]/t", "")), "");
}

/* Two headers of one name would be sent. */
static void
a_header_that_auth_makes(void **state)
{
	static const char *const by_ref[] = {"authorization: env:A", NULL};
	struct dl_err err = {0};
	const struct dl_conf_node *node;
	const char *key;

	(void)state;
	taken("{bearer: env:A}");
	node = dl_conf_child(dl_conf_root(conf), 0, &key);
	spec.ref_headers = by_ref;
	assert_int_equal(dl_auth_take(conf, node, &spec, &err), -1);
	assert_string_equal(err.msg + strlen(path),
	    ":1: 'auth' and the header 'Authorization' exclude each other");
	taken("{query: {name: a, value: env:A}}");
	node = dl_conf_child(dl_conf_root(conf), 0, &key);
	spec.ref_headers = by_ref;
	assert_int_equal(dl_auth_take(conf, node, &spec, &err), 0);
	assert_ptr_equal(spec.ref_headers, by_ref);
}

/* As libcurl sends them. */
static void
urls(void **state)
{
	static const struct {
		const char *text, *host, *path, *query;
		bool https, loopback, login;
	} all[] = {
	    {"https://H.example:443/a%20b/?q=1#x", "H.example", "/a%20b/",
		"q=1", true, false, false},
	    {"http://h:443", "h:443", "/", NULL, false, false, false},
	    {"http://h:80?a b", "h", "/", "a+b", false, false, false},
	    {"https://h:80/../a/./b", "h:80", "/../a/./b", NULL, true, false,
		false},
	    {"http://u@127.0.0.2/", "127.0.0.2", "/", NULL, false, true, true},
	    {"http://:p@[::1]:8/\xc3\xa4", "[::1]:8", "/%c3%a4", NULL, false,
		true, true},
	    {"http://localhost.evil/", "localhost.evil", "/", NULL, false,
		false, false},
	};
	struct dl_auth_url url = {.host = NULL};
	struct dl_err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		assert_int_equal(dl_auth_url_parse(all[i].text, &url, &err), 0);
		assert_string_equal(url.host, all[i].host);
		assert_string_equal(url.path, all[i].path);
		if (all[i].query == NULL)
			assert_null(url.query);
		else
			assert_string_equal(url.query, all[i].query);
		assert_int_equal(url.https, all[i].https);
		assert_int_equal(url.loopback, all[i].loopback);
		assert_int_equal(url.login, all[i].login);
		dl_auth_url_release(&url);
	}
}

/* What is sent for the spec: headers, "?query", "user:password". */
static const char *
proven(struct dl_auth *a)
{
	static struct dl_buf out;
	static const char *const headers[] = {"Accept: text/csv", NULL};
	const struct dl_fetch_request request = {.method = "GET",
	    .url = "https://H.example:443/a%20b/?q=1",
	    .headers = headers};
	struct dl_fetch_proof proof = {.user = NULL};
	struct dl_fetch_auth hooks = dl_auth_hooks(a);
	struct dl_err err = {0};

	dl_buf_clear(&out);
	if (hooks.prove(hooks.arg, &request, &proof, &err) < 0) {
		dl_buf_printf(&out, "%d %s", (int)err.status, err.msg);
		return dl_buf_str(&out);
	}
	for (size_t i = 0; proof.headers[i] != NULL; i++)
		dl_buf_printf(&out, "%s|", proof.headers[i]);
	if (proof.query != NULL)
		dl_buf_printf(&out, "?%s|", proof.query);
	if (proof.user != NULL)
		dl_buf_printf(&out, "%s:%s|", proof.user, proof.password);
	if (proof.key_password != NULL)
		dl_buf_printf(&out, "key %s|", proof.key_password);
	return dl_buf_str(&out);
}

static struct dl_auth *
begin(const char *text, const struct dl_tls *tls)
{
	struct dl_err err = {0};
	struct dl_auth *a;

	assert_string_equal(taken(text), "");
	a = dl_auth_new(&spec, refs, tls, NULL, &go_on, &err);
	assert_non_null(a);
	return a;
}

static void
is_sent(const char *text, const char *want)
{
	struct dl_auth *a = begin(text, NULL);

	assert_string_equal(proven(a), want);
	assert_string_equal(proven(a), want);
	dl_auth_free(a);
}

static void
what_is_sent(void **state)
{
	(void)state;
	setenv("P", "p w", 1);
	setenv("Q", "a&b=c/\xc3\xa4", 1);
	setenv("N", "a\nX-Evil: 1", 1);
	is_sent("{basic: {user: u, password: env:P}}", "u:p w|");
	is_sent("{bearer: env:P}", "Authorization: Bearer p w|");
	is_sent("{header: {name: X-K, value: env:P}}", "X-K: p w|");
	is_sent(
	    "{query: {name: a b, value: env:Q}}", "?a%20b=a%26b%3Dc%2F%C3%A4|");
	is_sent("{bearer: env:N}",
	    "78 the secret for the header 'Authorization' has a newline or "
	    "another control character in it");
	is_sent("{header: {name: X-K, value: env:N}}",
	    "78 the secret for the header 'X-K' has a newline or another "
	    "control character in it");
	is_sent("{bearer: env:ABSENT}",
	    "78 'env:ABSENT': is not in the environment");
}

static void
headers_by_reference_and_the_key_of_tls(void **state)
{
	static const char *const two[] = {"X-A: env:P", "X-B: env:Q", NULL};
	static const char *const five[] = {
	    "A: env:P", "B: env:P", "C: env:P", "D: env:P", "E: env:P", NULL};
	const struct dl_tls tls = {.key_password = "env:P"};
	struct dl_err err = {0};
	struct dl_auth *a;

	(void)state;
	setenv("P", "p w", 1);
	setenv("Q", "q", 1);
	dl_secret_ref_forget(refs, "env:Q");
	spec = (struct dl_auth_spec){.ref_headers = two};
	a = dl_auth_new(&spec, refs, NULL, NULL, &go_on, &err);
	assert_string_equal(proven(a), "X-A: p w|X-B: q|");
	dl_auth_free(a);
	spec.ref_headers = five;
	assert_null(dl_auth_new(&spec, refs, NULL, NULL, &go_on, &err));
	assert_int_equal(err.status, DL_EXIT_CONF);

	spec.ref_headers = NULL;
	a = dl_auth_new(&spec, refs, NULL, NULL, &go_on, &err);
	assert_true(dl_auth_hooks(a).prove == NULL);
	assert_true(dl_auth_hooks(a).renew == NULL);
	dl_auth_free(a);
	a = dl_auth_new(&spec, refs, &tls, NULL, &go_on, &err);
	assert_string_equal(proven(a), "key p w|");
	dl_auth_free(a);
}

static void
a_signature(void **state)
{
	static const char *const two[] = {"X-A: env:P", NULL};
	static const char begins[] =
	    "X-A: p|Authorization: AWS4-HMAC-SHA256 Credential=AK/20260101/r/"
	    "s3/aws4_request, SignedHeaders=accept;host;x-a;x-amz-content-"
	    "sha256;x-amz-date;x-amz-security-token, Signature=";
	struct dl_auth *a = begin(SIGV4("r", "env:S", "env:T"), NULL);
	struct dl_fetch_auth hooks = dl_auth_hooks(a);
	char *first;

	(void)state;
	spec.ref_headers = two;
	setenv("P", "p", 1);
	setenv("A", "AK", 1);
	setenv("S", "SK", 1);
	setenv("T", "TOK", 1);
	dl_secret_ref_forget(refs, "env:P");
	first = dl_strdup(proven(a));
	assert_memory_equal(first, begins, sizeof(begins) - 1);
	assert_non_null(strstr(first, "|x-amz-date: 20260101T000000Z|"));
	assert_non_null(strstr(first, "|x-amz-security-token: TOK|"));
	assert_string_equal(proven(a), first);
	/* Refused: the keys are found anew, and are others. */
	assert_false(hooks.renew(hooks.arg));
	assert_string_equal(proven(a), first);
	setenv("S", "SK2", 1);
	assert_true(hooks.renew(hooks.arg));
	assert_string_not_equal(proven(a), first);
	free(first);
	dl_auth_free(a);
	setenv("T", "a\nb", 1);
	dl_secret_ref_forget(refs, "env:T");
	is_sent(SIGV4("r", "env:S", "env:T"),
	    "78 'auth.sigv4': the access key or the session's token has a "
	    "newline or another control character in it");
}

static void
a_secret_that_was_changed(void **state)
{
	struct dl_auth *a;
	struct dl_fetch_auth hooks;

	(void)state;
	setenv("R", "one", 1);
	a = begin("{bearer: env:R}", NULL);
	hooks = dl_auth_hooks(a);
	assert_string_equal(proven(a), "Authorization: Bearer one|");
	assert_false(hooks.renew(hooks.arg));
	setenv("R", "two", 1);
	assert_string_equal(proven(a), "Authorization: Bearer one|");
	assert_true(hooks.renew(hooks.arg));
	assert_string_equal(proven(a), "Authorization: Bearer two|");
	dl_auth_free(a);
}

static void
logins(void **state)
{
	struct dl_auth *a;
	const char *user, *password;
	struct dl_err err = {0};

	(void)state;
	setenv("P", "pw", 1);
	dl_secret_ref_forget(refs, "env:P");
	a = begin("{basic: {user: u, password: env:P}}", NULL);
	assert_int_equal(dl_auth_login(a, &user, &password, &err), 0);
	assert_string_equal(user, "u");
	assert_string_equal(password, "pw");
	dl_auth_free(a);
	a = begin("{bearer: env:P}", NULL);
	assert_int_equal(dl_auth_login(a, &user, &password, &err), -1);
	assert_int_equal(err.status, DL_EXIT_CONF);
	dl_auth_free(a);
	spec = (struct dl_auth_spec){0};
	a = dl_auth_new(&spec, refs, NULL, NULL, &go_on, &err);
	assert_int_equal(dl_auth_login(a, &user, &password, &err), 0);
	assert_null(user);
	assert_null(password);
	dl_auth_free(a);
}

#define TOKEN(text, life) \
	"{\"access_token\":\"" text "\",\"token_type\":\"Bearer\"," \
	"\"expires_in\":" life "}"

static struct dl_auth *
begin_oauth(const char *more)
{
	struct dl_buf b = {0};
	struct dl_auth *a;

	memset(&server, 0, sizeof(server));
	setenv("S", "hunter2/+", 1);
	dl_secret_ref_forget(refs, "env:S");
	dl_buf_printf(&b,
	    "{oauth2: {token_url: 'https://h/t', client_id: me, "
	    "client_secret: env:S%s}}",
	    more);
	a = begin(dl_buf_str(&b), NULL);
	dl_buf_release(&b);
	return a;
}

static void
a_token_is_kept_until_it_expires(void **state)
{
	struct dl_auth *a = begin_oauth(", scope: a b");
	struct dl_fetch_auth hooks = dl_auth_hooks(a);

	(void)state;
	assert_int_equal(server.asked, 0);
	server.answer = TOKEN("one", "3600");
	assert_string_equal(proven(a), "Authorization: Bearer one|");
	assert_string_equal(proven(a), "Authorization: Bearer one|");
	assert_int_equal(server.asked, 1);
	assert_string_equal(server.user, "me");
	assert_string_equal(server.password, "hunter2%2F%2B");
	assert_string_equal(
	    server.body, "grant_type=client_credentials&scope=a%20b");
	/* Refused by who takes it: another one, that is no longer good. */
	server.answer = TOKEN("two", "0");
	assert_true(hooks.renew(hooks.arg));
	assert_string_equal(proven(a), "Authorization: Bearer two|");
	server.answer = TOKEN("three", "\"7\"");
	assert_string_equal(proven(a), "Authorization: Bearer three|");
	assert_string_equal(proven(a), "Authorization: Bearer three|");
	assert_int_equal(server.asked, 3);
	dl_auth_free(a);
}

/* A second: a fifth of it is left when it is not used any more. */
static void
a_token_is_not_used_to_its_end(void **state)
{
	struct dl_auth *a = begin_oauth("");

	(void)state;
	server.answer = TOKEN("one", "1");
	assert_string_equal(proven(a), "Authorization: Bearer one|");
	usleep(850 * 1000);
	assert_string_equal(proven(a), "Authorization: Bearer one|");
	assert_int_equal(server.asked, 2);
	dl_auth_free(a);
}

static void
a_client_in_the_body(void **state)
{
	struct dl_auth *a = begin_oauth(", audience: 'https://x', style: body");

	(void)state;
	server.answer = TOKEN("one", "60");
	assert_string_equal(proven(a), "Authorization: Bearer one|");
	assert_string_equal(server.user, "-");
	assert_string_equal(server.body,
	    "grant_type=client_credentials&audience=https%3A%2F%2Fx&"
	    "client_id=me&client_secret=hunter2%2F%2B");
	dl_auth_free(a);
}

static void
a_server_that_refuses(void **state)
{
	static const struct {
		const char *refusal;
		enum dl_exit status;
		const char *want;
	} all[] = {
	    {"{\"error\":\"invalid_client\",\"error_description\":\"hunter2\"}",
		DL_EXIT_CONF,
		"77 'auth.oauth2': https://h/t: the server says "
		"invalid_client"},
	    {"{\"error\":\"invalid_scope\"}", DL_EXIT_CONF,
		"78 'auth.oauth2': https://h/t: the server says "
		"invalid_scope"},
	    {"{\"error\":\"temporarily_unavailable\"}", DL_EXIT_TEMP,
		"75 'auth.oauth2': https://h/t: the server says "
		"temporarily_unavailable"},
	    {"{\"error\":\"not hunter2\"}", DL_EXIT_DENIED,
		"77 'auth.oauth2': https://h/t: refused"},
	    {"{\"error\":{\"code\":\"x\"}}", DL_EXIT_CONF,
		"78 'auth.oauth2': https://h/t: refused"},
	    {"<html>hunter2</html>", DL_EXIT_TEMP,
		"75 'auth.oauth2': https://h/t: refused"},
	    {"", DL_EXIT_CONF, "78 'auth.oauth2': https://h/t: refused"},
	};
	struct dl_auth *a = begin_oauth("");

	(void)state;
	server.result = DL_FETCH_FAIL;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		server.refusal = all[i].refusal;
		server.status = all[i].status;
		assert_string_equal(proven(a), all[i].want);
	}
	server.result = DL_FETCH_STOPPED;
	server.status = DL_EXIT_OK;
	assert_string_equal(proven(a), "75 'auth.oauth2': ended by a signal");
	/* A code that is the secret itself is not repeated. */
	setenv("S", "abc", 1);
	dl_secret_ref_forget(refs, "env:S");
	server.result = DL_FETCH_FAIL;
	server.status = DL_EXIT_DENIED;
	server.refusal = "{\"error\":\"xabcx\"}";
	assert_string_equal(
	    proven(a), "77 'auth.oauth2': https://h/t: refused");
	dl_auth_free(a);
}

static void
a_client_whose_secret_was_changed(void **state)
{
	struct dl_auth *a = begin_oauth("");

	(void)state;
	server.result = DL_FETCH_FAIL;
	server.status = DL_EXIT_DENIED;
	proven(a);
	assert_int_equal(server.asked, 1);
	setenv("S", "new", 1);
	proven(a);
	assert_int_equal(server.asked, 3);
	assert_string_equal(server.password, "new");
	dl_auth_free(a);
}

static void
answers(void **state)
{
	static const struct {
		const char *text, *token; /* or the message */
		int64_t life;             /* -1: refused */
	} all[] = {
	    {"{\"access_token\":\"a b~!\"}", "a b~!", 300},
	    {" {\"access_token\" : \"a\\/b\", \"expires_in\":10 }\n", "a/b",
		10},
	    {"{\"access_token\":\"a\",\"token_type\":\"bEARER\"}", "a", 300},
	    {TOKEN("a", "\"3600\""), "a", 3600},
	    {TOKEN("a", "-1"), "a", 300},
	    {TOKEN("a", "null"), "a", 300},
	    {TOKEN("a", "99999999999999999999"), "a", 300},
	    {TOKEN("a", "9999999999"), "a", 365 * 86400},
	    {TOKEN("", "1"), "'access_token' is not a text", -1},
	    {TOKEN("a\\nb", "1"),
		"'access_token' has a character that a token can't have", -1},
	    {TOKEN("a\xc3\xa4", "1"),
		"'access_token' has a character that a token can't have", -1},
	    {"{\"access_token\":7}", "'access_token' is not a text", -1},
	    {"{\"access_token\":\"a\",\"token_type\":\"mac\"}",
		"'token_type' is not Bearer", -1},
	    {"{\"token\":\"a\"}", "the answer has no 'access_token'", -1},
	    {"[]", "the answer is not an object of JSON", -1},
	    {"", "the answer is not an object of JSON", -1},
	    {"{\"access_token\":\"a\"", "the answer is not an object of JSON",
		-1},
	    {"access_token=a", "the answer is not an object of JSON", -1},
	};
	char *out = dl_alloc(DL_AUTH_OAUTH_ANSWER + 1);
	struct dl_err err;
	int64_t life;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		err = (struct dl_err){0};
		if (all[i].life < 0) {
			assert_int_equal(
			    dl_auth_oauth_parse(
				dl_span_str(all[i].text), out, &life, &err),
			    -1);
			assert_int_equal(err.status, DL_EXIT_DATA);
			assert_string_equal(err.msg, all[i].token);
			continue;
		}
		assert_int_equal(dl_auth_oauth_parse(dl_span_str(all[i].text),
				     out, &life, &err),
		    0);
		assert_string_equal(out, all[i].token);
		assert_int_equal(life, all[i].life);
	}
	free(out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_kind),
	    cmocka_unit_test(what_is_refused),
	    cmocka_unit_test(a_header_that_auth_makes),
	    cmocka_unit_test(urls),
	    cmocka_unit_test(what_is_sent),
	    cmocka_unit_test(headers_by_reference_and_the_key_of_tls),
	    cmocka_unit_test(a_signature),
	    cmocka_unit_test(a_secret_that_was_changed),
	    cmocka_unit_test(logins),
	    cmocka_unit_test(a_token_is_kept_until_it_expires),
	    cmocka_unit_test(a_token_is_not_used_to_its_end),
	    cmocka_unit_test(a_client_in_the_body),
	    cmocka_unit_test(a_server_that_refuses),
	    cmocka_unit_test(a_client_whose_secret_was_changed),
	    cmocka_unit_test(answers),
	};
	int fd = mkstemp(path), status;

	if (fd < 0)
		return 1;
	close(fd);
	setenv("DL_NOW", "2026-01-01T00:00:00Z", 1);
	refs = dl_secret_refs_new("/nonexistent", "g", &go_on);
	status = cmocka_run_group_tests(tests, NULL, NULL);
	dl_secret_refs_free(refs);
	dl_conf_free(conf);
	unlink(path);
	return status;
}
