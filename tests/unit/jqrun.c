/* Programs on libjq: what it prints, and what it may not do. */
#include "jqrun.h"

#include "buf.h"
#include "io.h"
#include "jqval.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char dir[PATH_MAX];

/* All outputs of program on data, joined by newlines, and its error. */
static const char *
answer(const char *program, const char *data, struct dl_expr_options *o)
{
	static struct dl_buf out;
	struct dl_expr_options none = {0};
	struct dl_jqval values = {0};
	struct dl_err err = {0};
	struct dl_jqrun *r;
	int more;
	jv x;

	dl_buf_clear(&out);
	r = dl_jqrun_new(program, o == NULL ? &none : o, &err);
	if (r == NULL) {
		assert_int_equal(err.status, DL_EXIT_CONF);
		dl_buf_printf(&out, "compile: %s", err.msg);
		return dl_buf_str(&out);
	}
	dl_jqval_reset(&values);
	assert_int_equal(
	    dl_jqval_build(&values, dl_span_str(data), &x, &err), 0);
	dl_jqrun_start(r, jv_copy(x), jv_string("the event"), DL_SPAN("id"));
	for (;;) {
		jv y;

		if ((more = dl_jqrun_next(r, &y, &err)) <= 0)
			break;
		if (out.len > 0)
			dl_buf_addc(&out, '\n');
		if ((more = dl_jqval_print(&values, y, &out, &err)) < 0)
			break;
	}
	if (more < 0)
		dl_buf_printf(&out, "error: %s", err.msg);
	jv_free(x);
	dl_jqrun_free(r);
	dl_jqval_release(&values);
	return dl_buf_str(&out);
}

static void
put_file(const char *name, const char *text)
{
	char path[PATH_MAX + 100];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_non_null(f = fopen(path, "w"));
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

struct row {
	const char *program, *data, *want;
};

static void
check_rows(const struct row *rows, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		assert_string_equal(
		    answer(rows[i].program, rows[i].data, NULL), rows[i].want);
}

static void
what_no_program_touched_keeps_its_bytes(void **state)
{
	static const struct row rows[] = {
	    {".", "13911860366432393", "13911860366432393"},
	    {".", "[1.0,2.50,1e2,-0.0,1E400]", "[1.0,2.50,1e2,-0.0,1E400]"},
	    {".", "{\"b\":\"\\u0041\\/\",\"a\":1}",
		"{\"b\":\"\\u0041\\/\",\"a\":1}"},
	    {".[0]", "[2.0]", "2.0"},
	    {"{x:.[0]}", "[2.0]", "{\"x\":2.0}"},
	    {"[.[]|.+0]", "[2.0]", "[2]"},
	    {"map(.)", "[2.0,3.0]", "[2.0,3.0]"},
	    {".b=1", "{\"a\":2.0,\"b\":0}", "{\"a\":2.0,\"b\":1}"},
	    {".a+=1", "{\"a\":2.0,\"b\":0.0}", "{\"a\":3,\"b\":0.0}"},
	    {".c=length", "{\"a\":2.0}", "{\"a\":2.0,\"c\":1}"},
	    {"length", "[2.0,2.0]", "2"},
	    {"del(.a)", "{\"a\":1,\"\\u0062\":{\"x\":[1.0]}}",
		"{\"\\u0062\":{\"x\":[1.0]}}"},
	    {".[1:]", "[1.0,2.0]", "[2.0]"},
	    {".[:1]", "[1.0,2.0]", "[1.0]"},
	    {".[0:2]", "[1.0,2.0]", "[1.0,2.0]"},
	    {"sort", "[2.0,1.0,\"\\u0061\"]", "[1.0,2.0,\"\\u0061\"]"},
	    {"[.[]|tostring]", "[2.0,\"\\u0061\"]", "[\"2\",\"\\u0061\"]"},
	    {".+\"\"", "\"\\u0061\"", "\"a\""},
	    {".[0]+.[0]", "[\"\\u0061\"]", "\"aa\""},
	    {"[.[]|ltrimstr(\"x\")]", "[\"\\u0061\"]", "[\"\\u0061\"]"},
	    {"with_entries(.value|=.)", "{\"\\u0061\":2.0}",
		"{\"\\u0061\":2.0}"},
	    {"to_entries", "{\"\\u0061\":2.0}",
		"[{\"key\":\"\\u0061\",\"value\":2.0}]"},
	    {". as [$a] | [$a, $a * 1]", "[1.50]", "[1.50,1.5]"},
	    {"reduce .[] as $x (0; . + $x)", "[1.0,2.0]", "3"},
	    {"[limit(2; .[])]", "[1.0,2.0,3.0]", "[1.0,2.0]"},
	    {"max", "[1.0,2.0]", "2.0"},
	    {".[] |= .", "[1.0,\"\\u0061\"]", "[1.0,\"\\u0061\"]"},
	    {".a.b.c |= 1", "{\"z\":1.0,\"a\":{\"y\":2.0,\"b\":{\"c\":3.0}}}",
		"{\"z\":1.0,\"a\":{\"y\":2.0,\"b\":{\"c\":1}}}"},
	    {".x |= .", "{ \"y\" : [ 1.0 , 2 ] , \"x\" : 0.0 }",
		"{\"y\":[ 1.0 , 2 ],\"x\":0.0}"},
	    {"tojson", "[1.0]", "\"[1]\""},
	    {"fromjson", "\"[1.0]\"", "[1]"},
	    {"[.,.]", "\"\\ud83d\\ude00\"",
		"[\"\\ud83d\\ude00\",\"\\ud83d\\ude00\"]"},
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

/* A program's own values are printed as jq itself prints them. */
static void
what_a_program_made_is_printed_as_by_jq(void **state)
{
	static const char *const made[] = {"1/3", "1e17", "1e-7", "1e15",
	    "999999999999999", "-999999999999999", "1e400", "-1e400", "nan",
	    "-0", "[-1,0,0.1,1.5,3e300]", "\"a\\\"\\\\\\u0000\\u001f\\u007f\"",
	    "\"\\b\\f\\n\\r\\t/\"", "\"\xc3\xa9\xf0\x9f\x98\x80\"", "{}", "[]",
	    "{b:1,a:[null,true,false]}", "{\"\\u0001\":{}}", "[range(20)]",
	    "{a:1,b:2,c:3}|del(.b)|.b=4", "[limit(5;repeat(1))]", "\"\"",
	    "[[[]]]", "reduce range(40) as $i ({}; .[$i|tostring]=$i)",
	    "reduce range(40) as $i ({}; .[$i|tostring]=$i)|del(.[\"7\"])",
	    "1e1000|-.", "0.1+0.2", "100000000000000000000", "123456.789e3"};
	struct dl_expr_options none = {0};
	struct dl_jqval values = {0};
	struct dl_buf ours = {0};
	struct dl_err err = {0};
	struct dl_jqrun *r;
	size_t i;
	jv x, text;

	(void)state;
	for (i = 0; i < COUNT(made); i++) {
		dl_jqval_reset(&values);
		assert_non_null(r = dl_jqrun_new(made[i], &none, &err));
		dl_jqrun_start(r, jv_null(), jv_null(), DL_SPAN("id"));
		assert_int_equal(dl_jqrun_next(r, &x, &err), 1);
		text = jv_dump_string(jv_copy(x), 0);
		dl_buf_clear(&ours);
		assert_int_equal(dl_jqval_print(&values, x, &ours, &err), 0);
		assert_string_equal(dl_buf_str(&ours), jv_string_value(text));
		jv_free(text);
		dl_jqrun_free(r);
	}
	dl_buf_release(&ours);
	dl_jqval_release(&values);
}

static void
errors_have_jqs_text(void **state)
{
	static const struct row rows[] = {
	    {"error(\"it broke\")", "1", "error: it broke"},
	    {".,error", "\"two\"", "\"two\"error: two"},
	    {"error", "{\"a\":1}", "error: (not a string): {\"a\":1}"},
	    {"error(null)", "1", ""}, /* as jq 1.6 has it */
	    {"try error(\"x\") catch .", "1", "\"x\""},
	    {".a", "1", "error: Cannot index number with string \"a\""},
	    {"keys", "1", "error: number (1) has no keys"},
	    {"halt", "1", "error: the program called halt"},
	    {"\"so\"|halt_error", "1", "error: so"},
	    {"{a:1}|halt_error(3)", "1", "error: (not a string): {\"a\":1}"},
	    {"1,halt,2", "1", "1error: the program called halt"},
	    {"input", "1", "error: break"},
	    {"[inputs]", "1", "[]"},
	    {"[.,input_line_number]", "1", "error: Unknown input line number"},
	    {"debug", "1", "1"},
	    {"\n\n.a |\n foo", "1", "compile: foo/0 is not defined (line 4)"},
	    {".a +", "1", "compile: syntax error, unexpected $end (line 1)"},
	    {"$nowhere", "1", "compile: $nowhere is not defined (line 1)"},
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

static void
the_event_is_bound_where_it_is_used(void **state)
{
	static const struct row rows[] = {
	    {"$event", "1", "\"the event\""},
	    {"[., $event]", "1.0", "[1.0,\"the event\"]"},
	    {"def f: $event; f, .", "1", "\"the event\"\n1"},
	    {"# says $event\n.", "1", "1"},
	    {". # the last word: event", "1", "1"},
	    {"def event: 2; event", "1", "2"},
	    {"path(.a)|., $event", "{}", "[\"a\"]\n\"the event\""},
	    {"., $event | length", "[]", "0\n9"},
	    {"$event |\n\n foo", "1", "compile: foo/0 is not defined (line 3)"},
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

static void
arguments_are_bound(void **state)
{
	struct dl_expr_options o = {.args_json = "{\"a\":\"x\",\"b\":[1]}"};

	(void)state;
	assert_string_equal(
	    answer("[$a, $b, $ARGS.named.a]", "1", &o), "[\"x\",[1],\"x\"]");
	o.args_json = "{\"event\":1}";
	assert_string_equal(answer(".", "1", &o),
	    "compile: $event is the event: no argument may be called so");
}

static void
the_environment_is_hidden(void **state)
{
	(void)state;
	put_file(".jq", "def hidden: 1;");
	assert_int_equal(setenv("HOME", dir, 1), 0);
	assert_int_equal(setenv("DL_SECRET_OF_TEST", "x", 1), 0);
	assert_string_equal(
	    answer("env, $ENV, $ENV.HOME", "1", NULL), "{}\n{}\nnull");
	assert_string_equal(answer("hidden", "1", NULL),
	    "compile: hidden/0 is not defined (line 1)");
	assert_string_equal(getenv("DL_SECRET_OF_TEST"), "x");
}

static void
modules_come_from_the_programs_folder(void **state)
{
	struct dl_expr_options o = {.module_dir = dir, .name = "p.jq"};
	char sub[PATH_MAX + 8], link[PATH_MAX + 16];
	struct stat st;

	(void)state;
	put_file("m.jq", "def two: 2;");
	put_file("d.json", "{\"k\":3}");
	snprintf(sub, sizeof(sub), "%s/sub", dir);
	assert_int_equal(mkdir(sub, 0777), 0);
	put_file("sub/n.jq", "import \"sub/o\" as o; def three: o::two + 1;");
	put_file("sub/o.jq", "include \"m\"; def x: 1; def two: 2;");
	assert_string_equal(answer("import \"m\" as m; m::two", "1", &o), "2");
	assert_string_equal(
	    answer("include \"m\"; two, $event", "1", &o), "2\n\"the event\"");
	assert_string_equal(
	    answer("module {a:\";\"}; # c\nimport \"d\" as $d; $d::d[0].k", "1",
		&o),
	    "3");
	assert_string_equal(
	    answer("import \"sub/n\" as n; n::three", "1", &o), "3");
	assert_string_equal(answer("import \"/etc/m\" as m; 1", "1", &o),
	    "compile: p.jq: the module \"/etc/m\" is outside the program's "
	    "folder");
	assert_string_equal(answer("import \"../m\" as m; 1", "1", &o),
	    "compile: p.jq: the module \"../m\" is outside the program's "
	    "folder");
	assert_string_equal(answer("import \"sub/../m\" as m; 1", "1", &o),
	    "compile: p.jq: the module \"sub/../m\" is outside the program's "
	    "folder");
	assert_string_equal(
	    answer("import \"m\" as m {search:\"/tmp\"}; 1", "1", &o),
	    "compile: p.jq: the import of \"m\" must end in ';': modules come "
	    "from the program's folder, and may not say where else");
	assert_non_null(strstr(
	    answer("import \"\\u006d\" as m; 1", "1", &o), "plain string"));
	assert_non_null(
	    strstr(answer("import \"none\" as m; 1", "1", &o), "not found"));

	/* The working directory is not a place for modules. */
	assert_int_equal(chdir(sub), 0);
	assert_non_null(
	    strstr(answer("import \"n\" as n; 1", "1", &o), "not found"));
	assert_non_null(getcwd(link, sizeof(link)));
	assert_string_equal(link, sub);
	assert_int_equal(chdir("/"), 0);

	/* The same rules for a module's own imports, and for links. */
	put_file("bad.jq", "import \"m\" as m {\"search\":\"..\"}; def f: 1;");
	assert_non_null(
	    strstr(answer("include \"bad\"; f", "1", &o), "must end in ';'"));
	put_file("loop.jq", "import \"loop\" as l; def f: 1;");
	assert_non_null(
	    strstr(answer("include \"loop\"; f", "1", &o), "in a circle"));
	snprintf(link, sizeof(link), "%s/link.jq", dir);
	assert_int_equal(stat("/etc/passwd", &st), 0);
	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_non_null(strstr(answer("include \"link\"; 1", "1", &o),
	    "/etc/passwd is outside the program's folder"));
	o.module_dir = NULL;
	assert_string_equal(answer("import \"m\" as m; 1", "1", &o),
	    "compile: p.jq: this program has no folder to import \"m\" from");
}

static void
a_runaway_program_is_ended(void **state)
{
	struct dl_expr_options o = {.max_time_ms = 50};

	(void)state;
	assert_string_equal(answer("def r: r; r", "1", &o),
	    "error: the program ran longer than 50ms");
	assert_string_equal(answer("1, (range(1e9)|select(. < 0))", "1", &o),
	    "1error: the program ran longer than 50ms");
	assert_string_equal(answer("1", "1", &o), "1");
	/* A try does not catch the clock. */
	assert_string_equal(answer("try (def r: r; r) catch 1", "1", &o),
	    "error: the program ran longer than 50ms");
}

/* All the outputs of one record share its time. */
static void
endless_outputs_are_ended(void **state)
{
	struct dl_expr_options o = {.max_time_ms = 50};
	struct dl_err err = {0};
	struct dl_jqrun *r;
	int i, more = 1;
	jv x;

	(void)state;
	assert_non_null(r = dl_jqrun_new("repeat(1)", &o, &err));
	dl_jqrun_start(r, jv_null(), jv_null(), DL_SPAN("id"));
	for (i = 0; more > 0 && i < 5000000; i++)
		if ((more = dl_jqrun_next(r, &x, &err)) > 0)
			jv_free(x);
	assert_int_equal(more, -1);
	assert_string_equal(err.msg, "the program ran longer than 50ms");
	dl_jqrun_free(r);
}

/* What r makes of a number of seconds. */
static bool
says(struct dl_jqrun *r, double seconds, int want, const char *text)
{
	struct dl_err err = {0};
	bool right;
	jv x;

	dl_jqrun_start(r, jv_number(seconds), jv_null(), DL_SPAN("id"));
	if (dl_jqrun_next(r, &x, &err) != want)
		return false;
	if (want < 0)
		return strcmp(err.msg, text) == 0 &&
		       dl_jqrun_next(r, &x, &err) == 0;
	right = strcmp(jv_string_value(x), text) == 0;
	jv_free(x);
	return right;
}

/*
 * libjq aborts over 1e18; the program goes on with the next record.  In a
 * child, since what libjq had allocated is lost, which the sanitizers tell.
 */
static void
a_failure_of_libjq_is_the_records(void **state)
{
	struct dl_expr_options o = {.max_time_ms = 1000};
	struct dl_err err = {0};
	struct dl_jqrun *r;
	int i, status;
	bool ok = true;
	pid_t pid;

	(void)state;
	assert_true((pid = fork()) >= 0);
	if (pid == 0) {
		r = dl_jqrun_new("todate", &o, &err);
		for (i = 0; ok && r != NULL && i < 3; i++)
			ok =
			    says(r, 1e18, -1, "libjq failed in this program") &&
			    says(r, 0, 1, "1970-01-01T00:00:00Z");
		_exit(ok && r != NULL ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/*
 * libjq 1.6 keeps the message of halt_error and frees it with each record that
 * follows: its state is made anew.  The sanitizers, and libc, tell if not.
 */
static void
the_message_of_a_halt_is_freed_once(void **state)
{
	struct dl_expr_options o = {0};
	struct dl_err err = {0};
	struct dl_jqrun *r;
	int i;

	(void)state;
	r = dl_jqrun_new(
	    "if . == 1 then \"stop\" | halt_error else \"go\" end", &o, &err);
	assert_non_null(r);
	for (i = 0; i < 4; i++) {
		assert_true(says(r, 1, -1, "stop"));
		assert_true(says(r, 2, 1, "go"));
		assert_true(says(r, 2, 1, "go"));
	}
	dl_jqrun_free(r);
}

/* What is made of a record, and after how much of it to stop. */
struct wanted {
	int i, n, most;
};

static int
is_wanted(void *arg, struct dl_span value)
{
	struct wanted *w = arg;
	char want[64];

	if (w->n == 0)
		snprintf(want, sizeof(want), "[%d.0]", w->i);
	else
		snprintf(want, sizeof(want), "[%d.00,0]", w->i);
	assert_true(dl_span_is(value, want));
	return ++w->n == w->most ? -1 : 0;
}

/* One program, many records: nothing of one is left in the next. */
static void
records_are_apart(void **state)
{
	struct dl_expr_set *s = dl_expr_set_new();
	struct dl_event ev = {0};
	struct dl_err err = {0};
	struct dl_buf data = {0};
	struct wanted w;
	int i, k;

	(void)state;
	dl_expr_force_jq(true);
	assert_int_equal(
	    dl_expr_add(s, "[.[0]], (.[1]|.+[0]), error(\"x\")", NULL, &err),
	    0);
	dl_expr_force_jq(false);
	for (i = 0; i < 300; i++) {
		dl_buf_clear(&data);
		dl_buf_printf(&data, "[%d.0,[%d.00]", i, i);
		for (k = 0; k < i; k++)
			dl_buf_adds(&data, ",[{}]");
		dl_buf_addc(&data, ']');
		ev.data = ev.line = dl_buf_as_span(&data);
		assert_int_equal(dl_expr_run(s, &ev, &err), 0);
		w = (struct wanted){i, 0, i % 3 == 0 ? 1 : 9};
		assert_int_equal(dl_expr_each(s, 0, is_wanted, &w, &err), -1);
		assert_int_equal(w.n, i % 3 == 0 ? 1 : 2);
		/* Left in the middle, or at its error. */
		assert_string_equal(err.msg, i % 3 == 0 ? "" : "x");
		dl_err_clear(&err);
	}
	dl_expr_set_free(s);
	dl_buf_release(&data);
}

static void
depth_is_bounded(void **state)
{
	(void)state;
	assert_int_equal(
	    strlen(answer("reduce range(511) as $i (1; [.])", "1", NULL)),
	    1023);
	assert_non_null(
	    strstr(answer("reduce range(600) as $i (1; [.])", "1", NULL),
		"error: the program's result is nested deeper than 512"));
	assert_non_null(
	    strstr(answer("reduce range(600) as $i (1; {a:.})", "1", NULL),
		"error: the program's result is nested deeper than 512"));
}

static int
make_dir(void **state)
{
	char template[] = "/tmp/dl-jqrun.XXXXXX";

	(void)state;
	return realpath(mkdtemp(template), dir) == NULL ? -1 : 0;
}

static int
remove_dir(void **state)
{
	static const char *const names[] = {"/.jq", "/m.jq", "/d.json",
	    "/sub/n.jq", "/sub/o.jq", "/bad.jq", "/loop.jq", "/link.jq", "/sub",
	    ""};
	char path[PATH_MAX + 16];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(names); i++) {
		snprintf(path, sizeof(path), "%s%s", dir, names[i]);
		if (remove(path) < 0)
			return -1;
	}
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_no_program_touched_keeps_its_bytes),
	    cmocka_unit_test(what_a_program_made_is_printed_as_by_jq),
	    cmocka_unit_test(errors_have_jqs_text),
	    cmocka_unit_test(the_event_is_bound_where_it_is_used),
	    cmocka_unit_test(arguments_are_bound),
	    cmocka_unit_test(the_environment_is_hidden),
	    cmocka_unit_test(modules_come_from_the_programs_folder),
	    cmocka_unit_test(a_runaway_program_is_ended),
	    cmocka_unit_test(endless_outputs_are_ended),
	    cmocka_unit_test(a_failure_of_libjq_is_the_records),
	    cmocka_unit_test(the_message_of_a_halt_is_freed_once),
	    cmocka_unit_test(records_are_apart),
	    cmocka_unit_test(depth_is_bounded),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
