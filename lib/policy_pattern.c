#include "policy_pattern.h"

#include "utf8.h"

bool
dl_policy_pattern_any(struct dl_span pattern)
{
	for (size_t i = 0; i < pattern.len; i++)
		if (pattern.p[i] != '*')
			return false;
	return pattern.len > 0;
}

/* Past the character at p; a byte that begins none counts as one. */
static const char *
past_character(const char *p, const char *end)
{
	const char *next =
	    (unsigned char)*p < 0x80 ? p + 1 : dl_utf8_wide(p, end);

	return next == NULL ? p + 1 : next;
}

bool
dl_policy_pattern_match(struct dl_span pattern, struct dl_span name)
{
	const char *p = pattern.p, *pend = dl_span_end(pattern);
	const char *n = name.p, *nend = dl_span_end(name);
	const char *star = NULL, *from = NULL;

	/*
	 * Where what follows a star does not match, the star takes one
	 * character more.  Stars before it need no other try: it could have
	 * taken what they would leave.
	 */
	while (n < nend) {
		if (p < pend && *p == '*') {
			star = ++p;
			from = n;
		} else if (p < pend && *p == '?') {
			p++;
			n = past_character(n, nend);
		} else if (p < pend && *p == *n) {
			p++;
			n++;
		} else if (star != NULL) {
			p = star;
			n = from = past_character(from, nend);
		} else
			return false;
	}
	while (p < pend && *p == '*')
		p++;
	return p == pend;
}
