/* Every kernel that runs here gives what a plain byte-by-byte reading gives. */
#include "buf.h"
#include "json.h"
#include "json_block.h"
#include "json_step.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define LONGEST 330

/* The same answers, read off byte by byte. */

static const char *
simple_special(const char *p, const char *end)
{
	while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
		p++;
	return p;
}

static const char *
simple_high(const char *p, const char *end)
{
	while (p < end && (unsigned char)*p < 0x80)
		p++;
	return p;
}

static const char *
simple_string(const char *p, const char *end)
{
	for (; p < end; p++) {
		if (*p == '"')
			return p + 1;
		if (*p == '\\')
			p++;
	}
	return NULL;
}

/* A quote that is escaped outside of a string does not open one either. */
static const char *
simple_nested(struct dl_json_nest *n, const char *p, const char *end)
{
	for (; p < end; p++) {
		if (n->escaped) {
			n->escaped = 0;
			if (n->in_string || *p == '"' || *p == '\\')
				continue;
		}
		if (*p == '\\')
			n->escaped = 1;
		else if (*p == '"')
			n->in_string = ~n->in_string;
		else if (n->in_string)
			continue;
		else if (*p == '{' || *p == '[')
			n->depth++;
		else if ((*p == '}' || *p == ']') && --n->depth == 0)
			return p + 1;
	}
	return NULL;
}

static const char *
simple_space(const char *p, const char *end)
{
	bool in = false, escaped = false;

	for (; p < end; p++) {
		if (!in &&
		    (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
			return p;
		if (*p == '"' && !escaped)
			in = !in;
		escaped = *p == '\\' && !escaped;
	}
	return end;
}

static void
compare(const struct dl_json_kernel *k, const char *p, const char *end)
{
	struct dl_json_nest a = {1, 0, 0}, b = {1, 0, 0}, c = {1, 0, 0};
	const char *past, *half = p + (end - p) / 3;

	assert_ptr_equal(k->special(p, end), simple_special(p, end));
	assert_ptr_equal(k->high(p, end), simple_high(p, end));
	assert_ptr_equal(k->string(p, end), simple_string(p, end));
	assert_ptr_equal(k->space(p, end), simple_space(p, end));
	past = simple_nested(&a, p, end);
	assert_ptr_equal(k->nested(&b, p, end), past);
	if (past == NULL) {
		assert_int_equal(a.depth, b.depth);
		assert_true(a.in_string == b.in_string);
		assert_true(a.escaped == b.escaped);
	}
	/* In two parts, where it did not end in the first. */
	if (past == NULL || past > half) {
		assert_null(k->nested(&c, p, half));
		assert_ptr_equal(k->nested(&c, half, end), past);
	}
}

static void
compare_all(const char *p, size_t n)
{
	const struct dl_json_kernel *k;

	for (size_t i = 0; (k = dl_json_kernel_nth(i)) != NULL; i++)
		compare(k, p, p + n);
}

/* Exactly n bytes, so that a read past either end is found. */
static void
compare_exact(const char *from, size_t n)
{
	char *p = dl_alloc(n);

	memcpy(p, from, n);
	compare_all(p, n);
	free(p);
}

static uint32_t
random_below(uint32_t n)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 32) % n;
}

static void
the_choice(void **state)
{
	size_t n = 0;

	(void)state;
	assert_string_equal(dl_json_kernel_nth(0)->name, "plain");
	while (dl_json_kernel_nth(n) != NULL)
		n++;
	assert_ptr_equal(dl_json_kernel, dl_json_kernel_nth(n - 1));
#if defined(__x86_64__) || defined(__aarch64__)
	assert_true(n >= 2);
#endif
}

/* Every byte value at every place, other bytes being of no interest. */
static void
every_byte(void **state)
{
	char text[130];

	(void)state;
	for (int c = 0; c < 256; c++)
		for (size_t at = 0; at < sizeof(text); at++) {
			memset(text, 'x', sizeof(text));
			text[at] = (char)c;
			compare_all(text, sizeof(text));
		}
}

/* Bytes of all kinds, and those that matter in all mixtures. */
static void
random_bytes(void **state)
{
	static const char *const sets[] = {"\\\"", "\\\\\\\\\\\\\\\"x", "{}[]",
	    "\"{}[] ", "\\\"{}[] \t\n\rx", "xxxxxxxxxxxxxxx\"", "xxxxxxxx\\\"{",
	    "xxxxxxxxxxxx{[}", "{{[[x", "\x7f\x80\xff\x1f\x20!", "[]"};
	const size_t nsets = sizeof(sets) / sizeof(*sets);
	char text[LONGEST];

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t n = random_below(LONGEST), which = random_below(12);
		const char *set = sets[which % nsets];

		for (size_t i = 0; i < n; i++)
			text[i] =
			    which == nsets
				? (char)random_below(256)
				: set[random_below((uint32_t)strlen(set))];
		compare_exact(text, n);
	}
}

/* Every alignment of the start, every length of the tail. */
static void
alignments_and_tails(void **state)
{
	char text[LONGEST], *p;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = "{\"a\\\\\":[1, \"\\\"]\"]}, "[i % 21];
	for (size_t align = 0; align < 64; align++)
		for (size_t n = 0; n <= 130; n++) {
			p = dl_alloc(align + n);
			memcpy(p + align, text + align, n);
			compare_all(p + align, n);
			free(p);
		}
}

/* Runs of backslashes before a quote, over every border. */
static void
backslashes_over_borders(void **state)
{
	char text[LONGEST];

	(void)state;
	for (size_t at = 0; at < 140; at++)
		for (size_t run = 0; run < 70; run++) {
			memset(text, 'x', sizeof(text));
			text[0] = '"';
			memset(text + 1 + at, '\\', run);
			text[1 + at + run] = '"';
			text[2 + at + run] = ']';
			text[at + run + 60] = '"';
			compare_exact(text, at + run + 3);
			compare_exact(text, at + run + 80);
			compare_exact(text, at + run + 1);
		}
}

/* Only brackets: the block in which the last one closes is full of them. */
static void
deep_nests(void **state)
{
	char text[LONGEST];

	(void)state;
	for (size_t deep = 0; deep < LONGEST / 2; deep++) {
		memset(text, '[', deep);
		memset(text + deep, ']', sizeof(text) - deep);
		compare_exact(text, 2 * deep);
		compare_exact(text, sizeof(text));
		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = "[]{}"[i % 4];
		compare_exact(text, deep);
	}
}

static bool
ends_scalar(char c)
{
	return (unsigned char)c <= '"' || strchr(",:[]{}", c) != NULL;
}

/* The short steps: each index, each byte, with others of its kind behind. */
static void
steps(void **state)
{
	char text[DL_STEP];

	(void)state;
	for (int c = 0; c < 256; c++)
		for (size_t at = 0; at <= DL_STEP; at++)
			for (int fill = 0; fill < 2; fill++) {
				char b = (char)c;
				size_t quote = DL_STEP, txt = DL_STEP,
				       scalar = DL_STEP;

				memset(text, 'a', sizeof(text));
				if (at < DL_STEP)
					memset(text + at, b,
					    fill ? DL_STEP - at : 1);
				if (at < DL_STEP && (b == '"' || b == '\\'))
					quote = at;
				if (quote == at || c < 0x20 || c >= 0x80)
					txt = at;
				if (ends_scalar(b))
					scalar = at;
				assert_int_equal(dl_step_quote(text), quote);
				assert_int_equal(dl_step_text(text), txt);
				assert_int_equal(dl_step_scalar(text), scalar);
			}
}

/* The public functions with each kernel in turn. */
static void
the_scanner(void **state)
{
	const struct dl_json_kernel *chosen = dl_json_kernel, *k;
	const struct dl_span v =
	    DL_SPAN("{\"a\":[{\"b\":\"]}\\\"\"},2],\"c\":"
		    "\"a string of far more than sixty-four bytes, which is "
		    "left to the "
		    "kernel\\\\\",\"d\":{}} ,");
	const size_t len = v.len - 2;

	(void)state;
	for (size_t i = 0; (k = dl_json_kernel_nth(i)) != NULL; i++) {
		dl_json_kernel = k;
		assert_ptr_equal(dl_json_skip(v.p, v.p + v.len), v.p + len);
		for (size_t n = 0; n < len; n++)
			assert_null(dl_json_skip(v.p, v.p + n));
		assert_true(dl_json_is_compact(dl_span(v.p, len)));
		assert_false(dl_json_is_compact(v));
	}
	dl_json_kernel = chosen;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_choice),
	    cmocka_unit_test(every_byte),
	    cmocka_unit_test(random_bytes),
	    cmocka_unit_test(alignments_and_tails),
	    cmocka_unit_test(backslashes_over_borders),
	    cmocka_unit_test(deep_nests),
	    cmocka_unit_test(steps),
	    cmocka_unit_test(the_scanner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
