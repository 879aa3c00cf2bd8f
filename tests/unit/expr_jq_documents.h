/*
 * Random documents for expr_jq.c, the same for the same seed, and what damages
 * them.
 *
 * Their names are few (a to d), so that random paths lead somewhere; none
 * stands twice in an object.  Integers are below 2^53: above it jq 1.6 rounds.
 */
#ifndef DL_EXPR_JQ_DOCUMENTS_H
#define DL_EXPR_JQ_DOCUMENTS_H

#include "buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct random {
	uint64_t state;
	int fan;   /* how many more */
	int vars;  /* $v0 to $v(vars - 1) are bound here */
	bool path; /* this is the left side of an assignment */
};

/* 0 to n - 1; splitmix64. */
static unsigned
pick(struct random *r, unsigned n)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (unsigned)((z ^ (z >> 31)) % n);
}

#define PICK(r, list) (list)[pick(r, sizeof(list) / sizeof((list)[0]))]

/* White space between two tokens, now and then. */
static void
random_space(struct random *r, struct dl_buf *b)
{
	static const char *const spaces[] = {" ", "  ", "\t", " \t "};

	if (pick(r, 12) == 0)
		dl_buf_adds(b, PICK(r, spaces));
}

static void
random_number(struct random *r, struct dl_buf *b)
{
	static const char *const numbers[] = {"0", "1", "1.0", "-0", "2.50",
	    "-1.5", "1e2", "1E-2", "0.1", "0.10", "1517900000123", "-7",
	    "1425599621.678", "1e10", "123456789.5"};

	if (pick(r, 2) == 0)
		dl_buf_printf(b, "%d", (int)pick(r, 40) - 10);
	else
		dl_buf_adds(b, PICK(r, numbers));
}

/* Longer than a block of the scanner's, escapes anywhere. */
static void
random_long_text(struct random *r, struct dl_buf *b)
{
	static const char *const pieces[] = {"a", "b", "abcdefgh", " ", ",",
	    "\\\"", "\\\\", "\\n", "\\u00e9", "\xc3\xa9", "\\ud83d\\ude00",
	    "\xf0\x9f\x98\x80", "{", "]", ":", "0123456789012345678901234567"};
	unsigned i, n = pick(r, 40);

	dl_buf_addc(b, '"');
	for (i = 0; i < n; i++)
		dl_buf_adds(b, PICK(r, pieces));
	dl_buf_addc(b, '"');
}

static void
random_text(struct random *r, struct dl_buf *b)
{
	static const char *const texts[] = {"\"\"", "\"a\"", "\"b\"", "\"x\"",
	    "\"\\u0061\"", "\"a,b\"", "\"\xc3\xa9\"", "\"\\u00e9b\"",
	    "\"\\ud83d\\ude00\"", "\"1\"", "\"1.50\"", "\"q\\\"\\\\\\n\"",
	    "\"2020-01-01T00:00:00Z\"", "\"A B\"", "\"[1,{}]\"",
	    "\"0123456789abcdef\"", "\"\\u0000\\u007f\"", "\"<&'>\"",
	    "\"key\""};

	if (pick(r, 16) == 0)
		random_long_text(r, b);
	else
		dl_buf_adds(b, PICK(r, texts));
}

static void random_document(struct random *r, struct dl_buf *b, int depth);

/* Members of different names, in any order. */
static void
random_members(struct random *r, struct dl_buf *b, int depth)
{
	static const char *const names[] = {"\"a\"", "\"b\"", "\"c\"", "\"d\"",
	    "\"\\u0061\"", "\"key\"", "\"value\"", "\"\xc3\xa9\"", "\"x y\"",
	    "\"a\"", "\"b\""};
	static const int same[] = {0, 1, 2, 3, 0, 5, 6, 7, 8, 0, 1};
	unsigned i, k, n = pick(r, 5), used = 0;

	for (i = 0; i < n; i++) {
		k = pick(r, sizeof(same) / sizeof(same[0]));
		if (used & 1u << same[k])
			continue;
		if (used != 0)
			dl_buf_addc(b, ',');
		used |= 1u << same[k];
		random_space(r, b);
		dl_buf_adds(b, names[k]);
		random_space(r, b);
		dl_buf_addc(b, ':');
		random_space(r, b);
		random_document(r, b, depth - 1);
		random_space(r, b);
	}
}

/* Append a document. */
static void
random_document(struct random *r, struct dl_buf *b, int depth)
{
	static const char *const words[] = {"null", "true", "false"};
	unsigned i, n;

	switch (pick(r, depth > 0 ? 10 : 5)) {
	case 0:
		dl_buf_adds(b, PICK(r, words));
		return;
	case 1:
	case 2:
		random_number(r, b);
		return;
	case 3:
	case 4:
		random_text(r, b);
		return;
	case 5:
	case 6:
		n = pick(r, pick(r, 16) == 0 ? 24 : 4);
		dl_buf_addc(b, '[');
		for (i = 0; i < n; i++) {
			dl_buf_adds(b, i > 0 ? "," : "");
			random_space(r, b);
			random_document(r, b, depth - 1);
			random_space(r, b);
		}
		dl_buf_addc(b, ']');
		return;
	default:
		dl_buf_addc(b, '{');
		random_members(r, b, depth);
		dl_buf_addc(b, '}');
	}
}

/* Change, take away or put in a few bytes of b. */
static void
random_damage(struct random *r, struct dl_buf *b)
{
	static const char bytes[] = "{}[]:,\"\\ue0129.-+ tfn\x01\x80\xff";
	unsigned i, n = 1 + pick(r, 3);
	size_t at;

	for (i = 0; i < n && b->len > 0; i++) {
		at = pick(r, (unsigned)b->len);
		switch (pick(r, 3)) {
		case 0:
			b->p[at] = bytes[pick(r, sizeof(bytes) - 1)];
			break;
		case 1:
			memmove(b->p + at, b->p + at + 1, b->len - at - 1);
			b->len--;
			break;
		default:
			b->len = at;
		}
	}
}

#endif
