/* dl-secret - keep passwords and tokens sealed. */
#include "clock.h"
#include "home.h"
#include "io.h"
#include "json.h"
#include "log.h"
#include "num.h"
#include "out.h"
#include "secret.h"
#include "secret_prompt.h"
#include "table.h"
#include "tool.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

struct secret {
	struct dl_secrets *store;
	const char *group; /* NULL: not given */
	const char *name;
	int64_t version; /* 0: the newest */
	bool raw, json, table;
	struct dl_out out; /* of ls */
	struct dl_table *rows;
	enum dl_exit status; /* of the first that ls could not read */
};

static const char *
group(const struct secret *o)
{
	return o->group == NULL ? "default" : o->group;
}

static int
absent(const struct secret *o)
{
	if (o->version > 0)
		dl_log(DL_LOG_INFO,
		    "there is no version %lld of secret '%s' in group '%s'",
		    (long long)o->version, o->name, group(o));
	else
		dl_log(DL_LOG_INFO, "there is no secret '%s' in group '%s'",
		    o->name, group(o));
	return DL_EXIT_NO;
}

/* Room for one byte more than a secret with its newline has. */
#define ROOM (DL_SECRET_MAX + 2)

static int
read_input(bool raw, char *value, size_t *len, struct dl_err *err)
{
	ssize_t r;

	*len = 0;
	do {
		r = read(STDIN_FILENO, value + *len, ROOM - *len);
		if (r < 0 && errno != EINTR)
			return dl_err_errno(err, "cannot read <stdin>");
		*len += r > 0 ? (size_t)r : 0;
	} while (r != 0 && *len < ROOM);
	if (!raw && *len > 0 && value[*len - 1] == '\n')
		--*len;
	return 0;
}

static int
put(struct secret *o, struct dl_err *err)
{
	char *value = dl_seal_alloc(ROOM, err);
	size_t len;
	int r = -1;

	if (value == NULL)
		return -1;
	if ((isatty(STDIN_FILENO) ? dl_secret_prompt(STDIN_FILENO, o->name,
					value, ROOM, &len, err)
				  : read_input(o->raw, value, &len, err)) < 0)
		goto out;
	if (len == 0)
		dl_err_data(err, "the secret is empty");
	else if (len > DL_SECRET_MAX)
		dl_err_data(
		    err, "a secret is at most %d bytes long", DL_SECRET_MAX);
	else
		r = dl_secret_put(
		    o->store, group(o), o->name, dl_span(value, len), err);
	if (r == 0)
		dl_log(DL_LOG_DEBUG, "'%s' is that already", o->name);
out:
	dl_seal_free(value);
	return r < 0 ? -1 : DL_EXIT_OK;
}

static int
close_stdout(struct dl_err *err)
{
	if (close(STDOUT_FILENO) < 0)
		return dl_err_errno(err, "cannot close <stdout>");
	return 0;
}

static int
get(struct secret *o, struct dl_err *err)
{
	const struct dl_secret_version *v;
	struct dl_secret_box box = {.bytes = NULL};
	int r = dl_secret_read(o->store, group(o), o->name, &box, err);

	if (r < 0)
		return -1;
	v = r == 0 ? NULL : dl_secret_box_find(&box, (uint64_t)o->version);
	if (v == NULL) {
		if (r == 0)
			o->version = 0;
		r = absent(o);
		goto out;
	}
	/* Not through a buffer that others could find in our memory. */
	r = dl_write_all(
	    STDOUT_FILENO, v->value.p, v->value.len, "<stdout>", err);
	if (r == 0 && isatty(STDOUT_FILENO))
		r = dl_write_all(STDOUT_FILENO, "\n", 1, "<stdout>", err);
	if (r == 0)
		r = close_stdout(err);
out:
	dl_secret_box_release(&box);
	return r;
}

static void
print_time(int64_t sec, char out[DL_TIME_MAX])
{
	struct dl_time t = {.sec = sec};

	dl_time_print(&t, out);
}

static void
json_row(struct dl_buf *b, const char *in, const char *name,
    const struct dl_secret_box *box)
{
	char time[DL_TIME_MAX];

	dl_buf_printf(
	    b, "{\"group\":\"%s\",\"secret\":\"%s\",\"versions\":[", in, name);
	for (size_t i = 0; i < box->n; i++) {
		print_time(box->v[i].sec, time);
		dl_buf_printf(b, "%s{\"version\":%llu,\"time\":\"%s\"}",
		    i == 0 ? "" : ",", (unsigned long long)box->v[i].number,
		    time);
	}
	dl_buf_adds(b, "]}\n");
}

static void
table_row(struct secret *o, const char *in, const char *name,
    const struct dl_secret_box *box)
{
	const struct dl_secret_version *v = dl_secret_box_find(box, 0);
	char time[DL_TIME_MAX], version[32], kept[32];

	print_time(v->sec, time);
	snprintf(
	    version, sizeof(version), "%llu", (unsigned long long)v->number);
	snprintf(kept, sizeof(kept), "%zu", box->n);
	dl_table_row(o->rows,
	    (struct dl_span[]){dl_span_str(in), dl_span_str(name),
		dl_span_str(version), dl_span_str(time), dl_span_str(kept)},
	    &o->out.buf);
}

/* One that is broken does not hide the others. */
static int
list_one(void *arg, const char *in, const char *name, struct dl_err *err)
{
	struct secret *o = arg;
	struct dl_secret_box box = {.bytes = NULL};
	struct dl_err its = {0};
	int r = dl_secret_read(o->store, in, name, &box, &its);

	if (r < 0) {
		dl_log(DL_LOG_ERROR, "%s", its.msg);
		if (o->status == DL_EXIT_OK)
			o->status = its.status;
		return 0;
	}
	if (r > 0 && o->rows != NULL)
		table_row(o, in, name, &box);
	else if (r > 0)
		json_row(&o->out.buf, in, name, &box);
	dl_secret_box_release(&box);
	return dl_out_spill(&o->out, err);
}

static int
ls(struct secret *o, struct dl_err *err)
{
	static const char *const heads[] = {
	    "GROUP", "SECRET", "VERSION", "TIME", "KEPT"};
	int r;

	dl_out_init(&o->out, STDOUT_FILENO, "<stdout>");
	if (o->table || (!o->json && isatty(STDOUT_FILENO)))
		o->rows =
		    dl_table_new(heads, 5, 1, dl_table_width(STDOUT_FILENO));
	r = dl_secret_each(o->store, o->group, list_one, o, err);
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
rm(struct secret *o, struct dl_err *err)
{
	int r = dl_secret_remove(o->store, group(o), o->name, err);

	if (r == 0)
		return absent(o);
	return r < 0 ? -1 : DL_EXIT_OK;
}

static int
rotate(struct secret *o, struct dl_err *err)
{
	return dl_secret_rotate(o->store, err);
}

static int
key(struct secret *o, struct dl_err *err)
{
	struct dl_seal_key *k = dl_seal_alloc(sizeof(*k), err);
	char *text = k == NULL ? NULL : dl_seal_alloc(DL_SEAL_TEXT, err);
	int r = -1;

	if (text != NULL && dl_secret_group_key(o->store, o->name, k, err) == 0)
		r = dl_write_all(STDOUT_FILENO, text,
		    dl_seal_key_print(k, text), "<stdout>", err);
	if (r == 0)
		r = close_stdout(err);
	dl_seal_free(text);
	dl_seal_free(k);
	return r;
}

static const struct command {
	const char *name;
	int operands;
	int (*run)(struct secret *, struct dl_err *); /* the status, or -1 */
} commands[] = {
    {"put", 1, put},
    {"get", 1, get},
    {"ls", 0, ls},
    {"rm", 1, rm},
    {"rotate", 0, rotate},
    {"key", 1, key},
};

/* No message repeats an operand: it may be the secret itself. */
static const struct command *
find_command(char *const *name, int operands, struct dl_err *err)
{
	const size_t n = sizeof(commands) / sizeof(*commands);
	const struct command *c = commands;

	while (c < commands + n && strcmp(c->name, name[0]) != 0)
		c++;
	if (c == commands + n)
		dl_err_usage(err,
		    "expected put, get, ls, rm, rotate or key as the first "
		    "operand");
	else if (operands != c->operands && c->run == put)
		dl_err_usage(err,
		    "put takes one operand, the name: the secret itself comes "
		    "from standard input");
	else if (operands != c->operands)
		dl_err_usage(err, "%s takes %s", c->name,
		    c->operands == 0 ? "no operands" : "one operand");
	else if (operands > 0 && !dl_name_ok(dl_span_str(name[1])))
		dl_err_usage(err,
		    "that is not a name: a letter or digit, then up to 63 of "
		    "[A-Za-z0-9._-]");
	return err->status == DL_EXIT_OK ? c : NULL;
}

static int
check_options(
    const struct secret *o, const struct command *c, struct dl_err *err)
{
	if (o->json && o->table)
		return dl_err_usage(
		    err, "--json and --table exclude each other");
	if ((o->json || o->table) && c->run != ls)
		return dl_err_usage(err, "--json and --table are for ls");
	if (o->raw && c->run != put)
		return dl_err_usage(err, "--raw is for put");
	if (o->version > 0 && c->run != get)
		return dl_err_usage(err, "--number is for get");
	if (o->group != NULL && (c->run == rotate || c->run == key))
		return dl_err_usage(err, "--group is not for %s", c->name);
	if (o->group != NULL && !dl_name_ok(dl_span_str(o->group)))
		return dl_err_usage(
		    err, "'%s' is not a name of a group", o->group);
	return 0;
}

int
main(int argc, char *argv[])
{
	struct dl_err err = {0};
	struct secret o = {.group = NULL};
	const struct command *c;
	const char *file = NULL, *command = NULL;
	int first, status = -1;

	const struct dl_opt opts[] = {
	    DL_OPT_STR(0, "group", &o.group, "GROUP",
		"the secret's group (default: default)"),
	    DL_OPT_FLAG(0, "json", &o.json, "print JSON, on a terminal too"),
	    DL_OPT_STR(0, "key", &file, "FILE", "the key is in FILE"),
	    DL_OPT_STR(0, "key-command", &command, "COMMAND",
		"the key is what COMMAND prints"),
	    DL_OPT_COUNT(0, "number", &o.version, "N", "get this version"),
	    DL_OPT_FLAG(0, "raw", &o.raw, "put the last newline too"),
	    DL_OPT_FLAG(0, "table", &o.table, "print a table, into a pipe too"),
	    DL_OPT_COMMON,
	};
	first = dl_tool_start("dl-secret", opts, "COMMAND [NAME]", 1, INT_MAX,
	    DL_TOOL_PLAIN, argc, argv);

	if ((c = find_command(argv + first, argc - first - 1, &err)) == NULL ||
	    check_options(&o, c, &err) < 0 || dl_seal_start(&err) < 0)
		dl_tool_fail(&err);
	o.name = argc - first > 1 ? argv[first + 1] : NULL;
	o.store = dl_secrets_open(dl_tool_home(), file, command, &err);
	if (o.store != NULL)
		status = c->run(&o, &err);
	dl_secrets_close(o.store);
	if (status < 0)
		dl_tool_fail(&err);
	return status;
}
