/*
 * jq's functions of values: libjq's answer, or its message, for every function
 * and every kind of value, and what libjq can't do: large integers.
 */
#include "expr_fn.h"

#include "jqrun.h"
#include "jqval.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* libjq 1.6 loses memory where some functions fail. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libjq";
}

static struct dl_arena arena;
static struct dl_buf out;

/* What is given to every function, as '.' and as each argument. */
static const char *const values[] = {
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "2",
    "-1",
    "1.0",
    "2.50",
    "-2.5",
    "0.5",
    "3",
    "7",
    "1e2",
    "1e10",
    "-1e10",
    "1e17",
    "1e300",
    "1e1000",
    "4294967296",
    "1517966773.84",
    "-1.25",
    "1425599507",
    "-62135596800",
    "253402300800",
    "253402300799.9",
    "-62135596801",
    "-1",
    "-2",
    "59.99999",
    "\"\"",
    "\"a\"",
    "\"ab\"",
    "\"b\"",
    "\"key\"",
    "\"aXbX\"",
    "\"X\"",
    "\"aaaa\"",
    "\"aa\"",
    "\"AbC\\u00c9z{[\"",
    "\"\\u00e9\\ud83d\\ude00x\"",
    "\"\xc3\xa9\xf0\x9f\x98\x80x\"",
    "\"\\ud83d\\ude00\"",
    "\"a\\u0000b\"",
    "\"\\u0000\"",
    "\"<&'\\\">\\t\\r\\n\\\\ %~!*()-_.\"",
    "\"1234567890123\"",
    "\"12345678901234567890\"",
    "\"aaaaaaaaaa\xc3\xa9\xc3\xa9\"",
    "\"aaaaaaaaa\xc3\xa9\xc3\xa9\xc3\xa9\"",
    "\"aaaaaaaa\xf0\x9f\x98\x80\xf0\x9f\x98\x80\"",
    "\"aaaaaaaaa\xf0\x9f\x98\x80\xf0\x9f\x98\x80\"",
    "\" 12 \"",
    "\"0x10\"",
    "\"nan\"",
    "\"-nan\"",
    "\"01\"",
    "\".5\"",
    "\"1.\"",
    "\"+1\"",
    "\"1e1000\"",
    "\"-\"",
    "\"1 2\"",
    "\"1e\"",
    "\"infinity\"",
    "\"1\\u0000\"",
    "\"[1,{\\\"a\\\":1.0}]\"",
    "\"{\"",
    "\"{\\\"a\\\":1,\\\"a\\\":2}\"",
    "\"tru\"",
    "\"true\"",
    "\"[1,]\"",
    "\"\\\"x\\\"\"",
    "\"\\ufeff1\"",
    "\"0.1000\"",
    "\"1e-7\"",
    "\"YWJjZA==\"",
    "\"YWJjZA\"",
    "\"YWJjZ\"",
    "\"/w==\"",
    "\"gAAA\"",
    "\"4oKs4oI=\"",
    "\"a b\"",
    "\"csv\"",
    "\"sh\"",
    "\"text\"",
    "\"2015-03-05T23:51:47Z\"",
    "\"2015-02-31T00:00:61Z\"",
    "\"2015-3-5T3:1:7Z\"",
    "\" 2015-03-05T23:51:47Z \"",
    "\"2015-03-05T23:51:47Zx\"",
    "\"2015-03-05T24:51:47Z\"",
    "\"0000-01-01T00:00:00Z\"",
    "\"1969-12-31T23:59:59Z\"",
    "\"1969-12-31T23:59:58Z\"",
    "\"2016-02-29T12:00:00Z\"",
    "\"1900-02-29T12:00:00Z\"",
    "\"9999-12-31T23:59:59Z\"",
    "\"2015-13-05T23:51:47Z\"",
    "\"%Y-%j %a %A %b %s %Z %e\"",
    "\"%\"",
    "[]",
    "[1]",
    "[0]",
    "[null]",
    "[[]]",
    "[1,2]",
    "[3,1,2]",
    "[1.0,2.50]",
    "[2]",
    "[1,2,1,2]",
    "[\"a\"]",
    "[\"a\",\"b\",null,1,true]",
    "[null,null]",
    "[\"a\",[1]]",
    "[\"a\",{}]",
    "[[1,2],[3],null]",
    "[[1,[2,[3,{\"a\":[4]}]]],5]",
    "[\"x y\",\"it's\",\"q\\\"\\t\"]",
    "[{\"a\":1},{\"b\":2},{\"a\":3}]",
    "[[1],[2,3]]",
    "[[1],2]",
    "[null,1,2.5]",
    "[\"a\",1]",
    "[true,false,null,0,\"a\",[],{}]",
    "[65,233,128512,65.9,-1,55296,1114112]",
    "[65,\"a\"]",
    "[\"foo\",\"bar\"]",
    "[\"fo\"]",
    "[[\"a\"],\"a\"]",
    "[\"a\",\"a\"]",
    "[2015,2,5,23,51,47,4,63]",
    "[2015,2,5,23,51,47.9,4,63,9]",
    "[2015,2,5]",
    "[2015,14,50,23,51,47,9,63]",
    "[1e12,2,5,23,51,47,4,63]",
    "[-5,0,1,-4,-1,100,0,0]",
    "[1969,11,31,23,59,59,3,364]",
    "[2015,0,1,0,0,0,0,null]",
    "[{\"key\":\"a\",\"value\":1.0},{\"Name\":\"\\u0062\",\"Value\":[1]}]",
    "[{\"name\":\"a\",\"value\":false},{\"Key\":\"a\"}]",
    "[{\"key\":null}]",
    "[{\"key\":false,\"name\":7}]",
    "[{\"k\":\"a\"}]",
    "[ { \"b\" : 1 } , [ 2 ] ]",
    "{}",
    "{\"a\":1}",
    "{\"a\":1.0,\"b\":2}",
    "{\"b\":{\"c\":1,\"d\":2},\"a\":1}",
    "{\"b\":{\"c\":{\"e\":5}},\"x\":[]}",
    "{\"\\u0062\":{\"d\":3},\"a\":null}",
    "{\"a\":[1,2]}",
    "{\"a\":{}}",
    "{\"a\":\"xyz\",\"b\":null}",
    "{\"start\":0,\"end\":1}",
    "{\"start\":1,\"end\":null}",
    "{\"start\":-1}",
    "{\"start\":\"a\",\"end\":1}",
    "{ \"z\" : 1 , \"y\" : [ 1.50 ] }",
    ("{\"b\":2,\"a\":1,\"\\u00e9\":3,\"A\":4,\"\":5,\"aa\":6,\"c\":7,\"d\":8,"
     "\"e\":9,\"f\":10,\"\\u0061a\\u0061\":11}"),
    "{\"k\xc3\xa9\":[1,2,3,4,5]}",
};

/* Numbers that are in no text. */
static const char *const odd_values[] = {"nan", "infinite", "(infinite|-.)"};

struct call {
	const char *name; /* a function's */
	int nargs;
	const char *jq; /* what libjq runs, or NULL: the same */
	dl_fn *fn;      /* or NULL: the function of that name */
};

static const struct call calls[] = {
    {"+", 2, "$x + $y", dl_fn_add},
    {"-", 2, "$x - $y", dl_fn_sub},
    {"*", 2, "$x * $y", dl_fn_mul},
    {"/", 2, "$x / $y", dl_fn_div},
    {"%", 2, "$x % $y", dl_fn_mod},
    {"neg", 1, "$x | -.", dl_fn_neg},
    {"[]", 2, "$x[$y]", dl_fn_index},
    {"[:]", 2, "$x[$y:]", dl_fn_slice},
    {"[::]", 3, "$x[$y:$z]", dl_fn_slice},
    {"type", 0, NULL, NULL},
    {"not", 0, NULL, NULL},
    {"tostring", 0, NULL, NULL},
    {"tojson", 0, NULL, NULL},
    {"fromjson", 0, NULL, NULL},
    {"tonumber", 0, NULL, NULL},
    {"startswith", 1, NULL, NULL},
    {"endswith", 1, NULL, NULL},
    {"ltrimstr", 1, NULL, NULL},
    {"rtrimstr", 1, NULL, NULL},
    {"ascii_downcase", 0, NULL, NULL},
    {"ascii_upcase", 0, NULL, NULL},
    {"utf8bytelength", 0, NULL, NULL},
    {"explode", 0, NULL, NULL},
    {"implode", 0, NULL, NULL},
    {"split", 1, NULL, NULL},
    {"join", 1, NULL, NULL},
    {"length", 0, NULL, NULL},
    {"add", 0, NULL, NULL},
    {"any", 0, NULL, NULL},
    {"all", 0, NULL, NULL},
    {"flatten", 0, NULL, NULL},
    {"flatten", 1, NULL, NULL},
    {"reverse", 0, NULL, NULL},
    {"transpose", 0, NULL, NULL},
    {"indices", 1, NULL, NULL},
    {"index", 1, NULL, NULL},
    {"rindex", 1, NULL, NULL},
    {"contains", 1, NULL, NULL},
    {"has", 1, NULL, NULL},
    {"getpath", 1, NULL, NULL},
    {"keys", 0, NULL, NULL},
    {"keys_unsorted", 0, NULL, NULL},
    {"to_entries", 0, NULL, NULL},
    {"from_entries", 0, NULL, NULL},
    {"sort", 0, NULL, NULL},
    {"unique", 0, NULL, NULL},
    {"min", 0, NULL, NULL},
    {"max", 0, NULL, NULL},
    {"_sort_by_impl", 1, NULL, NULL},
    {"_group_by_impl", 1, NULL, NULL},
    {"_unique_by_impl", 1, "_group_by_impl($x) | map(.[0])", NULL},
    {"_min_by_impl", 1, NULL, NULL},
    {"_max_by_impl", 1, NULL, NULL},
    {"gmtime", 0, NULL, NULL},
    {"mktime", 0, NULL, NULL},
    {"strftime", 1, NULL, NULL},
    {"todate", 0, NULL, NULL},
    {"todateiso8601", 0, NULL, NULL},
    {"fromdate", 0, NULL, NULL},
    {"fromdateiso8601", 0, NULL, NULL},
    {"format", 1, NULL, NULL},
    {"isinfinite", 0, NULL, NULL},
    {"isfinite", 0, NULL, NULL},
    {"isnan", 0, NULL, NULL},
    {"isnormal", 0, NULL, NULL},
    {"infinite", 0, NULL, NULL},
    {"nan", 0, NULL, NULL},
    {"acos", 0, NULL, NULL},
    {"acosh", 0, NULL, NULL},
    {"asin", 0, NULL, NULL},
    {"asinh", 0, NULL, NULL},
    {"atan", 0, NULL, NULL},
    {"atanh", 0, NULL, NULL},
    {"cbrt", 0, NULL, NULL},
    {"ceil", 0, NULL, NULL},
    {"cos", 0, NULL, NULL},
    {"cosh", 0, NULL, NULL},
    {"erf", 0, NULL, NULL},
    {"erfc", 0, NULL, NULL},
    {"exp", 0, NULL, NULL},
    {"exp10", 0, NULL, NULL},
    {"exp2", 0, NULL, NULL},
    {"expm1", 0, NULL, NULL},
    {"fabs", 0, NULL, NULL},
    {"floor", 0, NULL, NULL},
    {"gamma", 0, NULL, NULL},
    {"j0", 0, NULL, NULL},
    {"j1", 0, NULL, NULL},
    {"lgamma", 0, NULL, NULL},
    {"log", 0, NULL, NULL},
    {"log10", 0, NULL, NULL},
    {"log1p", 0, NULL, NULL},
    {"log2", 0, NULL, NULL},
    {"logb", 0, NULL, NULL},
    {"nearbyint", 0, NULL, NULL},
    {"rint", 0, NULL, NULL},
    {"round", 0, NULL, NULL},
    {"significand", 0, NULL, NULL},
    {"sin", 0, NULL, NULL},
    {"sinh", 0, NULL, NULL},
    {"sqrt", 0, NULL, NULL},
    {"tan", 0, NULL, NULL},
    {"tanh", 0, NULL, NULL},
    {"tgamma", 0, NULL, NULL},
    {"trunc", 0, NULL, NULL},
    {"y0", 0, NULL, NULL},
    {"y1", 0, NULL, NULL},
    {"atan2", 2, NULL, NULL},
    {"copysign", 2, NULL, NULL},
    {"drem", 2, NULL, NULL},
    {"fdim", 2, NULL, NULL},
    {"fmax", 2, NULL, NULL},
    {"fmin", 2, NULL, NULL},
    {"fmod", 2, NULL, NULL},
    {"hypot", 2, NULL, NULL},
    {"nextafter", 2, NULL, NULL},
    {"nexttoward", 2, NULL, NULL},
    {"ldexp", 2, NULL, NULL},
    {"pow", 2, NULL, NULL},
    {"remainder", 2, NULL, NULL},
    {"scalb", 2, NULL, NULL},
    {"fma", 3, NULL, NULL},
    {"@text", 0, NULL, NULL},
    {"@json", 0, NULL, NULL},
    {"@csv", 0, NULL, NULL},
    {"@tsv", 0, NULL, NULL},
    {"@html", 0, NULL, NULL},
    {"@uri", 0, NULL, NULL},
    {"@sh", 0, NULL, NULL},
    {"@base64", 0, NULL, NULL},
    {"@base64d", 0, NULL, NULL},
};

/* One value in both worlds. */
struct both {
	const char *text;
	struct dl_value ours;
	jv jqs; /* knows its bytes where it has them */
};
static struct both all[COUNT(values) + COUNT(odd_values)];
static struct dl_jqval world;

static jv
run_one(struct dl_jqrun *r, jv input, struct dl_err *err)
{
	jv x, rest;

	dl_jqrun_start(r, input, jv_null(), DL_SPAN("test"));
	if (dl_jqrun_next(r, &x, err) <= 0)
		return jv_invalid();
	while (dl_jqrun_next(r, &rest, &(struct dl_err){0}) > 0)
		jv_free(rest);
	return x;
}

static struct dl_jqrun *
compile(const char *program)
{
	struct dl_expr_options none = {0};
	struct dl_err err = {0};
	struct dl_jqrun *r = dl_jqrun_new(program, &none, &err);

	if (r == NULL)
		fail_msg("%s: %s", program, err.msg);
	return r;
}

static int
build_values(void **state)
{
	struct dl_err err = {0};
	struct dl_jqrun *r;
	struct both *b;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(values); i++) {
		struct dl_span text = dl_span_str(values[i]);

		b = &all[i];
		b->text = values[i];
		if (dl_value_json(text, &b->ours, &err) < 0 ||
		    dl_jqval_build(&world, text, &b->jqs, &err) < 0)
			fail_msg("%s: %s", values[i], err.msg);
	}
	for (; i < COUNT(all); i++) {
		b = &all[i];
		b->text = odd_values[i - COUNT(values)];
		r = compile(b->text);
		b->jqs = run_one(r, jv_null(), &err);
		b->ours = dl_value_number(jv_number_value(b->jqs));
		dl_jqrun_free(r);
	}
	return 0;
}

static int
free_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(all); i++)
		jv_free(all[i].jqs);
	dl_jqval_release(&world);
	dl_arena_release(&arena);
	dl_buf_release(&out);
	return 0;
}

static dl_fn *
fn_of(const struct call *c)
{
	const struct dl_fn_entry *e;

	if (c->fn != NULL)
		return c->fn;
	if (c->name[0] == '@')
		return dl_fn_format(dl_span_str(c->name));
	e = dl_fn_find(dl_span_str(c->name), c->nargs);
	return e == NULL ? NULL : e->fn;
}

static struct dl_jqrun *
jq_of(const struct call *c)
{
	static const char *const args[] = {
	    "", "($x)", "($x; $y)", "($x; $y; $z)"};
	char program[160];

	snprintf(program, sizeof(program),
	    ". as [$dot, $x, $y, $z] | $dot | %s%s",
	    c->jq != NULL ? c->jq : c->name,
	    c->jq != NULL ? "" : args[c->nargs]);
	return compile(program);
}

static bool
is(const struct both *b, const char *text)
{
	return strcmp(b->text, text) == 0;
}

/* What libjq 1.6 does not survive, or never ends, or we have more exactly. */
static bool
beyond_jq(const struct call *c, const struct both *in, const struct both *x,
    const struct both *y)
{
	enum dl_json_kind kind = in->ours.kind;

	if (strstr(c->name, "ind") != NULL && c->nargs == 1)
		return x->ours.kind == DL_JSON_STRING && is(x, "\"\"");
	if (strcmp(c->name, "[:]") == 0 || strcmp(c->name, "[::]") == 0)
		return is(y, "nan");
	if (strcmp(c->name, "%") == 0)
		return is(y, "-1") || is(y, "-1.25");
	if (strcmp(c->name, "*") == 0)
		return x->ours.kind == DL_JSON_STRING ||
		               y->ours.kind == DL_JSON_STRING
		           ? strlen(x->text) > 6 || strlen(y->text) > 6
		           : false;
	if (strcmp(c->name, "strftime") == 0 &&
	    (x->ours.kind != DL_JSON_STRING))
		return kind == DL_JSON_NUMBER;
	if (strcmp(c->name, "strftime") == 0 ||
	    strncmp(c->name, "todate", 6) == 0)
		return is(in, "nan") || is(in, "infinite") ||
		       is(in, "(infinite|-.)") || is(in, "1e17") ||
		       is(in, "1e300") || is(in, "1e1000");
	if (strcmp(c->name, "transpose") == 0 ||
	    strcmp(c->name, "reverse") == 0)
		return is(in, "nan") || is(in, "infinite");
	return false;
}

static void
put_ours(dl_fn *fn, const struct both *in, const struct both **args,
    struct dl_buf *b)
{
	struct dl_value of[3], result;
	struct dl_err err = {0};
	struct dl_fn_env env = {&arena, &out, &err};

	for (int i = 0; i < 3; i++)
		of[i] = args[i]->ours;
	dl_buf_clear(b);
	if (fn(&env, &in->ours, of, &result) > 0) {
		dl_value_put(b, &result);
		assert_int_equal(out.len, 0);
	} else {
		assert_int_equal(err.status, DL_EXIT_DATA);
		dl_buf_adds(b, err.msg);
	}
	dl_buf_clear(&out);
	dl_arena_reset(&arena);
}

static void
put_jqs(struct dl_jqrun *r, const struct both *in, const struct both **args,
    struct dl_buf *b)
{
	struct dl_err err = {0};
	jv x;

	dl_buf_clear(b);
	x = run_one(r,
	    JV_ARRAY(jv_copy(in->jqs), jv_copy(args[0]->jqs),
		jv_copy(args[1]->jqs), jv_copy(args[2]->jqs)),
	    &err);
	if (jv_is_valid(x)) {
		assert_int_equal(dl_jqval_print(&world, x, b, &err), 0);
		return;
	}
	jv_free(x);
	dl_buf_adds(b, err.msg);
}

static int differences;

/* An error only since Debian's 1.6-2.1+deb12u3; libjq gave null before. */
#define REPEATED "Repeat string result too long"

/* Is what libjq printed the double that is nearest to our integer? */
static bool
more_exact(const struct dl_buf *ours, const struct dl_buf *jqs)
{
	struct dl_err err = {0};
	struct dl_buf b = {0};
	struct dl_value v;
	bool is;

	if (dl_value_json(dl_buf_as_span(ours), &v, &err) < 0 ||
	    v.kind != DL_JSON_NUMBER)
		return false;
	dl_value_print_double(&b, dl_value_double(&v));
	is = dl_span_eq(dl_buf_as_span(&b), dl_buf_as_span(jqs));
	dl_buf_release(&b);
	return is;
}

static void
compare(const struct call *c, dl_fn *fn, struct dl_jqrun *r,
    const struct both *in, const struct both **args)
{
	static struct dl_buf ours, jqs;

	if (beyond_jq(c, in, args[0], args[1]))
		return;
	put_ours(fn, in, args, &ours);
	put_jqs(r, in, args, &jqs);
	if (dl_span_eq(dl_buf_as_span(&ours), dl_buf_as_span(&jqs)) ||
	    more_exact(&ours, &jqs) || strcmp(dl_buf_str(&ours), REPEATED) == 0)
		return;
	print_message("%s | %s(%s; %s; %s):\n  ours %s\n  jq's %s\n", in->text,
	    c->name, args[0]->text, args[1]->text, args[2]->text,
	    dl_buf_str(&ours), dl_buf_str(&jqs));
	differences++;
}

/* All values where there is one place for them, all pairs where two. */
static void
compare_all(const struct call *c, dl_fn *fn, struct dl_jqrun *r)
{
	bool op = c->fn != NULL;
	int places = c->nargs + (op ? 0 : 1);

	for (size_t i = 0; i < COUNT(all); i++) {
		const struct both *args[3] = {&all[0], &all[0], &all[0]};

		if (places == 1) {
			args[0] = &all[i];
			compare(c, fn, r, &all[i], args);
			continue;
		}
		for (size_t j = 0; j < COUNT(all); j++) {
			args[op ? 1 : 0] = &all[j];
			args[op ? 0 : 1] = &all[i];
			args[2] = &all[(i * 7 + j * 13) % COUNT(all)];
			if (strcmp(c->name, "[:]") == 0)
				args[2] = &all[0];
			compare(c, fn, r, &all[i], args);
		}
	}
}

static void
functions_as_jq(void **state)
{
	struct dl_jqrun *r;
	dl_fn *fn;

	(void)state;
	for (size_t i = 0; i < COUNT(calls); i++) {
		if ((fn = fn_of(&calls[i])) == NULL)
			fail_msg("there is no %s", calls[i].name);
		r = jq_of(&calls[i]);
		compare_all(&calls[i], fn, r);
		dl_jqrun_free(r);
	}
	assert_int_equal(differences, 0);
}

/* All numbers as both bounds of what is short. */
static void
slices_as_jq(void **state)
{
	static const struct call c = {"[::]", 3, "$x[$y:$z]", dl_fn_slice};
	struct dl_jqrun *r = jq_of(&c);
	const struct both *args[3];
	size_t n = COUNT(all), i, j, k;

	(void)state;
	for (i = 0; i < n; i++) {
		if (all[i].ours.kind < DL_JSON_STRING ||
		    all[i].ours.kind > DL_JSON_ARRAY || strlen(all[i].text) > 9)
			continue;
		args[0] = &all[i];
		for (j = 0; j < n; j++)
			for (k = 0; k < n; k++) {
				if (all[j].ours.kind != DL_JSON_NUMBER ||
				    all[k].ours.kind != DL_JSON_NUMBER)
					continue;
				args[1] = &all[j];
				args[2] = &all[k];
				compare(&c, dl_fn_slice, r, &all[0], args);
			}
	}
	dl_jqrun_free(r);
	assert_int_equal(differences, 0);
}

/* x OP y, or a function of them, as JSON bytes. */
static void
expect_fn(dl_fn *fn, const char *x, const char *y, const char *want)
{
	struct dl_value args[3] = {dl_value_null, dl_value_null, dl_value_null};
	struct dl_err err = {0};
	struct dl_fn_env env = {&arena, &out, &err};
	struct dl_buf b = {0};
	struct dl_value result;

	assert_int_equal(dl_value_json(dl_span_str(x), &args[0], &err), 0);
	if (y != NULL)
		assert_int_equal(
		    dl_value_json(dl_span_str(y), &args[1], &err), 0);
	if (fn(&env, &args[0], args, &result) < 0)
		dl_buf_adds(&b, err.msg);
	else
		dl_value_put(&b, &result);
	assert_string_equal(dl_buf_str(&b), want);
	dl_buf_release(&b);
	dl_buf_clear(&out);
	dl_arena_reset(&arena);
}

static dl_fn *
named(const char *name, int nargs)
{
	const struct dl_fn_entry *e = dl_fn_find(dl_span_str(name), nargs);

	assert_non_null(e);
	return e->fn;
}

static void
integers_are_exact(void **state)
{
	(void)state;
	expect_fn(dl_fn_add, "13911860366432393", "1", "13911860366432394");
	expect_fn(dl_fn_add, "9007199254740991", "2", "9007199254740993");
	expect_fn(dl_fn_add, "9223372036854775806", "1", "9223372036854775807");
	expect_fn(dl_fn_add, "9223372036854775807", "1", "9223372036854776000");
	expect_fn(dl_fn_sub, "13911860366432393", "13911860366432392", "1");
	expect_fn(
	    dl_fn_sub, "-9223372036854775807", "1", "-9223372036854775808");
	expect_fn(dl_fn_mul, "3037000500", "3037000499", "9223372033963249500");
	expect_fn(dl_fn_mul, "13911860366432393", "-1", "-13911860366432393");
	expect_fn(dl_fn_mul, "13911860366432393", "1.0", "13911860366432392");
	expect_fn(dl_fn_mod, "13911860366432393", "10", "3");
	expect_fn(dl_fn_mod, "-9223372036854775808", "-1", "0");
	expect_fn(dl_fn_neg, "13911860366432393", NULL, "-13911860366432393");
	expect_fn(dl_fn_neg, "0", NULL, "-0");
	expect_fn(dl_fn_sub, "[13911860366432393,1]", "[13911860366432392]",
	    "[13911860366432393,1]");
	expect_fn(named("tojson", 0), "[13911860366432393,1.0]", NULL,
	    "\"[13911860366432393,1]\"");
	expect_fn(named("tostring", 0), "13911860366432393", NULL,
	    "\"13911860366432393\"");
	expect_fn(named("tonumber", 0), "\"13911860366432393\"", NULL,
	    "13911860366432393");
	expect_fn(named("add", 0), "[13911860366432393,1,1]", NULL,
	    "13911860366432395");
	expect_fn(
	    named("floor", 0), "13911860366432393", NULL, "13911860366432393");
	expect_fn(
	    named("ceil", 0), "-13911860366432393", NULL, "-13911860366432393");
	expect_fn(named("round", 0), "123456789012345678901234567890", NULL,
	    "123456789012345678901234567890");
	expect_fn(named("trunc", 0), "1e17", NULL, "1e+17");
	expect_fn(
	    named("fabs", 0), "-13911860366432393", NULL, "13911860366432393");
	expect_fn(named("length", 0), "-13911860366432393", NULL,
	    "13911860366432393");
	expect_fn(named("length", 0), "13911860366432393.5", NULL,
	    "13911860366432394");
	expect_fn(named("unique", 0), "[13911860366432393,13911860366432392]",
	    NULL, "[13911860366432392,13911860366432393]");
}

/* What libjq 1.6 breaks down over. */
static void
where_jq_fails(void **state)
{
	(void)state;
	expect_fn(named("todate", 0), "1e18", NULL,
	    "errror converting number of seconds since epoch to datetime");
	expect_fn(dl_fn_mod, "1e30", "-1", "0");
	expect_fn(dl_fn_mul, "\"ab\"", "1e10", "Repeat string result too long");
	expect_fn(
	    dl_fn_mul, "\"ab\"", "1.1e9", "Repeat string result too long");
	expect_fn(dl_fn_mul, "\"a\"", "1e9", DL_ARENA_FULL);
	expect_fn(dl_fn_mul, "\"\"", "2147483647", "\"\"");
	assert_null(dl_fn_find(DL_SPAN("todate"), 1));
	assert_null(dl_fn_find(DL_SPAN("map"), 1));
	assert_null(dl_fn_format(DL_SPAN("@foo")));
	assert_null(dl_fn_format(DL_SPAN("text")));
}

/* "[A,A,…]" of n elements. */
static struct dl_buf
list_of(const char *element, size_t n)
{
	struct dl_buf b = {0};
	const char *p;

	dl_buf_addc(&b, '[');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			dl_buf_addc(&b, ',');
		/* A '%' is where the number goes. */
		for (p = element; *p != '\0'; p++)
			if (*p == '%')
				dl_buf_printf(&b, "%d", (int)(i % 1000));
			else
				dl_buf_addc(&b, *p);
	}
	dl_buf_addc(&b, ']');
	return b;
}

/* A million elements: none of these is quadratic, or it would not end. */
static void
large_lists(void **state)
{
	static const struct {
		const char *name, *element;
	} of[] = {{"add", "\"x%\""}, {"add", "[%]"}, {"add", "{\"x%\":1}"},
	    {"add", "%"}, {"unique", "%"}, {"sort", "\"%\""},
	    {"flatten", "[%]"}, {"implode", "%"}, {"transpose", "[%]"},
	    {"reverse", "%"}, {"to_entries", "%"},
	    {"from_entries", "{\"key\":\"k%\",\"value\":1}"}};
	struct dl_value in, args[1], result, again;
	struct dl_err err = {0};
	struct dl_fn_env env = {&arena, &out, &err};
	struct dl_buf b;

	(void)state;
	for (size_t i = 0; i < COUNT(of); i++) {
		b = list_of(of[i].element, 1000000);
		dl_value_json(dl_buf_as_span(&b), &in, &err);
		if (named(of[i].name, 0)(&env, &in, args, &result) < 0)
			fail_msg("%s: %s", of[i].name, err.msg);
		dl_buf_release(&b);
		dl_arena_reset(&arena);
	}
	b = list_of("\"x%\"", 1000000);
	dl_value_json(dl_buf_as_span(&b), &in, &err);
	args[0] = dl_value_text(DL_SPAN(", "));
	assert_int_equal(named("join", 1)(&env, &in, args, &result), 1);
	assert_int_equal(named("split", 1)(&env, &result, args, &again), 1);
	assert_true(dl_span_eq(again.text, in.text));
	args[0] = in;
	assert_int_equal(
	    named("_group_by_impl", 1)(&env, &in, args, &result), 1);
	dl_buf_release(&b);
	dl_arena_reset(&arena);
}

/* Broken data: an error, or anything, but within the bytes. */
static void
broken_data(void **state)
{
	static const char *const texts[] = {"[1,", "[1 2]", "{\"a\"}",
	    "{\"a\":}", "\"\\ud800\"", "\"\\\"", "[[[", "[\"\xc3]",
	    "\"\xf0\x9f\"", "[tru]", "[1,{]}", "{\"a\":1,\"a\":2}", "[\"\\x\"]",
	    "{\"\\u00\":1}"};
	struct dl_value v, args[3], result;
	struct dl_buf b = {0};
	dl_fn *fn;

	(void)state;
	for (size_t i = 0; i < COUNT(calls) * COUNT(texts); i++) {
		struct dl_err err = {0};
		struct dl_fn_env env = {&arena, &out, &err};
		const char *t = texts[i % COUNT(texts)];
		const char *end = t[0] == '[' ? "]" : t[0] == '{' ? "}" : "\"";

		dl_buf_clear(&b);
		dl_buf_adds(&b, t);
		dl_buf_adds(&b, end);
		assert_int_equal(
		    dl_value_json(dl_buf_as_span(&b), &v, &err), 0);
		args[0] = args[1] = args[2] = v;
		fn = fn_of(&calls[i / COUNT(texts)]);
		if (fn(&env, &v, args, &result) < 0)
			assert_int_equal(err.status, DL_EXIT_DATA);
		dl_buf_clear(&out);
		dl_arena_reset(&arena);
	}
	dl_buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(functions_as_jq),
	    cmocka_unit_test(slices_as_jq),
	    cmocka_unit_test(integers_are_exact),
	    cmocka_unit_test(where_jq_fails),
	    cmocka_unit_test(large_lists),
	    cmocka_unit_test(broken_data),
	};

	return cmocka_run_group_tests(tests, build_values, free_values);
}
