/* lib/fetch: what it asks, what it follows, and who learns what. */
#include "fetch_help.h"

#include "clock.h"
#include "fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct {
	struct dl_fetch_options o;
	char url[256];
	char body[64];
	size_t n;
	int idles;
	volatile sig_atomic_t stop;
	struct dl_fetch_reply reply;
	struct dl_err err;
} t;

static int
take(void *arg, const struct dl_fetch_reply *reply, const char *p, size_t n,
    struct dl_err *err)
{
	(void)arg;
	assert_int_equal(reply->status, 200);
	if (n > sizeof(t.body) - 1 - t.n)
		return dl_err_bug(err, "too much");
	memcpy(t.body + t.n, p, n);
	t.n += n;
	t.body[t.n] = '\0';
	return 0;
}

static int
fresh(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	memset(server.asked, 0, sizeof(server.asked));
	server.n = 0;
	server.hold = false;
	t.o = (struct dl_fetch_options){
	    .timeout_ms = 60000, .fn = take, .stop = &t.stop};
	return 0;
}

static void
at(const char *path)
{
	snprintf(
	    t.url, sizeof(t.url), "http://127.0.0.1:%s%s", server.port, path);
	t.o.url = t.url;
}

static enum dl_fetch_result
ask(const struct dl_fetch_ask *a)
{
	struct dl_fetch *f;
	enum dl_fetch_result r;

	dl_err_clear(&t.err);
	t.n = 0;
	t.body[0] = '\0';
	f = dl_fetch_new(&t.o, &t.err);
	assert_non_null(f);
	r = dl_fetch_get(f, a, &t.reply, &t.err);
	dl_fetch_free(f);
	assert_int_equal(r == DL_FETCH_FAIL || r == DL_FETCH_AGAIN,
	    t.err.status != DL_EXIT_OK);
	return r;
}

static enum dl_fetch_result
get(const char *path)
{
	at(path);
	return ask(&(struct dl_fetch_ask){0});
}

static enum dl_fetch_result
get_from(const char *path, const char *url)
{
	at(path);
	return ask(&(struct dl_fetch_ask){.url = url});
}

static bool
asked(int n, const char *text)
{
	return strstr(server.asked[n], text) != NULL;
}

static void
fails(enum dl_fetch_result got, enum dl_fetch_result want, enum dl_exit status,
    const char *what)
{
	if (got != want || t.err.status != status ||
	    strstr(t.err.msg, what) == NULL)
		fail_msg("%d, %d: %s", got, t.err.status, t.err.msg);
}

static void
relative_urls_are_followed(void **state)
{
	static const char *const all[][3] = {
	    {"/b/c?x=1", "?page=2", "/b/c?page=2"}, {"/b/c", "/a?y", "/a?y"},
	    {"/b/c?x", "c?z=1#end", "/b/c?z=1"}, {"/b/c", "../a", "/a"},
	    {"/b/c", "/b/./../a", "/a"}};
	char line[128];

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		fresh(state);
		assert_int_equal(get_from(all[i][0], all[i][1]), DL_FETCH_DONE);
		snprintf(line, sizeof(line), "GET %s HTTP", all[i][2]);
		assert_true(asked(0, line));
	}
	assert_string_equal(t.body, "body");
	assert_int_equal(t.reply.bytes, 4);
}

static void
credentials_are_for_their_own_server(void **state)
{
	static const char *const mine[] = {"X-Key: secret", NULL};
	static const char *const more[] = {"X-More: secret", NULL};
	char url[128];

	t.o.headers = mine;
	snprintf(t.url, sizeof(t.url), "http://me:pa%%3A55@127.0.0.1:%s/same",
	    server.port);
	t.o.url = t.url;
	snprintf(url, sizeof(url), "http://a:b@localhost:%s/a", server.port);
	assert_int_equal(ask(&(struct dl_fetch_ask){.headers = more}), 0);
	for (int i = 0; i < 2; i++) {
		assert_true(asked(i, "X-Key: secret"));
		assert_true(asked(i, "X-More: secret"));
		/* me:pa:55 */
		assert_true(asked(i, "Authorization: Basic bWU6cGE6NTU="));
	}
	fresh(state);
	t.o.headers = mine;
	snprintf(t.url, sizeof(t.url), "http://me:pa55@127.0.0.1:%s/away",
	    server.port);
	t.o.url = t.url;
	assert_int_equal(ask(&(struct dl_fetch_ask){.headers = more}), 0);
	assert_true(asked(0, "Authorization:"));
	assert_true(asked(1, "GET /a"));
	assert_false(asked(1, "secret"));
	assert_false(asked(1, "Authorization"));
	assert_int_equal(
	    ask(&(struct dl_fetch_ask){.url = url, .headers = more}), 0);
	assert_true(asked(2, "GET /a"));
	assert_false(asked(2, "secret"));
	assert_false(asked(2, "Authorization"));
}

/* A server can't choose who we say that we are. */
static void
users_in_redirects_are_forgotten(void **state)
{
	(void)state;
	assert_int_equal(get("/user"), DL_FETCH_DONE);
	assert_true(asked(1, "GET /a"));
	assert_false(asked(1, "Authorization"));
}

static void
leads_to(const char *from, const char *to, const char *what)
{
	t.o.url = from;
	fails(ask(&(struct dl_fetch_ask){.url = to}), DL_FETCH_FAIL,
	    DL_EXIT_CONF, what);
}

/* Nothing listens there: it ends before anyone is asked. */
static void
what_is_led_to_keeps_its_scheme(void **state)
{
	(void)state;
	leads_to("https://127.0.0.1:1/a", "http://127.0.0.1:1/b",
	    "leads from https to another scheme");
	leads_to(
	    "http://127.0.0.1:1/a", "file:///etc/passwd", "another scheme");
	leads_to("http://127.0.0.1:1/a", "ftp://127.0.0.1/x", "another scheme");
	leads_to("http://127.0.0.1:1/a", "http://[x", "not a URL");
	leads_to("sftp://127.0.0.1:1/a", "sftp://127.0.0.2:1/a",
	    "another server or scheme");
	leads_to("ftps://127.0.0.1:1/a", "ftp://127.0.0.1:1/a",
	    "another server or scheme");
	leads_to("ftp://127.0.0.1:1/a", "/b/", "directory");
	leads_to("file:///etc/hosts", "http://127.0.0.1:1/", "another server");
	fails(get("/tofile"), DL_FETCH_FAIL, DL_EXIT_CONF,
	    "redirected from http to another scheme");
	fails(get("/toftp"), DL_FETCH_FAIL, DL_EXIT_CONF,
	    "redirected from http to another scheme");
	fails(get("/nowhere"), DL_FETCH_FAIL, DL_EXIT_CONF, "isn't a URL");
}

static void
a_redirect_may_change_the_method(void **state)
{
	static const char *const type[] = {"Content-Type: text/x", NULL};
	const struct dl_fetch_ask post = {
	    .body = DL_SPAN("what"), .headers = type};
	static const char *const to_get[] = {"/same", "/see"};

	for (int i = 0; i < 2; i++) {
		fresh(state);
		at(to_get[i]);
		assert_int_equal(ask(&post), DL_FETCH_DONE);
		assert_true(asked(0, "POST /"));
		assert_true(asked(0, "Content-Type: text/x"));
		assert_true(asked(0, "\r\n\r\nwhat"));
		assert_true(asked(1, "GET /a"));
		assert_false(asked(1, "Content-"));
		assert_false(asked(1, "what"));
	}
	at("/keep");
	assert_int_equal(ask(&post), DL_FETCH_DONE);
	assert_true(asked(3, "POST /a"));
	assert_true(asked(3, "Content-Type: text/x"));
	assert_true(asked(3, "\r\n\r\nwhat"));
	at("/keepaway");
	fails(ask(&post), DL_FETCH_FAIL, DL_EXIT_CONF, "another server with");
	assert_string_equal(server.asked[5], "");
}

static void
methods_are_the_callers(void **state)
{
	(void)state;
	t.o.method = "PUT";
	at("/a");
	assert_int_equal(
	    ask(&(struct dl_fetch_ask){.body = DL_SPAN("x")}), DL_FETCH_DONE);
	assert_true(asked(0, "PUT /a"));
	t.o.method = "GET";
	assert_int_equal(
	    ask(&(struct dl_fetch_ask){.body = DL_SPAN("{}")}), DL_FETCH_DONE);
	assert_true(asked(1, "GET /a"));
	assert_true(asked(1, "\r\n\r\n{}"));
	t.o.method = "HEAD";
	assert_int_equal(get("/head"), DL_FETCH_DONE);
	assert_true(asked(2, "HEAD /head"));
	t.o.method = "POST";
	assert_int_equal(get("/a"), DL_FETCH_DONE);
	assert_true(asked(3, "POST /a"));
	t.o.method = "GET /x HTTP/1.0\r\n";
	assert_null(dl_fetch_new(&t.o, &t.err));
	assert_int_equal(t.err.status, DL_EXIT_CONF);
}

static void
nothing_is_kept_between_gets(void **state)
{
	const struct dl_fetch_ask what = {0};
	struct dl_fetch *f;

	(void)state;
	at("/cookie");
	f = dl_fetch_new(&t.o, &t.err);
	for (int i = 0; i < 2; i++)
		assert_int_equal(dl_fetch_get(f, &what, &t.reply, &t.err), 0);
	dl_fetch_free(f);
	assert_true(asked(1, "GET /cookie"));
	assert_false(asked(1, "Cookie:"));
	assert_string_equal(t.reply.etag, "");
}

static struct {
	int proved, renewed;
	enum dl_exit fails;
	char method[16], url[256], header[64], body[64];
} who;

static int
prove(void *arg, const struct dl_fetch_request *request,
    struct dl_fetch_proof *proof, struct dl_err *err)
{
	static char line[32];

	assert_ptr_equal(arg, &who);
	if (who.fails == DL_EXIT_TEMP)
		return dl_err_temp(err, "no token now");
	if (who.fails == DL_EXIT_DENIED)
		return dl_err_denied(err, "no token");
	snprintf(who.method, sizeof(who.method), "%s", request->method);
	snprintf(who.url, sizeof(who.url), "%s", request->url);
	snprintf(who.header, sizeof(who.header), "%s",
	    request->headers[0] == NULL ? "" : request->headers[0]);
	snprintf(
	    who.body, sizeof(who.body), "%.*s", DL_SPAN_ARG(request->body));
	snprintf(line, sizeof(line), "X-Proof: %d", ++who.proved);
	proof->headers[0] = line;
	proof->query = "key=a%26b";
	proof->user = "me";
	proof->password = "it is";
	return 0;
}

static bool
renew(void *arg)
{
	assert_ptr_equal(arg, &who);
	who.renewed++;
	return true;
}

static void
prove_by(void)
{
	memset(&who, 0, sizeof(who));
	t.o.auth = (struct dl_fetch_auth){prove, renew, &who};
}

static void
each_request_is_proved(void **state)
{
	static const char *const mine[] = {"X-Mine: 1", NULL};

	(void)state;
	prove_by();
	t.o.headers = mine;
	at("/keep?x=1");
	assert_int_equal(
	    ask(&(struct dl_fetch_ask){.body = DL_SPAN("what")}), 0);
	assert_int_equal(who.proved, 2);
	assert_true(asked(0, "POST /keep?x=1&key=a%26b HTTP"));
	assert_true(asked(0, "X-Proof: 1\r\n"));
	assert_true(asked(0, "Authorization: Basic bWU6aXQgaXM="));
	assert_true(asked(1, "POST /a?key=a%26b HTTP"));
	assert_true(asked(1, "X-Proof: 2\r\n"));
	assert_string_equal(who.method, "POST");
	assert_non_null(strstr(who.url, "/a"));
	assert_null(strstr(who.url, "key"));
	assert_string_equal(who.header, "X-Mine: 1");
	assert_string_equal(who.body, "what");
	assert_int_equal(get("/away"), DL_FETCH_DONE);
	assert_int_equal(who.proved, 3);
	assert_false(asked(3, "X-Proof"));
	assert_false(asked(3, "key="));
	assert_false(asked(3, "Authorization"));
}

static void
a_401_is_answered_once(void **state)
{
	(void)state;
	prove_by();
	fails(get("/denied"), DL_FETCH_FAIL, DL_EXIT_DENIED,
	    "HTTP status 401: check the credentials");
	assert_int_equal(who.proved, 2);
	assert_int_equal(who.renewed, 1);
	assert_true(asked(1, "X-Proof: 2"));
}

static void
without_a_proof_nothing_is_asked(void **state)
{
	(void)state;
	prove_by();
	who.fails = DL_EXIT_TEMP;
	fails(get("/a"), DL_FETCH_AGAIN, DL_EXIT_TEMP, "no token now");
	who.fails = DL_EXIT_DENIED;
	fails(get("/a"), DL_FETCH_FAIL, DL_EXIT_DENIED, "no token");
	assert_string_equal(server.asked[0], "");
}

static void
conditions_are_sent_and_answered(void **state)
{
	static const char *const mine[] = {"If-Match: x", NULL};
	const struct dl_fetch_ask a = {
	    .etag = DL_SPAN("\"v1\""), .modified = DL_SPAN("yesterday")};

	(void)state;
	at("/unchanged");
	assert_int_equal(ask(&a), DL_FETCH_DONE);
	assert_int_equal(t.reply.status, 304);
	assert_true(asked(0, "If-None-Match: \"v1\"\r\n"));
	assert_true(asked(0, "If-Modified-Since: yesterday\r\n"));
	assert_int_equal(
	    ask(&(struct dl_fetch_ask){.headers = mine}), DL_FETCH_DONE);
	fails(
	    get("/unchanged"), DL_FETCH_FAIL, DL_EXIT_CONF, "HTTP status 304");
}

static void
links_are_one_list(void **state)
{
	(void)state;
	assert_int_equal(get("/links"), DL_FETCH_DONE);
	assert_string_equal(t.reply.link, "<a>; rel=prev, <b,c>; rel=\"next\"");
	assert_false(t.reply.link_cut);
	assert_int_equal(get("/manylinks"), DL_FETCH_DONE);
	assert_true(t.reply.link_cut);
	assert_true(strlen(t.reply.link) > DL_FETCH_LINK_MAX - 64);
	assert_int_equal(get("/a"), DL_FETCH_DONE);
	assert_string_equal(t.reply.link, "");
	assert_false(t.reply.link_cut);
}

static void
bodies_are_limited(void **state)
{
	(void)state;
	t.o.max_bytes = 4;
	assert_int_equal(get("/a"), DL_FETCH_DONE);
	assert_string_equal(t.body, "body");
	t.o.max_bytes = 3;
	fails(get("/a"), DL_FETCH_FAIL, DL_EXIT_DATA,
	    "longer than 'max_bytes', 3 bytes");
	assert_in_range(t.n, 0, 3);
}

static void
endless_headers_end(void **state)
{
	(void)state;
	fails(get("/headers"), DL_FETCH_FAIL, DL_EXIT_DATA, "headers are long");
	fails(get("/interim"), DL_FETCH_FAIL, DL_EXIT_DATA, "headers are long");
	fails(get("/header"), DL_FETCH_FAIL, DL_EXIT_DATA,
	    "a header of the answer is longer");
}

static void
a_header_has_one_line(void **state)
{
	static const char *const bad[] = {"X-A: b\r\nX-C: d", NULL};

	(void)state;
	at("/a");
	fails(ask(&(struct dl_fetch_ask){.headers = bad}), DL_FETCH_FAIL,
	    DL_EXIT_DATA, "line break");
	fails(ask(&(struct dl_fetch_ask){.etag = DL_SPAN("a\nb")}),
	    DL_FETCH_FAIL, DL_EXIT_DATA, "line break");
	assert_string_equal(server.asked[0], "");
}

static void
broken_answers_are_tried_again(void **state)
{
	(void)state;
	fails(get("/nothing"), DL_FETCH_AGAIN, DL_EXIT_TEMP, "mpty reply");
	fails(get("/short"), DL_FETCH_AGAIN, DL_EXIT_TEMP, "6 bytes remaining");
	fails(get("/headless"), DL_FETCH_AGAIN, DL_EXIT_TEMP, "/headless: ");
	fails(get("/garbage"), DL_FETCH_FAIL, DL_EXIT_CONF, "not an answer in");
	/* More than was said is not of this answer. */
	assert_int_equal(get("/long"), DL_FETCH_DONE);
	assert_string_equal(t.body, "body");
}

static void
silence_is_a_fault(void **state)
{
	int64_t before = dl_clock_ms();

	(void)state;
	server.hold = true;
	t.o.stall_s = 1;
	fails(get("/events"), DL_FETCH_AGAIN, DL_EXIT_TEMP,
	    "nothing came for 1 s");
	assert_string_equal(t.body, "one");
	assert_true(dl_clock_ms() - before >= 1000);
	t.o.stall_s = 0;
	t.o.timeout_ms = 100;
	fails(get("/events"), DL_FETCH_AGAIN, DL_EXIT_TEMP,
	    "not finished after 100 ms");
}

static int
idle(void *arg, struct dl_err *err)
{
	(void)arg;
	(void)err;
	assert_string_equal(t.body, "one");
	t.idles++;
	return 0;
}

static int
idle_stops(void *arg, struct dl_err *err)
{
	idle(arg, err);
	t.stop = 1;
	return 0;
}

static int
idle_fails(void *arg, struct dl_err *err)
{
	(void)arg;
	return dl_err_temp(err, "disk is full");
}

/* Longer than any limit of the others; silence is told of once. */
static void
an_endless_body_may_be_silent(void **state)
{
	(void)state;
	server.hold = true;
	t.o.endless = true;
	t.o.timeout_ms = (SILENT_S - 1) * 1000;
	t.o.stall_s = 1;
	t.o.idle = idle;
	assert_int_equal(get("/events"), DL_FETCH_DONE);
	assert_int_equal(t.idles, 1);
	assert_true(asked(0, "Accept-Encoding: identity"));
	t.o.idle = idle_stops;
	assert_int_equal(get("/events"), DL_FETCH_STOPPED);
	t.o.idle = idle_fails;
	t.stop = 0;
	fails(get("/events"), DL_FETCH_FAIL, DL_EXIT_TEMP, "disk is full");
	/* ... but not before it has begun. */
	fails(get("/nothing"), DL_FETCH_AGAIN, DL_EXIT_TEMP, "not finished");
}

static void
conf_error(const char *url, const char *proxy, const char *what)
{
	dl_err_clear(&t.err);
	t.o.url = url;
	t.o.proxy = proxy;
	assert_null(dl_fetch_new(&t.o, &t.err));
	fails(DL_FETCH_FAIL, DL_FETCH_FAIL, DL_EXIT_CONF, what);
}

static void
urls_are_checked_offline(void **state)
{
	(void)state;
	conf_error("/tmp/x", NULL, "no scheme");
	conf_error("gopher://h/x", NULL, "none of http, https, ftp");
	conf_error("http://h:99999/x", NULL, "not a URL");
	conf_error("sftp://h/dir/", NULL, "directory");
	conf_error("ftp://h", NULL, "directory");
	conf_error("file:x://", NULL, "not a file's URL");
	conf_error("http://h/", "gopher://p", "'proxy'");
	conf_error("http://h/", "http://p:99999", "'proxy'");
}

static void
what_is_shown_has_no_secrets(void **state)
{
	struct dl_fetch *f;

	(void)state;
	t.o.url = "ftpes://me:secret@h:2121/a/b?key=secret#secret";
	f = dl_fetch_new(&t.o, &t.err);
	assert_non_null(f);
	assert_string_equal(dl_fetch_shown(f), "ftpes://h:2121/a/b");
	assert_false(dl_fetch_is_file(f));
	dl_fetch_free(f);
}

static void
sftp_needs_a_login(void **state)
{
	(void)state;
	t.o.url = "sftp://127.0.0.1:1/x";
	fails(ask(&(struct dl_fetch_ask){0}), DL_FETCH_FAIL, DL_EXIT_CONF,
	    "needs a user");
	t.o.url = "sftp://me@127.0.0.1:1/x";
	fails(ask(&(struct dl_fetch_ask){0}), DL_FETCH_FAIL, DL_EXIT_CONF,
	    "needs a password");
	t.o.ssh_key = "/nonexistent/key";
	fails(ask(&(struct dl_fetch_ask){0}), DL_FETCH_AGAIN, DL_EXIT_TEMP,
	    "'ssh_key': cannot open '/nonexistent/key'");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, fresh)
	const struct CMUnitTest tests[] = {
	    TEST(relative_urls_are_followed),
	    TEST(credentials_are_for_their_own_server),
	    TEST(users_in_redirects_are_forgotten),
	    TEST(what_is_led_to_keeps_its_scheme),
	    TEST(a_redirect_may_change_the_method),
	    TEST(methods_are_the_callers),
	    TEST(nothing_is_kept_between_gets),
	    TEST(each_request_is_proved),
	    TEST(a_401_is_answered_once),
	    TEST(without_a_proof_nothing_is_asked),
	    TEST(conditions_are_sent_and_answered),
	    TEST(links_are_one_list),
	    TEST(bodies_are_limited),
	    TEST(endless_headers_end),
	    TEST(a_header_has_one_line),
	    TEST(broken_answers_are_tried_again),
	    TEST(silence_is_a_fault),
	    TEST(an_endless_body_may_be_silent),
	    TEST(urls_are_checked_offline),
	    TEST(what_is_shown_has_no_secrets),
	    TEST(sftp_needs_a_login),
	};
	for (const char **v = (const char *[]){"http_proxy", "all_proxy",
		 "https_proxy", "HTTPS_PROXY", "ALL_PROXY", NULL};
	     *v != NULL; v++)
		unsetenv(*v);
	return cmocka_run_group_tests(tests, start, end);
}
