#include "jqrun.h"

#include "buf.h"
#include "jqguard.h"
#include "jqlimit.h"
#include "jqmod.h"

#include <fcntl.h>
#include <jq.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * What binds $event: the program's input is then [$event, its '.'].  A pipe
 * takes all that follows, so that no bracket needs closing after a comment, and
 * it stands on the program's own line, so that the numbers of lines stay right.
 */
#define BIND_EVENT ". as [$event, $dl_dot] | $dl_dot | "
#define AT_TOP " at <top-level>, line "
#define QUOTING " (Unix shell quoting issues?)" /* of most it isn't true */

struct dl_jqrun {
	jq_state *jq; /* NULL: lost to one of libjq's assertions */
	char *program, *module_dir, *args_json;
	size_t body; /* where the program's imports end */
	bool wants_event;
	bool done;
	int max_time_ms;
	struct dl_jqlimit limit;
};

/* libjq reads the environment when it compiles and when it runs. */
static char **
hide_environment(void)
{
	static char *none[] = {NULL};
	char **shown = environ;

	environ = none;
	return shown;
}

/* The first message of a compilation, in one line without jq's own name. */
static void
on_message(void *arg, jv msg)
{
	const char *start = "jq: error: ", *p, *at;
	struct dl_err *err = arg;
	size_t n;

	if (err->status == DL_EXIT_OK && jv_get_kind(msg) == JV_KIND_STRING) {
		p = jv_string_value(msg);
		if (strncmp(p, start, strlen(start)) == 0)
			p += strlen(start);
		n = strcspn(p, "\n");
		if (n > 0 && p[n - 1] == ':')
			n--;
		at = strstr(p, AT_TOP);
		if (at != NULL && at < p + n) {
			n = (size_t)(at - p);
			if (n > strlen(QUOTING) &&
			    memcmp(at - strlen(QUOTING), QUOTING,
				strlen(QUOTING)) == 0)
				n -= strlen(QUOTING);
			at += strlen(AT_TOP);
			dl_err_conf(err, "%.*s (line %.*s)", (int)n, p,
			    (int)strspn(at, "0123456789"), at);
		} else
			dl_err_conf(err, "%.*s", (int)n, p);
	}
	jv_free(msg);
}

/* What `debug` says is for a person at jq's own command line. */
static void
ignore_message(void *arg, jv msg)
{
	(void)arg;
	jv_free(msg);
}

static jv
no_input(jq_state *jq, void *arg)
{
	(void)jq;
	(void)arg;
	return jv_invalid();
}

static jq_state *
make_state(const char *dir)
{
	jq_state *jq = jq_init();
	jv path = jv_array();

	if (jq == NULL)
		return NULL;
	if (dir != NULL)
		path = jv_array_append(path, jv_string(dir));
	else
		dir = "/dev/null";
	jq_set_attr(jq, jv_string("JQ_LIBRARY_PATH"), path);
	jq_set_attr(jq, jv_string("JQ_ORIGIN"), jv_string(dir));
	jq_set_attr(jq, jv_string("PROGRAM_ORIGIN"), jv_string(dir));
	jq_set_debug_cb(jq, ignore_message, NULL);
	jq_set_input_cb(jq, no_input, NULL);
	return jq;
}

/* The named arguments, and $ARGS as jq has it. */
static int
make_args(const char *json, jv *args, struct dl_err *err)
{
	jv all;

	*args = json == NULL ? jv_object() : jv_parse(json);
	if (jv_get_kind(*args) != JV_KIND_OBJECT) {
		jv_free(*args);
		return dl_err_conf(err, "the arguments are not a JSON object");
	}
	if (jv_object_has(jv_copy(*args), jv_string("event"))) {
		jv_free(*args);
		return dl_err_conf(
		    err, "$event is the event: no argument may be called so");
	}
	all = jv_object_set(jv_object(), jv_string("positional"), jv_array());
	all = jv_object_set(all, jv_string("named"), jv_copy(*args));
	if (!jv_object_has(jv_copy(*args), jv_string("ARGS")))
		*args = jv_object_set(*args, jv_string("ARGS"), jv_copy(all));
	jv_free(all);
	return 0;
}

/* Compile in the program's folder, the one place for modules, and come back. */
static int
compile_in(jq_state *jq, const char *text, jv args, const char *dir,
    struct dl_err *err)
{
	int ok = 0, back = -1;
	char **shown;

	if (dir != NULL &&
	    ((back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
		chdir(dir) < 0)) {
		dl_err_errno(err, "cannot enter '%s'", dir);
		jv_free(args);
	} else {
		shown = hide_environment();
		ok = jq_compile_args(jq, text, args);
		environ = shown;
		if (back >= 0 && fchdir(back) < 0)
			ok = dl_err_errno(err, "cannot come back");
	}
	if (back >= 0)
		close(back);
	return ok;
}

static int
compile(struct dl_jqrun *r, struct dl_err *err)
{
	const char *dir = r->module_dir;
	struct dl_err why = {0};
	struct dl_buf text = {0};
	char real[PATH_MAX];
	jv args;
	int ok;

	if (dir != NULL && (dir = realpath(dir, real)) == NULL)
		return dl_err_errno(err, "cannot find '%s'", r->module_dir);
	if (make_args(r->args_json, &args, err) < 0)
		return -1;
	dl_buf_add(&text, r->program, r->body);
	if (r->wants_event)
		dl_buf_adds(&text, BIND_EVENT);
	dl_buf_adds(&text, r->program + r->body);

	if ((r->jq = make_state(dir)) == NULL) {
		jv_free(args);
		dl_buf_release(&text);
		return dl_err_temp(err, "no memory for jq");
	}
	jq_set_error_cb(r->jq, on_message, &why);
	ok = compile_in(r->jq, dl_buf_str(&text), args, dir, &why);
	jq_set_error_cb(r->jq, ignore_message, NULL);
	dl_buf_release(&text);
	if (ok > 0)
		return 0;
	return dl_err_conf(
	    err, "%s", why.msg[0] != '\0' ? why.msg : "not a jq program");
}

static char *
copy_or_null(const char *s)
{
	return s == NULL ? NULL : dl_strdup(s);
}

struct dl_jqrun *
dl_jqrun_new(const char *program, const struct dl_expr_options *options,
    struct dl_err *err)
{
	struct dl_jqrun *r = dl_calloc(1, sizeof(*r));

	r->done = true;
	r->max_time_ms = options->max_time_ms;
	r->program = dl_strdup(program);
	r->module_dir = copy_or_null(options->module_dir);
	r->args_json = copy_or_null(options->args_json);
	if (dl_jqmod_check(program, r->module_dir, &r->body, err) < 0)
		goto fail;
	/* The word may be in a string too: that only costs time. */
	r->wants_event = strstr(program + r->body, "event") != NULL;
	if (compile(r, err) < 0)
		goto fail;
	return r;
fail:
	if (options->name != NULL)
		dl_err_prefix(err, "%s", options->name);
	dl_jqrun_free(r);
	return NULL;
}

void
dl_jqrun_free(struct dl_jqrun *r)
{
	if (r == NULL)
		return;
	if (r->jq != NULL)
		jq_teardown(&r->jq);
	free(r->program);
	free(r->module_dir);
	free(r->args_json);
	free(r);
}

bool
dl_jqrun_wants_event(const struct dl_jqrun *r)
{
	return r->wants_event;
}

void
dl_jqrun_start(struct dl_jqrun *r, jv input, jv event, struct dl_span id)
{
	if (r->wants_event)
		input = JV_ARRAY(event, input);
	else
		jv_free(event);
	r->done = false;
	dl_jqlimit_start(&r->limit, r->max_time_ms, id);
	/* What compiled once compiles again, unless its modules have gone. */
	if (r->jq == NULL && compile(r, &(struct dl_err){0}) < 0)
		jv_free(input);
	else
		jq_start(r->jq, input, 0);
}

/* msg is consumed. */
static int
fail_text(jv msg, struct dl_err *err)
{
	jv text;

	if (jv_get_kind(msg) == JV_KIND_STRING) {
		dl_err_data(err, "%s", jv_string_value(msg));
		jv_free(msg);
		return -1;
	}
	if (jv_get_kind(msg) == JV_KIND_OBJECT &&
	    jv_object_has(jv_copy(msg), jv_string("__jq"))) {
		jv_free(msg);
		return dl_err_data(err, "break");
	}
	text = jv_dump_string(msg, 0);
	dl_err_data(err, "(not a string): %s", jv_string_value(text));
	jv_free(text);
	return -1;
}

/* jq was told to stop, by the program or by the clock. */
static int
fail_halted(struct dl_jqrun *r, struct dl_err *err)
{
	jv msg = jq_get_error_message(r->jq);

	if (r->limit.expired || !jv_is_valid(msg)) {
		jv_free(msg);
		if (r->limit.expired)
			return dl_err_data(err,
			    "the program ran longer than %dms", r->max_time_ms);
		return dl_err_data(err, "the program called halt");
	}
	/* libjq 1.6 would free its message again with every later record. */
	jq_teardown(&r->jq);
	return fail_text(msg, err);
}

/* One call of jq, within its limits; false: its state is lost. */
static bool
next(struct dl_jqrun *r, jv *x)
{
	char **shown = hide_environment();
	bool ok;

	dl_jqlimit_begin(&r->limit, r->jq);
	ok = dl_jqguard_next(r->jq, x);
	dl_jqlimit_end(&r->limit);
	environ = shown;
	return ok;
}

int
dl_jqrun_next(struct dl_jqrun *r, jv *out, struct dl_err *err)
{
	jv x;

	if (r->done)
		return 0;
	r->done = true;
	if (r->jq == NULL || !next(r, &x)) {
		r->jq = NULL;
		return dl_err_data(err, "libjq failed in this program");
	}
	if (jv_is_valid(x)) {
		*out = x;
		r->done = false;
		return 1;
	}
	if (jq_halted(r->jq)) {
		jv_free(x);
		return fail_halted(r, err);
	}
	if (jv_invalid_has_msg(jv_copy(x)))
		return fail_text(jv_invalid_get_msg(x), err);
	jv_free(x);
	return 0;
}
