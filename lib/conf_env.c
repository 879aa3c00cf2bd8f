#include "conf_node.h"

#include "json.h"

#include <stdlib.h>

#define NAME_MAX_LEN 128 /* bytes of a variable's name */

static bool
name_char(char c, bool first)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
	       (!first && c >= '0' && c <= '9');
}

static size_t
name_length(struct dl_span s)
{
	size_t n = 0;

	while (n < s.len && name_char(s.p[n], n == 0))
		n++;
	return n;
}

/* Append what "NAME" or "NAME:-default", the inside of a ${}, stands for. */
static int
expand_one(struct dl_buf *b, struct dl_span inside, struct dl_err *err)
{
	struct dl_span rest;
	size_t n = name_length(inside);
	char name[NAME_MAX_LEN + 1];
	const char *value;

	rest = dl_span(inside.p + n, inside.len - n);
	if (n == 0 || n > NAME_MAX_LEN ||
	    (rest.len > 0 && (rest.len < 2 || memcmp(rest.p, ":-", 2) != 0)))
		return dl_err_conf(err,
		    "'${%.*s}' is not of the form ${NAME} or "
		    "${NAME:-default} ($$ is a dollar sign)",
		    inside.len > 40 ? 40 : (int)inside.len, inside.p);
	memcpy(name, inside.p, n);
	name[n] = '\0';
	value = getenv(name);
	if (rest.len > 0 && (value == NULL || *value == '\0')) {
		dl_buf_add(b, rest.p + 2, rest.len - 2);
		return 0;
	}
	if (value == NULL)
		return dl_err_conf(err,
		    "the environment has no %s (${%s:-default} gives a "
		    "default)",
		    name, name);
	if (!dl_utf8_valid(dl_span_str(value)))
		return dl_err_conf(
		    err, "the environment's %s is not UTF-8", name);
	dl_buf_adds(b, value);
	return 0;
}

int
dl_conf_expand(struct dl_buf *b, struct dl_span text, struct dl_err *err)
{
	const char *p = text.p, *end = p + text.len, *dollar, *close;

	while (
	    p < end && (dollar = memchr(p, '$', (size_t)(end - p))) != NULL) {
		dl_buf_add(b, p, (size_t)(dollar - p));
		p = dollar + 1;
		if (p < end && *p == '{') {
			p++;
			close = memchr(p, '}', (size_t)(end - p));
			if (close == NULL)
				return dl_err_conf(
				    err, "a ${ has no } ($$ is a dollar sign)");
			if (expand_one(
				b, dl_span(p, (size_t)(close - p)), err) < 0)
				return -1;
			p = close + 1;
			continue;
		}
		dl_buf_addc(b, '$'); /* for $$, and for the $ of a jq $name */
		if (p < end && *p == '$')
			p++;
	}
	dl_buf_add(b, p, (size_t)(end - p));
	return 0;
}
