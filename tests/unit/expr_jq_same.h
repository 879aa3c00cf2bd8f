/*
 * Are two answers of expr_jq.c the same?  They are texts: an output a line, and
 * the error.
 *
 * Four things that jq 1.6 says are not compared:
 *
 * - White space around tokens, where an update or del() finds nothing to
 *   change, or {} is added: jq writes what lies on its way anew in some cases,
 *   and in others not.
 * - Answers of an assertion of libjq, and the number of a label, which a
 *   program can catch.
 * - What a text that is repeated too often is: an error since Debian's 1.6-2.1
 *   +deb12u3, as on the scanner, and null or an assertion before it.
 * - Of random programs, integers so long that jq has rounded them.
 *
 * And one that no program here asks for: NaN and the infinities in an array or
 * an object, which on the scanner are what is printed of them.
 */
#ifndef DL_EXPR_JQ_SAME_H
#define DL_EXPR_JQ_SAME_H

#include "buf.h"

#include <stdbool.h>
#include <string.h>

#define DIGITS 16 /* what jq 1.6 may have rounded has as many */
#define LABEL "__jq"
#define LOST "error: libjq failed in this program\n"
#define REPEATED "Repeat string result too long"

/* Does the program have an assignment, del(), or a sum? */
static bool
is_update(const char *program)
{
	const char *p = program;

	if (strstr(p, "del(") != NULL || strstr(p, "map_values") != NULL ||
	    strstr(p, "add") != NULL || strpbrk(p, "+*") != NULL)
		return true;
	while ((p = strchr(p, '=')) != NULL) {
		if (p[1] != '=' && p > program && strchr("=!<>", p[-1]) == NULL)
			return true;
		p += 1 + (p[1] == '=');
	}
	return false;
}

/* Take out of b the white space that is not in a string. */
static void
squeeze(struct dl_buf *b)
{
	bool inside = false;
	size_t i, n = 0;

	for (i = 0; i < b->len; i++) {
		if (b->p[i] == '"')
			inside = !inside;
		if (!inside && (b->p[i] == ' ' || b->p[i] == '\t'))
			continue;
		b->p[n++] = b->p[i];
		if (inside && b->p[i] == '\\' && i + 1 < b->len)
			b->p[n++] = b->p[++i];
	}
	b->len = n;
}

/* Is a, the scanner's answer, jq's too? */
static bool
is_same(const char *program, struct dl_buf *a, struct dl_buf *b)
{
	if (strcmp(dl_buf_str(a), dl_buf_str(b)) == 0)
		return true;
	if (!is_update(program))
		return false;
	squeeze(a);
	squeeze(b);
	return strcmp(dl_buf_str(a), dl_buf_str(b)) == 0;
}

/* What jq, whose answer b is, can't say, or says otherwise each time. */
static bool
is_lost(struct dl_buf *a, struct dl_buf *b)
{
	return strstr(dl_buf_str(b), LOST) != NULL ||
	       strstr(dl_buf_str(b), LABEL) != NULL ||
	       strstr(dl_buf_str(a), REPEATED) != NULL;
}

/* Has jq's answer a number that it may have rounded? */
static bool
is_rounded(struct dl_buf *b)
{
	const char *p = dl_buf_str(b);
	size_t n;

	for (; *p != '\0'; p += n + (p[n] != '\0')) {
		n = strspn(p, "0123456789");
		if (n >= DIGITS)
			return true;
	}
	return false;
}

#endif
