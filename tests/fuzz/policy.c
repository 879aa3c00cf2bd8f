/*
 * Patterns, and claims under a policy: the input is a pattern and a name, or
 * claims, with a byte 0 between the first two.  A pattern matches as the simple
 * matcher here has it.
 */
#include "policy.h"

#include "buf.h"
#include "json.h"
#include "policy_pattern.h"

#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIMPLE_MAX 16 /* bytes of a name, of a pattern without many stars */

/* The bytes of the character at p, as UTF-8 has it; 1 where it is none. */
static size_t
character(struct dl_span s)
{
	for (size_t n = 2; n <= 4 && n <= s.len; n++)
		if ((unsigned char)s.p[0] >= 0x80 &&
		    dl_utf8_valid(dl_span(s.p, n)))
			return n;
	return 1;
}

static struct dl_span
past(struct dl_span s, size_t n)
{
	return dl_span(s.p + n, s.len - n);
}

/* By trying all there is. */
static bool
simple(struct dl_span pattern, struct dl_span name)
{
	if (pattern.len == 0)
		return name.len == 0;
	if (*pattern.p == '*')
		return simple(past(pattern, 1), name) ||
		       (name.len > 0 &&
			   simple(pattern, past(name, character(name))));
	if (name.len == 0)
		return false;
	if (*pattern.p == '?')
		return simple(past(pattern, 1), past(name, character(name)));
	return *pattern.p == *name.p && simple(past(pattern, 1), past(name, 1));
}

static void
check_pattern(struct dl_span pattern, struct dl_span name)
{
	bool match = dl_policy_pattern_match(pattern, name);

	if (dl_policy_pattern_any(pattern) && !match)
		abort();
	if (pattern.len <= SIMPLE_MAX && name.len <= SIMPLE_MAX &&
	    dl_utf8_valid(pattern) && dl_utf8_valid(name) &&
	    simple(pattern, name) != match)
		abort();
}

static const char text[] =
    "rules:\n"
    "  - when: {a: [b, c], scope: d}\n"
    "    read: [{components: \"w*\", metrics: [p, \"?\"]}]\n"
    "  - when: {e.f: g, https://h.i/j: k}\n"
    "    write: all\n"
    "  - when: {scp: [l, m]}\n"
    "    read: all\n";

static struct dl_policy *
load(void)
{
	struct dl_err err = {0};
	struct dl_policy *p;
	char path[64];
	int fd;

	if ((fd = memfd_create("policy", MFD_CLOEXEC)) < 0 ||
	    write(fd, text, sizeof(text) - 1) != (ssize_t)sizeof(text) - 1)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if ((p = dl_policy_load(path, &err)) == NULL)
		abort();
	close(fd);
	return p;
}

static void
check_claims(const struct dl_policy *p, struct dl_span claims)
{
	struct dl_rights *r;
	struct dl_err err = {0};

	/* They are checked before, but nothing depends on that. */
	r = dl_policy_rights(p, claims);
	if (dl_rights_every(r, DL_RIGHT_READ) &&
	    !dl_rights_metric(r, DL_RIGHT_READ, DL_SPAN("x"), DL_SPAN("y")))
		abort();
	if (dl_rights_metric(r, DL_RIGHT_READ, DL_SPAN("w"), DL_SPAN("p")) &&
	    !dl_rights_component(r, DL_RIGHT_READ, DL_SPAN("w")))
		abort();
	if (dl_rights_any(r, DL_RIGHT_WRITE) !=
	    dl_rights_every(r, DL_RIGHT_WRITE))
		abort();
	if (dl_json_check(claims, &err) == 0 &&
	    memchr(claims.p, 'l', claims.len) == NULL &&
	    memchr(claims.p, '\\', claims.len) == NULL &&
	    memchr(claims.p, 'm', claims.len) == NULL &&
	    dl_rights_every(r, DL_RIGHT_READ))
		abort();
	dl_rights_unref(r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dl_policy *policy;
	const uint8_t *zero = size == 0 ? NULL : memchr(data, 0, size);
	char *copy;
	size_t n;

	if (policy == NULL)
		policy = load();
	if (zero == NULL) {
		copy = dl_strndup(dl_span((const char *)data, size));
		check_claims(policy, dl_span(copy, size));
		free(copy);
		return 0;
	}
	n = (size_t)(zero - data);
	if (n <= DL_POLICY_PATTERN_MAX)
		check_pattern(dl_span((const char *)data, n),
		    dl_span((const char *)zero + 1, size - n - 1));
	return 0;
}
