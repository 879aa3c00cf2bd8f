/* dl-token - make access tokens, and the keys and clients for them. */
#include "clock.h"
#include "io.h"
#include "log.h"
#include "out.h"
#include "seal.h"
#include "table.h"
#include "token_client.h"
#include "tool.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

struct token {
	const char *home;
	const char *name; /* the operand: a client's, or a key's id */
	const char *subject, *audience, *issuer, *scope; /* NULL: not given */
	int64_t ttl_ms;                                  /* -1: not given */
	struct dl_buf claims;
	bool rotate, json, table;
	struct dl_out out; /* of client ls */
	struct dl_table *rows;
	enum dl_exit status; /* of the first that ls could not read */
};

static int
close_stdout(struct dl_err *err)
{
	if (close(STDOUT_FILENO) < 0)
		return dl_err_errno(err, "cannot close <stdout>");
	return 0;
}

/* A line, and nothing else. */
static int
print(struct dl_buf *line, struct dl_err *err)
{
	int r;

	dl_buf_addc(line, '\n');
	r = dl_write_all(STDOUT_FILENO, line->p, line->len, "<stdout>", err);
	dl_buf_release(line);
	return r < 0 ? -1 : close_stdout(err);
}

static int new (struct token *o, struct dl_err *err)
{
	struct dl_token_key made;
	struct dl_buf line = {0};
	int r = dl_token_keys_make(o->home, o->rotate, &made, err);

	if (r < 0)
		return -1;
	if (r == 0) {
		dl_log(DL_LOG_INFO,
		    "there is a key already, '%s': --rotate makes another one",
		    made.kid);
		return DL_EXIT_NO;
	}
	dl_buf_adds(&line, made.kid);
	return print(&line, err);
}

static int
jwks(struct token *o, struct dl_err *err)
{
	struct dl_buf line = {0};

	if (dl_token_jwks(o->home, &line, err) < 0)
		return -1;
	return print(&line, err);
}

static int
retire(struct token *o, struct dl_err *err)
{
	int r = dl_token_keys_retire(o->home, o->name, err);

	if (r != 0)
		return r < 0 ? -1 : DL_EXIT_OK;
	dl_log(DL_LOG_INFO, "there is no key '%s'", o->name);
	return DL_EXIT_NO;
}

/* Whole seconds, since that is what a token says. */
static int
find_ttl(const struct token *o, int64_t *s, struct dl_err *err)
{
	if (o->ttl_ms > 0 && o->ttl_ms % 1000 != 0)
		return dl_err_usage(err, "--ttl: whole seconds are meant");
	*s = o->ttl_ms < 0 ? DL_TOKEN_TTL_S : o->ttl_ms / 1000;
	return 0;
}

static int
mint(struct token *o, struct dl_err *err)
{
	struct dl_token_claims claims = {.issuer = o->issuer,
	    .subject = o->subject,
	    .audience = o->audience,
	    .scope = dl_span_str(o->scope == NULL ? "" : o->scope),
	    .more = dl_buf_as_span(&o->claims)};
	struct dl_token_keys *keys;
	struct dl_buf line = {0};
	int r;

	if (o->subject == NULL || o->audience == NULL)
		return dl_err_usage(err, "mint needs --sub and --aud");
	if (claims.issuer == NULL)
		claims.issuer = DL_TOKEN_ISSUER;
	if (find_ttl(o, &claims.ttl_s, err) < 0 ||
	    (keys = dl_token_keys_read(o->home, err)) == NULL)
		return -1;
	r = dl_token_mint(keys, &claims, &line, err);
	dl_seal_free(keys);
	if (r < 0) {
		dl_buf_release(&line);
		return -1;
	}
	return print(&line, err);
}

/* What of the client was given, which must fit before it is checked. */
static int
take_client(
    const struct token *o, struct dl_token_client *c, struct dl_err *err)
{
	const char *scope = o->scope == NULL ? "" : o->scope;

	if (strlen(scope) > DL_TOKEN_SCOPE_MAX)
		return dl_err_usage(err, "a scope is at most %d bytes long",
		    DL_TOKEN_SCOPE_MAX);
	/* A name that is too long is none, like the empty one. */
	snprintf(c->name, sizeof(c->name), "%s",
	    strlen(o->name) < sizeof(c->name) ? o->name : "");
	strcpy(c->scope, scope);
	return find_ttl(o, &c->ttl_s, err);
}

static int
client_add(struct token *o, struct dl_err *err)
{
	struct dl_token_client c = {.name = ""};
	struct dl_err its = {0};
	char *secret;
	int r;

	if (take_client(o, &c, err) < 0 ||
	    (secret = dl_seal_alloc(DL_TOKEN_CLIENT_SECRET, err)) == NULL)
		return -1;
	r = dl_token_client_add(o->home, &c, secret, err);
	if (r == 0) {
		dl_log(DL_LOG_INFO, "there is a client '%s' already", c.name);
		r = DL_EXIT_NO;
		goto out;
	}
	if (r < 0)
		goto out;
	secret[DL_TOKEN_CLIENT_SECRET - 1] = '\n';
	r = dl_write_all(
	    STDOUT_FILENO, secret, DL_TOKEN_CLIENT_SECRET, "<stdout>", err);
	if (r == 0)
		r = close_stdout(err);
	/* Nobody knows its secret then. */
	if (r < 0)
		dl_token_client_remove(o->home, o->name, &its);
out:
	dl_seal_free(secret);
	return r;
}

static void
json_row(struct dl_buf *b, const struct dl_token_client *c, const char *time)
{
	/* Neither a name nor a scope has anything to escape. */
	dl_buf_printf(b,
	    "{\"client\":\"%s\",\"scope\":\"%s\",\"ttl\":%lld,"
	    "\"time\":\"%s\"}\n",
	    c->name, c->scope, (long long)c->ttl_s, time);
}

static void
table_row(struct token *o, const struct dl_token_client *c, const char *time)
{
	char ttl[32];

	snprintf(ttl, sizeof(ttl), "%llds", (long long)c->ttl_s);
	dl_table_row(o->rows,
	    (struct dl_span[]){dl_span_str(c->name), dl_span_str(c->scope),
		dl_span_str(ttl), dl_span_str(time)},
	    &o->out.buf);
}

/* One that is broken does not hide the others. */
static int
list_one(void *arg, const char *name, struct dl_err *err)
{
	struct token *o = arg;
	struct dl_token_client c;
	struct dl_err its = {0};
	struct dl_time t = {0};
	char time[DL_TIME_MAX];
	int r = dl_token_client_read(o->home, name, &c, &its);

	if (r < 0) {
		dl_log(DL_LOG_ERROR, "%s", its.msg);
		if (o->status == DL_EXIT_OK)
			o->status = its.status;
	}
	if (r <= 0)
		return 0;
	t.sec = c.made_s;
	dl_time_print(&t, time);
	if (o->rows != NULL)
		table_row(o, &c, time);
	else
		json_row(&o->out.buf, &c, time);
	return dl_out_spill(&o->out, err);
}

static int
client_ls(struct token *o, struct dl_err *err)
{
	static const char *const heads[] = {"CLIENT", "SCOPE", "TTL", "TIME"};
	int r;

	dl_out_init(&o->out, STDOUT_FILENO, "<stdout>");
	if (o->table || (!o->json && isatty(STDOUT_FILENO)))
		o->rows =
		    dl_table_new(heads, 4, 1, dl_table_width(STDOUT_FILENO));
	r = dl_token_client_each(o->home, list_one, o, err);
	if (r == 0 && o->rows != NULL)
		dl_table_flush(o->rows, &o->out.buf);
	if (r == 0)
		r = dl_out_flush(&o->out, err);
	dl_table_free(o->rows);
	dl_out_release(&o->out);
	if (r < 0 || close_stdout(err) < 0)
		return -1;
	return (int)o->status;
}

static int
client_rm(struct token *o, struct dl_err *err)
{
	int r = dl_token_client_remove(o->home, o->name, err);

	if (r != 0)
		return r < 0 ? -1 : DL_EXIT_OK;
	dl_log(DL_LOG_INFO, "there is no client '%s'", o->name);
	return DL_EXIT_NO;
}

enum { NEW = 1, MINT = 2, ADD = 4, LS = 8, REST = 16 };

static const struct command {
	const char *name, *second; /* "client", "add" */
	int operands;              /* behind them */
	int is;
	int (*run)(struct token *, struct dl_err *); /* the status, or -1 */
} commands[] = {
    {"new", NULL, 0, NEW, new},
    {"jwks", NULL, 0, REST, jwks},
    {"mint", NULL, 0, MINT, mint},
    {"retire", NULL, 1, REST, retire},
    {"client", "add", 1, ADD, client_add},
    {"client", "ls", 0, LS, client_ls},
    {"client", "rm", 1, REST, client_rm},
};

/* What was given may be a secret in the wrong place: no message repeats it. */
static const struct command *
find_command(char *const *words, int n, struct dl_err *err)
{
	const struct command *c = commands,
			     *end = c + sizeof(commands) / sizeof(*commands);
	int named;

	while (c < end && (strcmp(c->name, words[0]) != 0 ||
			      (c->second != NULL &&
				  (n < 2 || strcmp(c->second, words[1]) != 0))))
		c++;
	if (c == end && strcmp(words[0], "client") == 0) {
		dl_err_usage(err, "expected add, ls or rm after client");
		return NULL;
	}
	if (c == end) {
		dl_err_usage(err,
		    "expected new, jwks, mint, retire or client as the first "
		    "operand");
		return NULL;
	}
	named = c->second == NULL ? 1 : 2;
	if (n - named == c->operands)
		return c;
	dl_err_usage(err, "%s%s%s takes %s", c->name, named == 2 ? " " : "",
	    named == 2 ? c->second : "",
	    c->operands == 0 ? "no operands" : "one operand");
	return NULL;
}

static int
check_options(
    const struct token *o, const struct command *c, struct dl_err *err)
{
	const struct {
		bool given;
		const char *name, *whose;
		int of;
	} options[] = {
	    {o->rotate, "--rotate", "new", NEW},
	    {o->subject != NULL, "--sub", "mint", MINT},
	    {o->audience != NULL, "--aud", "mint", MINT},
	    {o->issuer != NULL, "--iss", "mint", MINT},
	    {o->claims.len > 0, "--claim and --claim-json", "mint", MINT},
	    {o->scope != NULL, "--scope", "mint and client add", MINT | ADD},
	    {o->ttl_ms >= 0, "--ttl", "mint and client add", MINT | ADD},
	    {o->json || o->table, "--json and --table", "client ls", LS},
	};

	if (o->json && o->table)
		return dl_err_usage(
		    err, "--json and --table exclude each other");
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (options[i].given && (options[i].of & c->is) == 0)
			return dl_err_usage(err, "%s: only for %s",
			    options[i].name, options[i].whose);
	return 0;
}

static int
claim(void *to, const char *text, bool json, struct dl_err *err)
{
	const char *equals = strchr(text, '=');
	struct dl_span name, value;

	if (equals == NULL)
		return dl_err_usage(
		    err, "expected NAME=%s", json ? "JSON" : "VALUE");
	name = dl_span(text, (size_t)(equals - text));
	value = dl_span_str(equals + 1);
	return json ? dl_token_claim_json(to, name, value, err)
	            : dl_token_claim_text(to, name, value, err);
}

static int
claim_text(void *to, char *const *args, struct dl_err *err)
{
	return claim(to, args[0], false, err);
}

static int
claim_json(void *to, char *const *args, struct dl_err *err)
{
	return claim(to, args[0], true, err);
}

int
main(int argc, char *argv[])
{
	struct dl_err err = {0};
	struct token o = {.ttl_ms = -1};
	const struct command *c;
	int first, status;

	const struct dl_opt opts[] = {
	    DL_OPT_STR(
		0, "aud", &o.audience, "AUDIENCE", "who the token is for"),
	    DL_OPT_CALL(0, "claim", claim_text, &o.claims, "NAME=TEXT",
		"a further claim, a text"),
	    DL_OPT_CALL(0, "claim-json", claim_json, &o.claims, "NAME=JSON",
		"a further claim, any JSON"),
	    DL_OPT_STR(0, "iss", &o.issuer, "ISSUER",
		"who issues it (default: " DL_TOKEN_ISSUER ")"),
	    DL_OPT_FLAG(0, "json", &o.json, "print JSON, on a terminal too"),
	    DL_OPT_FLAG(0, "rotate", &o.rotate,
		"make a further key, which signs from now on"),
	    DL_OPT_STR(0, "scope", &o.scope, "SCOPE",
		"what it may: words, a space between"),
	    DL_OPT_STR(0, "sub", &o.subject, "SUBJECT", "who it is about"),
	    DL_OPT_FLAG(0, "table", &o.table, "print a table, into a pipe too"),
	    DL_OPT_DURATION(
		0, "ttl", &o.ttl_ms, "TIME", "how long it lives (default: 1h)"),
	    DL_OPT_COMMON,
	};
	first = dl_tool_start("dl-token", opts, "COMMAND [NAME]", 1, INT_MAX,
	    DL_TOOL_PLAIN, argc, argv);

	if ((c = find_command(argv + first, argc - first, &err)) == NULL ||
	    check_options(&o, c, &err) < 0 || dl_seal_start(&err) < 0)
		dl_tool_fail(&err);
	o.name = c->operands == 0 ? NULL : argv[argc - 1];
	o.home = dl_tool_home();
	status = c->run(&o, &err);
	dl_buf_release(&o.claims);
	if (status < 0)
		dl_tool_fail(&err);
	return status;
}
