/*
 * Values of expressions: what libjq says of the same text, and what it can't
 * say: broken text, limits.
 */
#include "expr_help.h"

static void
prints_as_jq(void **state)
{
	struct dl_buf text = {0}, b = {0};
	struct dl_err err = {0};
	struct dl_value v;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		dl_buf_clear(&text);
		dl_buf_clear(&b);
		random_value(&text, (int)below(4));
		v = value_of(&text);
		if (dl_value_print(&arena, &b, &v, &err) < 0)
			fail_msg("%s: %s", dl_buf_str(&text), err.msg);
		same_text(&b, jv_dump_string(jv_parse(dl_buf_str(&text)), 0),
		    dl_buf_str(&text));
		dl_arena_reset(&arena);
	}
	dl_buf_release(&text);
	dl_buf_release(&b);
}

/* Every byte of a text, decoded, is printed as jq prints it. */
static void
texts_as_jq(void **state)
{
	struct dl_buf b = {0};
	struct dl_value v;
	char text[3] = "xxx";

	(void)state;
	for (int c = 0; c < 0x80; c++) {
		text[1] = (char)c;
		v = dl_value_text(dl_span(text, sizeof(text)));
		dl_buf_clear(&b);
		dl_value_put(&b, &v);
		same_text(&b, jv_dump_string(jv_string_sized(text, 3), 0), "");
	}
	dl_buf_release(&b);
}

static void
compares_as_jq(void **state)
{
	struct dl_buf tx = {0}, ty = {0};
	int equal = 0, i, want, got;
	struct dl_value x, y;

	(void)state;
	for (i = 0; i < 100000; i++) {
		int depth = (int)below(5);

		dl_buf_clear(&tx);
		dl_buf_clear(&ty);
		random_value(&tx, depth);
		random_value(&ty, depth);
		x = value_of(&tx);
		y = value_of(&ty);
		want = jv_cmp(
		    jv_parse(dl_buf_str(&tx)), jv_parse(dl_buf_str(&ty)));
		want = (want > 0) - (want < 0);
		got = cmp(&x, &y);
		if (got != want || cmp(&y, &x) != -want)
			fail_msg("%s and %s: %d", dl_buf_str(&tx),
			    dl_buf_str(&ty), got);
		equal += want == 0;
		assert_int_equal(arena.used, 0);
	}
	/* Otherwise the half that says "equal" was not tested. */
	assert_true(equal > i / 20);
	dl_buf_release(&tx);
	dl_buf_release(&ty);
}

/* Scalars in their other forms: texts and doubles. */
static void
forms_compare_as_jq(void **state)
{
	static const double doubles[] = {
	    0, -0.0, 1, 0.5, -1, 1e17, INFINITY, -INFINITY, NAN, 0.1, 3};
	struct dl_buf b = {0};
	struct dl_value x, y;
	struct dl_err err = {0};
	struct dl_span text;
	int want;

	(void)state;
	for (size_t i = 0; i < COUNT(doubles); i++) {
		for (size_t k = 0; k < COUNT(doubles); k++) {
			x = dl_value_number(doubles[i]);
			y = dl_value_number(doubles[k]);
			want = jv_cmp(
			    jv_number(doubles[i]), jv_number(doubles[k]));
			want = (want > 0) - (want < 0);
			assert_int_equal(cmp(&x, &y), want);
		}
	}
	for (int i = 0; i < 2000; i++) {
		dl_buf_clear(&b);
		random_string(&b);
		x = value_of(&b);
		assert_int_equal(dl_value_string(&arena, &x, &text, &err), 0);
		y = dl_value_text(text);
		assert_int_equal(cmp(&x, &y), 0);
		assert_int_equal(cmp(&y, &x), 0);
		assert_int_equal(cmp(&y, &y), 0);
		dl_arena_reset(&arena);
	}
	dl_buf_release(&b);
}

static void
check_sorted(struct dl_buf *text)
{
	struct dl_value v = value_of(text), *elements, *names;
	jv array = jv_parse(dl_buf_str(text)), sorted;
	static struct dl_buf b;
	struct dl_err err = {0};
	uint32_t *order;
	size_t n;

	assert_int_equal(
	    dl_value_all(&arena, &v, &names, &elements, &n, &err), 0);
	assert_null(names);
	order = dl_arena_alloc(&arena, n * sizeof(*order));
	/* Numbered, so that an unstable sort shows. */
	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	if (dl_value_sort(&arena, elements, order, n, &err) < 0)
		fail_msg("%s", err.msg);
	dl_buf_clear(&b);
	sorted = jv_array();
	for (size_t i = 0; i < n; i++)
		sorted = jv_array_append(sorted, jv_number((double)i));
	sorted = jv_sort(sorted, array);
	dl_buf_adds(&b, "[");
	for (size_t i = 0; i < n; i++)
		dl_buf_printf(&b, "%s%u", i == 0 ? "" : ",", order[i]);
	dl_buf_adds(&b, "]");
	same_text(&b, jv_dump_string(sorted, 0), dl_buf_str(text));
	dl_arena_reset(&arena);
}

static void
sorts_as_jq(void **state)
{
	struct dl_buf text = {0};

	(void)state;
	for (int i = 0; i < 1500; i++) {
		unsigned form = below(5);

		dl_buf_clear(&text);
		dl_buf_adds(&text, "[");
		for (unsigned n = below(60), k = 0; k < n; k++) {
			dl_buf_adds(&text, k == 0 ? "" : ",");
			dl_buf_adds(&text, form == 1 || form == 2 ? "[" : "");
			if (form == 0 || form == 2)
				random_number(&text);
			else if (form == 3)
				random_string(&text);
			else
				random_value(&text, 3);
			dl_buf_adds(&text, form == 1 || form == 2 ? "]" : "");
		}
		dl_buf_adds(&text, "]");
		check_sorted(&text);
	}
	dl_buf_release(&text);
}

/* The value and jq's must be the same. */
static void
same_value(const struct dl_value *v, jv want)
{
	struct dl_buf b = {0};
	struct dl_err err = {0};

	if (dl_value_print(&arena, &b, v, &err) < 0)
		fail_msg("%s", err.msg);
	same_text(&b, jv_dump_string(want, 0), "a value");
	dl_buf_release(&b);
}

static void
check_array(const struct dl_value *v, jv array)
{
	struct dl_value element, unused;
	int n = jv_array_length(jv_copy(array)), r, i = 0;
	struct dl_err err = {0};
	struct dl_value_iter it;

	dl_value_enter(&it, v);
	while ((r = dl_value_next(&it, &unused, &element, &err)) > 0)
		same_value(&element, jv_array_get(jv_copy(array), i++));
	assert_int_equal(r, 0);
	assert_int_equal(i, n);
	for (i = -n - 1; i <= n; i++) {
		r = dl_value_element(v, i, &element, &err);
		assert_int_equal(r, i >= -n && i < n);
		same_value(&element,
		    r == 0 ? jv_null()
			   : jv_array_get(jv_copy(array), i < 0 ? i + n : i));
	}
}

static void
check_object(const struct dl_value *v, jv object)
{
	struct dl_value name, member, *names, *members;
	struct dl_err err = {0};
	struct dl_value_iter it;
	struct dl_span text;
	size_t i = 0, n;
	int at = jv_object_iter(object);

	assert_int_equal(
	    dl_value_all(&arena, v, &names, &members, &n, &err), 0);
	dl_value_enter(&it, v);
	for (; jv_object_iter_valid(object, at);
	     at = jv_object_iter_next(object, at)) {
		assert_int_equal(dl_value_next(&it, &name, &member, &err), 1);
		assert_true(i < n);
		assert_true(dl_span_eq(name.text, names[i].text));
		assert_true(dl_span_eq(member.text, members[i++].text));
		same_value(&name, jv_object_iter_key(object, at));
		same_value(&member, jv_object_iter_value(object, at));
		dl_value_string(&arena, &name, &text, &err);
		assert_int_equal(
		    dl_value_member(&arena, v, text, &member, &err), 1);
		same_value(&member, jv_object_iter_value(object, at));
	}
	assert_int_equal(i, n);
	assert_int_equal(dl_value_next(&it, &name, &member, &err), 0);
	assert_int_equal(
	    dl_value_member(&arena, v, DL_SPAN("abc"), &member, &err), 0);
	assert_int_equal(member.kind, DL_JSON_NULL);
}

static void
parts_as_jq(void **state)
{
	struct dl_buf text = {0};
	struct dl_err err = {0};
	struct dl_value v;
	int64_t n;
	jv x;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		dl_buf_clear(&text);
		random_value(&text, 0);
		v = value_of(&text);
		x = jv_parse(dl_buf_str(&text));
		assert_string_equal(
		    dl_value_type(&v), jv_kind_name(jv_get_kind(x)));
		assert_int_equal(dl_value_is_true(&v),
		    v.kind != DL_JSON_FALSE && v.kind != DL_JSON_NULL);
		if (v.kind >= DL_JSON_STRING)
			assert_int_equal(
			    dl_value_length(&arena, &v, &n, &err), 0);
		if (v.kind == DL_JSON_ARRAY) {
			assert_int_equal(n, jv_array_length(jv_copy(x)));
			check_array(&v, x);
		} else if (v.kind == DL_JSON_OBJECT) {
			assert_int_equal(n, jv_object_length(jv_copy(x)));
			check_object(&v, x);
		} else if (v.kind == DL_JSON_STRING) {
			assert_int_equal(
			    n, jv_string_length_codepoints(jv_copy(x)));
		} else if (v.kind == DL_JSON_NUMBER) {
			assert_true(dl_value_double(&v) == jv_number_value(x));
		}
		jv_free(x);
		dl_arena_reset(&arena);
	}
	dl_buf_release(&text);
}

static void
no_value(void **state)
{
	static const char *const bad[] = {"", " ", "x", "nul", "nulll", "tru",
	    "falsy", "truee", "-", "01", "-01", "1.", ".5", "1e", "1e+", "1x",
	    "1 ", "+1", "-nan", "-inf", "0x10", "1.5.5", "1e5.5", "\"", "\"a",
	    "[", "[1", "{", "{]", "[}"};
	struct dl_err err;
	struct dl_value v;
	char *alone;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		size_t len = strlen(bad[i]);

		err = (struct dl_err){0};
		alone = dl_alloc(len);
		memcpy(alone, bad[i], len);
		if (dl_value_json(dl_span(alone, len), &v, &err) == 0)
			fail_msg("'%s' was taken", bad[i]);
		assert_int_equal(err.status, DL_EXIT_DATA);
		free(alone);
	}
}

/* What has right ends, and is broken inside: found when it is used. */
static void
broken_inside(void **state)
{
	static const char *const bad[] = {"[1,]", "[1 2]", "[x]", "[1x]", "[,]",
	    "[[]]]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{\"a\" 1}",
	    "{\"a\":1 \"b\":2}", "{\"a\":\"}", "{\"\\x\":1}", "{\"\\ud800\":1}",
	    "{\"\\u00\":1,\"b\":2}", "[\"\\\"]", "\"\\\"", "\"\\x\"",
	    "\"\\ud800\"", "\"\\ud800\\u0041\"", "[\"\\udc00\"]", "[01]",
	    "[nul]"};
	struct dl_buf b = {0};
	struct dl_value v;
	struct dl_err err;
	int64_t n;
	int r;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		err = (struct dl_err){0};
		v = value(bad[i]);
		if (dl_value_print(&arena, &b, &v, &err) == 0)
			fail_msg("%s was printed", bad[i]);
		assert_int_equal(err.status, DL_EXIT_DATA);
		if (v.kind == DL_JSON_OBJECT)
			assert_int_equal(
			    dl_value_length(&arena, &v, &n, &err), -1);
		if (strcmp(bad[i], "[[]]]") == 0)
			continue;
		err = (struct dl_err){0};
		if (dl_value_cmp(&arena, &v, &v, &r, &err) == 0)
			fail_msg("%s was compared", bad[i]);
		assert_int_equal(err.status, DL_EXIT_DATA);
	}
	dl_buf_release(&b);
	dl_arena_reset(&arena);
}

static void
names_twice(void **state)
{
	struct dl_value v = value("{\"a\":1,\"b\":2,\"\\u0061\":3}"), name, out;
	struct dl_err err = {0};
	struct dl_value_iter it;
	struct dl_buf b = {0};
	int64_t n;
	int r;

	(void)state;
	dl_value_enter(&it, &v);
	assert_int_equal(dl_value_next(&it, &name, &out, &err), -1);
	assert_string_equal(
	    err.msg, "the name \"\\u0061\" is in an object twice");
	assert_int_equal(dl_value_length(&arena, &v, &n, &err), -1);
	assert_int_equal(dl_value_print(&arena, &b, &v, &err), -1);
	assert_int_equal(dl_value_cmp(&arena, &v, &v, &r, &err), -1);
	assert_int_equal(
	    dl_value_member(&arena, &v, DL_SPAN("a"), &out, &err), 1);
	assert_true(dl_value_double(&out) == 3);
	dl_buf_release(&b);
	dl_arena_reset(&arena);
}

/* n opening brackets and as many closing ones. */
static char *
nest(const char *open, const char *close, int n)
{
	struct dl_buf b = {0};
	int i;

	for (i = 0; i < n; i++)
		dl_buf_adds(&b, open);
	dl_buf_adds(&b, "1");
	for (i = 0; i < n; i++)
		dl_buf_adds(&b, close);
	dl_buf_str(&b);
	return b.p;
}

static void
depth_is_bounded(void **state)
{
	static const char *const around[][2] = {{"[", "]"}, {"{\"a\":", "}"}};

	(void)state;
	for (size_t i = 0; i < COUNT(around); i++) {
		for (int over = 0; over < 2; over++) {
			char *text = nest(
			    around[i][0], around[i][1], DL_JSON_DEPTH + over);
			struct dl_value v = value(text);
			struct dl_err err = {0};
			struct dl_buf b = {0};
			int r;

			assert_int_equal(
			    dl_value_cmp(&arena, &v, &v, &r, &err), -over);
			assert_int_equal(
			    dl_value_print(&arena, &b, &v, &err), -over);
			free(text);
			dl_buf_release(&b);
			dl_arena_reset(&arena);
		}
	}
}

/* A megabyte of members, and of bytes that must be escaped: no square. */
static void
large_values(void **state)
{
	struct dl_buf text = {0}, out = {0};
	struct dl_err err = {0};
	struct dl_value v;
	int64_t n;

	(void)state;
	for (int i = 0; i < 100000; i++)
		dl_buf_printf(
		    &text, "%c\"%d\":%d", i == 0 ? '{' : ',', i * 7919, i);
	dl_buf_addc(&text, '}');
	v = value_of(&text);
	assert_int_equal(cmp(&v, &v), 0);
	assert_int_equal(dl_value_length(&arena, &v, &n, &err), 0);
	assert_int_equal(n, 100000);
	dl_buf_clear(&text);
	dl_buf_room(&text, 1 << 20);
	memset(text.p, 0x7f, 1 << 20);
	text.len = 1 << 20;
	v = dl_value_text(dl_buf_as_span(&text));
	dl_value_put(&out, &v);
	assert_int_equal(out.len, 6 * (1 << 20) + 2);
	dl_buf_release(&text);
	dl_buf_release(&out);
	dl_arena_reset(&arena);
}

static void
arenas(void **state)
{
	struct dl_arena a = {0};
	struct dl_arena_mark none = dl_arena_mark(&a), mark;
	struct dl_span s = dl_arena_copy(&a, DL_SPAN("kept"));
	char *p, *first = NULL;

	(void)state;
	assert_non_null(dl_arena_copy(&a, DL_SPAN("")).p);
	mark = dl_arena_mark(&a);
	for (int i = 0; i < 3000; i++) {
		p = dl_arena_alloc(&a, (size_t)i);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 8, 0);
		memset(p, i, (size_t)i);
		if (i == 0)
			first = p;
	}
	assert_true(dl_span_is(s, "kept"));
	assert_true(a.used > 3000 * 2999 / 2);
	dl_arena_back(&a, mark);
	assert_ptr_equal(dl_arena_alloc(&a, 0), first);
	assert_null(dl_arena_alloc(&a, DL_ARENA_MAX));
	assert_null(dl_arena_alloc(&a, SIZE_MAX));
	dl_arena_back(&a, none);
	assert_int_equal(a.used, 0);
	assert_ptr_equal(dl_arena_alloc(&a, 4), s.p);
	dl_arena_reset(&a);
	assert_ptr_equal(dl_arena_alloc(&a, 4), s.p);
	/* The next record finds the memory of the last one. */
	dl_arena_release(&a);
	for (int round = 0; round < 3; round++) {
		dl_arena_reset(&a);
		for (int i = 0; i < 10; i++)
			p = dl_arena_alloc(&a, 40000);
		if (round == 0)
			first = p;
		assert_ptr_equal(p, first);
	}
	dl_arena_release(&a);
	assert_non_null(dl_arena_alloc(&a, DL_ARENA_MAX));
	assert_null(dl_arena_alloc(&a, 1));
	dl_arena_reset(&a);
	assert_non_null(dl_arena_alloc(&a, 1));
	dl_arena_release(&a);
}

/* Where the arena ends, sorting and listing say so. */
static void
arena_ends(void **state)
{
	struct dl_value v = value("[3,2,1]"), *elements, *more;
	uint32_t order[3] = {0, 1, 2};
	struct dl_err err = {0};
	size_t n;

	(void)state;
	assert_int_equal(
	    dl_value_all(&arena, &v, NULL, &elements, &n, &err), 0);
	assert_non_null(dl_arena_alloc(&arena, DL_ARENA_MAX - arena.used - 64));
	assert_int_equal(dl_value_sort(&arena, elements, order, n, &err), -1);
	assert_string_equal(err.msg, DL_ARENA_FULL);
	assert_int_equal(dl_value_all(&arena, &v, NULL, &more, &n, &err), -1);
	dl_arena_release(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(prints_as_jq),
	    cmocka_unit_test(texts_as_jq),
	    cmocka_unit_test(compares_as_jq),
	    cmocka_unit_test(forms_compare_as_jq),
	    cmocka_unit_test(sorts_as_jq),
	    cmocka_unit_test(parts_as_jq),
	    cmocka_unit_test(no_value),
	    cmocka_unit_test(broken_inside),
	    cmocka_unit_test(names_twice),
	    cmocka_unit_test(depth_is_bounded),
	    cmocka_unit_test(large_values),
	    cmocka_unit_test(arenas),
	    cmocka_unit_test(arena_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
