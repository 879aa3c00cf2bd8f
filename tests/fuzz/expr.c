/*
 * Programs and the data they meet: "PROGRAM\nDATA".
 *
 * Any program is parsed, and run if the scanner takes it, on any data.  A few
 * fixed programs are run by both engines, which must agree wherever the data is
 * valid, and what goes through libjq untouched must come out byte for byte.
 */
#include "expr.h"

#include "expr_eval.h"
#include "json.h"
#include "paths.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
const char *__lsan_default_suppressions(void);

/* libjq 1.6 loses some of what it fails to compile. */
const char *
__lsan_default_suppressions(void)
{
	return "leak:libjq";
}

static const char *const fixed[] = {".", ".a", ".a.b?", ".[0]", ".[-1].a",
    ".a[1]?", ".\"\\u00e9\"", ".a == 1.5", "select(.a < \"b\") | .b",
    ".a and .b | not", "[.[]?]", ".a?, .b?", "{a: .a?, \"b c\": .}", ".a? // 1",
    "[.[]? | tostring]", "\"x\\(.)\"", "try error catch .",
    "if .a? then 1 else .b? end", ".a = 1", ".a[0]? |= [.]", ".[]? |= type",
    "del(.a, .b)", "(.a | select(. == 1)) = 2", "[.[]? == .]", "length?",
    "map(.a?)", "to_entries?", "[limit(2; .[]?)]", "sort_by(.a?)"};
#define NFIXED (sizeof(fixed) / sizeof(fixed[0]))

static struct dl_expr_set *
set_of(bool jq)
{
	struct dl_expr_set *s = dl_expr_set_new();
	struct dl_err err = {0};
	size_t i;

	dl_expr_force_jq(jq);
	for (i = 0; i < NFIXED; i++)
		if (dl_expr_add(s, fixed[i], NULL, &err) < 0)
			abort();
	if (dl_expr_set_uses_jq(s) != jq)
		abort();
	return s;
}

static int
put(void *arg, struct dl_span value)
{
	dl_buf_span(arg, value);
	return 0;
}

/* All that expression n gives, with its error. */
static void
gather(struct dl_expr_set *s, int n, struct dl_buf *b)
{
	struct dl_err err = {0};

	dl_buf_clear(b);
	if (dl_expr_each(s, n, put, b, &err) < 0)
		dl_buf_adds(b, err.msg);
}

/*
 * An integer beyond 2^53, and a number that text alone can hold: there the
 * scanner is right, and libjq is not.
 */
static bool
has_long_number(struct dl_span text)
{
	size_t i, digits = 0;

	for (i = 0; i < text.len; i++) {
		bool digit = text.p[i] >= '0' && text.p[i] <= '9';

		digits = digit ? digits + 1 : 0;
		if (digits >= 16)
			return true;
	}
	return false;
}

static void
both_engines(const struct dl_event *ev)
{
	static struct dl_expr_set *plain, *jq;
	static struct dl_buf a, b;
	struct dl_err err = {0};
	bool valid = dl_json_check(ev->data, &(struct dl_err){0}) == 0 &&
	             !has_long_number(ev->data);
	size_t i;

	if (plain == NULL) {
		plain = set_of(false);
		jq = set_of(true);
	}
	if (dl_expr_run(plain, ev, &err) < 0) {
		if (valid)
			abort();
		return;
	}
	if (dl_expr_run(jq, ev, &err) < 0)
		abort();
	for (i = 0; i < NFIXED; i++) {
		gather(plain, (int)i, &a);
		gather(jq, (int)i, &b);
		if (valid &&
		    !dl_span_eq(dl_buf_as_span(&a), dl_buf_as_span(&b)))
			abort();
	}
}

static int
ignore(void *arg, struct dl_span value)
{
	size_t *most = arg;

	/* What comes out is read, so that it must be there. */
	*most += value.len > 0 && value.p[value.len - 1] == '\0';
	return 0;
}

/* Compile and run program; data stands alone in its allocation. */
static void
any_program(const char *program, const struct dl_event *ev)
{
	const struct dl_expr_options options = {.max_time_ms = 100};
	struct dl_paths *t = dl_paths_new();
	char why[DL_CODE_WHY];
	struct dl_code *code = dl_code_new(program, &options, t, why);
	struct dl_arena arena = {0};
	struct dl_eval *e;
	struct dl_err err = {0};
	struct dl_buf names = {0};
	size_t most = 0;

	if (code != NULL) {
		e = dl_eval_new(code, t, &arena, options.max_time_ms);
		if (dl_paths_run(t, ev->data, ev->line, &err) == 0)
			dl_eval_run(e, ev->data, ev->line, ignore, &most, &err);
		dl_eval_free(e);
	}
	dl_expr_names(program, &names);
	dl_buf_release(&names);
	dl_code_free(code);
	dl_arena_release(&arena);
	dl_paths_free(t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const uint8_t *nl = size == 0 ? NULL : memchr(bytes, '\n', size);
	size_t n = nl == NULL ? size : (size_t)(nl - bytes);
	size_t len = nl == NULL ? 0 : size - n - 1;
	char *program = dl_strndup(dl_span((const char *)bytes, n));
	struct dl_event ev = {0};
	struct dl_span data;
	char *alone = dl_alloc(len + (len == 0));

	if (len > 0)
		memcpy(alone, nl + 1, len);
	/* As an event's data does, it begins and ends with its value. */
	if (dl_json_value(dl_span(alone, len), &data) == 0) {
		ev.data = ev.line = data;
		any_program(program, &ev);
		both_engines(&ev);
	}
	ev.data = ev.line = dl_span(alone, len);
	any_program(program, &ev);
	free(alone);
	free(program);
	return 0;
}
