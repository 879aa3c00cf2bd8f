/* What the tests of values share: values, and random documents. */
#ifndef EXPR_HELP_H
#define EXPR_HELP_H

#include "expr_value.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jv.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct dl_arena arena;
static uint64_t seed = 1;

static inline uint64_t
any(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static inline unsigned
below(unsigned n)
{
	return (unsigned)(any() >> 20) % n;
}

/* A value whose bytes stand alone, so that a read past them is found. */
static inline struct dl_value
value(const char *text)
{
	static char *alone[64];
	static size_t n;
	struct dl_err err = {0};
	size_t len = strlen(text);
	struct dl_value v;
	char **p = &alone[n++ % COUNT(alone)];

	free(*p);
	*p = dl_alloc(len);
	memcpy(*p, text, len);
	if (dl_value_json(dl_span(*p, len), &v, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return v;
}

static inline struct dl_value
value_of(struct dl_buf *b)
{
	return value(dl_buf_str(b));
}

static inline void
same_text(struct dl_buf *b, jv want, const char *of)
{
	if (strcmp(dl_buf_str(b), jv_string_value(want)) != 0)
		fail_msg("%s gives %s, not %s", of, dl_buf_str(b),
		    jv_string_value(want));
	jv_free(want);
}

static inline int
cmp(const struct dl_value *x, const struct dl_value *y)
{
	struct dl_err err = {0};
	int r;

	if (dl_value_cmp(&arena, x, y, &r, &err) < 0)
		fail_msg("%s", err.msg);
	return r;
}

static inline void
space(struct dl_buf *b)
{
	if (below(8) == 0)
		dl_buf_adds(b, (const char *[]){" ", "\n", " \t"}[below(3)]);
}

static inline void
random_number(struct dl_buf *b)
{
	static const char *const some[] = {"0", "-0", "1", "1.0", "1e0", "10",
	    "1E+1", "-1", "0.5", "5e-1", "0.50", "100e-2", "1.10", "0.0001",
	    "0.00001", "0.000010", "-0.0", "1e-7", "3.141592653589793",
	    "0.30000000000000004", "123456789012345", "9007199254740991",
	    "1234567890123.4567", "1e17", "1e100", "1e-400", "4.35", "-4.350"};

	if (below(4) > 0)
		dl_buf_adds(b, some[below(COUNT(some))]);
	else
		dl_buf_printf(b, "%s%u.%0*ue%d", below(2) ? "-" : "", below(99),
		    (int)below(9) + 1, below(1000), (int)below(12) - 6);
}

static inline void
random_string(struct dl_buf *b)
{
	static const char *const parts[] = {"a", "b", "\\u0061", "\\n",
	    "\\u000a", "\\u001f", "\\\\", "\\\"", "\\/", "/", "\x7f", "\\u007f",
	    "\xc3\xa9", "\\u00e9", "\\u00E9", "\xf0\x9f\x98\x80",
	    "\\ud83d\\ude00", "\\u0000", "\\b\\f\\r\\t", "\xe2\x82\xac",
	    "a longer part of a string", "\xef\xbf\xbf", "\\u2028"};

	dl_buf_addc(b, '"');
	for (unsigned n = below(4); n > 0; n--)
		dl_buf_adds(b, parts[below(COUNT(parts))]);
	dl_buf_addc(b, '"');
}

/* A subset of some names, in any order, none of them twice. */
static inline unsigned
random_name(struct dl_buf *b, unsigned used)
{
	static const char *const names[][3] = {{"a", "\\u0061", "a"},
	    {"b", "b", "\\u0062"}, {"\xc3\xa9", "\\u00e9", "\\u00E9"},
	    {"", "", ""}, {"ab", "a\\u0062", "ab"}, {"\\n", "\\u000A", "\\n"},
	    {"a name of many bytes", "a name of many bytes",
		"a\\u0020name of many bytes"},
	    {"\xf0\x9f\x98\x80", "\\ud83d\\ude00", "\\uD83D\\uDE00"}};
	unsigned i = below(COUNT(names));

	while ((used >> i & 1) != 0)
		i = (i + 1) % COUNT(names);
	dl_buf_printf(b, "\"%s\"", names[i][below(3)]);
	return used | 1u << i;
}

static inline void
random_value(struct dl_buf *b, int depth)
{
	unsigned kind = below(depth > 3 ? 5 : 8), used = 0;
	bool object = kind == 7;
	const char *between = "";

	if (kind < 3)
		dl_buf_adds(b, (const char *[]){"null", "false", "true"}[kind]);
	else if (kind == 3)
		random_number(b);
	else if (kind == 4)
		random_string(b);
	if (kind < 5)
		return;
	dl_buf_addc(b, object ? '{' : '[');
	space(b);
	for (unsigned n = below(5); n > 0; n--) {
		dl_buf_adds(b, between);
		between = ",";
		space(b);
		if (object) {
			used = random_name(b, used);
			space(b);
			dl_buf_addc(b, ':');
			space(b);
		}
		random_value(b, depth + 1);
		space(b);
	}
	dl_buf_addc(b, object ? '}' : ']');
}

#endif
